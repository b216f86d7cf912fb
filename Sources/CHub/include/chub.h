#ifndef CHUB_H
#define CHUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// HTTP through libcurl and digests through libcrypto (CommonCrypto on Apple's systems), both opened when first used: a
// program that never asks a hub does not pay for loading them (libcurl and what it needs: 3.1 ms).

/// One connection, kept from request to request. For one thread at a time.
typedef struct chub_client chub_client;

/// Opens libcurl; NULL where that fails, with the reason in `error`.
chub_client *chub_client_create(char *error, size_t capacity);
void chub_client_destroy(chub_client *client);

typedef struct {
    const char *url;
    /// Ask for the headers only.
    bool is_head;
    /// "Name: value"; ends with NULL.
    const char *const *headers;
    /// Seconds until a connection must stand.
    long connect_timeout;
    /// Seconds for which nothing may arrive.
    long stall_timeout;
    /// A file of certificates to trust instead of the system's; or NULL.
    const char *certificates;

    void *context;
    /// Takes one line of the response's head. The three give false to end the transfer.
    bool (*on_header)(void *context, const char *bytes, size_t count);
    bool (*on_body)(void *context, const void *bytes, size_t count);
    /// Called every second or more often.
    bool (*goes_on)(void *context);
} chub_request;

typedef enum {
    CHUB_DONE,
    /// One of the three said so.
    CHUB_STOPPED,
    /// Timed out, stalled, cut off or not connected: may go better another time.
    CHUB_BROKEN_OFF,
    /// The server's certificate is not trusted.
    CHUB_UNTRUSTED,
    /// Anything else: a bad address, an unknown host.
    CHUB_FAILED,
} chub_outcome;

typedef struct {
    chub_outcome outcome;
    long status;
    /// Seconds of a Retry-After header, also where it is a date; 0 where there is none.
    long retry_after;
    /// The absolute address of a redirection; else NULL. Good until the client's next use.
    const char *redirect;
    /// Why it did not work.
    char message[512];
} chub_response;

/// One request, without following redirections.
void chub_perform(chub_client *client, const chub_request *request, chub_response *response);

/// Whether scheme, host and port of two addresses are the same, as the library that makes the requests reads them.
bool chub_is_same_origin(chub_client *client, const char *a, const char *b);

typedef enum { CHUB_SHA1, CHUB_SHA256 } chub_algorithm;
typedef struct chub_digest chub_digest;
enum { CHUB_DIGEST_CAPACITY = 64 };

/// NULL where libcrypto cannot be opened.
chub_digest *chub_digest_create(chub_algorithm algorithm);
bool chub_digest_update(chub_digest *digest, const void *bytes, size_t count);
/// Writes the digest and gives the number of its bytes; 0 where it failed.
size_t chub_digest_finish(chub_digest *digest, uint8_t result[CHUB_DIGEST_CAPACITY]);
void chub_digest_destroy(chub_digest *digest);

#endif

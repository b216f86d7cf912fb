#include "chub.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "CDynamicLibrary.h"

// The functions that are used, found by name, with the types of curl's own headers.
#define FUNCTIONS(X)                                                                                               \
    X(curl_global_init)                                                                                            \
    X(curl_easy_init)                                                                                              \
    X(curl_easy_cleanup)                                                                                           \
    X(curl_easy_reset)                                                                                             \
    X(curl_easy_setopt)                                                                                            \
    X(curl_easy_perform)                                                                                           \
    X(curl_easy_getinfo)                                                                                           \
    X(curl_easy_strerror)                                                                                          \
    X(curl_slist_append)                                                                                           \
    X(curl_slist_free_all)                                                                                         \
    X(curl_url)                                                                                                    \
    X(curl_url_set)                                                                                                \
    X(curl_url_get)                                                                                                \
    X(curl_url_cleanup)                                                                                            \
    X(curl_free)

// curl's headers wrap some of these in macros that check types; the plain functions are meant here.
#undef curl_easy_setopt
#undef curl_easy_getinfo

static struct {
    FUNCTIONS(CLIP_DECLARE_FUNCTION)
} api;

static char load_error[256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void) {
#ifdef __APPLE__
    static const char *const names[] = {"libcurl.4.dylib", NULL};
#else
    static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4", NULL};
#endif
    void *library = clip_open_library(names);
    if (library == NULL) {
        snprintf(load_error, sizeof load_error, "libcurl cannot be opened (%s); install it (Debian: libcurl4)",
                 clip_library_error());
        return;
    }
#define FIND(name)                                                                                                 \
    *(void **)&api.name = clip_find_function(library, #name);                                                        \
    if (api.name == NULL) {                                                                                        \
        snprintf(load_error, sizeof load_error, "libcurl has no function " #name "; install 7.66 or later");       \
        return;                                                                                                    \
    }
    FUNCTIONS(FIND)
    if (api.curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        snprintf(load_error, sizeof load_error, "libcurl cannot be set up");
}

struct chub_client {
    CURL *easy;
    bool has_failed;
};

chub_client *chub_client_create(char *error, size_t capacity) {
    pthread_once(&once, load);
    chub_client *client = NULL;
    if (load_error[0] == 0) client = calloc(1, sizeof *client);
    if (client != NULL) client->easy = api.curl_easy_init();
    if (client == NULL || client->easy == NULL) {
        snprintf(error, capacity, "%s", load_error[0] != 0 ? load_error : "there is not enough memory for libcurl");
        free(client);
        return NULL;
    }
    return client;
}

void chub_client_destroy(chub_client *client) {
    if (client == NULL) return;
    api.curl_easy_cleanup(client->easy);
    free(client);
}

// A request that is under way. curl's own notion of a slow transfer is an average of several seconds; here it counts when
// the last byte came.
struct transfer {
    const chub_request *request;
    time_t latest;
    bool is_stalled;
};

static time_t seconds(void) {
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

static size_t take_header(char *bytes, size_t size, size_t count, void *user) {
    struct transfer *transfer = user;
    const chub_request *request = transfer->request;
    bool goes_on = request->on_header(request->context, bytes, size * count);
    transfer->latest = seconds();
    return goes_on ? size * count : 0;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *user) {
    struct transfer *transfer = user;
    const chub_request *request = transfer->request;
    bool goes_on = request->on_body(request->context, bytes, size * count);
    transfer->latest = seconds();
    return goes_on ? size * count : 0;
}

static int take_progress(void *user, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
    (void)a, (void)b, (void)c, (void)d;
    struct transfer *transfer = user;
    const chub_request *request = transfer->request;
    transfer->is_stalled = seconds() - transfer->latest > request->stall_timeout;
    return transfer->is_stalled || !request->goes_on(request->context) ? 1 : 0;
}

static chub_outcome outcome(CURLcode code) {
    switch (code) {
    case CURLE_OK: return CHUB_DONE;
    case CURLE_WRITE_ERROR:
    case CURLE_ABORTED_BY_CALLBACK: return CHUB_STOPPED;
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM: return CHUB_BROKEN_OFF;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE: return CHUB_UNTRUSTED;
    default: return CHUB_FAILED;
    }
}

void chub_perform(chub_client *client, const chub_request *request, chub_response *response) {
    memset(response, 0, sizeof *response);
    CURL *easy = client->easy;
    if (client->has_failed) {
        // What a failure leaves behind is nothing to go on with.
        CURL *fresh = api.curl_easy_init();
        if (fresh != NULL) {
            api.curl_easy_cleanup(easy);
            easy = client->easy = fresh;
        }
    }
    api.curl_easy_reset(easy);  // the options; connections stay
    struct curl_slist *headers = NULL;
    for (const char *const *header = request->headers; *header != NULL; header++) {
        struct curl_slist *longer = api.curl_slist_append(headers, *header);
        if (longer == NULL) {
            api.curl_slist_free_all(headers);
            response->outcome = CHUB_FAILED;
            snprintf(response->message, sizeof response->message, "there is not enough memory");
            return;
        }
        headers = longer;
    }
    struct transfer transfer = {.request = request, .latest = seconds()};
    char message[CURL_ERROR_SIZE] = "";
    CURLcode code = api.curl_easy_setopt(easy, CURLOPT_URL, request->url);
#define SET(option, value)                                                                                         \
    if (code == CURLE_OK) code = api.curl_easy_setopt(easy, option, value)
#if LIBCURL_VERSION_NUM >= 0x075500
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    // Built with newer headers than the library that runs: say it the old way.
    if (code == CURLE_UNKNOWN_OPTION)
        code = api.curl_easy_setopt(easy, (CURLoption)(CURLOPTTYPE_LONG + 181), CURLPROTO_HTTP | CURLPROTO_HTTPS);
#else
    SET(CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_BUFFERSIZE, 256L << 10);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_NOBODY, request->is_head ? 1L : 0L);
    SET(CURLOPT_HTTPHEADER, headers);
    SET(CURLOPT_CONNECTTIMEOUT, request->connect_timeout);
    if (request->certificates != NULL) SET(CURLOPT_CAINFO, request->certificates);
    SET(CURLOPT_ERRORBUFFER, message);
    SET(CURLOPT_HEADERFUNCTION, take_header);
    SET(CURLOPT_HEADERDATA, &transfer);
    SET(CURLOPT_WRITEFUNCTION, take_body);
    SET(CURLOPT_WRITEDATA, &transfer);
    SET(CURLOPT_XFERINFOFUNCTION, take_progress);
    SET(CURLOPT_XFERINFODATA, &transfer);
    SET(CURLOPT_NOPROGRESS, 0L);
    if (code == CURLE_OK) code = api.curl_easy_perform(easy);

    response->outcome = transfer.is_stalled ? CHUB_BROKEN_OFF : outcome(code);
    if (transfer.is_stalled) snprintf(message, sizeof message, "nothing arrived for %ld s", request->stall_timeout);
    curl_off_t retry_after = 0;
    char *redirect = NULL;
    api.curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &response->status);
    if (api.curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after) == CURLE_OK)
        response->retry_after = retry_after > 0 && retry_after < 1000000000 ? (long)retry_after : 0;
    if (api.curl_easy_getinfo(easy, CURLINFO_REDIRECT_URL, &redirect) == CURLE_OK) response->redirect = redirect;
    if (code != CURLE_OK)
        snprintf(response->message, sizeof response->message, "%s",
                 message[0] != 0 ? message : api.curl_easy_strerror(code));
    client->has_failed = code != CURLE_OK;
    api.curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, NULL);
    api.curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
    api.curl_slist_free_all(headers);
}

static bool is_same_part(CURLU *a, CURLU *b, CURLUPart part) {
    char *left = NULL, *right = NULL;
    bool is_same = api.curl_url_get(a, part, &left, CURLU_DEFAULT_PORT) == CURLUE_OK
        && api.curl_url_get(b, part, &right, CURLU_DEFAULT_PORT) == CURLUE_OK
        && strcasecmp(left, right) == 0;
    api.curl_free(left);
    api.curl_free(right);
    return is_same;
}

bool chub_is_same_origin(chub_client *client, const char *a, const char *b) {
    (void)client;  // proof that the library is open
    CURLU *left = api.curl_url(), *right = api.curl_url();
    bool is_same = left != NULL && right != NULL && api.curl_url_set(left, CURLUPART_URL, a, 0) == CURLUE_OK
        && api.curl_url_set(right, CURLUPART_URL, b, 0) == CURLUE_OK && is_same_part(left, right, CURLUPART_SCHEME)
        && is_same_part(left, right, CURLUPART_HOST) && is_same_part(left, right, CURLUPART_PORT);
    api.curl_url_cleanup(left);
    api.curl_url_cleanup(right);
    return is_same;
}

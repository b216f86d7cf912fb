#include "chub.h"

#include <pthread.h>
#include <stdlib.h>

#ifdef __APPLE__

#include <CommonCrypto/CommonDigest.h>

struct chub_digest {
    chub_algorithm algorithm;
    CC_SHA1_CTX sha1;
    CC_SHA256_CTX sha256;
};

chub_digest *chub_digest_create(chub_algorithm algorithm) {
    chub_digest *digest = calloc(1, sizeof *digest);
    if (digest == NULL) return NULL;
    digest->algorithm = algorithm;
    CC_SHA1_Init(&digest->sha1);
    CC_SHA256_Init(&digest->sha256);
    return digest;
}

bool chub_digest_update(chub_digest *digest, const void *bytes, size_t count) {
    const char *next = bytes;
    while (count > 0) {
        CC_LONG part = count < (1u << 30) ? (CC_LONG)count : 1u << 30;
        if (digest->algorithm == CHUB_SHA1) CC_SHA1_Update(&digest->sha1, next, part);
        else CC_SHA256_Update(&digest->sha256, next, part);
        next += part;
        count -= part;
    }
    return true;
}

size_t chub_digest_finish(chub_digest *digest, uint8_t result[CHUB_DIGEST_CAPACITY]) {
    if (digest->algorithm == CHUB_SHA1) {
        CC_SHA1_Final(result, &digest->sha1);
        return CC_SHA1_DIGEST_LENGTH;
    }
    CC_SHA256_Final(result, &digest->sha256);
    return CC_SHA256_DIGEST_LENGTH;
}

void chub_digest_destroy(chub_digest *digest) { free(digest); }

#else

#include <openssl/evp.h>

#include "CDynamicLibrary.h"

#define FUNCTIONS(X)                                                                                               \
    X(EVP_MD_CTX_new)                                                                                              \
    X(EVP_MD_CTX_free)                                                                                             \
    X(EVP_sha1)                                                                                                    \
    X(EVP_sha256)                                                                                                  \
    X(EVP_DigestInit_ex)                                                                                           \
    X(EVP_DigestUpdate)                                                                                            \
    X(EVP_DigestFinal_ex)

static struct {
    FUNCTIONS(CLIP_DECLARE_FUNCTION)
} api;

static bool is_loaded = false;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void) {
    static const char *const names[] = {"libcrypto.so.3", "libcrypto.so.1.1", NULL};
    void *library = clip_open_library(names);
    if (library == NULL) return;
#define FIND(name)                                                                                                 \
    *(void **)&api.name = clip_find_function(library, #name);                                                        \
    if (api.name == NULL) return;
    FUNCTIONS(FIND)
    is_loaded = true;
}

struct chub_digest {
    EVP_MD_CTX *context;
};

chub_digest *chub_digest_create(chub_algorithm algorithm) {
    pthread_once(&once, load);
    chub_digest *digest = is_loaded ? calloc(1, sizeof *digest) : NULL;
    if (digest == NULL) return NULL;
    digest->context = api.EVP_MD_CTX_new();
    const EVP_MD *type = algorithm == CHUB_SHA1 ? api.EVP_sha1() : api.EVP_sha256();
    if (digest->context == NULL || api.EVP_DigestInit_ex(digest->context, type, NULL) != 1) {
        chub_digest_destroy(digest);
        return NULL;
    }
    return digest;
}

bool chub_digest_update(chub_digest *digest, const void *bytes, size_t count) {
    return api.EVP_DigestUpdate(digest->context, bytes, count) == 1;
}

size_t chub_digest_finish(chub_digest *digest, uint8_t result[CHUB_DIGEST_CAPACITY]) {
    unsigned int count = 0;
    return api.EVP_DigestFinal_ex(digest->context, result, &count) == 1 ? count : 0;
}

void chub_digest_destroy(chub_digest *digest) {
    if (digest == NULL) return;
    api.EVP_MD_CTX_free(digest->context);
    free(digest);
}

#endif

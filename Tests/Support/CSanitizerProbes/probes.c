#include "sanitizer_probes.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#if !defined(__has_feature)
#define __has_feature(x) 0
#endif

int sanitizer_of_addresses(void) { return __has_feature(address_sanitizer); }
int sanitizer_of_undefined_behavior(void) { return __has_feature(undefined_behavior_sanitizer); }
int sanitizer_of_threads(void) { return __has_feature(thread_sanitizer); }

int probe_read_beyond_in_c(int count) {
    volatile unsigned char *bytes = malloc((size_t)count);
    memset((void *)bytes, 1, (size_t)count);
    const int value = bytes[count];
    free((void *)bytes);
    return value;
}

int probe_signed_overflow(int value) { return value + 0x7FFFFFFF; }

static int shared;

static void *count_up(void *unused) {
    for (int i = 0; i < 100000; i++) shared++;
    return unused;
}

int probe_race(void) {
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, count_up, NULL);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    return shared;
}

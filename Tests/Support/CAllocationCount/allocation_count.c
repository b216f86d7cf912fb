// The functions of malloc as they are in glibc, with a count of bytes before each: a program's own definitions take the
// place of the library's (https://sourceware.org/glibc/manual/latest/html_node/Replacing-malloc.html).

#define _GNU_SOURCE
#include "allocation_count.h"

#include <errno.h>
#include <stdlib.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#if defined(__linux__) && defined(__GLIBC__) && !defined(SANITIZED)

#include <malloc.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static __thread ptrdiff_t held __attribute__((tls_model("initial-exec")));
static __thread ptrdiff_t peak __attribute__((tls_model("initial-exec")));

static void *taken(void *memory, size_t wanted) {
    ptrdiff_t size = memory ? (ptrdiff_t)malloc_usable_size(memory) : (wanted >> 62 ? (ptrdiff_t)1 << 62 : (ptrdiff_t)wanted);
    if (held + size > peak) peak = held + size;
    if (memory) held += size;
    return memory;
}

void *malloc(size_t size) { return taken(__libc_malloc(size), size); }

void *calloc(size_t count, size_t size) { return taken(__libc_calloc(count, size), count * size); }

void *realloc(void *old, size_t size) {
    ptrdiff_t before = old ? (ptrdiff_t)malloc_usable_size(old) : 0;
    void *memory = __libc_realloc(old, size);
    if (memory || size == 0) held -= before;
    return taken(memory, size);
}

void *memalign(size_t alignment, size_t size) { return taken(__libc_memalign(alignment, size), size); }

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **result, size_t alignment, size_t size) {
    void *memory = memalign(alignment, size);
    if (!memory) return ENOMEM;
    *result = memory;
    return 0;
}

void free(void *memory) {
    if (memory) held -= (ptrdiff_t)malloc_usable_size(memory);
    __libc_free(memory);
}

int allocation_count_works(void) { return 1; }
void allocation_count_begin(void) { held = peak = 0; }
size_t allocation_count_peak(void) { return (size_t)peak; }

#else

int allocation_count_works(void) { return 0; }
void allocation_count_begin(void) {}
size_t allocation_count_peak(void) { return 0; }

#endif

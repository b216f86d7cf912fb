#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdlib.h>
#include <sys/mman.h>

#include "cpu_packed.h"

void *cpu_pages_allocate(int64_t bytes) {
    const int64_t large = 2 << 20;
    void *memory = NULL;
    if (bytes < 1) bytes = 1;
    if (posix_memalign(&memory, bytes >= large ? (size_t)large : 64, (size_t)bytes)) return NULL;
#if defined(MADV_HUGEPAGE)
    if (bytes >= large) madvise(memory, (size_t)(bytes / large * large), MADV_HUGEPAGE);
#endif
    return memory;
}

void cpu_pages_free(void *memory) { free(memory); }

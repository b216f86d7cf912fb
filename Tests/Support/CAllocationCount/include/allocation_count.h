// Counts what a thread allocates, for tests that bound it.

#ifndef ALLOCATION_COUNT_H
#define ALLOCATION_COUNT_H

#include <stddef.h>

/// Whether anything is counted: the C library is glibc, and no sanitizer has taken malloc over.
int allocation_count_works(void);

/// Starts counting in this thread.
void allocation_count_begin(void);

/// Most bytes that this thread held at once since `allocation_count_begin`, of those it allocated since then. What was
/// asked for counts, whether it was touched or granted or not.
size_t allocation_count_peak(void);

#endif

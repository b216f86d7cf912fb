// Work sharing on the OpenMP runtime that oneDNN brings: a second pool of threads would fight with its spinning workers.
// Its entry points are looked up by name, so that nothing needs to be compiled with OpenMP.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "cpu_kernels.h"

typedef void (*parallel_entry)(void (*)(void *), void *, unsigned, unsigned);

static parallel_entry enter;
static int (*worker_number)(void);
static void (*set_workers)(int);
static pthread_once_t lookup_once = PTHREAD_ONCE_INIT;

static void look_up(void) {
    // A oneDNN on another runtime brings none; then the compiler's own, where it is installed.
    if (!dlsym(RTLD_DEFAULT, "GOMP_parallel")) dlopen("libgomp.so.1", RTLD_NOW | RTLD_GLOBAL);
    enter = (parallel_entry)dlsym(RTLD_DEFAULT, "GOMP_parallel");
    worker_number = (int (*)(void))dlsym(RTLD_DEFAULT, "omp_get_thread_num");
    set_workers = (void (*)(int))dlsym(RTLD_DEFAULT, "omp_set_num_threads");
}

typedef struct {
    cpu_range_body body;
    void *context;
    int64_t count, piece;
    _Atomic int64_t next;
} shared_work;

// Pieces are taken as workers get free, so that a worker whose core is busy elsewhere does not hold up the others.
static void work(void *argument) {
    shared_work *shared = argument;
    const int worker = worker_number();
    for (;;) {
        const int64_t begin = atomic_fetch_add_explicit(&shared->next, shared->piece, memory_order_relaxed);
        if (begin >= shared->count) return;
        const int64_t end = begin + shared->piece;
        shared->body(shared->context, worker, begin, end < shared->count ? end : shared->count);
    }
}

void cpu_parallel_for(int threads, int64_t count, int64_t grain, cpu_range_body body, void *context) {
    if (count <= 0) return;
    if (grain < 1) grain = 1;
    if (threads > count / grain) threads = (int)(count / grain);
    pthread_once(&lookup_once, look_up);
    if (threads <= 1 || !enter || !worker_number) {
        body(context, 0, 0, count);
        return;
    }
    int64_t piece = count / ((int64_t)threads * 4);
    if (piece < grain) piece = grain;
    shared_work shared = {body, context, count, piece, 0};
    enter(work, &shared, (unsigned)threads, 0);
}

void cpu_set_threads(int threads) {
    pthread_once(&lookup_once, look_up);
    if (set_workers) set_workers(threads);
}

double cpu_seconds(bool of_thread) {
    struct timespec now;
    clock_gettime(of_thread ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

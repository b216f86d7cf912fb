// Strided copies: whole rows where both sides are contiguous, small tiles where one is transposed.

typedef struct {
    const cpu_copy *plan;
    const char *source;
    char *target;
    int size;
    int64_t rows;  // product of all extents but the last two
} copy_job;

#define TILE 32
#define COPY_TILED(T)                                                                              \
    if (n < 8) { /* colours, say: a loop of its own for each */                                    \
        for (int64_t j = 0; j < n; j++)                                                            \
            for (int64_t i = 0; i < m; i++)                                                        \
                ((T *)target)[i * ti + j * tj] = ((const T *)source)[i * si + j * sj];             \
        break;                                                                                     \
    }                                                                                              \
    for (int64_t i0 = 0; i0 < m; i0 += TILE)                                                       \
        for (int64_t j0 = 0; j0 < n; j0 += TILE) {                                                 \
            const int64_t i1 = i0 + TILE < m ? i0 + TILE : m, j1 = j0 + TILE < n ? j0 + TILE : n;  \
            for (int64_t i = i0; i < i1; i++)                                                      \
                for (int64_t j = j0; j < j1; j++)                                                  \
                    ((T *)target)[i * ti + j * tj] = ((const T *)source)[i * si + j * sj];         \
        }                                                                                          \
    break

// One m x n matrix; strides in elements.
static void copy_matrix(const char *source, char *target, int size, int64_t m, int64_t n, int64_t si, int64_t sj,
    int64_t ti, int64_t tj)
{
    if (sj == 1 && tj == 1) {
        for (int64_t i = 0; i < m; i++) memcpy(target + i * ti * size, source + i * si * size, (size_t)(n * size));
        return;
    }
    switch (size) {
    case 1: COPY_TILED(uint8_t);
    case 2: COPY_TILED(uint16_t);
    case 4: COPY_TILED(uint32_t);
    case 8: COPY_TILED(uint64_t);
    }
}

static void copy_rows(void *context, int worker, int64_t begin, int64_t end) {
    (void)worker;
    const copy_job *job = context;
    const cpu_copy *p = job->plan;
    const int r = p->rank;
    for (int64_t row = begin; row < end; row++) {
        int64_t rest = row, source = 0, target = 0;
        for (int axis = r - 3; axis >= 0; axis--) {
            const int64_t at = rest % p->extents[axis];
            rest /= p->extents[axis];
            source += at * p->source_strides[axis];
            target += at * p->target_strides[axis];
        }
        copy_matrix(job->source + source * job->size, job->target + target * job->size, job->size, p->extents[r - 2],
            p->extents[r - 1], p->source_strides[r - 2], p->source_strides[r - 1], p->target_strides[r - 2],
            p->target_strides[r - 1]);
    }
}

typedef struct {
    const char *source;
    char *target;
    int size;
    int64_t n, si, sj, ti, tj;
} matrix_job;

static void copy_matrix_rows(void *context, int worker, int64_t begin, int64_t end) {
    (void)worker;
    const matrix_job *j = context;
    copy_matrix(j->source + begin * j->si * j->size, j->target + begin * j->ti * j->size, j->size, end - begin, j->n,
        j->si, j->sj, j->ti, j->tj);
}

// `plan` has rank 2 at least.
static void copy(const cpu_copy *plan, const void *source, void *target, int size, int threads) {
    copy_job job = {plan, source, target, size, 1};
    const int r = plan->rank;
    for (int axis = 0; axis < r - 2; axis++) job.rows *= plan->extents[axis];
    const int64_t bytes = plan->extents[r - 2] * plan->extents[r - 1] * size;
    if (job.rows == 1) {
        matrix_job whole = {source, target, size, plan->extents[r - 1], plan->source_strides[r - 2],
            plan->source_strides[r - 1], plan->target_strides[r - 2], plan->target_strides[r - 1]};
        const int64_t grain = 1 + 65536 / (plan->extents[r - 1] * size);
        cpu_parallel_for(threads, plan->extents[r - 2], grain, copy_matrix_rows, &whole);
    } else {
        cpu_parallel_for(threads, job.rows, 1 + 65536 / bytes, copy_rows, &job);
    }
}

static void fill_range(void *context, int worker, int64_t begin, int64_t end) {
    (void)worker;
    memset((char *)context + begin, 0, (size_t)(end - begin));
}

static void fill(void *target, int64_t bytes, int threads) {
    cpu_parallel_for(threads, bytes, 1 << 18, fill_range, target);
}

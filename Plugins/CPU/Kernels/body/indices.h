// Rows by index. Indices come from outside and are checked before anything is read by them.

static int64_t first_outside(const int32_t *index, int64_t count, int64_t rows) {
    for (int64_t i = 0; i < count; i++) if (index[i] < 0 || index[i] >= rows) return i;
    return -1;
}

typedef struct {
    const char *table;
    const int32_t *index;
    char *out;
    int64_t row_bytes;
} gather_job;

static void gather_rows(void *context, int worker, int64_t begin, int64_t end) {
    (void)worker;
    const gather_job *j = context;
    for (int64_t i = begin; i < end; i++)
        memcpy(j->out + i * j->row_bytes, j->table + j->index[i] * j->row_bytes, (size_t)j->row_bytes);
}

static int64_t gather(const void *table, const int32_t *index, void *out, int64_t count, int64_t rows,
    int64_t row_bytes, int threads)
{
    const int64_t outside = first_outside(index, count, rows);
    if (outside >= 0) return outside;
    gather_job job = {table, index, out, row_bytes};
    cpu_parallel_for(threads, count, 1 + 32768 / row_bytes, gather_rows, &job);
    return -1;
}

typedef struct {
    const float *values;
    const int32_t *index;
    float *out;
    int64_t count, width;
} scatter_job;

// Each worker adds up its own columns, so rows named twice need no lock and sums keep their order.
static void scatter_columns(void *context, int worker, int64_t begin, int64_t end) {
    (void)worker;
    const scatter_job *j = context;
    for (int64_t i = 0; i < j->count; i++) {
        const float *source = j->values + i * j->width;
        float *target = j->out + j->index[i] * j->width;
        VECTOR_LOOP for (int64_t c = begin; c < end; c++) target[c] += source[c];
    }
}

static int64_t scatter_add(const float *values, const int32_t *index, float *out, int64_t count, int64_t rows,
    int64_t width, int threads)
{
    const int64_t outside = first_outside(index, count, rows);
    if (outside >= 0) return outside;
    fill(out, rows * width * 4, threads);
    scatter_job job = {values, index, out, count, width};
    int64_t grain = 1 + 16384 / count;
    if (grain < 32) grain = 32;
    cpu_parallel_for(threads, width, grain, scatter_columns, &job);
    return -1;
}

static void one_hot(const int32_t *index, float *out, int64_t count, int64_t depth) {
    memset(out, 0, (size_t)(count * depth) * 4);
    for (int64_t i = 0; i < count; i++) if (index[i] >= 0 && index[i] < depth) out[i * depth + index[i]] = 1;
}

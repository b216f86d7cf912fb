// Functions of whole rows: softmax, layer norm and their like. Sums run in many accumulators.

#define VALUES(first, EXPRESSION)                                                                  \
    ({                                                                                             \
        float values[LANES];                                                                       \
        VECTOR_LOOP for (int lane = 0; lane < LANES; lane++) {                                     \
            const int64_t i = (first) + lane;                                                      \
            values[lane] = EXPRESSION;                                                             \
        }                                                                                          \
        *(const lanes *)values;                                                                    \
    })

// Sum of EXPRESSION over i in 0..<n: in four registers, then in one, then one by one.
#define ROW_SUM(result, n, EXPRESSION)                                                             \
    float result = 0;                                                                              \
    {                                                                                              \
        lanes sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0;                                              \
        int64_t base = 0;                                                                          \
        for (; base + 4 * LANES <= (n); base += 4 * LANES) {                                       \
            sum0 += VALUES(base, EXPRESSION);                                                      \
            sum1 += VALUES(base + LANES, EXPRESSION);                                              \
            sum2 += VALUES(base + 2 * LANES, EXPRESSION);                                          \
            sum3 += VALUES(base + 3 * LANES, EXPRESSION);                                          \
        }                                                                                          \
        for (; base + LANES <= (n); base += LANES) sum0 += VALUES(base, EXPRESSION);               \
        for (int64_t i = base; i < (n); i++) result += EXPRESSION;                                 \
        result += lanes_sum((sum0 + sum1) + (sum2 + sum3));                                        \
    }

INLINE float row_maximum(const float *x, int64_t n) {
    float top = x[0];
    lanes most = x[0];
    int64_t base = 0;
    for (; base + LANES <= n; base += LANES) {
        const lanes next = *(const lanes *)(x + base);
        most = next > most ? next : most;
    }
    for (; base < n; base++) top = x[base] > top ? x[base] : top;
    for (int lane = 0; lane < LANES; lane++) top = most[lane] > top || most[lane] != most[lane] ? most[lane] : top;
    return top;
}

typedef struct {
    const float *a, *b, *c;
    float *out;
    const int32_t *labels;
    int type;  // of `out`
    int64_t width;
    float epsilon;
} rows_job;

static int64_t row_grain(int64_t width) { return 1 + 8192 / width; }

INLINE void softmax_row(const float *x, float *y, int64_t n) {
    const float top = row_maximum(x, n);
    VECTOR_LOOP for (int64_t i = 0; i < n; i++) y[i] = exponential_of_negative(x[i] - top);
    ROW_SUM(total, n, y[i])
    const float inverse = 1.0f / total;
    VECTOR_LOOP for (int64_t i = 0; i < n; i++) y[i] *= inverse;
}

static void softmax_rows(void *context, int worker, int64_t begin, int64_t end) {
    (void)worker;
    const rows_job *j = context;
    for (int64_t row = begin; row < end; row++)
        softmax_row(j->a + row * j->width, j->out + row * j->width, j->width);
}

static void softmax(const float *x, float *y, int64_t rows, int64_t width, int threads) {
    rows_job job = {.a = x, .out = y, .width = width};
    cpu_parallel_for(threads, rows, row_grain(width), softmax_rows, &job);
}

static void softmax_gradient_rows(void *context, int worker, int64_t begin, int64_t end) {
    (void)worker;
    const rows_job *j = context;
    const int64_t n = j->width;
    for (int64_t row = begin; row < end; row++) {
        const float *y = j->a + row * n, *dy = j->b + row * n;
        float *dx = j->out + row * n;
        ROW_SUM(inner, n, y[i] * dy[i])
        VECTOR_LOOP for (int64_t i = 0; i < n; i++) dx[i] = y[i] * (dy[i] - inner);
    }
}

static void softmax_gradient(const float *y, const float *dy, float *dx, int64_t rows, int64_t width, int threads) {
    rows_job job = {.a = y, .b = dy, .out = dx, .width = width};
    cpu_parallel_for(threads, rows, row_grain(width), softmax_gradient_rows, &job);
}

INLINE void moments(const float *x, int64_t n, float epsilon, float *mean, float *inverse) {
    ROW_SUM(total, n, x[i])
    const float m = total / (float)n;
    ROW_SUM(squares, n, (x[i] - m) * (x[i] - m))
    *mean = m;
    *inverse = 1.0f / root(squares / (float)n + epsilon);
}

static void layer_norm_rows(void *context, int worker, int64_t begin, int64_t end) {
    (void)worker;
    const rows_job *j = context;
    const int64_t n = j->width;
    const float *scale = j->b, *bias = j->c;
    for (int64_t row = begin; row < end; row++) {
        const float *x = j->a + row * n;
        float mean, inverse;
        moments(x, n, j->epsilon, &mean, &inverse);
        if (j->type == CPU_F32) {
            float *y = j->out + row * n;
            VECTOR_LOOP for (int64_t i = 0; i < n; i++) y[i] = (x[i] - mean) * inverse * scale[i] + bias[i];
            continue;
        }
        float part[256];
        const int size = element_size(j->type);
        for (int64_t first = 0; first < n; first += 256) {
            const int64_t count = n - first < 256 ? n - first : 256;
            const float *in = x + first, *s = scale + first, *b = bias + first;
            VECTOR_LOOP for (int64_t i = 0; i < count; i++) part[i] = (in[i] - mean) * inverse * s[i] + b[i];
            write_floats(part, (char *)j->out + (row * n + first) * size, j->type, count);
        }
    }
}

static void layer_norm(const float *x, const float *scale, const float *bias, void *y, int y_type, int64_t rows,
    int64_t width, float epsilon, int threads)
{
    rows_job job = {.a = x, .b = scale, .c = bias, .out = y, .type = y_type, .width = width, .epsilon = epsilon};
    cpu_parallel_for(threads, rows, row_grain(width), layer_norm_rows, &job);
}

// A product that is rounded before anything is taken off it. Where the products of a row are all alike, as in a row of one,
// nothing must be left of them less their average; fused, their rounding would be, and a constant row's 1 / sqrt(epsilon) would
// enlarge it.
static inline float rounded_product(float a, float b) {
#pragma clang fp contract(off)
    return a * b;
}

static void layer_norm_gradient_rows(void *context, int worker, int64_t begin, int64_t end) {
    (void)worker;
    const rows_job *j = context;
    const int64_t n = j->width;
    const float *scale = j->b;
    for (int64_t row = begin; row < end; row++) {
        const float *x = j->a + row * n, *dy = j->c + row * n;
        float *dx = j->out + row * n, mean, inverse;
        moments(x, n, j->epsilon, &mean, &inverse);
        ROW_SUM(scaled, n, dy[i] * scale[i])
        ROW_SUM(projected, n, dy[i] * scale[i] * (x[i] - mean))
        const float average = scaled / (float)n;
        const float projection = projected * inverse * inverse / (float)n;
        VECTOR_LOOP for (int64_t i = 0; i < n; i++)
            dx[i] = (rounded_product(dy[i], scale[i]) - average - (x[i] - mean) * projection) * inverse;
    }
}

static void layer_norm_gradient(const float *x, const float *scale, const float *dy, float *dx, int64_t rows,
    int64_t width, float epsilon, int threads)
{
    rows_job job = {.a = x, .b = scale, .c = dy, .out = dx, .width = width, .epsilon = epsilon};
    cpu_parallel_for(threads, rows, row_grain(width), layer_norm_gradient_rows, &job);
}

// The same with the gradients of scale and bias, which are sums over rows: each piece of rows adds up its own, and the
// pieces are added in order, so that the result does not depend on the number of threads.
#define GRADIENT_PIECES 64

typedef struct {
    const float *x, *scale, *dy;
    float *dx, *sums;
    int64_t rows, width, piece;
    float epsilon;
} layer_norm_job;

static void layer_norm_gradient_pieces(void *context, int worker, int64_t begin, int64_t end) {
    (void)worker;
    const layer_norm_job *j = context;
    const int64_t n = j->width;
    for (int64_t piece = begin; piece < end; piece++) {
        float *scale_sum = j->sums + piece * 2 * n, *bias_sum = scale_sum + n;
        memset(scale_sum, 0, (size_t)n * 8);
        const int64_t stop = (piece + 1) * j->piece < j->rows ? (piece + 1) * j->piece : j->rows;
        for (int64_t row = piece * j->piece; row < stop; row++) {
            const float *x = j->x + row * n, *dy = j->dy + row * n, *scale = j->scale;
            float *dx = j->dx + row * n, mean, inverse;
            moments(x, n, j->epsilon, &mean, &inverse);
            ROW_SUM(scaled, n, dy[i] * scale[i])
            ROW_SUM(projected, n, dy[i] * scale[i] * (x[i] - mean))
            const float average = scaled / (float)n;
            const float projection = projected * inverse * inverse / (float)n;
            VECTOR_LOOP for (int64_t i = 0; i < n; i++) {
                const float centered = x[i] - mean, upstream = dy[i];
                dx[i] = (rounded_product(upstream, scale[i]) - average - centered * projection) * inverse;
                scale_sum[i] += upstream * centered * inverse;
                bias_sum[i] += upstream;
            }
        }
    }
}

static void layer_norm_gradients(const float *x, const float *scale, const float *dy, float *dx, float *dscale,
    float *dbias, int64_t rows, int64_t width, float epsilon, float *workspace, int threads)
{
    const int64_t piece = (rows + GRADIENT_PIECES - 1) / GRADIENT_PIECES, pieces = (rows + piece - 1) / piece;
    layer_norm_job job = {x, scale, dy, dx, workspace, rows, width, piece, epsilon};
    cpu_parallel_for(threads, pieces, 1 + 8192 / (piece * width), layer_norm_gradient_pieces, &job);
    memcpy(dscale, workspace, (size_t)width * 4);
    memcpy(dbias, workspace + width, (size_t)width * 4);
    for (int64_t p = 1; p < pieces; p++) {
        const float *sums = workspace + p * 2 * width;
        VECTOR_LOOP for (int64_t i = 0; i < width; i++) dscale[i] += sums[i];
        VECTOR_LOOP for (int64_t i = 0; i < width; i++) dbias[i] += sums[width + i];
    }
}

static void l2_normalize_rows(void *context, int worker, int64_t begin, int64_t end) {
    (void)worker;
    const rows_job *j = context;
    const int64_t n = j->width;
    for (int64_t row = begin; row < end; row++) {
        const float *x = j->a + row * n;
        float *y = j->out + row * n;
        ROW_SUM(squares, n, x[i] * x[i])
        const float norm = root(squares);
        const float divisor = norm > j->epsilon || norm != norm ? norm : j->epsilon;
        VECTOR_LOOP for (int64_t i = 0; i < n; i++) y[i] = x[i] / divisor;
    }
}

static void l2_normalize(const float *x, float *y, int64_t rows, int64_t width, float epsilon, int threads) {
    rows_job job = {.a = x, .out = y, .width = width, .epsilon = epsilon};
    cpu_parallel_for(threads, rows, row_grain(width), l2_normalize_rows, &job);
}

static void cross_entropy_rows(void *context, int worker, int64_t begin, int64_t end) {
    (void)worker;
    const rows_job *j = context;
    const int64_t n = j->width;
    for (int64_t row = begin; row < end; row++) {
        const float *x = j->a + row * n;
        const float top = row_maximum(x, n);
        ROW_SUM(total, n, exponential_of_negative(x[i] - top))
        j->out[row] = logarithm(total) + (top - x[j->labels[row]]);
    }
}

static int64_t cross_entropy(const float *logits, const int32_t *labels, float *loss, int64_t rows, int64_t classes,
    int threads)
{
    for (int64_t row = 0; row < rows; row++) if (labels[row] < 0 || labels[row] >= classes) return row;
    rows_job job = {.a = logits, .out = loss, .labels = labels, .width = classes};
    cpu_parallel_for(threads, rows, row_grain(classes), cross_entropy_rows, &job);
    return -1;
}

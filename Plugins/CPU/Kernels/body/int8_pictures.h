// What convolutions of bytes (int8_lines.h) need around them: packed weights, and pictures made of floats or by pools.

typedef struct {
    const float *w;
    int64_t n, channels, kernel[2], strides[4];
    cpu_int8_columns b;
} line_pack_job;

static void line_pack_columns(void *context, int worker, int64_t begin, int64_t end) {
    (void)worker;
    const line_pack_job *j = context;
    const int64_t count = j->kernel[0] * j->kernel[1] * j->channels, *step = j->strides;
    for (int64_t column = begin * LINE_PANEL; column < end * LINE_PANEL; column++) {
        int8_t *packed = j->b.values + column / LINE_PANEL * count * LINE_PANEL + column % LINE_PANEL * 4;
        const float *w = j->w + (column < j->n ? column : 0) * step[0];
#define EVERY_WEIGHT                                                                                    \
    for (int64_t y = 0; y < j->kernel[0]; y++)                                                          \
        for (int64_t x = 0; x < j->kernel[1]; x++)                                                      \
            for (int64_t c = 0, at = y * step[2] + x * step[3]; c < j->channels; c++, at += step[1])
        float most = 0;
        EVERY_WEIGHT {
            const float size = absolute(w[at]);
            most = size > most || size != size ? size : most;
        }
        if (column >= j->n) most = 0;
        // Below this, a column is zeros: the inverse must be finite. A NaN stays in the scale.
        const float scale = most <= 1e-30f ? 0 : most / 127.0f, inverse = most > 1e-30f ? 127.0f / most : 0;
        int32_t sum = 0;
        int64_t i = 0;
        EVERY_WEIGHT {
            float q = rounded(w[at] * inverse);
            q = q > -127.0f ? q : -127.0f;
            q = q < 127.0f ? q : 127.0f;
            packed[i / 4 * 4 * LINE_PANEL + i % 4] = (int8_t)q;
            sum += (int32_t)q;
            i++;
        }
#undef EVERY_WEIGHT
        j->b.scale[column] = scale;
        j->b.sum[column] = sum;
    }
}

static void int8_pack_kernel(const float *w, const int64_t strides[4], const int64_t kernel[2], cpu_int8_columns b,
    int64_t channels, int64_t n, int threads)
{
    line_pack_job job = {w, n, channels, {kernel[0], kernel[1]}, {strides[0], strides[1], strides[2], strides[3]}, b};
    cpu_parallel_for(threads, (n + LINE_PANEL - 1) / LINE_PANEL, 1, line_pack_columns, &job);
}

// Adds `count` values, times `scale`, to the sums or makes them.
INLINE void add_values(float *sums, const void *x, int type, int64_t count, float scale, bool starts) {
#define ADD(T, VALUE)                                                                                       \
    {                                                                                                       \
        const T *s = x;                                                                                     \
        if (starts) { VECTOR_LOOP for (int64_t i = 0; i < count; i++) sums[i] = VALUE * scale; }            \
        else { VECTOR_LOOP for (int64_t i = 0; i < count; i++) sums[i] += VALUE * scale; }                  \
    }
    if (type == CPU_U8) ADD(uint8_t, (float)s[i])
    else if (type == CPU_BF16) ADD(uint16_t, bfloat16_to_float(s[i]))
    else ADD(float, s[i])
#undef ADD
}

// One line of means over windows.
static void pool_line(const cpu_int8_pool *j, int64_t line, float *sums) {
    const cpu_pictures *x = &j->x;
    const int64_t n = j->channels, size = value_size(x->type);
    const float share = 1.0f / (float)(j->kernel * j->kernel);
    const int64_t source = line / j->out.height * x->height + line % j->out.height * j->stride;
    if (j->kernel == 1 && j->stride == 1) {
        add_values(sums, line_at(x, source), x->type, j->width * n, x->type == CPU_U8 ? x->scale[source] : 1, true);
        return;
    }
    for (int64_t ky = 0; ky < j->kernel; ky++) {
        const float scale = share * (x->type == CPU_U8 ? x->scale[source + ky] : 1);
        const char *from = line_at(x, source + ky);
        for (int64_t i = 0; i < j->width; i++) {
            const char *pixel = from + i * j->stride * n * size;
            if (j->kernel == 2 && x->type == CPU_U8) {
                const uint8_t *a = (const uint8_t *)pixel, *b = a + n;
                float *to = sums + i * n;
                if (ky == 0) { VECTOR_LOOP for (int64_t c = 0; c < n; c++) to[c] = (float)(a[c] + b[c]) * scale; }
                else { VECTOR_LOOP for (int64_t c = 0; c < n; c++) to[c] += (float)(a[c] + b[c]) * scale; }
                continue;
            }
            for (int64_t kx = 0; kx < j->kernel; kx++)
                add_values(sums + i * n, pixel + kx * n * size, x->type, n, scale, ky + kx == 0);
        }
    }
}

static void pool_tasks(void *context, int worker, int64_t begin, int64_t end) {
    const cpu_int8_pool *j = context;
    float *sums = (float *)(j->workspace + worker * j->workspace_stride);
    const int64_t count = j->width * j->channels, whole = count / LANES * LANES;
    for (int64_t line = begin; line < end; line++) {
        pool_line(j, line, sums);
        if (j->out.type != CPU_U8) {
            write_pixels(sums, line_at(&j->out, line), j->out.type, count);
            continue;
        }
        value_bits tops = 0;
        for (int64_t i = 0; i < whole; i += LANES) {
            lanes *at = (lanes *)(sums + i);
            *at = *at <= 0.0f ? 0.0f : *at;
            tops = (value_bits)*at > tops ? (value_bits)*at : tops;
        }
        uint32_t most = most_of(tops);
        for (int64_t i = whole; i < count; i++) {
            sums[i] = sums[i] <= 0.0f ? 0.0f : sums[i];
            most = to_bits(sums[i]) > most ? to_bits(sums[i]) : most;
        }
        const float inverse = begin_line(&j->out, line, count, j->channels, most);
        uint8_t *out = line_at(&j->out, line);
        if (inverse == 0) continue;
        VECTOR_LOOP for (int64_t i = 0; i < count; i++) out[i] = (uint8_t)(int32_t)(sums[i] * inverse + 0.5f);
    }
}

static int64_t int8_pool_workspace(const cpu_int8_pool *job) { return job->width * job->channels * 4; }

static void int8_pool(const cpu_int8_pool *job, int threads) {
    const int64_t work = job->width * job->channels * job->kernel * job->kernel;
    cpu_parallel_for(threads, job->batch * job->out.height, 1 + 16384 / work, pool_tasks, (void *)job);
}

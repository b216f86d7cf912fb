// Pictures whose channels lie next to each other, perhaps inside a border of zeros.

static void clear_border(const cpu_border *p, void *base) {
    const int64_t line = (p->width + 2 * p->border) * p->pixel, picture = (p->height + 2 * p->border) * line;
    const int64_t side = p->border * p->pixel, ends = p->border * line;
    for (int64_t b = 0; b < p->batch; b++) {
        char *at = (char *)base + b * picture;
        memset(at, 0, (size_t)ends);
        memset(at + picture - ends, 0, (size_t)ends);
        for (int64_t y = 0; y < p->height; y++) {
            memset(at + ends + y * line, 0, (size_t)side);
            memset(at + ends + (y + 1) * line - side, 0, (size_t)side);
        }
    }
}

static void pool_lines(void *context, int worker, int64_t begin, int64_t end) {
    (void)worker;
    const cpu_pool *p = context;
    const float scale = 1.0f / (float)(p->kernel * p->kernel);
    const int size = element_size(p->out_type);
    float sums[256];
    for (int64_t line = begin; line < end; line++) {
        const int64_t b = line / p->rows, y = line % p->rows;
        for (int64_t x = 0; x < p->columns; x++) {
            const int64_t window = b * p->x_strides[0] + y * p->stride * p->x_strides[1] + x * p->stride * p->x_strides[2];
            char *out = (char *)p->out + (b * p->out_strides[0] + y * p->out_strides[1] + x * p->out_strides[2]) * size;
            for (int64_t first = 0; first < p->channels; first += 256) {
                const int64_t n = p->channels - first < 256 ? p->channels - first : 256;
                for (int64_t i = 0; i < n; i++) sums[i] = 0;
                for (int64_t ky = 0; ky < p->kernel; ky++)
                    for (int64_t kx = 0; kx < p->kernel; kx++) {
                        const int64_t at = window + ky * p->x_strides[1] + kx * p->x_strides[2] + first;
                        if (p->type == CPU_BF16) {
                            const uint16_t *pixel = (const uint16_t *)p->x + at;
                            VECTOR_LOOP for (int64_t i = 0; i < n; i++) sums[i] += bfloat16_to_float(pixel[i]);
                        } else {
                            const float *pixel = (const float *)p->x + at;
                            VECTOR_LOOP for (int64_t i = 0; i < n; i++) sums[i] += pixel[i];
                        }
                    }
                VECTOR_LOOP for (int64_t i = 0; i < n; i++) sums[i] *= scale;
                write_floats(sums, out + first * size, p->out_type, n);
            }
        }
    }
}

static void pool_channels_last(const cpu_pool *p, int threads) {
    const int64_t work = p->columns * p->channels * p->kernel * p->kernel;
    cpu_parallel_for(threads, p->batch * p->rows, 1 + 16384 / work, pool_lines, (void *)p);
}

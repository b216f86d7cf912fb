// Mean over square windows, plane by plane.

typedef struct {
    const float *from;
    float *to;
    int64_t height, width, out_height, out_width, kernel, stride;
} pool_job;

static void pool_planes(void *context, int worker, int64_t begin, int64_t end) {
    (void)worker;
    const pool_job *j = context;
    const float scale = 1.0f / (float)(j->kernel * j->kernel);
    for (int64_t plane = begin; plane < end; plane++) {
        const float *x = j->from + plane * j->height * j->width;
        float *y = j->to + plane * j->out_height * j->out_width;
        for (int64_t row = 0; row < j->out_height; row++)
            for (int64_t column = 0; column < j->out_width; column++) {
                const float *window = x + row * j->stride * j->width + column * j->stride;
                float sum = 0;
                for (int64_t ky = 0; ky < j->kernel; ky++)
                    for (int64_t kx = 0; kx < j->kernel; kx++) sum += window[ky * j->width + kx];
                y[row * j->out_width + column] = sum * scale;
            }
    }
}

static void average_pool(const float *x, float *y, int64_t planes, const int64_t input[2], const int64_t output[2],
    int64_t kernel, int64_t stride, int threads)
{
    pool_job job = {x, y, input[0], input[1], output[0], output[1], kernel, stride};
    cpu_parallel_for(threads, planes, 1 + 16384 / (input[0] * input[1]), pool_planes, &job);
}

static void pool_gradient_planes(void *context, int worker, int64_t begin, int64_t end) {
    (void)worker;
    const pool_job *j = context;
    const float scale = 1.0f / (float)(j->kernel * j->kernel);
    for (int64_t plane = begin; plane < end; plane++) {
        float *dx = j->to + plane * j->height * j->width;
        const float *dy = j->from + plane * j->out_height * j->out_width;
        memset(dx, 0, (size_t)(j->height * j->width) * 4);
        for (int64_t row = 0; row < j->out_height; row++)
            for (int64_t column = 0; column < j->out_width; column++) {
                const float share = dy[row * j->out_width + column] * scale;
                float *window = dx + row * j->stride * j->width + column * j->stride;
                for (int64_t ky = 0; ky < j->kernel; ky++)
                    for (int64_t kx = 0; kx < j->kernel; kx++) window[ky * j->width + kx] += share;
            }
    }
}

static void average_pool_gradient(const float *dy, float *dx, int64_t planes, const int64_t input[2],
    const int64_t output[2], int64_t kernel, int64_t stride, int threads)
{
    pool_job job = {dy, dx, input[0], input[1], output[0], output[1], kernel, stride};
    cpu_parallel_for(threads, planes, 1 + 16384 / (input[0] * input[1]), pool_gradient_planes, &job);
}

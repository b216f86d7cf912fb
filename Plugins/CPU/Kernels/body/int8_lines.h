// Convolutions of pictures that are bytes, with a scale for each of their lines: pixels next to each other, channels next
// to each other in them, nothing negative. A row of the kernel is then one product of integers; its sums become floats,
// times the scale of the line that they were read from, and are added up.

#if LANES == 16
#define LINE_ROWS 12
#else
#define LINE_ROWS DOT_ROWS
#endif
#define LINE_VECTORS 2
#define LINE_PANEL (LINE_VECTORS * LANES)
#define LINE_PIXELS 100          // a task's, about
#define LINE_ROOM (288 << 10)    // bytes of floats that a task keeps until their lines' ranges are known
#define OF_ALL(INDEX, COUNT) _Pragma("clang loop unroll(full)") for (int INDEX = 0; INDEX < (COUNT); INDEX++)

// One row of the kernel for a tile of pixels, `sa` bytes apart: set, or added to what the tile holds.
INLINE void line_tile_of(const int rows, const uint8_t *a, int64_t sa, const int8_t *b, int64_t fours,
    const float *scale, float *tile, bool starts, const char *ahead, int64_t step)
{
    dots sum[LINE_ROWS][LINE_VECTORS];
    OF_ALL(r, rows) OF_ALL(v, LINE_VECTORS) sum[r][v] = 0;
    _Pragma("clang loop unroll(disable)") for (int64_t i = 0; i < fours; i++) {
        dots w[LINE_VECTORS];
        OF_ALL(v, LINE_VECTORS) w[v] = *(const dots *)(b + v * 4 * LANES);
        __builtin_prefetch(ahead, 0, 2);  // of the next panel
        ahead += step;
        b += 4 * LINE_PANEL;
        OF_ALL(r, rows) {
            uint32_t x;
            memcpy(&x, a + r * sa, 4);
            OF_ALL(v, LINE_VECTORS) sum[r][v] = dot(sum[r][v], x, w[v]);
        }
        a += 4;
    }
    OF_ALL(r, rows) OF_ALL(v, LINE_VECTORS) {
        lanes *at = (lanes *)(tile + r * LINE_PANEL + v * LANES);
        const lanes part = __builtin_convertvector(sum[r][v], lanes) * scale[r];
        *at = starts ? part : *at + part;
    }
}

static void line_tile(int rows, const uint8_t *a, int64_t sa, const int8_t *b, int64_t fours, const float *scale,
    float *tile, bool starts, const char *ahead, int64_t step)
{
#define ROWS(N) case N: line_tile_of(N, a, sa, b, fours, scale, tile, starts, ahead, step); break;
    switch (rows) {
    ROWS(1) ROWS(2) ROWS(3) ROWS(4)
#if LINE_ROWS > 4
    ROWS(5) ROWS(6)
#endif
#if LINE_ROWS > 6
    ROWS(7) ROWS(8) ROWS(9) ROWS(10) ROWS(11) ROWS(12)
#endif
    }
#undef ROWS
}

// The first pixel of a line, counted over all pictures.
INLINE void *line_at(const cpu_pictures *p, int64_t line) {
    const int64_t size = p->type == CPU_U8 ? 1 : p->type == CPU_BF16 ? 2 : 4;
    return (char *)p->values + (line / p->height * p->picture + line % p->height * p->line) * size;
}

INLINE lanes read_pixel(const void *x, int type) {
    typedef uint8_t bytes __attribute__((ext_vector_type(LANES), aligned(1)));
    typedef uint16_t halves __attribute__((ext_vector_type(LANES), aligned(2)));
    typedef uint32_t words __attribute__((ext_vector_type(LANES)));
    if (type == CPU_U8) return __builtin_convertvector(*(const bytes *)x, lanes);
    if (type == CPU_BF16) return (lanes)(__builtin_convertvector(*(const halves *)x, words) << 16);
    return *(const lanes *)x;
}

INLINE void write_pixels(const float *x, void *out, int type, int64_t n) {
    if (type == CPU_BF16) { VECTOR_LOOP for (int64_t i = 0; i < n; i++) ((uint16_t *)out)[i] = float_to_bfloat16(x[i]); }
    else memcpy(out, x, (size_t)n * 4);
}

// A line's range from the bits of its largest value: not below those of infinity, its numbers say nothing.
INLINE float line_scale(int32_t most) { return most < 0x7F800000 ? from_bits((uint32_t)most) / 255.0f : from_bits(0x7FC00000); }

INLINE void quantize_values(const float *x, uint8_t *out, int64_t n, float scale) {
    if (!(scale > 1e-30f)) {
        memset(out, 0, (size_t)n);
        return;
    }
    const float inverse = 1.0f / scale;
    VECTOR_LOOP for (int64_t i = 0; i < n; i++) out[i] = (uint8_t)(int32_t)(x[i] * inverse + 0.5f);
}

// Writes one line of pixels, `stride` floats apart, none of them negative, and zeros on both sides.
INLINE void quantize_line(const cpu_pictures *out, int64_t line, const float *x, int64_t stride, int64_t width,
    int64_t channels, int32_t most)
{
    const float scale = line_scale(most);
    uint8_t *to = line_at(out, line);
    const size_t border = (size_t)(out->border * channels);
    memset(to - border, 0, border);
    memset(to + width * channels, 0, border);
    if (stride == channels) quantize_values(x, to, width * channels, scale);
    else for (int64_t i = 0; i < width; i++) quantize_values(x + i * stride, to + i * channels, channels, scale);
    out->scale[line] = scale;
}

INLINE int32_t most_of(dots most) {
    int32_t top = 0;
    for (int lane = 0; lane < LANES; lane++) top = most[lane] > top ? most[lane] : top;
    return top;
}

typedef struct {
    const cpu_int8_convolution *j;
    int64_t lines, blocks, most_lines, panels, fours, tap_bytes;
    bool is_flat;  // pixels of several lines lie next to each other, as one long line
} line_plan;

static line_plan plan_lines(const cpu_int8_convolution *j, int threads) {
    line_plan plan = {.j = j, .lines = j->batch * j->out.height};
    plan.panels = (j->n + LINE_PANEL - 1) / LINE_PANEL;
    plan.fours = j->kernel[1] * j->channels / 4;
    plan.tap_bytes = plan.fours * 4 * LINE_PANEL;
    plan.is_flat = j->kernel[0] == 1 && j->kernel[1] == 1 && j->padding == 0
        && j->a.line == j->width * j->channels && j->a.picture == j->a.height * j->a.line;
    int64_t pixels = LINE_ROOM / (4 * plan.panels * LINE_PANEL);
    if (pixels > LINE_PIXELS || j->out.type != CPU_U8) pixels = LINE_PIXELS;
    int64_t block = pixels / j->width, least = 24 / j->width;
    if (threads > 1) {
        const int64_t share = (plan.lines + threads * 3 - 1) / (threads * 3);
        if (block > share) block = share < least ? least : share;
    }
    if (block < 1) block = 1;
    plan.blocks = (plan.lines + block - 1) / block;
    plan.most_lines = (plan.lines + plan.blocks - 1) / plan.blocks;
    return plan;
}

// A tile of sums to results: written where these are floats, else kept in `room`, with what is largest in each line.
static void finish_line_tile(const line_plan *plan, const float *tile, int rows, int64_t first_line, int64_t pixel,
    int64_t column, float *room, dots *most)
{
    const cpu_int8_convolution *j = plan->j;
    const int64_t width = j->width, n = j->n, padded = plan->panels * LINE_PANEL;
    const int64_t columns = n - column < LINE_PANEL ? n - column : LINE_PANEL;
    const int size = j->residual.type == CPU_U8 ? 1 : j->residual.type == CPU_BF16 ? 2 : 4;
    lanes weight[LINE_VECTORS], bias[LINE_VECTORS];
    OF_ALL(v, LINE_VECTORS) {
        weight[v] = *(const lanes *)(j->b.scale + column + v * LANES);
        bias[v] = *(const lanes *)(j->b.bias + column + v * LANES);
    }
    int64_t line = pixel / width, x = pixel % width;
    const char *residual = NULL;
    float residual_scale = 1;
    for (int r = 0; r < rows; r++, pixel++, x++) {
        if (x == width) { line++; x = 0; }
        if (j->residual.values && (r == 0 || x == 0)) {
            residual = (const char *)line_at(&j->residual, first_line + line) + (x * n + column) * size;
            if (j->residual.type == CPU_U8) residual_scale = j->residual.scale[first_line + line];
        }
        lanes y[LINE_VECTORS];
        OF_ALL(v, LINE_VECTORS) y[v] = *(const lanes *)(tile + r * LINE_PANEL + v * LANES) * weight[v] + bias[v];
        if (residual) {
            char last[LINE_PANEL * 4] = {0};
            const char *from = residual;
            if (columns < LINE_PANEL) from = memcpy(last, residual, (size_t)(columns * size));
            OF_ALL(v, LINE_VECTORS) y[v] += read_pixel(from + v * LANES * size, j->residual.type) * residual_scale;
            residual += n * size;
        }
        // What is no number stays none.
        if (j->is_relu) OF_ALL(v, LINE_VECTORS) y[v] = y[v] <= 0.0f ? 0.0f : y[v];
        if (j->out.type == CPU_U8) {
            OF_ALL(v, LINE_VECTORS) {
                *(lanes *)(room + pixel * padded + column + v * LANES) = y[v];
                const dots bits = (dots)y[v] & 0x7FFFFFFF;
                most[line] = bits > most[line] ? bits : most[line];
            }
        } else {
            const int64_t at = (x * n + column) * (j->out.type == CPU_BF16 ? 2 : 4);
            char *to = (char *)line_at(&j->out, first_line + line) + at;
            if (columns == LINE_PANEL) write_pixels((const float *)y, to, j->out.type, LINE_PANEL);
            else write_pixels((const float *)y, to, j->out.type, columns);
        }
    }
}

// The sums of a tile of pixels of a block: all rows of the kernel that lie in the picture.
static void line_sums(const line_plan *plan, int64_t first_line, int64_t pixel, int rows, int64_t panel,
    const char *ahead, int64_t step, float *tile)
{
    const cpu_int8_convolution *j = plan->j;
    const int8_t *b = j->b.values + panel * j->kernel[0] * plan->tap_bytes;
    const int64_t width = j->width, line = first_line + pixel / width, x = pixel % width;
    float scale[LINE_ROWS];
    if (plan->is_flat) {
        for (int r = 0; r < rows; r++) scale[r] = j->a.scale[first_line + (pixel + r) / width];
        const uint8_t *a = (const uint8_t *)j->a.values + (first_line * width + pixel) * j->channels;
        line_tile(rows, a, j->channels, b, plan->fours, scale, tile, true, ahead, step);
        return;
    }
    bool starts = true;
    const int64_t picture = line / j->out.height, y = line % j->out.height - j->padding;
    for (int64_t tap = 0; tap < j->kernel[0]; tap++) {
        if (y + tap < 0 || y + tap >= j->a.height) continue;
        const int64_t source = picture * j->a.height + y + tap;
        for (int r = 0; r < rows; r++) scale[r] = j->a.scale[source];
        const uint8_t *a = (const uint8_t *)line_at(&j->a, source) + (x - j->padding) * j->channels;
        line_tile(rows, a, j->channels, b + tap * plan->tap_bytes, plan->fours, scale, tile, starts,
            ahead + tap * plan->fours * step, step);
        starts = false;
    }
    if (starts) memset(tile, 0, sizeof(float) * LINE_PANEL * (size_t)rows);
}

static void line_tasks(void *context, int worker, int64_t begin, int64_t end) {
    const line_plan *plan = context;
    const cpu_int8_convolution *j = plan->j;
    char *room = j->workspace + worker * j->workspace_stride;
    dots *most = (dots *)room;
    float *values = (float *)(room + plan->most_lines * (int64_t)sizeof(dots));
    const int64_t padded = plan->panels * LINE_PANEL, panel_bytes = j->kernel[0] * plan->tap_bytes;
    const int size = j->residual.type == CPU_U8 ? 1 : j->residual.type == CPU_BF16 ? 2 : 4;
    float tile[LINE_ROWS * LINE_PANEL];
    for (int64_t task = begin; task < end; task++) {
        const int64_t first = plan->lines * task / plan->blocks, last = plan->lines * (task + 1) / plan->blocks;
        memset(most, 0, (size_t)(last - first) * sizeof(dots));
        // Tiles of a line, or of all as one.
        const int64_t length = plan->is_flat ? (last - first) * j->width : j->width;
        const int64_t parts = (length + LINE_ROWS - 1) / LINE_ROWS;
        const int64_t tiles = plan->is_flat ? parts : parts * (last - first);
        const int64_t step = 4 * LINE_PANEL / tiles;
        for (int64_t panel = 0; panel < plan->panels; panel++) {
            const char *ahead = (const char *)j->b.values + (panel + 1) % plan->panels * panel_bytes;
            for (int64_t t = 0; t < tiles; t++) {
                const int64_t part = t % parts, start = length * part / parts;
                const int rows = (int)(length * (part + 1) / parts - start);
                const int64_t pixel = t / parts * length + start;
                if (j->residual.values) {
                    const char *from = (const char *)line_at(&j->residual, first + pixel / j->width)
                        + (pixel % j->width * j->n + panel * LINE_PANEL) * size;
                    for (int r = 0; r < rows; r++) __builtin_prefetch(from + r * j->n * size);
                }
                line_sums(plan, first, pixel, rows, panel, ahead + t * j->kernel[0] * plan->fours * step, step, tile);
                finish_line_tile(plan, tile, rows, first, pixel, panel * LINE_PANEL, values, most);
            }
        }
        if (j->out.type != CPU_U8) continue;
        for (int64_t line = first; line < last; line++)
            quantize_line(&j->out, line, values + (line - first) * j->width * padded, padded, j->width, j->n,
                most_of(most[line - first]));
    }
}

static int64_t int8_convolution_workspace(const cpu_int8_convolution *job, int threads) {
    const line_plan plan = plan_lines(job, threads);
    const int64_t values = job->out.type == CPU_U8 ? job->width * plan.panels * LINE_PANEL * 4 : 0;
    return plan.most_lines * ((int64_t)sizeof(dots) + values);
}

static void int8_convolution(const cpu_int8_convolution *job, int threads) {
    line_plan plan = plan_lines(job, threads);
    cpu_parallel_for(threads, plan.blocks, 1, line_tasks, &plan);
}

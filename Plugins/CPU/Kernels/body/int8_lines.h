// Convolutions of pictures that are bytes, with a scale for each of their lines: pixels next to each other, channels next
// to each other in them, nothing negative. A row of the kernel is then one product of integers; its sums become floats,
// times the scale of the line that they were read from, and are added up.

#if LANES == 16
#define LINE_ROWS 12
#else
#define LINE_ROWS DOT_ROWS
#endif
#define LINE_PIXELS 100           // a task's, about
#define LINE_ROOM (288 << 10)     // bytes of floats that a task keeps until its lines' ranges are known
#define LINE_WEIGHTS (600 << 10)  // bytes of weights that stay in the second-level cache

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

typedef struct {
    const cpu_int8_convolution *j;
    int64_t lines, blocks, most_lines, panels, fours, tap_bytes, room_offset;
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
    plan.room_offset = plan.most_lines * ((int64_t)sizeof(value_bits) + j->width * 4);
    plan.room_offset = (plan.room_offset + 63) / 64 * 64;
    return plan;
}

// The sums of a tile of pixels: all rows of the kernel that lie in the picture. `scales` are the pixels', for one row.
static void line_sums(const line_plan *plan, line_place place, int rows, const float *scales, int64_t panel,
    const char *ahead, int64_t step, float *tile)
{
    const cpu_int8_convolution *j = plan->j;
    const int8_t *b = j->b.values + panel * j->kernel[0] * plan->tap_bytes;
    if (plan->is_flat) {
        const uint8_t *a = (const uint8_t *)line_of(&j->a, place.picture, place.y) + place.x * j->channels;
        line_tile(rows, a, j->channels, b, plan->fours, scales, tile, true, ahead, step);
        return;
    }
    bool starts = true;
    for (int64_t tap = 0; tap < j->kernel[0]; tap++, b += plan->tap_bytes, ahead += plan->fours * step) {
        const int64_t y = place.y + tap - j->padding;
        if (y < 0 || y >= j->a.height) continue;
        float scale[(LINE_ROWS + LANES - 1) / LANES * LANES];
        for (int r = 0; r < LINE_ROWS; r += LANES) *(lanes *)(scale + r) = j->a.scale[place.picture * j->a.height + y];
        const uint8_t *a = (const uint8_t *)line_of(&j->a, place.picture, y) + (place.x - j->padding) * j->channels;
        line_tile(rows, a, j->channels, b, plan->fours, scale, tile, starts, ahead, step);
        starts = false;
    }
    if (starts) memset(tile, 0, sizeof(float) * LINE_PANEL * (size_t)rows);
}

// What a tile's end reads and writes is fetched while sums are made: the first columns now, others two panels before.
INLINE void fetch_pixels(const cpu_pictures *p, line_place place, int rows, int64_t n, int64_t column) {
    const int64_t size = value_size(p->type), pixel = n * size;
    const char *line = (const char *)line_of(p, place.picture, place.y) + place.x * pixel;
    const char *at = line + (column + 2 * LINE_PANEL) * size;
    if (column * size % 64 == 0)
        for (int r = 0; r < rows; r++) __builtin_prefetch(at + r * pixel, 0, 2);
    for (int r = 0; r < rows && column == 0; r++) __builtin_prefetch(line + r * pixel, 0, 2);
}

// Lines `first` to `last`, of all columns.
static void line_block(const line_plan *plan, int64_t first, int64_t last, char *workspace) {
    const cpu_int8_convolution *j = plan->j;
    const int64_t width = j->width, pixels = (last - first) * width;
    value_bits *most = (value_bits *)workspace;
    float *scales = (float *)(most + plan->most_lines);
    float *room = (float *)(workspace + plan->room_offset);
    memset(most, 0, (size_t)(last - first) * sizeof *most);
    if (plan->is_flat)
        for (int64_t line = first, at = 0; line < last; line++)
            for (int64_t x = 0; x < width; x++) scales[at++] = j->a.scale[line];
    // Tiles of a line, or of all as one.
    const int64_t length = plan->is_flat ? pixels : width, parts = (length + LINE_ROWS - 1) / LINE_ROWS;
    const int64_t longer = length % parts, least = length / parts;
    const int64_t tiles = pixels / length * parts, steps = tiles * j->kernel[0] * plan->fours;
    const int64_t panel_bytes = j->kernel[0] * plan->tap_bytes;
    float tile[LINE_ROWS * LINE_PANEL];
    for (int64_t panel = 0; panel < plan->panels; panel++) {
        // Meanwhile comes the next panel, or after the last one, where weights stay in the cache, the next block's pictures.
        const char *ahead = (const char *)j->b.values + (panel + 1) % plan->panels * panel_bytes;
        int64_t step = panel_bytes / steps;
        if (panel + 1 == plan->panels && panel_bytes * plan->panels < LINE_WEIGHTS && last < plan->lines) {
            ahead = line_at(&j->a, last / j->out.height * j->a.height + last % j->out.height);
            ahead += j->kernel[0] / 2 * j->a.line;
            step = (last - first) * j->a.line / steps;
        }
        const int64_t column = panel * LINE_PANEL;
        line_place place = {0, first, first / j->out.height, first % j->out.height, 0};
        for (int64_t t = 0, part = 0; t < tiles; t++) {
            const int rows = (int)(least + (part < longer));
            if (j->residual.values) fetch_pixels(&j->residual, place, rows, j->n, column);
            fetch_pixels(&j->out, place, rows, j->n, column);
            line_sums(plan, place, rows, scales + place.pixel, panel, ahead, step, tile);
            ahead += j->kernel[0] * plan->fours * step;
            finish_line_tile(j, tile, rows, place, column, room + panel * pixels * LINE_PANEL, most, first);
            part = part + 1 == parts ? 0 : part + 1;
            place.pixel += rows;
            for (place.x += rows; place.x >= width; place.x -= width) next_line(&place, j->out.height);
        }
    }
    if (j->out.type != CPU_U8) return;
    for (int64_t line = first; line < last; line++)
        write_line_bytes(j, line, room + (line - first) * width * LINE_PANEL, pixels, most_of(most[line - first]));
}

static void line_tasks(void *context, int worker, int64_t begin, int64_t end) {
    const line_plan *plan = context;
    char *workspace = plan->j->workspace + worker * plan->j->workspace_stride;
    for (int64_t task = begin; task < end; task++)
        line_block(plan, plan->lines * task / plan->blocks, plan->lines * (task + 1) / plan->blocks, workspace);
}

static int64_t int8_convolution_workspace(const cpu_int8_convolution *job, int threads) {
    const line_plan plan = plan_lines(job, threads);
    return plan.room_offset + (job->out.type == CPU_U8 ? plan.most_lines * job->width * plan.panels * LINE_PANEL * 4 : 0);
}

static void int8_convolution(const cpu_int8_convolution *job, int threads) {
    line_plan plan = plan_lines(job, threads);
    cpu_parallel_for(threads, plan.blocks, 1, line_tasks, &plan);
}

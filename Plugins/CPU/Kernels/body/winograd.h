// Convolutions of 3 x 3 by Winograd's minimal filtering, F(2 x 2, 3 x 3) (Lavin and Gray 2015, arXiv:1509.09308): 16
// products for four results instead of 36. Pictures are cut into tiles of 2 x 2 results, which read 4 x 4 pixels; those are
// transformed, 16 products of matrices follow (tiles by channels, times channels by columns), and their sums are
// transformed to results. In float32 it rounds no more than adding up all nine taps does: there are fewer to add.

#define WINOGRAD_POINTS 16
#define WINOGRAD_BYTES (448 << 10)  // of transformed pixels, which stay in the second-level cache
#define WINOGRAD_GROUPS 4           // at most so many times PACKED_ROWS tiles at once

static int64_t winograd_tiles(int64_t units) {
    const int64_t groups = WINOGRAD_BYTES / (WINOGRAD_POINTS * PACKED_ROWS * 4 * units);
    return PACKED_ROWS * (groups < 1 ? 1 : groups > WINOGRAD_GROUPS ? WINOGRAD_GROUPS : groups);
}

// G g Gᵀ of one kernel.
static void winograd_weights(const float g[9], float u[WINOGRAD_POINTS]) {
    float rows[4][3];
    for (int c = 0; c < 3; c++) {
        const float outer = 0.5f * (g[c] + g[6 + c]), middle = 0.5f * g[3 + c];
        rows[0][c] = g[c];
        rows[1][c] = outer + middle;
        rows[2][c] = outer - middle;
        rows[3][c] = g[6 + c];
    }
    for (int r = 0; r < 4; r++) {
        const float outer = 0.5f * (rows[r][0] + rows[r][2]), middle = 0.5f * rows[r][1];
        u[4 * r] = rows[r][0];
        u[4 * r + 1] = outer + middle;
        u[4 * r + 2] = outer - middle;
        u[4 * r + 3] = rows[r][2];
    }
}

// Panels as `pack_panels` makes them, of 16 transformed matrices one after another in each.
static void pack_winograd_panels(void *context, int worker, int64_t begin, int64_t end) {
    (void)worker;
    const cpu_pack *p = context;
    const int64_t width = p->is_bfloat16 ? 2 : 1, units = (p->k + width - 1) / width;
    float points[WINOGRAD_POINTS][PANEL * 2];
    for (int64_t at = begin; at < end; at++) {
        const int64_t panel = at / units, unit = at % units, first = panel * PANEL;
        memset(points, 0, sizeof points);
        for (int64_t c = 0; c < PANEL && first + c < p->n; c++) {
            for (int64_t part = 0; part < width && unit * width + part < p->k; part++) {
                float g[9], u[WINOGRAD_POINTS];
                for (int64_t tap = 0; tap < 9; tap++) {
                    const int64_t i = (first + c) * p->strides[0] + (unit * width + part) * p->strides[1]
                        + tap / 3 * p->strides[2] + tap % 3 * p->strides[3];
                    g[tap] = p->type == CPU_BF16 ? bfloat16_to_float(((const uint16_t *)p->source)[i])
                                                 : ((const float *)p->source)[i];
                }
                winograd_weights(g, u);
                for (int point = 0; point < WINOGRAD_POINTS; point++) points[point][c * width + part] = u[point];
            }
        }
        for (int64_t point = 0; point < WINOGRAD_POINTS; point++) {
            char *target = (char *)p->target + 4 * (((panel * WINOGRAD_POINTS + point) * units + unit) * PANEL);
            write_floats(points[point], target, p->is_bfloat16 ? CPU_BF16 : CPU_F32, PANEL * width);
        }
    }
}

static void pack_winograd(const cpu_pack *p, int threads) {
    const int64_t units = p->is_bfloat16 ? (p->k + 1) / 2 : p->k;
    cpu_parallel_for(threads, (p->n + PANEL - 1) / PANEL * units, 8, pack_winograd_panels, (void *)p);
}

typedef struct {
    const cpu_packed *p;
    int64_t tile_rows, tile_columns, tiles, blocks, panels;
} winograd_plan;

// Bᵀ d of a column of four pixels.
INLINE void winograd_column(const cpu_packed *p, int64_t at, lanes column[4]) {
    const int type = p->is_bfloat16 ? CPU_BF16 : CPU_F32;
    lanes d[4];
    EVERY(r, 4) d[r] = read_lanes(p->a, type, at + r * p->a_strides[1]);
    column[0] = d[0] - d[2];
    column[1] = d[1] + d[2];
    column[2] = d[2] - d[1];
    column[3] = d[1] - d[3];
}

// Tiles `first` to `last`, transformed: 16 matrices of `room` rows of k values.
static void winograd_pixels(const winograd_plan *plan, int64_t first, int64_t last, void *pixels, int64_t room) {
    const cpu_packed *p = plan->p;
    const int type = p->is_bfloat16 ? CPU_BF16 : CPU_F32;
    for (int64_t tile = first; tile < last;) {
        const int64_t line = tile / plan->tile_columns, begin = tile % plan->tile_columns;
        const int64_t rest = plan->tile_columns - begin, run = rest < last - tile ? rest : last - tile;
        const int64_t corner = line / plan->tile_rows * p->a_strides[0] + line % plan->tile_rows * 2 * p->a_strides[1]
            + begin * 2 * p->a_strides[2] + p->tap[0] / element_size(type);
        for (int64_t channel = 0; channel < p->k; channel += LANES) {
            lanes columns[4][4];
            EVERY(c, 2) winograd_column(p, corner + c * p->a_strides[2] + channel, columns[c]);
            for (int64_t t = 0; t < run; t++) {
                const int64_t at = corner + 2 * t * p->a_strides[2] + channel;
                EVERY(c, 2) winograd_column(p, at + (2 + c) * p->a_strides[2], columns[2 + c]);
                const int64_t to = (tile - first + t) * p->k + channel, step = room * p->k;
                EVERY(r, 4) {
                    write_lanes(columns[0][r] - columns[2][r], pixels, type, to + 4 * r * step);
                    write_lanes(columns[1][r] + columns[2][r], pixels, type, to + (4 * r + 1) * step);
                    write_lanes(columns[2][r] - columns[1][r], pixels, type, to + (4 * r + 2) * step);
                    write_lanes(columns[1][r] - columns[3][r], pixels, type, to + (4 * r + 3) * step);
                }
                EVERY(c, 2) EVERY(r, 4) columns[c][r] = columns[2 + c][r];
            }
        }
        tile += run;
    }
}

// From the 16 sums of a tile to its four results, a vector of columns.
INLINE void winograd_results(const float *sums, int64_t step, lanes bias, bool is_relu, lanes results[4]) {
    lanes rows[2][4];
    EVERY(c, 4) {
        lanes m[4];
        EVERY(r, 4) m[r] = *(const lanes *)(sums + (4 * r + c) * step);
        rows[0][c] = m[0] + m[1] + m[2];
        rows[1][c] = m[1] - m[2] - m[3];
    }
    EVERY(r, 2) {
        results[2 * r] = rows[r][0] + rows[r][1] + rows[r][2] + bias;
        results[2 * r + 1] = rows[r][1] - rows[r][2] - rows[r][3] + bias;
    }
    if (is_relu) EVERY(i, 4) results[i] = results[i] > 0 || results[i] != results[i] ? results[i] : 0;
}

static void winograd_finish(
    const winograd_plan *plan, const float *sums, int64_t first, int64_t last, int64_t room, int64_t panel)
{
    const cpu_packed *p = plan->p;
    const int64_t column = panel * PANEL, columns = p->n - column < PANEL ? p->n - column : PANEL;
    const bool is_relu = p->activation == CPU_ACTIVATION_RELU;
    const int size = element_size(p->out_type);
    float bias[PANEL] = {0};
    if (p->bias) memcpy(bias, p->bias + column, (size_t)columns * 4);
    for (int64_t tile = first; tile < last; tile++, sums += PANEL) {
        const int64_t line = tile / plan->tile_columns;
        const int64_t corner = line / plan->tile_rows * p->out_strides[0]
            + line % plan->tile_rows * 2 * p->out_strides[1] + tile % plan->tile_columns * 2 * p->out_strides[2] + column;
        EVERY(v, PANEL_VECTORS) {
            const int64_t left = columns - v * LANES;
            if (left <= 0) continue;
            lanes results[4];
            winograd_results(sums + v * LANES, room * PANEL, *(const lanes *)(bias + v * LANES), is_relu, results);
            EVERY(i, 4) {
                const int64_t at = corner + i / 2 * p->out_strides[1] + i % 2 * p->out_strides[2] + v * LANES;
                if (left >= LANES) write_lanes(results[i], p->out, p->out_type, at);
                else write_floats((const float *)&results[i], (char *)p->out + at * size, p->out_type, left);
            }
        }
    }
}

static void winograd_tasks(void *context, int worker, int64_t begin, int64_t end) {
    const winograd_plan *plan = context;
    const cpu_packed *p = plan->p;
    const int64_t units = p->is_bfloat16 ? p->k / 2 : p->k, none = 0;
    float *room = (float *)(p->workspace + worker * p->workspace_stride);
    for (int64_t block = begin; block < end; block++) {
        const int64_t first = plan->tiles * block / plan->blocks, last = plan->tiles * (block + 1) / plan->blocks;
        const int64_t count = last - first, groups = (count + PACKED_ROWS - 1) / PACKED_ROWS;
        float *sums = room, *pixels = room + WINOGRAD_POINTS * count * PANEL;
        winograd_pixels(plan, first, last, pixels, count);
        for (int64_t panel = 0; panel < plan->panels; panel++) {
            for (int64_t point = 0; point < WINOGRAD_POINTS; point++) {
                const float *w = (const float *)p->packed + (panel * WINOGRAD_POINTS + point) * units * PANEL;
                const int64_t share = units * PANEL * 4 / groups;
                for (int64_t group = 0; group < groups; group++) {
                    const int64_t row = count * group / groups, rows = count * (group + 1) / groups - row;
                    const char *a = (const char *)(pixels + (point * count + row) * units);
                    const char *ahead = (const char *)(w + units * PANEL) + group * share;
                    float *target = sums + (point * count + row) * PANEL;
#ifdef BFLOAT16_PRODUCTS
                    if (p->is_bfloat16)
                        packed_pairs((int)rows, a, units * 4, &none, 1, w, units, target, true, ahead, share / units);
                    else
#endif
                    packed_tile((int)rows, a, units * 4, &none, 1, w, units, target, true, ahead, share / units);
                }
            }
            winograd_finish(plan, sums, first, last, count, panel);
        }
    }
}

static int64_t winograd_workspace(int64_t k, bool is_bfloat16) {
    const int64_t units = is_bfloat16 ? k / 2 : k;
    return 4 * WINOGRAD_POINTS * winograd_tiles(units) * (PANEL + units);
}

// `rows` are pictures, their lines and pixels; `tap[0]` is where the first tap of the first result is.
static void winograd(const cpu_packed *p, int threads) {
    winograd_plan plan = {.p = p};
    plan.tile_rows = p->rows[1] / 2;
    plan.tile_columns = p->rows[2] / 2;
    plan.tiles = p->rows[0] * plan.tile_rows * plan.tile_columns;
    plan.panels = (p->n + PANEL - 1) / PANEL;
    int64_t most = winograd_tiles(p->is_bfloat16 ? p->k / 2 : p->k);
    while (threads > 1 && most > PACKED_ROWS && plan.tiles < most * threads * 3) most -= PACKED_ROWS;
    plan.blocks = (plan.tiles + most - 1) / most;
    cpu_parallel_for(threads, plan.blocks, 1, winograd_tasks, &plan);
}

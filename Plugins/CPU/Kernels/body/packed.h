// Products with a constant right-hand matrix, and convolutions, which are such products with rows found by position.
//
// The matrix is packed once: panels of PANEL columns, whole in k, so that a panel is read from memory front to back. A
// tile of PACKED_ROWS rows times a panel is summed in registers; while it is, the panel's next part is fetched, so that
// weights that lie in no cache cost nothing. k is cut where a panel's part would leave the second-level cache.

#if LANES == 16
#define PACKED_ROWS 13
#elif LANES == 8
#define PACKED_ROWS 6
#else
#define PACKED_ROWS 8
#endif
#define PANEL_VECTORS 2
#define PANEL (PANEL_VECTORS * LANES)
#define PACKED_DEPTH (1024 * 16 / LANES)
#define BLOCK_BYTES (512 << 10)
#define BLOCK_TILES 24

static int64_t packed_bytes(const cpu_pack *p) {
    const int64_t units = p->is_bfloat16 ? (p->k + 1) / 2 : p->k;
    return 4 * round_up(p->n, PANEL) * units * p->taps[0] * p->taps[1];
}

static void pack_panels(void *context, int worker, int64_t begin, int64_t end) {
    (void)worker;
    const cpu_pack *p = context;
    const int64_t width = p->is_bfloat16 ? 2 : 1, units = (p->k + width - 1) / width;
    const int64_t taps = p->taps[0] * p->taps[1];
    float row[PANEL * 2];
    for (int64_t at = begin; at < end; at++) {
        const int64_t panel = at / taps, tap = at % taps, first = panel * PANEL;
        const int64_t columns = p->n - first < PANEL ? p->n - first : PANEL;
        const int64_t start = tap / p->taps[1] * p->strides[2] + tap % p->taps[1] * p->strides[3];
        for (int64_t unit = 0; unit < units; unit++) {
            memset(row, 0, sizeof row);
            for (int64_t part = 0; part < width && unit * width + part < p->k; part++) {
                const int64_t offset = start + (unit * width + part) * p->strides[1] + first * p->strides[0];
                for (int64_t c = 0; c < columns; c++) {
                    const int64_t i = offset + c * p->strides[0];
                    row[c * width + part] = p->type == CPU_BF16 ? bfloat16_to_float(((const uint16_t *)p->source)[i])
                                                                : ((const float *)p->source)[i];
                }
            }
            char *target = (char *)p->target + 4 * ((at * units + unit) * PANEL);
            write_floats(row, target, p->is_bfloat16 ? CPU_BF16 : CPU_F32, PANEL * width);
        }
    }
}

static void pack(const cpu_pack *p, int threads) {
    const int64_t panels = (p->n + PANEL - 1) / PANEL * p->taps[0] * p->taps[1];
    cpu_parallel_for(threads, panels, 1 + 65536 / (PANEL * p->k), pack_panels, (void *)p);
}

// Sums of `rows` rows, `stride` bytes apart, times the panel's part of `units` numbers or pairs of them.
#define EVERY(INDEX, COUNT) _Pragma("clang loop unroll(full)") for (int INDEX = 0; INDEX < (COUNT); INDEX++)
#define PACKED_TILE(MULTIPLY_ADD)                                                                  \
    lanes sum[PACKED_ROWS][PANEL_VECTORS];                                                         \
    EVERY(r, rows) EVERY(v, PANEL_VECTORS)                                                         \
        sum[r][v] = starts ? (lanes)0 : *(const lanes *)(sums + r * PANEL + v * LANES);            \
    for (int64_t t = 0; t < taps; t++) {                                                           \
        const char *row = a + tap[t];                                                              \
        _Pragma("clang loop unroll(disable)") for (int64_t i = 0; i < units; i++) {                \
            lanes right[PANEL_VECTORS];                                                            \
            EVERY(v, PANEL_VECTORS) right[v] = *(const lanes *)(panel + v * LANES);                \
            __builtin_prefetch(ahead, 0, 2);                                                       \
            ahead += ahead_step;                                                                   \
            panel += PANEL;                                                                        \
            EVERY(r, rows) {                                                                       \
                const lanes left = *(const float *)(row + r * stride);                             \
                EVERY(v, PANEL_VECTORS) MULTIPLY_ADD;                                              \
            }                                                                                      \
            row += 4;                                                                              \
        }                                                                                          \
    }                                                                                              \
    EVERY(r, rows) EVERY(v, PANEL_VECTORS) *(lanes *)(sums + r * PANEL + v * LANES) = sum[r][v];

#define PACKED_ARGUMENTS                                                                           \
    const char *a, int64_t stride, const int64_t *tap, int64_t taps, const float *panel, int64_t units, float *sums, \
        bool starts, const char *ahead, int64_t ahead_step

INLINE void packed_tile_of(const int rows, PACKED_ARGUMENTS) { PACKED_TILE(sum[r][v] += left * right[v]) }

#ifdef BFLOAT16_PRODUCTS
INLINE void packed_pairs_of(const int rows, PACKED_ARGUMENTS) {
    PACKED_TILE(sum[r][v] = (lanes)_mm512_dpbf16_ps((__m512)sum[r][v], (__m512bh)right[v], (__m512bh)left))
}
#endif

// One copy of the loop for each number of rows, so that sums stay in registers.
#define BY_ROWS(FUNCTION)                                                                          \
    switch (rows) {                                                                                \
    case 1: FUNCTION(1, PASSED); break;                                                            \
    case 2: FUNCTION(2, PASSED); break;                                                            \
    case 3: FUNCTION(3, PASSED); break;                                                            \
    case 4: FUNCTION(4, PASSED); break;                                                            \
    case 5: FUNCTION(5, PASSED); break;                                                            \
    case 6: FUNCTION(6, PASSED); break;                                                            \
    BY_MORE_ROWS(FUNCTION)                                                                         \
    }
#if PACKED_ROWS == 13
#define BY_MORE_ROWS(FUNCTION)                                                                     \
    case 7: FUNCTION(7, PASSED); break;                                                            \
    case 8: FUNCTION(8, PASSED); break;                                                            \
    case 9: FUNCTION(9, PASSED); break;                                                            \
    case 10: FUNCTION(10, PASSED); break;                                                          \
    case 11: FUNCTION(11, PASSED); break;                                                          \
    case 12: FUNCTION(12, PASSED); break;                                                          \
    case 13: FUNCTION(13, PASSED); break;
#elif PACKED_ROWS == 8
#define BY_MORE_ROWS(FUNCTION)                                                                     \
    case 7: FUNCTION(7, PASSED); break;                                                            \
    case 8: FUNCTION(8, PASSED); break;
#else
#define BY_MORE_ROWS(FUNCTION)
#endif
#define PASSED a, stride, tap, taps, panel, units, sums, starts, ahead, ahead_step

static void packed_tile(int rows, PACKED_ARGUMENTS) { BY_ROWS(packed_tile_of) }
#ifdef BFLOAT16_PRODUCTS
static void packed_pairs(int rows, PACKED_ARGUMENTS) { BY_ROWS(packed_pairs_of) }
#endif

static void activate(int activation, float *x, int64_t n, int type) {
    switch (activation) {
    case CPU_ACTIVATION_GELU_ERF:
        if (type == CPU_BF16) {
            VECTOR_LOOP for (int64_t i = 0; i < n; i++) x[i] = gelu_erf_narrow(x[i]);
            break;
        }
        VECTOR_LOOP for (int64_t i = 0; i < n; i++) x[i] = gelu_erf(x[i]); break;
    case CPU_ACTIVATION_GELU_TANH: VECTOR_LOOP for (int64_t i = 0; i < n; i++) x[i] = gelu_tanh(x[i]); break;
    case CPU_ACTIVATION_GELU_QUICK: VECTOR_LOOP for (int64_t i = 0; i < n; i++) x[i] = gelu_quick(x[i]); break;
    case CPU_ACTIVATION_RELU:
        VECTOR_LOOP for (int64_t i = 0; i < n; i++) x[i] = x[i] > 0.0f ? x[i] : x[i] != x[i] ? x[i] : 0.0f;
        break;
    }
}

// Rows that a tile's end reads and writes, fetched while its sums are made.
INLINE void fetch_rows(const void *base, int type, int64_t offset, int64_t stride, int64_t rows) {
    const int size = element_size(type);
    const char *row = (const char *)base + offset * size;
    for (int64_t r = 0; r < rows; r++, row += stride * size) {
        __builtin_prefetch(row, 0, 3);
        if (PANEL * size > 64) __builtin_prefetch(row + PANEL * size - 1, 0, 3);
    }
}

INLINE void write_row(const float *x, void *out, int type, int64_t n) {
    if (type == CPU_F32 && n == PANEL)
        for (int v = 0; v < PANEL_VECTORS; v++) ((lanes *)out)[v] = ((const lanes *)x)[v];
    else
        write_floats(x, out, type, n);
}

INLINE lanes read_lanes(const void *base, int type, int64_t offset) {
    if (type == CPU_F32) return *(const lanes *)((const float *)base + offset);
    typedef uint16_t narrow_lanes __attribute__((ext_vector_type(LANES), aligned(2)));
    typedef uint32_t wide_lanes __attribute__((ext_vector_type(LANES)));
    const narrow_lanes bits = *(const narrow_lanes *)((const uint16_t *)base + offset);
    return (lanes)(__builtin_convertvector(bits, wide_lanes) << 16);
}

INLINE void write_lanes(lanes x, void *out, int type, int64_t offset) {
    if (type == CPU_F32) {
        *(lanes *)((float *)out + offset) = x;
        return;
    }
#ifdef BFLOAT16_PRODUCTS
    _mm256_storeu_si256((__m256i *)((uint16_t *)out + offset), (__m256i)_mm512_cvtneps_pbh((__m512)x));
#else
    write_floats((const float *)&x, (uint16_t *)out + offset, type, LANES);
#endif
}

// The end of a whole tile's row: bias, residual, ReLU in registers, and to memory.
INLINE void finish_row(const cpu_packed *p, const float *x, const float *bias, int64_t residual, int64_t out) {
    const bool is_relu = p->activates_last && p->activation == CPU_ACTIVATION_RELU;
    lanes sum[PANEL_VECTORS];
    EVERY(v, PANEL_VECTORS) {
        sum[v] = *(const lanes *)(x + v * LANES) + *(const lanes *)(bias + v * LANES);
        if (p->residual) sum[v] += read_lanes(p->residual, p->residual_type, residual + v * LANES);
        if (is_relu) sum[v] = sum[v] > 0 || sum[v] != sum[v] ? sum[v] : 0;
    }
    if (p->out_type == CPU_F32) {
        EVERY(v, PANEL_VECTORS) *(lanes *)((float *)p->out + out + v * LANES) = sum[v];
        return;
    }
#ifdef BFLOAT16_PRODUCTS
    _mm512_storeu_si512((uint16_t *)p->out + out, (__m512i)_mm512_cvtne2ps_pbh((__m512)sum[1], (__m512)sum[0]));
#else
    write_floats((const float *)sum, (uint16_t *)p->out + out, CPU_BF16, PANEL);
#endif
}

// What follows the sums of a tile, on its way to memory.
static void finish_tile(const cpu_packed *p, float *sums, int64_t rows, int64_t column, int64_t out, int64_t residual) {
    const int64_t columns = p->n - column < PANEL ? p->n - column : PANEL;
    const int out_size = element_size(p->out_type), residual_size = element_size(p->residual_type);
    float bias[PANEL] = {0}, other[PANEL] = {0};
    if (p->bias) memcpy(bias, p->bias + column, (size_t)columns * 4);
    if (p->activation && !p->activates_last) {
        for (int64_t r = 0; r < rows; r++)
            for (int c = 0; c < PANEL; c += LANES) *(lanes *)(sums + r * PANEL + c) += *(const lanes *)(bias + c);
        activate(p->activation, sums, rows * PANEL, p->out_type);
        memset(bias, 0, sizeof bias);
    }
    const bool is_whole = columns == PANEL && (!p->residual || p->residual_type == CPU_F32 || p->residual_type == CPU_BF16)
        && (p->out_type == CPU_F32 || p->out_type == CPU_BF16)
        && (!p->activates_last || p->activation == CPU_ACTIVATION_RELU);
    for (int64_t r = 0; r < rows; r++) {
        float *x = sums + r * PANEL;
        if (is_whole) {
            finish_row(p, x, bias, residual + r * p->residual_strides[2] + column, out + r * p->out_strides[2] + column);
            continue;
        }
        if (p->residual) {
            const int64_t at = residual + r * p->residual_strides[2] + column;
            read_floats((const char *)p->residual + at * residual_size, p->residual_type, 1, other, columns);
        }
        for (int c = 0; c < PANEL; c += LANES)
            *(lanes *)(x + c) += *(const lanes *)(bias + c) + *(const lanes *)(other + c);
        if (p->activates_last) activate(p->activation, x, PANEL, p->out_type);
        write_row(x, (char *)p->out + (out + r * p->out_strides[2] + column) * out_size, p->out_type, columns);
    }
}

typedef struct {
    const cpu_packed *p;
    int64_t line_tiles, tiles, blocks, panels, chunks, depth;
} packed_plan;

static packed_plan plan_packed(const cpu_packed *p, int threads) {
    packed_plan plan = {.p = p};
    plan.line_tiles = (p->rows[2] + PACKED_ROWS - 1) / PACKED_ROWS;
    plan.tiles = p->rows[0] * p->rows[1] * plan.line_tiles;
    const int64_t units = p->is_bfloat16 ? p->k / 2 : p->k;
    // Taps look at the same rows again.
    int64_t block = BLOCK_BYTES / (PACKED_ROWS * 4 * units * (p->taps < 3 ? p->taps : 3));
    block = block < 2 ? 2 : block > BLOCK_TILES ? BLOCK_TILES : block;
    plan.blocks = (plan.tiles + block - 1) / block;
    plan.panels = (p->n + PANEL - 1) / PANEL;
    plan.depth = p->taps > 1 || !p->is_bfloat16 ? PACKED_DEPTH : PACKED_DEPTH / 2;
    plan.chunks = threads <= 1 ? 1 : (threads * 4 + plan.blocks - 1) / plan.blocks;
    if (plan.chunks > plan.panels) plan.chunks = plan.panels;
    return plan;
}

// Where a tile's rows are: offsets in elements of the first one.
typedef struct {
    int64_t rows, a, out, residual;
} packed_place;

INLINE packed_place tile_place(const packed_plan *plan, int64_t tile) {
    const cpu_packed *p = plan->p;
    const int64_t line = tile / plan->line_tiles, part = tile % plan->line_tiles;
    const int64_t row = p->rows[2] * part / plan->line_tiles, next = p->rows[2] * (part + 1) / plan->line_tiles;
    const int64_t outer = line / p->rows[1], inner = line % p->rows[1];
#define PLACE(STRIDES) (outer * (STRIDES)[0] + inner * (STRIDES)[1] + row * (STRIDES)[2])
    return (packed_place){next - row, PLACE(p->a_strides), PLACE(p->out_strides), PLACE(p->residual_strides)};
#undef PLACE
}

INLINE void fetch_tile(const cpu_packed *p, packed_place place, int64_t column) {
    if (p->residual)
        fetch_rows(p->residual, p->residual_type, place.residual + column, p->residual_strides[2], place.rows);
    fetch_rows(p->out, p->out_type, place.out + column, p->out_strides[2], place.rows);
}

static void packed_tasks(void *context, int worker, int64_t begin, int64_t end) {
    const packed_plan *plan = context;
    const cpu_packed *p = plan->p;
    float *room = (float *)(p->workspace + worker * p->workspace_stride);
    const int64_t units = p->is_bfloat16 ? p->k / 2 : p->k, depth = units * p->taps, size = p->is_bfloat16 ? 2 : 4;
    for (int64_t task = begin; task < end; task++) {
        const int64_t block = task / plan->chunks, chunk = task % plan->chunks;
        const int64_t first = plan->tiles * block / plan->blocks, last = plan->tiles * (block + 1) / plan->blocks;
        const int64_t panel_begin = plan->panels * chunk / plan->chunks;
        const int64_t panel_end = plan->panels * (chunk + 1) / plan->chunks;
        for (int64_t panel = panel_begin; panel < panel_end; panel++) {
            const float *w = (const float *)p->packed + panel * depth * PANEL;
            // Parts of k: whole taps, or pieces of the only one.
            int64_t tap = 0, unit = 0;
            while (tap < p->taps) {
                int64_t taps = 1, piece = units;
                if (p->taps > 1) {
                    taps = plan->depth / units < 1 ? 1 : plan->depth / units;
                    if (taps > p->taps - tap) taps = p->taps - tap;
                } else if (units - unit > plan->depth) {
                    piece = units - unit < 2 * plan->depth ? (units - unit + 1) / 2 : plan->depth;
                } else {
                    piece = units - unit;
                }
                const int64_t length = taps * piece, done = tap * units + unit;
                const bool starts = done == 0, ends = done + length == depth;
                const float *part = w + done * PANEL;
                const int64_t share = length * PANEL * 4 / (last - first);
                packed_place place = tile_place(plan, first);
                if (ends) fetch_tile(p, place, panel * PANEL);
                for (int64_t tile = first; tile < last; tile++) {
                    const packed_place now = place;
                    if (tile + 1 < last) {
                        place = tile_place(plan, tile + 1);
                        if (ends) fetch_tile(p, place, panel * PANEL);
                    }
                    const char *a = (const char *)p->a + now.a * size + unit * 4;
                    float *sums = room + (tile - first) * PACKED_ROWS * PANEL;
                    const char *ahead = (const char *)(part + length * PANEL) + (tile - first) * share;
                    const int64_t stride = p->a_strides[2] * size, ahead_step = share / length;
#ifdef BFLOAT16_PRODUCTS
                    if (p->is_bfloat16)
                        packed_pairs((int)now.rows, a, stride, p->tap + tap, taps, part, piece, sums, starts, ahead,
                            ahead_step);
                    else
#endif
                    packed_tile((int)now.rows, a, stride, p->tap + tap, taps, part, piece, sums, starts, ahead, ahead_step);
                    if (ends) finish_tile(p, sums, now.rows, panel * PANEL, now.out, now.residual);
                }
                unit += piece;
                if (p->taps > 1 || unit == units) {
                    tap += taps;
                    unit = 0;
                }
            }
        }
    }
}

static int64_t packed_workspace(void) { return 4 * BLOCK_TILES * PACKED_ROWS * PANEL; }

static void packed(const cpu_packed *p, int threads) {
    packed_plan plan = plan_packed(p, threads);
    cpu_parallel_for(threads, plan.blocks * plan.chunks, 1, packed_tasks, &plan);
}

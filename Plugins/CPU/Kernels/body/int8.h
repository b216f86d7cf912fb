// Products of 8-bit integers. A tile of DOT_ROWS rows and DOT_VECTORS vectors of columns stays in registers over the
// whole length of the product; what is left in floats to do with its sums is done at once, in the first-level cache.

#define PANEL (DOT_VECTORS * LANES)
#define ROW_BLOCK 96
#define ROUNDED 16  // added to an activation's number

typedef int32_t dots __attribute__((ext_vector_type(LANES), aligned(4)));

// Adds four products to each lane: bytes of `x`, unsigned, with bytes of the lane of `w`, signed. Exact.
INLINE dots dot(dots sum, uint32_t x, dots w) {
#if defined(DOT_VNNI) && LANES == 16
    return __builtin_ia32_vpdpbusd512(sum, (dots)(int32_t)x, w);
#elif defined(DOT_VNNI)
    return __builtin_ia32_vpdpbusd256(sum, (dots)(int32_t)x, w);
#elif defined(DOT_MADD)
    // In 16 bits, even bytes and odd ones apart: products of whole bytes would saturate.
    typedef int16_t shorts __attribute__((ext_vector_type(2 * LANES), aligned(4)));
    const shorts even = (shorts)(dots)(int32_t)(x & 0x00FF00FFu), odd = (shorts)(dots)(int32_t)((x >> 8) & 0x00FF00FFu);
    const shorts w_even = ((shorts)w << 8) >> 8, w_odd = (shorts)w >> 8;
    return sum + (dots)__builtin_ia32_pmaddwd256(even, w_even) + (dots)__builtin_ia32_pmaddwd256(odd, w_odd);
#else
    sum += ((w << 24) >> 24) * (int32_t)(x & 255);
    sum += ((w << 16) >> 24) * (int32_t)((x >> 8) & 255);
    sum += ((w << 8) >> 24) * (int32_t)((x >> 16) & 255);
    return sum + (w >> 24) * (int32_t)(x >> 24);
#endif
}

INLINE void dot_tile(const int rows, const uint8_t *a, int64_t sa, const int8_t *b, int64_t fours, dots *out) {
    dots sums[DOT_ROWS][DOT_VECTORS];
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < DOT_VECTORS; v++) sums[r][v] = 0;
    for (int64_t i = 0; i < fours; i++) {
        dots w[DOT_VECTORS];
        for (int v = 0; v < DOT_VECTORS; v++) w[v] = *(const dots *)(b + i * 4 * PANEL + v * 4 * LANES);
        for (int r = 0; r < rows; r++) {
            uint32_t x;
            memcpy(&x, a + r * sa + i * 4, 4);
            for (int v = 0; v < DOT_VECTORS; v++) sums[r][v] = dot(sums[r][v], x, w[v]);
        }
    }
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < DOT_VECTORS; v++) out[r * DOT_VECTORS + v] = sums[r][v];
}

// Sums of up to DOT_ROWS rows: each number of rows is its own loop, so that none is computed for nothing.
static void dot_rows(int rows, const uint8_t *a, int64_t sa, const int8_t *b, int64_t fours, dots *out) {
    switch (rows) {
#if DOT_ROWS == 6
    case 6: dot_tile(6, a, sa, b, fours, out); break;
    case 5: dot_tile(5, a, sa, b, fours, out); break;
#endif
    case 4: dot_tile(4, a, sa, b, fours, out); break;
    case 3: dot_tile(3, a, sa, b, fours, out); break;
    case 2: dot_tile(2, a, sa, b, fours, out); break;
    default: dot_tile(1, a, sa, b, fours, out);
    }
}

// GELU where the result is quantised to 8 bits next: within 3e-4 of the exact, or of a part of large results, where a
// step of what follows is some 1e-2. `x * p(x)`, p the distribution's function: odd polynomials around 1/2 up to 4 sigma.
INLINE float gelu_by(const float c[7], float x) {
    // So written, what is no number stays so.
    const float low = x < -4.0f ? -4.0f : x, t = low > 4.0f ? 4.0f : low, u = t * t;
    float p = c[6];
    p = p * u + c[5];
    p = p * u + c[4];
    p = p * u + c[3];
    p = p * u + c[2];
    p = p * u + c[1];
    p = p * u + c[0];
    return low * (p * t + 0.5f);
}

static const float gelu_erf_by[7] = {0.39788321f, -0.064572915f, 0.0087723089f, -8.1400032e-4f, 4.7954061e-5f,
    -1.5985336e-6f, 2.2780172e-8f};
static const float gelu_tanh_by[7] = {0.39774528f, -0.064642228f, 0.0088399397f, -8.2894327e-4f, 4.9403388e-5f,
    -1.6646492e-6f, 2.3941805e-8f};

// The same for x * sigmoid(1.702 x): 2^f by a cubic.
INLINE float gelu_quick_near(float x) {
    const float magic = 12582912.0f;
    float y = x * -2.4554670f;
    y = y < -40.0f ? -40.0f : y;
    y = y > 40.0f ? 40.0f : y;
    const float shifted = y + magic, f = y - (shifted - magic);
    const float p = ((0.05517166f * f + 0.24261112f) * f + 0.69326098f) * f + 0.99992807f;
    return x / (1.0f + from_bits(to_bits(p) + (to_bits(shifted) << 23)));
}

INLINE void write_line(const cpu_int8_product *j, const float *line, int64_t at, const int64_t columns) {
    const float *residual = j->residual ? j->residual + at : NULL;
    if (j->type == CPU_BF16) {
        uint16_t *out = (uint16_t *)j->out + at;
        if (residual) { VECTOR_LOOP for (int64_t i = 0; i < columns; i++) out[i] = float_to_bfloat16(line[i] + residual[i]); }
        else { VECTOR_LOOP for (int64_t i = 0; i < columns; i++) out[i] = float_to_bfloat16(line[i]); }
    } else {
        float *out = (float *)j->out + at;
        if (residual) { VECTOR_LOOP for (int64_t i = 0; i < columns; i++) out[i] = line[i] + residual[i]; }
        else { VECTOR_LOOP for (int64_t i = 0; i < columns; i++) out[i] = line[i]; }
    }
}

// From sums to results, for one tile.
static void finish_tile(const cpu_int8_product *j, const dots *sums, int rows, int64_t first, int64_t column) {
    const int64_t columns = j->n - column < PANEL ? j->n - column : PANEL;
    for (int r = 0; r < rows; r++) {
        const cpu_int8_row row = j->row[first + r];
        float line[PANEL];
        for (int v = 0; v < DOT_VECTORS; v++) {
            const int64_t at = column + v * LANES;
            const dots exact = sums[r * DOT_VECTORS + v] - *(const dots *)(j->b.sum + at) * row.zero;
            const lanes scale = *(const lanes *)(j->b.scale + at) * row.scale;
            *(lanes *)(line + v * LANES) = __builtin_convertvector(exact, lanes) * scale + *(const lanes *)(j->b.bias + at);
        }
        // bfloat16 is asked for where the result is quantised next.
        switch (j->activation + (j->type == CPU_BF16 ? ROUNDED : 0)) {
#define EACH(EXPRESSION) \
    { VECTOR_LOOP for (int i = 0; i < PANEL; i++) { const float x = line[i]; line[i] = EXPRESSION; } } break
        case CPU_ACTIVATION_GELU_ERF: EACH(gelu_erf(x));
        case CPU_ACTIVATION_GELU_TANH: EACH(gelu_tanh(x));
        case CPU_ACTIVATION_GELU_QUICK: EACH(gelu_quick(x));
        case ROUNDED + CPU_ACTIVATION_GELU_ERF: EACH(gelu_by(gelu_erf_by, x));
        case ROUNDED + CPU_ACTIVATION_GELU_TANH: EACH(gelu_by(gelu_tanh_by, x));
        case ROUNDED + CPU_ACTIVATION_GELU_QUICK: EACH(gelu_quick_near(x));
        case CPU_ACTIVATION_RELU: case ROUNDED + CPU_ACTIVATION_RELU: EACH(x > 0.0f ? x : x != x ? x : 0.0f);
#undef EACH
        }
        const int64_t at = (first + r) * j->n + column;
        if (columns == PANEL) write_line(j, line, at, PANEL);
        else write_line(j, line, at, columns);
    }
}

INLINE int64_t int8_stride(int64_t width) { return (width + CPU_INT8_STEP - 1) / CPU_INT8_STEP * CPU_INT8_STEP; }

// Positions count panels within blocks of rows: a block's rows and a panel's columns stay in the second-level cache.
static void int8_product_range(void *context, int worker, int64_t begin, int64_t end) {
    (void)worker;
    const cpu_int8_product *j = context;
    const int64_t panels = (j->n + PANEL - 1) / PANEL, sa = int8_stride(j->k), fours = (j->k + 3) / 4;
    dots sums[DOT_ROWS * DOT_VECTORS];
    for (int64_t at = begin; at < end; at++) {
        const int64_t panel = at % panels, first = at / panels * ROW_BLOCK;
        const int64_t stop = first + ROW_BLOCK < j->m ? first + ROW_BLOCK : j->m;
        for (int64_t row = first; row < stop; row += DOT_ROWS) {
            const int rows = stop - row < DOT_ROWS ? (int)(stop - row) : DOT_ROWS;
            // What is written, and read before where it is added to, comes while the products are made.
            const int64_t size = j->type == CPU_BF16 ? 2 : 4;
            for (int r = 0; r < rows; r++) {
                const int64_t place = (row + r) * j->n + panel * PANEL;
                for (int64_t i = 0; i < PANEL * size; i += 64) {
                    __builtin_prefetch((const char *)j->out + place * size + i, 1);
                    if (j->residual && j->residual != j->out) __builtin_prefetch((const char *)(j->residual + place) + i);
                }
            }
            dot_rows(rows, j->a + row * sa, sa, j->b.values + panel * fours * 4 * PANEL, fours, sums);
            finish_tile(j, sums, rows, row, panel * PANEL);
        }
    }
}

static void int8_product(const cpu_int8_product *job, int threads) {
    const int64_t blocks = (job->m + ROW_BLOCK - 1) / ROW_BLOCK, panels = (job->n + PANEL - 1) / PANEL;
    cpu_parallel_for(threads, blocks * panels, 1, int8_product_range, (void *)job);
}

// Rounds to the nearest, half to even, for magnitudes below 2^22.
INLINE float rounded(float x) { return (x + 12582912.0f) - 12582912.0f; }

static void int8_rows_range(void *context, int worker, int64_t begin, int64_t end) {
    const cpu_int8_rows *j = context;
    const int64_t n = j->width, stride = int8_stride(n), whole = n / LANES * LANES;
    float *work = j->workspace + worker * j->workspace_stride;
    for (int64_t row = begin; row < end; row++) {
        const float *x = (const float *)j->x + row * j->stride;
        if (j->type == CPU_BF16) {
            const uint16_t *narrow = (const uint16_t *)j->x + row * j->stride;
            VECTOR_LOOP for (int64_t i = 0; i < n; i++) work[i] = bfloat16_to_float(narrow[i]);
            x = work;
        }
        if (j->norm_scale) {
            float mean, inverse;
            moments(x, n, j->epsilon, &mean, &inverse);
            VECTOR_LOOP for (int64_t i = 0; i < n; i++)
                work[i] = (x[i] - mean) * inverse * j->norm_scale[i] + j->norm_bias[i];
            x = work;
        }
        lanes lows = 0, highs = 0;
        dots odd = 0;  // whether a value is no number
        for (int64_t i = 0; i < whole; i += LANES) {
            const lanes v = *(const lanes *)(x + i);
            lows = v < lows ? v : lows;
            highs = v > highs ? v : highs;
            odd |= v != v;
        }
        float low = 0, high = 0;
        int32_t is_odd = 0;
        for (int lane = 0; lane < LANES; lane++) {
            low = lows[lane] < low ? lows[lane] : low;
            high = highs[lane] > high ? highs[lane] : high;
            is_odd |= odd[lane];
        }
        for (int64_t i = whole; i < n; i++) {
            low = x[i] < low ? x[i] : low;
            high = x[i] > high ? x[i] : high;
            is_odd |= x[i] != x[i];
        }
        // Infinite or no number: the whole row's results become NaN. Hardly any range: all is zero.
        const float scale = (high - low) / 255.0f;
        const bool is_usable = !is_odd && scale < 3.0e38f;
        const float inverse = is_usable && scale > 1e-30f ? 1.0f / scale : 0;
        const float zero = is_usable ? rounded(-low * inverse) : 0;
        uint8_t *out = j->out + row * stride;
        VECTOR_LOOP for (int64_t i = 0; i < n; i++) {
            float q = x[i] * inverse + zero + 0.5f;
            q = q > 0.0f ? q : 0.0f;
            out[i] = (uint8_t)(int32_t)(q < 255.0f ? q : 255.0f);
        }
        memset(out + n, 0, (size_t)(stride - n));
        j->row[row] = (cpu_int8_row){is_usable ? scale : from_bits(0x7FC00000), (int32_t)zero};
    }
}

static void int8_quantize(const cpu_int8_rows *job, int threads) {
    cpu_parallel_for(threads, job->rows, 1 + 8192 / job->width, int8_rows_range, (void *)job);
}

typedef struct {
    const float *w;
    int64_t row_stride, column_stride, k, n;
    cpu_int8_columns b;
} int8_pack_job;

static void int8_pack_panels(void *context, int worker, int64_t begin, int64_t end) {
    (void)worker;
    const int8_pack_job *j = context;
    const int64_t fours = (j->k + 3) / 4;
    for (int64_t column = begin * PANEL; column < end * PANEL; column++) {
        int8_t *packed = j->b.values + column / PANEL * fours * 4 * PANEL + column % PANEL * 4;
        const float *w = j->w + column * j->column_stride;
        const int64_t k = column < j->n ? j->k : 0, step = j->row_stride;
        float most = 0;
        for (int64_t i = 0; i < k; i++) {
            const float size = absolute(w[i * step]);
            most = size > most || size != size ? size : most;
        }
        // Below this, a column is zeros: the inverse must be finite. A NaN stays in the scale.
        const float scale = most <= 1e-30f ? 0 : most / 127.0f, inverse = most > 1e-30f ? 127.0f / most : 0;
        int32_t sum = 0;
        for (int64_t i = 0; i < fours * 4; i++) {
            float q = i < k ? rounded(w[i * step] * inverse) : 0;
            q = q > -127.0f ? q : -127.0f;
            q = q < 127.0f ? q : 127.0f;
            packed[i / 4 * 4 * PANEL + i % 4] = (int8_t)q;
            sum += (int32_t)q;
        }
        j->b.scale[column] = scale;
        j->b.sum[column] = sum;
    }
}

static void int8_pack(const float *w, int64_t row_stride, int64_t column_stride, cpu_int8_columns b, int64_t k,
    int64_t n, int threads)
{
    int8_pack_job job = {w, row_stride, column_stride, k, n, b};
    cpu_parallel_for(threads, (n + PANEL - 1) / PANEL, 1, int8_pack_panels, &job);
}

#define PEAK_FOURS 64

static void int8_peak_range(void *context, int worker, int64_t begin, int64_t end) {
    (void)worker;
    const int64_t rounds = *(const int64_t *)context;
    uint8_t a[DOT_ROWS * PEAK_FOURS * 4];
    int8_t b[PEAK_FOURS * 4 * PANEL];
    dots out[DOT_ROWS * DOT_VECTORS];
    memset(a, 1, sizeof a);
    memset(b, 1, sizeof b);
    for (int64_t i = 0; i < (end - begin) * rounds; i++) {
        dot_rows(DOT_ROWS, a, PEAK_FOURS * 4, b, PEAK_FOURS, out);
        __asm__ volatile("" : : "r"(a), "r"(b), "r"(out) : "memory");  // nothing may be left out
    }
}

static double int8_peak(int threads) {
    const int64_t rounds = 4000;
    double best = 0;
    for (int attempt = 0; attempt < 3; attempt++) {
        const double begin = cpu_seconds(threads == 1);
        cpu_parallel_for(threads, threads, 1, int8_peak_range, (void *)&rounds);
        const double rate = 2.0 * DOT_ROWS * PANEL * PEAK_FOURS * 4 * rounds * threads / (cpu_seconds(threads == 1) - begin);
        best = rate > best ? rate : best;
    }
    return best;
}

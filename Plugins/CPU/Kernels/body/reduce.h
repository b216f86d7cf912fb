// Sums and maxima of [outer, reduced, inner] over the middle. Long sums are cut into pieces whose number depends on the
// shape alone, so that the result does not depend on the number of threads.

typedef struct {
    const float *x;
    float *y;
    int64_t reduced, inner, pieces, piece;
    bool maximum;
} reduce_job;

// NaN wins, as in NumPy: a maximum that hides it would hide a fault.
INLINE float larger(float a, float b) { return a != a || a >= b ? a : b; }

// Rows of one piece, one column band at a time; 128 rows go into a band of floats before they join the total.
#define BAND 256
static void reduce_columns(const float *x, float *y, int64_t rows, int64_t inner, bool maximum) {
    for (int64_t column = 0; column < inner; column += BAND) {
        const int64_t n = inner - column < BAND ? inner - column : BAND;
        float total[BAND], part[BAND];
        for (int64_t i = 0; i < n; i++) total[i] = x[column + i];
        int64_t row = 1;
        while (row < rows) {
            const int64_t stop = row + 128 < rows ? row + 128 : rows;
            for (int64_t i = 0; i < n; i++) part[i] = x[row * inner + column + i];
            for (int64_t r = row + 1; r < stop; r++) {
                const float *source = x + r * inner + column;
                if (maximum) {
                    VECTOR_LOOP for (int64_t i = 0; i < n; i++) part[i] = larger(part[i], source[i]);
                } else {
                    VECTOR_LOOP for (int64_t i = 0; i < n; i++) part[i] += source[i];
                }
            }
            if (maximum) for (int64_t i = 0; i < n; i++) total[i] = larger(total[i], part[i]);
            else for (int64_t i = 0; i < n; i++) total[i] += part[i];
            row = stop;
        }
        for (int64_t i = 0; i < n; i++) y[column + i] = total[i];
    }
}

static float reduce_row(const float *x, int64_t n, bool maximum) {
    if (maximum) {
        bool has_nan = false;
        for (int64_t i = 0; i < n; i++) has_nan |= x[i] != x[i];
        return has_nan ? __builtin_nanf("") : row_maximum(x, n);
    }
    double total = 0;
    for (int64_t base = 0; base < n; base += 8192) {
        const int64_t length = n - base < 8192 ? n - base : 8192;
        const float *part = x + base;
        ROW_SUM(sum, length, part[i])
        total += sum;
    }
    return (float)total;
}

static void reduce_range(void *context, int worker, int64_t begin, int64_t end) {
    (void)worker;
    const reduce_job *j = context;
    for (int64_t at = begin; at < end; at++) {
        const int64_t outer = at / j->pieces, first = at % j->pieces * j->piece;
        const int64_t rows = j->reduced - first < j->piece ? j->reduced - first : j->piece;
        const float *x = j->x + (outer * j->reduced + first) * j->inner;
        if (j->inner == 1) j->y[at] = reduce_row(x, rows, j->maximum);
        else reduce_columns(x, j->y + at * j->inner, rows, j->inner, j->maximum);
    }
}

static void reduce(const float *x, float *y, int64_t outer, int64_t reduced, int64_t inner, bool maximum,
    float *workspace, int threads)
{
    int64_t pieces = reduced * inner / 32768;
    if (pieces > 64) pieces = 64;
    if (pieces > reduced) pieces = reduced;
    if (outer >= 64 || pieces < 2) pieces = 1;
    const int64_t piece = (reduced + pieces - 1) / pieces;
    pieces = (reduced + piece - 1) / piece;
    reduce_job job = {x, pieces == 1 ? y : workspace, reduced, inner, pieces, piece, maximum};
    cpu_parallel_for(threads, outer * pieces, 1 + 16384 / (piece * inner), reduce_range, &job);
    if (pieces > 1) {
        reduce_job last = {workspace, y, pieces, inner, 1, pieces, maximum};
        reduce_range(&last, 0, 0, outer);
    }
}

static void reduce_i32(const int32_t *x, int32_t *y, int64_t outer, int64_t reduced, int64_t inner, bool maximum) {
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < inner; i++) {
            int64_t total = maximum ? INT32_MIN : 0;
            for (int64_t r = 0; r < reduced; r++) {
                const int64_t v = x[(o * reduced + r) * inner + i];
                total = !maximum ? total + v : v > total ? v : total;
            }
            y[o * inner + i] = (int32_t)(total > INT32_MAX ? INT32_MAX : total < INT32_MIN ? INT32_MIN : total);
        }
}

static void arg_max(const void *x, int type, int32_t *y, int64_t outer, int64_t reduced, int64_t inner) {
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < inner; i++) {
            const int64_t base = o * reduced * inner + i;
            int64_t best = 0;
            if (type == CPU_F32) {
                const float *v = (const float *)x + base;
                for (int64_t r = 1; r < reduced; r++) if (v[r * inner] > v[best * inner]) best = r;
            } else {
                const int32_t *v = (const int32_t *)x + base;
                for (int64_t r = 1; r < reduced; r++) if (v[r * inner] > v[best * inner]) best = r;
            }
            y[o * inner + i] = (int32_t)best;
        }
}

// Products of small matrices, many at a time: operands of one product are packed into cache, whatever their strides.

INLINE int64_t round_up(int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

#define TILE_ROWS 6
#define TILE_VECTORS 4

// c[row][0 ..< vectors LANES] = sum over i of a(row, i) b[i] scale, for TILE_ROWS rows; element (row, i) of a is at
// a[row * sa + i * ka], rows of b are `sb` apart, of c `sc`. Rows from `rows` on repeat the last and are not written.
INLINE void product_tile_of(const int vectors, const float *a, int64_t sa, int64_t ka, const float *b, int64_t sb,
    float *c, int64_t sc, int64_t k, int64_t rows, float scale)
{
    lanes sums[TILE_ROWS][TILE_VECTORS];
    const float *row[TILE_ROWS];
    for (int r = 0; r < TILE_ROWS; r++) {
        row[r] = a + (r < rows ? r : rows - 1) * sa;
        for (int v = 0; v < vectors; v++) sums[r][v] = 0;
    }
    for (int64_t i = 0; i < k; i++) {
        lanes right[TILE_VECTORS];
        for (int v = 0; v < vectors; v++) right[v] = *(const lanes *)(b + i * sb + v * LANES);
        for (int r = 0; r < TILE_ROWS; r++) {
            const lanes left = row[r][i * ka];
            for (int v = 0; v < vectors; v++) sums[r][v] += left * right[v];
        }
    }
    for (int r = 0; r < TILE_ROWS; r++)
        if (r < rows)
            for (int v = 0; v < vectors; v++) *(lanes *)(c + r * sc + v * LANES) = sums[r][v] * scale;
}

// The same for all of m x n; n is a whole number of LANES.
INLINE void product(const float *a, int64_t sa, int64_t ka, const float *b, int64_t sb, float *c, int64_t sc, int64_t m,
    int64_t n, int64_t k, float scale)
{
    int64_t column = 0;
    while (column < n) {
        const int64_t left = (n - column) / LANES;
        const int vectors = left >= 4 ? 4 : left >= 2 ? 2 : 1;
        for (int64_t at = 0; at < m; at += TILE_ROWS) {
            const int64_t rows = m - at < TILE_ROWS ? m - at : TILE_ROWS;
            const float *x = a + at * sa, *y = b + column;
            float *z = c + at * sc + column;
            if (vectors == 4) product_tile_of(4, x, sa, ka, y, sb, z, sc, k, rows, scale);
            else if (vectors == 2) product_tile_of(2, x, sa, ka, y, sb, z, sc, k, rows, scale);
            else product_tile_of(1, x, sa, ka, y, sb, z, sc, k, rows, scale);
        }
        column += vectors * LANES;
    }
}

// One worker's room: b with rows padded to whole vectors, and a result with such rows.
static int64_t products_workspace(int64_t m, int64_t n, int64_t k) { return 4 * (k + m) * round_up(n, LANES); }

static void products_range(void *context, int worker, int64_t begin, int64_t end) {
    const cpu_products *j = context;
    const int64_t m = j->m, n = j->n, k = j->k, columns = round_up(n, LANES);
    float *packed = (float *)(j->workspace + worker * j->workspace_stride), *padded = packed + k * columns;
    const bool is_direct = j->b_strides[3] == 1 && n == columns;
    for (int64_t at = begin; at < end; at++) {
        const int64_t o = at / j->inner, i = at % j->inner;
        const float *a = j->a + o * j->a_strides[0] + i * j->a_strides[1];
        const float *b = j->b + o * j->b_strides[0] + i * j->b_strides[1];
        float *c = j->c + o * j->c_strides[0] + i * j->c_strides[1];
        int64_t sb = j->b_strides[2];
        if (!is_direct) {
            copy_matrix((const char *)b, (char *)packed, 4, k, n, sb, j->b_strides[3], columns, 1);
            for (int64_t row = 0; row < k; row++)
                for (int64_t column = n; column < columns; column++) packed[row * columns + column] = 0;
            b = packed;
            sb = columns;
        }
        if (n == columns) {
            product(a, j->a_strides[2], j->a_strides[3], b, sb, c, j->c_strides[2], m, n, k, j->scale);
        } else {
            product(a, j->a_strides[2], j->a_strides[3], b, sb, padded, columns, m, columns, k, j->scale);
            for (int64_t row = 0; row < m; row++)
                memcpy(c + row * j->c_strides[2], padded + row * columns, (size_t)n * 4);
        }
    }
}

static void products(const cpu_products *job, int threads) {
    cpu_parallel_for(threads, job->outer * job->inner, 1 + 65536 / (job->m * job->n * job->k), products_range,
        (void *)job);
}

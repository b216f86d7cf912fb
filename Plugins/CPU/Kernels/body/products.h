// Products of small matrices, many at a time: operands of one product are packed into cache, whatever their strides.

typedef float lanes __attribute__((ext_vector_type(LANES), aligned(4)));

INLINE int64_t round_up(int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

// c[4][2 LANES] = a[4][k] b[k][2 LANES] scale; rows of a are `sa` apart, of b `sb`, of c `sc`.
INLINE void product_tile(const float *a, int64_t sa, const float *b, int64_t sb, float *c, int64_t sc, int64_t k,
    float scale)
{
    lanes s00 = 0, s01 = 0, s10 = 0, s11 = 0, s20 = 0, s21 = 0, s30 = 0, s31 = 0;
    for (int64_t i = 0; i < k; i++) {
        const lanes b0 = *(const lanes *)(b + i * sb), b1 = *(const lanes *)(b + i * sb + LANES);
        const lanes a0 = a[i], a1 = a[sa + i], a2 = a[2 * sa + i], a3 = a[3 * sa + i];
        s00 += a0 * b0; s01 += a0 * b1;
        s10 += a1 * b0; s11 += a1 * b1;
        s20 += a2 * b0; s21 += a2 * b1;
        s30 += a3 * b0; s31 += a3 * b1;
    }
    *(lanes *)c = s00 * scale; *(lanes *)(c + LANES) = s01 * scale;
    *(lanes *)(c + sc) = s10 * scale; *(lanes *)(c + sc + LANES) = s11 * scale;
    *(lanes *)(c + 2 * sc) = s20 * scale; *(lanes *)(c + 2 * sc + LANES) = s21 * scale;
    *(lanes *)(c + 3 * sc) = s30 * scale; *(lanes *)(c + 3 * sc + LANES) = s31 * scale;
}

// One worker's room: a packed to rows of k, padded to four rows; b packed to rows of n, padded to tiles; one tile.
static int64_t products_workspace(int64_t m, int64_t n, int64_t k) {
    return 4 * (round_up(m, 4) * k + k * round_up(n, 2 * LANES) + 8 * LANES);
}

static void products_range(void *context, int worker, int64_t begin, int64_t end) {
    const cpu_products *j = context;
    const int64_t m = j->m, n = j->n, k = j->k, columns = round_up(n, 2 * LANES);
    float *packed_a = (float *)(j->workspace + worker * j->workspace_stride);
    float *packed_b = packed_a + round_up(m, 4) * k;
    float *tile = packed_b + k * columns;
    const bool takes_a = j->a_strides[3] == 1 && m % 4 == 0;
    const bool takes_b = j->b_strides[3] == 1 && n == columns;
    for (int64_t at = begin; at < end; at++) {
        const int64_t o = at / j->inner, i = at % j->inner;
        const float *a = j->a + o * j->a_strides[0] + i * j->a_strides[1];
        const float *b = j->b + o * j->b_strides[0] + i * j->b_strides[1];
        float *c = j->c + o * j->c_strides[0] + i * j->c_strides[1];
        int64_t sa = j->a_strides[2], sb = j->b_strides[2];
        const int64_t sc = j->c_strides[2];
        if (!takes_a) {
            copy_matrix((const char *)a, (char *)packed_a, 4, m, k, sa, j->a_strides[3], k, 1);
            a = packed_a;
            sa = k;
            for (int64_t row = m; row < round_up(m, 4); row++) memset(packed_a + row * k, 0, (size_t)k * 4);
        }
        if (!takes_b) {
            copy_matrix((const char *)b, (char *)packed_b, 4, k, n, sb, j->b_strides[3], columns, 1);
            b = packed_b;
            sb = columns;
            for (int64_t row = 0; row < k; row++)
                for (int64_t column = n; column < columns; column++) packed_b[row * columns + column] = 0;
        }
        for (int64_t column = 0; column < n; column += 2 * LANES)
            for (int64_t row = 0; row < m; row += 4) {
                if (row + 4 <= m && column + 2 * LANES <= n) {
                    product_tile(a + row * sa, sa, b + column, sb, c + row * sc + column, sc, k, j->scale);
                    continue;
                }
                product_tile(a + row * sa, sa, b + column, sb, tile, 2 * LANES, k, j->scale);
                const int64_t rows = m - row < 4 ? m - row : 4;
                const int64_t width = n - column < 2 * LANES ? n - column : 2 * LANES;
                for (int64_t r = 0; r < rows; r++)
                    for (int64_t x = 0; x < width; x++) c[(row + r) * sc + column + x] = tile[r * 2 * LANES + x];
            }
    }
}

static void products(const cpu_products *job, int threads) {
    cpu_parallel_for(threads, job->outer * job->inner, 1 + 65536 / (job->m * job->n * job->k), products_range,
        (void *)job);
}

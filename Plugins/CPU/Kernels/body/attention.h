// Attention of one head at a time, scores kept in cache: transposed keys are packed, then blocks of queries go through
// scores, softmax and the product with the values.

#define QUERY_BLOCK 16

// Packed keys, packed values, queries, scores and results of a block.
static int64_t attention_workspace(int64_t queries, int64_t keys, int64_t width, int64_t value_width) {
    (void)queries;
    const int64_t padded_keys = round_up(keys, 2 * LANES), padded_width = round_up(value_width, 2 * LANES);
    return 4 * (width * padded_keys + keys * padded_width + QUERY_BLOCK * (width + padded_keys + padded_width));
}

static void attention_heads(void *context, int worker, int64_t begin, int64_t end) {
    const cpu_attention *j = context;
    const int64_t keys = round_up(j->keys, 2 * LANES), columns = round_up(j->value_width, 2 * LANES);
    float *packed_k = (float *)(j->workspace + worker * j->workspace_stride);
    float *packed_v = packed_k + j->width * keys;
    float *q = packed_v + j->keys * columns;
    float *scores = q + QUERY_BLOCK * j->width;
    float *out = scores + QUERY_BLOCK * keys;
    for (int64_t head = begin; head < end; head++) {
        const int64_t o = head / j->inner, i = head % j->inner;
        const float *hq = j->q + o * j->q_strides[0] + i * j->q_strides[1];
        const float *hk = j->k + o * j->k_strides[0] + i * j->k_strides[1];
        const float *hv = j->v + o * j->v_strides[0] + i * j->v_strides[1];
        float *ho = j->out + o * j->out_strides[0] + i * j->out_strides[1];
        for (int64_t key = 0; key < j->keys; key++) {
            for (int64_t c = 0; c < j->width; c++) packed_k[c * keys + key] = hk[key * j->k_strides[2] + c];
            memcpy(packed_v + key * columns, hv + key * j->v_strides[2], (size_t)j->value_width * 4);
            for (int64_t c = j->value_width; c < columns; c++) packed_v[key * columns + c] = 0;
        }
        for (int64_t c = 0; c < j->width; c++)
            for (int64_t key = j->keys; key < keys; key++) packed_k[c * keys + key] = 0;

        for (int64_t first = 0; first < j->queries; first += QUERY_BLOCK) {
            const int64_t n = j->queries - first < QUERY_BLOCK ? j->queries - first : QUERY_BLOCK;
            const int64_t padded = round_up(n, 4);
            const int64_t seen = j->causal ? first + n : j->keys;
            for (int64_t row = 0; row < padded; row++)
                memcpy(q + row * j->width, hq + (first + (row < n ? row : 0)) * j->q_strides[2], (size_t)j->width * 4);
            for (int64_t row = 0; row < padded; row += 4)
                for (int64_t key = 0; key < seen; key += 2 * LANES)
                    product_tile(q + row * j->width, j->width, packed_k + key, keys, scores + row * keys + key, keys,
                        j->width, j->scale);
            for (int64_t row = 0; row < padded; row++) {
                const int64_t allowed = !j->causal ? j->keys : row < n ? first + row + 1 : 1;
                softmax_row(scores + row * keys, scores + row * keys, allowed);
                for (int64_t key = allowed; key < seen; key++) scores[row * keys + key] = 0;
            }
            for (int64_t row = 0; row < padded; row += 4)
                for (int64_t c = 0; c < columns; c += 2 * LANES)
                    product_tile(scores + row * keys, keys, packed_v + c, columns, out + row * columns + c, columns,
                        seen, 1);
            for (int64_t row = 0; row < n; row++)
                memcpy(ho + (first + row) * j->out_strides[2], out + row * columns, (size_t)j->value_width * 4);
        }
    }
}

static void attention(const cpu_attention *job, int threads) {
    cpu_parallel_for(threads, job->outer * job->inner, 1, attention_heads, (void *)job);
}

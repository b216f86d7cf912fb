// Attention of one head at a time, scores kept in cache: transposed keys are packed, then blocks of queries go through
// scores, softmax and the product with the values.

#define QUERY_BLOCK 24

// Packed keys, packed values, scores and results of a block.
static int64_t attention_workspace(int64_t queries, int64_t keys, int64_t width, int64_t value_width) {
    (void)queries;
    const int64_t padded_keys = round_up(keys, LANES), padded_width = round_up(value_width, LANES);
    return 4 * (width * padded_keys + keys * padded_width + QUERY_BLOCK * (padded_keys + padded_width));
}

static void attention_heads(void *context, int worker, int64_t begin, int64_t end) {
    const cpu_attention *j = context;
    const int64_t keys = round_up(j->keys, LANES), columns = round_up(j->value_width, LANES);
    float *packed_k = (float *)(j->workspace + worker * j->workspace_stride);
    float *packed_v = packed_k + j->width * keys;
    float *scores = packed_v + j->keys * columns;
    float *out = scores + QUERY_BLOCK * keys;
    for (int64_t head = begin; head < end; head++) {
        const int64_t o = head / j->inner, i = head % j->inner;
        const float *q = j->q + o * j->q_strides[0] + i * j->q_strides[1];
        const float *k = j->k + o * j->k_strides[0] + i * j->k_strides[1];
        const float *v = j->v + o * j->v_strides[0] + i * j->v_strides[1];
        float *result = j->out + o * j->out_strides[0] + i * j->out_strides[1];
        copy_matrix((const char *)k, (char *)packed_k, 4, j->width, j->keys, 1, j->k_strides[2], keys, 1);
        for (int64_t c = 0; c < j->width; c++)
            for (int64_t key = j->keys; key < keys; key++) packed_k[c * keys + key] = 0;
        const float *values = v;
        int64_t sv = j->v_strides[2];
        if (columns != j->value_width) {
            for (int64_t key = 0; key < j->keys; key++) {
                memcpy(packed_v + key * columns, v + key * sv, (size_t)j->value_width * 4);
                for (int64_t c = j->value_width; c < columns; c++) packed_v[key * columns + c] = 0;
            }
            values = packed_v;
            sv = columns;
        }
        for (int64_t first = 0; first < j->queries; first += QUERY_BLOCK) {
            const int64_t n = j->queries - first < QUERY_BLOCK ? j->queries - first : QUERY_BLOCK;
            const int64_t seen = j->causal ? first + n : j->keys;
            product(q + first * j->q_strides[2], j->q_strides[2], 1, packed_k, keys, scores, keys, n,
                round_up(seen, LANES), j->width, j->scale);
            for (int64_t row = 0; row < n; row++) {
                const int64_t allowed = j->causal ? first + row + 1 : j->keys;
                softmax_row(scores + row * keys, scores + row * keys, allowed);
                for (int64_t key = allowed; key < seen; key++) scores[row * keys + key] = 0;
            }
            if (columns == j->value_width) {
                product(scores, keys, 1, values, sv, result + first * j->out_strides[2], j->out_strides[2], n, columns,
                    seen, 1);
                continue;
            }
            product(scores, keys, 1, values, sv, out, columns, n, columns, seen, 1);
            for (int64_t row = 0; row < n; row++)
                memcpy(result + (first + row) * j->out_strides[2], out + row * columns, (size_t)j->value_width * 4);
        }
    }
}

static void attention(const cpu_attention *job, int threads) {
    cpu_parallel_for(threads, job->outer * job->inner, 1, attention_heads, (void *)job);
}

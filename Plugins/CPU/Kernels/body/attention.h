// Attention of one head at a time, scores kept in cache: keys and values are packed as a product's right-hand matrix is,
// then tiles of queries go through scores, softmax and the product with the values.

typedef struct {
    int64_t key_panels, value_panels, score_units, mix_units, row;  // `row`: numbers in a row of probabilities
    char *keys, *values, *probabilities;
    float *scores, *sums;
} attention_room;

// Nothing may be added to no pointer, which is what is there when only the size is asked for.
static char *placed(char *base, int64_t offset) { return base ? base + offset : NULL; }

static int64_t attention_layout(
    attention_room *room, char *base, int64_t keys, int64_t width, int64_t value_width, bool is_bfloat16)
{
    room->key_panels = (keys + PANEL - 1) / PANEL;
    room->value_panels = (value_width + PANEL - 1) / PANEL;
    room->score_units = is_bfloat16 ? width / 2 : width;
    room->mix_units = is_bfloat16 ? (keys + 1) / 2 : keys;
    room->row = room->key_panels * PANEL;
    int64_t next = 0;
    room->keys = placed(base, next);
    next += 4 * room->key_panels * PANEL * room->score_units;
    room->values = placed(base, next);
    next += 4 * room->value_panels * PANEL * room->mix_units;
    room->scores = (float *)placed(base, next);
    next += 4 * PACKED_ROWS * room->row;
    room->probabilities = placed(base, next);
    next += 4 * PACKED_ROWS * room->row;
    room->sums = (float *)placed(base, next);
    next += 4 * PACKED_ROWS * PANEL;
    return next;
}

// What one worker needs.
static int64_t attention_workspace(int64_t keys, int64_t width, int64_t value_width, bool is_bfloat16) {
    attention_room room;
    return attention_layout(&room, NULL, keys, width, value_width, is_bfloat16);
}

// Rows of keys, `stride` units apart, become columns: units are floats or pairs of bfloat16.
static void pack_keys(const attention_room *room, const uint32_t *k, int64_t stride_bytes, int64_t keys) {
    uint32_t *target = (uint32_t *)room->keys;
    for (int64_t panel = 0; panel < room->key_panels; panel++, target += PANEL * room->score_units) {
        const int64_t first = panel * PANEL, count = keys - first < PANEL ? keys - first : PANEL;
        const char *rows = (const char *)k + first * stride_bytes;
        for (int64_t unit = 0; unit < room->score_units; unit += LANES) {
            const int64_t units = room->score_units - unit < LANES ? room->score_units - unit : LANES;
            for (int64_t key = 0; key < count; key++) {
                const uint32_t *row = (const uint32_t *)(rows + key * stride_bytes) + unit;
                for (int64_t u = 0; u < units; u++) target[(unit + u) * PANEL + key] = row[u];
            }
            for (int64_t u = 0; u < units && count < PANEL; u++)
                memset(target + (unit + u) * PANEL + count, 0, (size_t)(PANEL - count) * 4);
        }
    }
}

static void pack_values(const attention_room *room, const char *v, int64_t stride_bytes, int64_t keys,
    int64_t width, bool is_bfloat16)
{
    for (int64_t panel = 0; panel < room->value_panels; panel++) {
        const int64_t first = panel * PANEL, count = width - first < PANEL ? width - first : PANEL;
        char *target = room->values + 4 * panel * PANEL * room->mix_units;
        for (int64_t unit = 0; unit < room->mix_units; unit++, target += 4 * PANEL) {
            if (!is_bfloat16) {
                if (count == PANEL) {
                    memcpy(target, v + unit * stride_bytes + first * 4, PANEL * 4);
                    continue;
                }
                memcpy(target, v + unit * stride_bytes + first * 4, (size_t)count * 4);
                memset(target + count * 4, 0, (size_t)(PANEL - count) * 4);
                continue;
            }
            const uint16_t *even = (const uint16_t *)(v + 2 * unit * stride_bytes) + first;
            const uint16_t *odd = (const uint16_t *)(v + (2 * unit + 1) * stride_bytes) + first;
            const bool has_odd = 2 * unit + 1 < keys;
            uint32_t *pairs = (uint32_t *)target;
            if (count < PANEL || !has_odd) {
                for (int64_t c = 0; c < PANEL; c++)
                    pairs[c] = c < count ? even[c] | (has_odd ? (uint32_t)odd[c] << 16 : 0) : 0;
            } else {
                VECTOR_LOOP for (int64_t c = 0; c < PANEL; c++) pairs[c] = even[c] | (uint32_t)odd[c] << 16;
            }
        }
    }
}

// Scaled scores of a vector of keys, of which those from `allowed` on are no keys.
INLINE lanes scaled_scores(const float *scores, float scale, int64_t allowed) {
    const lanes scaled = *(const lanes *)scores * scale;
    if (allowed >= LANES) return scaled;
    lanes masked = scaled;
    for (int lane = 0; lane < LANES; lane++) masked[lane] = lane < allowed ? scaled[lane] : from_bits(0xFF800000);
    return masked;
}

// exp(scores - their maximum) of one row, in the panels' order, and one over their sum. Keys from `allowed` on become 0,
// up to the end of the row's last panel in use.
static float probabilities(const attention_room *room, int64_t row, int64_t allowed, int64_t panels, float scale,
    bool is_bfloat16)
{
    const float *scores = room->scores + row * PANEL;
    const int64_t step = PACKED_ROWS * PANEL;
    lanes most = from_bits(0xFF800000);
    for (int64_t panel = 0; panel < panels; panel++) {
        EVERY(v, PANEL_VECTORS) {
            const int64_t first = panel * PANEL + v * LANES;
            const lanes next = scaled_scores(scores + panel * step + v * LANES, scale, allowed - first);
            most = next > most ? next : most;
        }
    }
    const float top = __builtin_reduce_max(most);  // a NaN among the scores comes out of their exponentials
    lanes total = 0;
    for (int64_t panel = 0; panel < panels; panel++) {
        EVERY(v, PANEL_VECTORS) {
            const int64_t first = panel * PANEL + v * LANES;
            const lanes next = exponentials_of_negatives(
                scaled_scores(scores + panel * step + v * LANES, scale, allowed - first) - top);
            total += next;
            write_lanes(next, room->probabilities, is_bfloat16 ? CPU_BF16 : CPU_F32, row * room->row + first);
        }
    }
    return 1.0f / lanes_sum(total);
}

// Sums of `rows` rows times one panel.
INLINE void attention_product(int rows, const char *a, int64_t stride, const char *panel, int64_t units, float *sums,
    bool is_bfloat16)
{
    const int64_t tap = 0;
#ifdef BFLOAT16_PRODUCTS
    if (is_bfloat16) return packed_pairs(rows, a, stride, &tap, 1, (const float *)panel, units, sums, true, a, 0);
#endif
    (void)is_bfloat16;
    packed_tile(rows, a, stride, &tap, 1, (const float *)panel, units, sums, true, a, 0);
}

// A later head's rows, fetched while this one is computed: they are too far apart for the processor to see a pattern.
INLINE void fetch_head(const void *base, const int64_t strides[3], int64_t o, int64_t i, int64_t rows, int64_t bytes,
    int64_t size)
{
    const char *row = (const char *)base + (o * strides[0] + i * strides[1]) * size;
    for (int64_t r = 0; r < rows; r++, row += strides[2] * size)
        for (int64_t b = 0; b < bytes; b += 64) __builtin_prefetch(row + b, 0, 2);
}

static void attention_heads(void *context, int worker, int64_t begin, int64_t end) {
    const cpu_attention *j = context;
    attention_room room;
    attention_layout(&room, j->workspace + worker * j->workspace_stride, j->keys, j->width, j->value_width, j->is_bfloat16);
    const int64_t size = j->is_bfloat16 ? 2 : 4;
    const int64_t tiles = (j->queries + PACKED_ROWS - 1) / PACKED_ROWS;
    for (int64_t head = begin; head < end; head++) {
        const int64_t o = head / j->inner, i = head % j->inner;
        const char *q = (const char *)j->q + (o * j->q_strides[0] + i * j->q_strides[1]) * size;
        const char *k = (const char *)j->k + (o * j->k_strides[0] + i * j->k_strides[1]) * size;
        const char *v = (const char *)j->v + (o * j->v_strides[0] + i * j->v_strides[1]) * size;
        char *result = (char *)j->out + (o * j->out_strides[0] + i * j->out_strides[1]) * size;
        if (head + 1 < j->outer * j->inner) {
            const int64_t o2 = (head + 1) / j->inner, i2 = (head + 1) % j->inner;
            fetch_head(j->k, j->k_strides, o2, i2, j->keys, j->width * size, size);
            fetch_head(j->v, j->v_strides, o2, i2, j->keys, j->value_width * size, size);
            fetch_head(j->q, j->q_strides, o2, i2, j->queries, j->width * size, size);
        }
        pack_keys(&room, (const uint32_t *)k, j->k_strides[2] * size, j->keys);
        pack_values(&room, v, j->v_strides[2] * size, j->keys, j->value_width, j->is_bfloat16);
        for (int64_t tile = 0; tile < tiles; tile++) {
            const int64_t first = j->queries * tile / tiles, next = j->queries * (tile + 1) / tiles;
            const int rows = (int)(next - first);
            const int64_t seen = j->causal ? next : j->keys, panels = (seen + PANEL - 1) / PANEL;
            for (int64_t panel = 0; panel < panels; panel++)
                attention_product(rows, q + first * j->q_strides[2] * size, j->q_strides[2] * size,
                    room.keys + 4 * panel * PANEL * room.score_units, room.score_units,
                    room.scores + panel * PACKED_ROWS * PANEL, j->is_bfloat16);
            float inverse[PACKED_ROWS];
            for (int row = 0; row < rows; row++)
                inverse[row] = probabilities(&room, row, j->causal ? first + row + 1 : j->keys, panels, j->scale,
                    j->is_bfloat16);
            const int64_t units = j->is_bfloat16 ? (seen + 1) / 2 : seen;
            for (int64_t panel = 0; panel < room.value_panels; panel++) {
                attention_product(rows, room.probabilities, room.row * size,
                    room.values + 4 * panel * PANEL * room.mix_units, units, room.sums, j->is_bfloat16);
                const int64_t column = panel * PANEL;
                const int64_t columns = j->value_width - column < PANEL ? j->value_width - column : PANEL;
                for (int row = 0; row < rows; row++) {
                    float *x = room.sums + row * PANEL;
                    const int64_t at = (first + row) * j->out_strides[2] + column;
                    if (columns == PANEL) {
                        EVERY(v, PANEL_VECTORS)
                            write_lanes(*(const lanes *)(x + v * LANES) * inverse[row], result,
                                j->is_bfloat16 ? CPU_BF16 : CPU_F32, at + v * LANES);
                        continue;
                    }
                    for (int c = 0; c < PANEL; c += LANES) *(lanes *)(x + c) *= inverse[row];
                    write_row(x, result + at * size,
                        j->is_bfloat16 ? CPU_BF16 : CPU_F32, columns);
                }
            }
        }
    }
}

static void attention(const cpu_attention *job, int threads) {
    cpu_parallel_for(threads, job->outer * job->inner, 1, attention_heads, (void *)job);
}

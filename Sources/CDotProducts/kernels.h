// No guard: included once for each instruction set.
// The kernels once more for one instruction set: NAME makes a function's name, TARGET its attribute, LANES the floats
// of a vector.

typedef float NAME(vector) __attribute__((vector_size(LANES * 4), aligned(4)));
typedef int NAME(integers) __attribute__((vector_size(LANES * 4), aligned(4)));

TARGET static inline float NAME(sum)(NAME(vector) v) {
    float total = 0;
    for (int i = 0; i < LANES; i++) total += v[i];
    return total;
}

TARGET static void NAME(scores)(
    const float *queries, size_t query_count, const float *candidates, size_t candidate_count, size_t width,
    float *scores) {
    for (size_t i = 0; i < query_count; i += 4) {
        for (size_t j = 0; j < candidate_count; j += 2) {
            NAME(vector) sums[4][2] = {{{0}}};
            for (size_t k = 0; k < width; k += LANES) {
                NAME(vector) c0 = *(const NAME(vector) *)(candidates + j * width + k);
                NAME(vector) c1 = *(const NAME(vector) *)(candidates + (j + 1) * width + k);
#pragma clang loop unroll(full)
                for (size_t q = 0; q < 4; q++) {
                    NAME(vector) query = *(const NAME(vector) *)(queries + (i + q) * width + k);
                    sums[q][0] += query * c0;
                    sums[q][1] += query * c1;
                }
            }
            for (size_t q = 0; q < 4; q++) {
                scores[(i + q) * candidate_count + j] = NAME(sum)(sums[q][0]);
                scores[(i + q) * candidate_count + j + 1] = NAME(sum)(sums[q][1]);
            }
        }
    }
}

/// exp(x) for x <= 0, 0 below -87: 2^n * e^r with |r| <= ln(2) / 2 and the polynomial of Cephes' expf (Moshier), which
/// is within 2 units in the last place.
TARGET static inline NAME(vector) NAME(exponential)(NAME(vector) x) {
    NAME(integers) is_tiny = x < -87.0f;
    x = (NAME(vector))(~is_tiny & (NAME(integers))x);
    // Adding 1.5 * 2^23 rounds to a whole number, which then stands in the low bits.
    NAME(vector) shifted = x * 1.44269504088896341f + 12582912.0f;
    NAME(integers) n = (NAME(integers))shifted - 0x4B400000;
    NAME(vector) whole = shifted - 12582912.0f;
    NAME(vector) r = x - whole * 0.693359375f + whole * 2.12194440e-4f;
    NAME(vector) p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    NAME(vector) result = p * (NAME(vector))((n + 127) << 23);
    return (NAME(vector))(~is_tiny & (NAME(integers))result);
}

TARGET static double NAME(sum_of_exponentials)(const float *values, size_t count, float scale, float maximum) {
    double total = 0;
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        NAME(vector) x = (*(const NAME(vector) *)(values + i) - maximum) * scale;
        total += NAME(sum)(NAME(exponential)(x));
    }
    if (i < count) {
        NAME(vector) x;
        for (int lane = 0; lane < LANES; lane++) {
            x[lane] = i + lane < count ? (values[i + lane] - maximum) * scale : -1000.0f;
        }
        total += NAME(sum)(NAME(exponential)(x));
    }
    return total;
}

#undef NAME
#undef TARGET
#undef LANES

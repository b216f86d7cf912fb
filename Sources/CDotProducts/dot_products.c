#include "dot_products.h"

#include <math.h>

// Swift compiles for the oldest processor of its target; here the same code is compiled for newer ones, too, and the
// processor at hand decides.

#define NAME(x) base_##x
#define TARGET
#define LANES 4
#include "kernels.h"

#if defined(__x86_64__)

#define NAME(x) avx2_##x
#define TARGET __attribute__((target("avx2,fma")))
#define LANES 8
#include "kernels.h"

#define NAME(x) avx512_##x
#define TARGET __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,fma")))
#define LANES 16
#include "kernels.h"

static int level(void) {
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512vl")) {
        return 2;
    }
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? 1 : 0;
}

#define DISPATCH(name, ...) \
    switch (level()) { \
    case 2: return avx512_##name(__VA_ARGS__); \
    case 1: return avx2_##name(__VA_ARGS__); \
    default: return base_##name(__VA_ARGS__); \
    }

#else

#define DISPATCH(name, ...) return base_##name(__VA_ARGS__);

#endif

void cdp_scores(
    const float *queries, size_t query_count, const float *candidates, size_t candidate_count, size_t width,
    float *scores) {
    DISPATCH(scores, queries, query_count, candidates, candidate_count, width, scores)
}

double cdp_sum_of_exponentials(const float *values, size_t count, float scale, float maximum) {
    DISPATCH(sum_of_exponentials, values, count, scale, maximum)
}

float cdp_maximum(const float *values, size_t count) {
    float largest = -INFINITY;
    for (size_t i = 0; i < count; i++) largest = values[i] > largest ? values[i] : largest;
    return largest;
}

double cdp_squared_length(const float *values, size_t count) {
    typedef float floats __attribute__((vector_size(32), aligned(4)));
    typedef double doubles __attribute__((vector_size(64)));
    doubles sums = {0};
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        doubles wide = __builtin_convertvector(*(const floats *)(values + i), doubles);
        sums += wide * wide;
    }
    double total = 0;
    for (int lane = 0; lane < 8; lane++) total += sums[lane];
    for (; i < count; i++) total += (double)values[i] * values[i];
    return total;
}

// What the multipliers give when nothing waits for memory: the scale that profiles are read on.

#define PEAK_CHAINS (LANES == 16 ? 24 : 12)
#define PEAK_ROUNDS 200000
#define PEAK_LOOP _Pragma("clang loop unroll(disable)") for (int i = 0; i < PEAK_ROUNDS; i++)

typedef struct {
    bool is_bfloat16;
    volatile float factor, sink;
} peak_job;

static void peak_range(void *context, int worker, int64_t begin, int64_t end) {
    (void)worker;
    peak_job *j = context;
    for (int64_t at = begin; at < end; at++) {
        const lanes factor = j->factor;
        lanes sums[PEAK_CHAINS], total = 0;
        EVERY(c, PEAK_CHAINS) sums[c] = (float)c;
#ifdef BFLOAT16_PRODUCTS
        if (j->is_bfloat16) {
            const __m512bh pair = (__m512bh)factor;
            PEAK_LOOP EVERY(c, PEAK_CHAINS)
                    sums[c] = (lanes)_mm512_dpbf16_ps((__m512)sums[c], (__m512bh)sums[c], pair);
        } else
#endif
        PEAK_LOOP EVERY(c, PEAK_CHAINS) sums[c] = sums[c] * factor + factor;
        EVERY(c, PEAK_CHAINS) total += sums[c];
        j->sink = lanes_sum(total);
    }
}

static double peak(bool is_bfloat16, int threads) {
    peak_job job = {.is_bfloat16 = is_bfloat16, .factor = 0.5f};
    double best = 0;
    for (int attempt = 0; attempt < 3; attempt++) {
        const double begin = cpu_seconds(threads == 1);
        cpu_parallel_for(threads, threads, 1, peak_range, &job);
        const double seconds = cpu_seconds(threads == 1) - begin;
        double flops = 2.0 * LANES * PEAK_CHAINS * PEAK_ROUNDS * threads / seconds;
#ifdef BFLOAT16_PRODUCTS
        if (is_bfloat16) flops *= 2;
#endif
        best = flops > best ? flops : best;
    }
    return best;
}

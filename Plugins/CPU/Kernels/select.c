#include <stdlib.h>
#include <string.h>

#include "cpu_kernels.h"

const cpu_kernels *cpu_kernels_select(void) {
#if defined(__x86_64__)
    const char *asked = getenv("CLIP_CPU_ISA");
    const int limit = !asked || !strcmp(asked, "avx512-bf16") ? 3 : !strcmp(asked, "avx512") ? 2 : !strcmp(asked, "avx2") ? 1 : 0;
    __builtin_cpu_init();
    if (limit >= 2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
        return limit >= 3 && __builtin_cpu_supports("avx512bf16") ? &cpu_kernels_avx512bf16 : &cpu_kernels_avx512;
    if (limit >= 1 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
        && __builtin_cpu_supports("f16c"))
        return &cpu_kernels_avx2;
#endif
    return &cpu_kernels_portable;
}

const cpu_int8_kernels *cpu_int8_select(void) { return cpu_int8_up_to(getenv("CLIP_CPU_ISA")); }

const cpu_int8_kernels *cpu_int8_up_to(const char *asked) {
#if defined(__x86_64__)
    const int limit = !asked || !strncmp(asked, "avx512", 6) ? 3 : !strcmp(asked, "avx-vnni") ? 2 : !strcmp(asked, "avx2");
    __builtin_cpu_init();
    if (limit >= 3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")
        && __builtin_cpu_supports("avx512vnni"))
        return &cpu_int8_avx512vnni;
    const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
        && __builtin_cpu_supports("f16c");
    if (limit >= 2 && has_avx2 && __builtin_cpu_supports("avxvnni")) return &cpu_int8_avxvnni;
    if (limit >= 1 && has_avx2) return &cpu_int8_avx2;
#endif
    return &cpu_int8_portable;
}

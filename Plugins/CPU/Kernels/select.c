#include <stdlib.h>
#include <string.h>

#include "cpu_kernels.h"

enum { PORTABLE, AVX2, AVX_VNNI, AVX512, AVX512_BF16, COUNT };

static const char *const names[COUNT] = {"portable", "avx2", "avx-vnni", "avx512", "avx512-bf16"};

const char *cpu_isa_name(int number) { return number >= 0 && number < COUNT ? names[number] : NULL; }

bool cpu_isa_runs(int number) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
    const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
    switch (number) {
    case AVX2: return avx2;
    case AVX_VNNI: return avx2 && __builtin_cpu_supports("avxvnni");
    case AVX512: return avx512;
    case AVX512_BF16: return avx512 && __builtin_cpu_supports("avx512bf16");
    }
#endif
    return number == PORTABLE;
}

// The number of a name; the last for none, or one that there is not.
static int numbered(const char *name) {
    for (int number = 0; name && number < COUNT; number++)
        if (!strcmp(name, names[number])) return number;
    return COUNT - 1;
}

const cpu_kernels *cpu_kernels_select(void) {
#if defined(__x86_64__)
    const int limit = numbered(getenv("CLIP_CPU_ISA"));
    if (limit >= AVX512_BF16 && cpu_isa_runs(AVX512_BF16)) return &cpu_kernels_avx512bf16;
    if (limit >= AVX512 && cpu_isa_runs(AVX512)) return &cpu_kernels_avx512;
    if (limit >= AVX2 && cpu_isa_runs(AVX2)) return &cpu_kernels_avx2;
#endif
    return &cpu_kernels_portable;
}

const cpu_int8_kernels *cpu_int8_select(void) { return cpu_int8_up_to(getenv("CLIP_CPU_ISA")); }

const cpu_int8_kernels *cpu_int8_up_to(const char *asked) {
#if defined(__x86_64__)
    const int limit = numbered(asked);
    if (limit >= AVX512 && cpu_isa_runs(AVX512) && __builtin_cpu_supports("avx512vnni")) return &cpu_int8_avx512vnni;
    if (limit >= AVX_VNNI && cpu_isa_runs(AVX_VNNI)) return &cpu_int8_avxvnni;
    if (limit >= AVX2 && cpu_isa_runs(AVX2)) return &cpu_int8_avx2;
#endif
    return &cpu_int8_portable;
}

// The kernels of body/int8.h, compiled for avx512-vnni.
#include <stdint.h>
#include <string.h>

#include "cpu_kernels.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,f16c"))), apply_to = function)
#define LANES 16
#define DOT_VNNI
#define DOT_ROWS 6
#define DOT_VECTORS 4
#define INT8_KERNELS cpu_int8_avx512vnni
#define INT8_NAME "avx512-vnni"
#include "body/int8_all.h"
#pragma clang attribute pop
#endif

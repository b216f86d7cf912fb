// The kernels of body/int8.h, compiled for avx2.
#include <stdint.h>
#include <string.h>

#include "cpu_kernels.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#define LANES 8
#define DOT_MADD
#define DOT_ROWS 4
#define DOT_VECTORS 2
#define INT8_KERNELS cpu_int8_avx2
#define INT8_NAME "avx2"
#include "body/int8_all.h"
#pragma clang attribute pop
#endif

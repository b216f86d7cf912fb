// The kernels of body/int8.h, compiled for avx-vnni.
#include <stdint.h>
#include <string.h>

#include "cpu_kernels.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avxvnni"))), apply_to = function)
#define LANES 8
#define DOT_VNNI
#define DOT_ROWS 6
#define DOT_VECTORS 2
#define INT8_KERNELS cpu_int8_avxvnni
#define INT8_NAME "avx-vnni"
#include "body/int8_all.h"
#pragma clang attribute pop
#endif

// The kernels of body/, compiled for avx512 with products of bfloat16.
#include <stdint.h>
#include <string.h>

#include "cpu_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma,f16c"))), apply_to = function)
#define LANES 16
#define BFLOAT16_PRODUCTS
#define KERNELS cpu_kernels_avx512bf16
#define KERNELS_NAME "avx512-bf16"
#include "body/all.h"
#pragma clang attribute pop
#endif

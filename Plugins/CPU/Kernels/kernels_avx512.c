// The kernels of body/, compiled for avx512.
#include <stdint.h>
#include <string.h>

#include "cpu_kernels.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,fma,f16c"))), apply_to = function)
#define LANES 16
#define KERNELS cpu_kernels_avx512
#define KERNELS_NAME "avx512"
#include "body/all.h"
#pragma clang attribute pop
#endif

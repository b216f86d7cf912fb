// The kernels of body/, compiled for avx2.
#include <stdint.h>
#include <string.h>

#include "cpu_kernels.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#define LANES 8
#define KERNELS cpu_kernels_avx2
#define KERNELS_NAME "avx2"
#include "body/all.h"
#pragma clang attribute pop
#endif

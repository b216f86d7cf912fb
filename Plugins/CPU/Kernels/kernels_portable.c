// The kernels of body/, compiled for portable.
#include <stdint.h>
#include <string.h>

#include "cpu_kernels.h"

#define LANES 4
#define KERNELS cpu_kernels_portable
#define KERNELS_NAME "portable"
#include "body/all.h"

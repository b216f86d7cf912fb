// The kernels of body/int8.h for any processor.
#include <stdint.h>
#include <string.h>

#include "cpu_kernels.h"

#define LANES 4
#define DOT_ROWS 4
#define DOT_VECTORS 2
#define INT8_KERNELS cpu_int8_portable
#define INT8_NAME "portable"
#include "body/int8_all.h"

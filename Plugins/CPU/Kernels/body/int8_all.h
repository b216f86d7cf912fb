// Everything on 8-bit integers that is compiled once for each instruction set.
#include "math.h"
#include "convert.h"
#include "rows.h"
#include "int8.h"
#include "int8_pixels.h"
#include "int8_lines.h"
#include "int8_pictures.h"

const cpu_int8_kernels INT8_KERNELS = {
    .name = INT8_NAME,
    .panel = PANEL,
    .pack = int8_pack,
    .quantize = int8_quantize,
    .product = int8_product,
    .kernel_panel = LINE_PANEL,
    .pack_kernel = int8_pack_kernel,
    .convolution_workspace = int8_convolution_workspace,
    .convolution = int8_convolution,
    .pool_workspace = int8_pool_workspace,
    .pool = int8_pool,
    .peak = int8_peak,
};

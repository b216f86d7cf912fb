// Everything that is compiled once for each instruction set. LANES is the number of floats in a vector register.
#include "math.h"
#include "convert.h"
#include "elementwise.h"
#include "movement.h"
#include "rows.h"
#include "reduce.h"
#include "indices.h"
#include "pooling.h"
#include "products.h"
#include "packed.h"
#include "winograd.h"
#include "channels.h"
#include "attention.h"
#include "peak.h"

const cpu_kernels KERNELS = {
    .name = KERNELS_NAME,
    .elementwise = elementwise,
    .copy = copy,
    .fill = fill,
    .integer = integer,
    .convert = convert,
    .softmax = softmax,
    .softmax_gradient = softmax_gradient,
    .layer_norm = layer_norm,
    .layer_norm_gradient = layer_norm_gradient,
    .layer_norm_gradients = layer_norm_gradients,
    .l2_normalize = l2_normalize,
    .reduce = reduce,
    .reduce_i32 = reduce_i32,
    .arg_max = arg_max,
    .gather = gather,
    .scatter_add = scatter_add,
    .cross_entropy = cross_entropy,
    .one_hot = one_hot,
    .average_pool = average_pool,
    .average_pool_gradient = average_pool_gradient,
    .products_workspace = products_workspace,
    .products = products,
    .attention_workspace = attention_workspace,
    .attention = attention,
    .packed_bytes = packed_bytes,
    .pack = pack,
    .packed_workspace = packed_workspace,
    .packed = packed,
    .pack_winograd = pack_winograd,
    .winograd_workspace = winograd_workspace,
    .winograd = winograd,
    .lanes = LANES,
    .clear_border = clear_border,
    .pool_channels_last = pool_channels_last,
    .peak = peak,
#ifdef BFLOAT16_PRODUCTS
    .multiplies_bfloat16 = true,
#endif
};

// Kernels of the cpu backend: what oneDNN lacks. Plain C, compiled once for each instruction set; `cpu_kernels_select`
// is the one place that chooses.
#ifndef CPU_KERNELS_H
#define CPU_KERNELS_H

#include <stdbool.h>
#include <stdint.h>

#include "cpu_dnnl.h"
#include "cpu_int8.h"
#include "cpu_packed.h"

#define CPU_MAX_RANK 8

// Element types as kernels know them.
enum { CPU_F32, CPU_I32, CPU_BF16, CPU_F16, CPU_I8, CPU_U8, CPU_I64 };

// Steps of a fused elementwise program, on blocks of float32 registers.
enum {
    CPU_OP_NEGATE, CPU_OP_EXP, CPU_OP_LOG, CPU_OP_SQRT, CPU_OP_RECIPROCAL, CPU_OP_TANH, CPU_OP_SIGMOID, CPU_OP_ERF,
    CPU_OP_RELU, CPU_OP_GELU_ERF, CPU_OP_GELU_TANH, CPU_OP_GELU_QUICK, CPU_OP_ROUND_BF16, CPU_OP_ROUND_F16,
    CPU_OP_TO_I32, CPU_OP_TO_I8, CPU_OP_TO_U8, CPU_OP_COPY,
    CPU_OP_ADD, CPU_OP_SUBTRACT, CPU_OP_MULTIPLY, CPU_OP_DIVIDE, CPU_OP_MAXIMUM, CPU_OP_MINIMUM, CPU_OP_GREATER,
    CPU_OP_EQUAL, CPU_OP_GELU_ERF_GRADIENT, CPU_OP_GELU_TANH_GRADIENT, CPU_OP_GELU_QUICK_GRADIENT,
    CPU_OP_SELECT
};

typedef struct {
    int32_t op, target, a, b, c;
} cpu_micro_op;

// How a register is filled from memory: straight from it, once for all blocks (scalars, and rows that a block holds a
// whole number of), or by walking a strided view.
enum { CPU_LOAD_DIRECT, CPU_LOAD_ONCE, CPU_LOAD_WALK };

typedef struct {
    const void *base;
    int32_t type, mode, rank;
    int64_t extents[CPU_MAX_RANK], strides[CPU_MAX_RANK];
} cpu_load;

typedef struct {
    void *base;
    int32_t type, source;
} cpu_store;

// `count` elements in blocks of `block`; registers 0..<loads hold the loads, the others are temporaries. A float32 store
// makes its source register write straight to memory.
typedef struct {
    int64_t count, block;
    int32_t loads, ops, stores, registers;
    cpu_load *load;
    const cpu_micro_op *op;
    cpu_store *store;
    char *workspace;
    int64_t workspace_stride;
} cpu_program;

// A strided view of up to CPU_MAX_RANK dimensions.
typedef struct {
    int32_t rank;
    int64_t extents[CPU_MAX_RANK], source_strides[CPU_MAX_RANK], target_strides[CPU_MAX_RANK];
} cpu_copy;

// Queries, keys and values of every (outer, inner) pair of batch dimensions, with strides in elements: outer, inner, row.
typedef struct {
    const void *q, *k, *v;
    void *out;
    int64_t outer, inner, queries, keys, width, value_width;
    int64_t q_strides[3], k_strides[3], v_strides[3], out_strides[3];
    float scale;
    bool causal;
    bool is_bfloat16;  // else float32; `width` is even then. Sums and softmax are in float32 in any case.
    char *workspace;
    int64_t workspace_stride;
} cpu_attention;

// c = a b scale for every (outer, inner) pair of batch dimensions; strides in elements: outer, inner, row, column. The
// columns of c are next to each other.
typedef struct {
    const float *a, *b;
    float *c;
    int64_t outer, inner, m, n, k;
    int64_t a_strides[4], b_strides[4], c_strides[3];
    float scale;
    char *workspace;
    int64_t workspace_stride;
} cpu_products;

// `threads` is the most workers that a call may use.
typedef struct {
    const char *name;
    void (*elementwise)(const cpu_program *, int threads);
    void (*copy)(const cpu_copy *, const void *source, void *target, int element_size, int threads);
    void (*fill)(void *target, int64_t bytes, int threads);
    void (*integer)(int op, const int32_t *a, const int32_t *b, const int32_t *c, int32_t *out, int64_t count);
    void (*convert)(const void *source, int from, void *target, int to, int64_t count);
    void (*softmax)(const float *x, float *y, int64_t rows, int64_t width, int threads);
    void (*softmax_gradient)(const float *y, const float *dy, float *dx, int64_t rows, int64_t width, int threads);
    void (*layer_norm)(const float *x, const float *scale, const float *bias, void *y, int y_type, int64_t rows,
        int64_t width, float epsilon, int threads);
    void (*layer_norm_gradient)(const float *x, const float *scale, const float *dy, float *dx, int64_t rows,
        int64_t width, float epsilon, int threads);
    // With those of scale and bias; `workspace` holds 128 * width floats.
    void (*layer_norm_gradients)(const float *x, const float *scale, const float *dy, float *dx, float *dscale,
        float *dbias, int64_t rows, int64_t width, float epsilon, float *workspace, int threads);
    void (*l2_normalize)(const float *x, float *y, int64_t rows, int64_t width, float epsilon, int threads);
    // [outer, reduced, inner] -> [outer, inner]; maximum else sum. `workspace` holds 64 * inner floats an outer at least.
    void (*reduce)(const float *x, float *y, int64_t outer, int64_t reduced, int64_t inner, bool maximum,
        float *workspace, int threads);
    void (*reduce_i32)(const int32_t *x, int32_t *y, int64_t outer, int64_t reduced, int64_t inner, bool maximum);
    void (*arg_max)(const void *x, int type, int32_t *y, int64_t outer, int64_t reduced, int64_t inner);
    // These three return the position of an index that is outside, or -1.
    int64_t (*gather)(const void *table, const int32_t *index, void *out, int64_t count, int64_t rows,
        int64_t row_bytes, int threads);
    int64_t (*scatter_add)(const float *values, const int32_t *index, float *out, int64_t count, int64_t rows,
        int64_t width, int threads);
    int64_t (*cross_entropy)(const float *logits, const int32_t *labels, float *loss, int64_t rows, int64_t classes,
        int threads);
    void (*one_hot)(const int32_t *index, float *out, int64_t count, int64_t depth);
    void (*average_pool)(const float *x, float *y, int64_t planes, const int64_t input[2], const int64_t output[2],
        int64_t kernel, int64_t stride, int threads);
    void (*average_pool_gradient)(const float *dy, float *dx, int64_t planes, const int64_t input[2],
        const int64_t output[2], int64_t kernel, int64_t stride, int threads);
    // Bytes of workspace that one worker needs.
    int64_t (*products_workspace)(int64_t m, int64_t n, int64_t k);
    void (*products)(const cpu_products *, int threads);
    // Bytes of workspace that one worker of attention needs.
    int64_t (*attention_workspace)(int64_t keys, int64_t width, int64_t value_width, bool is_bfloat16);
    void (*attention)(const cpu_attention *, int threads);
    int64_t (*packed_bytes)(const cpu_pack *);
    void (*pack)(const cpu_pack *, int threads);
    // Bytes of workspace that one worker of `packed` needs.
    int64_t (*packed_workspace)(void);
    void (*packed)(const cpu_packed *, int threads);
    // The same for convolutions of 3 x 3 by Winograd's filtering: `taps` of what is packed are 4, 4; `rows` are pictures,
    // their lines and pixels, both even; k is a multiple of `lanes`. No residual, and no activation but ReLU.
    void (*pack_winograd)(const cpu_pack *, int threads);
    int64_t (*winograd_workspace)(int64_t k, bool is_bfloat16);
    void (*winograd)(const cpu_packed *, int threads);
    // Floats of a vector.
    int64_t lanes;
    void (*clear_border)(const cpu_border *, void *base);
    void (*pool_channels_last)(const cpu_pool *, int threads);
    bool multiplies_bfloat16;
    // Floating-point operations a second of all workers together, measured.
    double (*peak)(bool is_bfloat16, int threads);
} cpu_kernels;

extern const cpu_kernels cpu_kernels_portable;
#if defined(__x86_64__)
extern const cpu_kernels cpu_kernels_avx2;
extern const cpu_kernels cpu_kernels_avx512;
extern const cpu_kernels cpu_kernels_avx512bf16;
#endif

// The instruction sets that kernels are compiled for, by name, each faster than the one before; NULL beyond the last.
const char *cpu_isa_name(int number);
// Whether this processor runs it.
bool cpu_isa_runs(int number);

// The fastest that this processor runs, up to the one that `CLIP_CPU_ISA` names; the backend refuses other values of it.
const cpu_kernels *cpu_kernels_select(void);

// Calls `body` on ranges that cover 0..<count, each at least `grain` long, on up to `threads` workers of the OpenMP
// runtime that oneDNN uses; on the calling thread alone where there is none. `worker` is less than `threads`.
typedef void (*cpu_range_body)(void *context, int worker, int64_t begin, int64_t end);
void cpu_parallel_for(int threads, int64_t count, int64_t grain, cpu_range_body body, void *context);

// Time that passed, or that the processor spent on this thread.
double cpu_seconds(bool of_thread);

// Number of workers for oneDNN's calls from this thread.
void cpu_set_threads(int threads);

#endif

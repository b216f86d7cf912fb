// Products of 8-bit integers: rows quantised when they come, columns quantised once.
#ifndef CPU_INT8_H
#define CPU_INT8_H

#include <stdbool.h>
#include <stdint.h>

// What a quantised row means: value i is (q[i] - zero) * scale.
typedef struct {
    float scale;
    int32_t zero;
} cpu_int8_row;

// Quantises rows to 0...255, each over its own range and 0. With `norm_scale`, what a layer norm makes of them.
typedef struct {
    const void *x;
    int32_t type;           // CPU_F32 or CPU_BF16
    int64_t rows, width, stride;
    const float *norm_scale, *norm_bias;  // NULL for none
    float epsilon;
    uint8_t *out;           // rows of `width` bytes, rounded up to a whole number of CPU_INT8_STEP
    cpu_int8_row *row;
    float *workspace;       // `width` floats a worker, `workspace_stride` floats apart
    int64_t workspace_stride;
} cpu_int8_rows;

// The right-hand side of a product, packed: panels of columns, in each four rows of one column next to one another.
typedef struct {
    int8_t *values;
    // For every column: value = q * scale, and the sum of its q.
    float *scale;
    int32_t *sum;
    // What is added to a column's results; packing does not look at it.
    const float *bias;
} cpu_int8_columns;

// out = activation(a b + bias) + residual
typedef struct {
    const uint8_t *a;
    const cpu_int8_row *row;
    cpu_int8_columns b;
    const float *residual;  // laid out like `out`; NULL for none
    void *out;              // m rows of n
    int32_t type;           // CPU_F32; CPU_BF16 where only int8 products read the result: then GELU is right to 3e-4
    int32_t activation;     // of cpu_dnnl.h
    int64_t m, n, k;
} cpu_int8_product;

// Pictures whose pixels lie next to each other in a line, and channels in a pixel. Bytes are values, not negative, in
// units of their line's scale.
typedef struct {
    void *values;            // the first pixel of the first picture
    float *scale;            // of every line of every picture, where values are bytes
    int32_t type;            // CPU_U8, CPU_BF16 or CPU_F32
    int64_t height;          // lines of a picture
    int64_t picture, line;   // elements from one to the next
    int64_t border;          // pixels of zeros before and after each line of bytes; they are written with it
} cpu_pictures;

// out = relu(convolution(a, b) + bias + residual), of stride 1. Results in bytes are rectified. What is above and below
// a picture is zero and not read; beside it are `padding` pixels of zeros at least.
typedef struct {
    cpu_pictures a;          // bytes
    cpu_pictures residual;   // like `out`, or `values` is NULL
    cpu_pictures out;
    cpu_int8_columns b;      // as `pack_kernel` leaves them
    int64_t batch, width;    // of `out`
    int64_t channels, n, kernel[2], padding;  // `channels` in fours
    bool is_relu;
    char *workspace;
    int64_t workspace_stride;
} cpu_int8_convolution;

// Means over square windows. To bytes what is negative becomes zero; a window of one pixel quantises.
typedef struct {
    cpu_pictures x, out;
    int64_t batch, width;    // of `out`
    int64_t channels, kernel, stride;
    char *workspace;
    int64_t workspace_stride;
} cpu_int8_pool;

typedef struct {
    const char *name;
    // Columns of a panel: packed columns are a whole number of panels.
    int64_t panel;
    // Packs element (i, j) of k x n at w[i * row_stride + j * column_stride]; every column over its own range, -127...127.
    void (*pack)(const float *w, int64_t row_stride, int64_t column_stride, cpu_int8_columns, int64_t k, int64_t n,
        int threads);
    void (*quantize)(const cpu_int8_rows *, int threads);
    void (*product)(const cpu_int8_product *, int threads);
    // Columns of a panel of convolutions' weights.
    int64_t kernel_panel;
    // Packs weights at strides in elements: output channel, input channel, row, column.
    void (*pack_kernel)(const float *w, const int64_t strides[4], const int64_t kernel[2], cpu_int8_columns,
        int64_t channels, int64_t n, int threads);
    // Bytes of workspace that one worker needs.
    int64_t (*convolution_workspace)(const cpu_int8_convolution *, int threads);
    void (*convolution)(const cpu_int8_convolution *, int threads);
    int64_t (*pool_workspace)(const cpu_int8_pool *);
    void (*pool)(const cpu_int8_pool *, int threads);
    // Operations a second of all workers together, measured: two for each product that is added.
    double (*peak)(int threads);
} cpu_int8_kernels;

// Quantised rows are a whole number of so many bytes apart.
#define CPU_INT8_STEP 64
// Longer rows could overflow a sum of 32 bits.
#define CPU_INT8_MOST 32768

extern const cpu_int8_kernels cpu_int8_portable;
#if defined(__x86_64__)
extern const cpu_int8_kernels cpu_int8_avx2, cpu_int8_avxvnni, cpu_int8_avx512vnni;
#endif

// The fastest that this processor runs; all give the same sums. `CLIP_CPU_ISA` caps it as it does for floats.
const cpu_int8_kernels *cpu_int8_select(void);
// The same with the cap `isa`; NULL for none.
const cpu_int8_kernels *cpu_int8_up_to(const char *isa);

#endif

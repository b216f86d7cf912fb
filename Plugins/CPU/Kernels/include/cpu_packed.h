// Products with a constant right-hand matrix that is packed once, and convolutions, which are sums of such products.
#ifndef CPU_PACKED_H
#define CPU_PACKED_H

#include <stdbool.h>
#include <stdint.h>

// What is to be packed: n columns of k numbers for each of a kernel's taps (rows, columns; 1, 1 for a matrix), found by
// strides in elements: column, number, tap's row, tap's column. `type` is float32 or bfloat16.
typedef struct {
    const void *source;
    void *target;
    int32_t type;
    bool is_bfloat16;  // what it becomes
    int64_t n, k, taps[2], strides[4];
} cpu_pack;

// out = activation(a w + bias) + residual, or activation(a w + bias + residual). Rows have three dimensions, of which the
// last are the tiles'; strides are in elements. With several taps, a row's sum runs over them, each `tap` bytes on.
typedef struct {
    const void *a, *packed;
    const float *bias;     // or NULL
    const void *residual;  // or NULL
    void *out;
    int64_t n, k, taps, rows[3];
    const int64_t *tap;
    int64_t a_strides[3], out_strides[3], residual_strides[3];
    bool is_bfloat16;  // a and w; k is even then
    bool activates_last;
    int32_t activation, out_type, residual_type;
    char *workspace;
    int64_t workspace_stride;
} cpu_packed;

// A border of zeros around pictures of `height` times `width` pixels of `pixel` bytes.
typedef struct {
    int64_t batch, height, width, border, pixel;
} cpu_border;

// Means over windows of pictures whose channels lie next to each other; strides in elements: picture, row, column.
typedef struct {
    const void *x;
    void *out;
    int64_t batch, channels, rows, columns, kernel, stride, x_strides[3], out_strides[3];
    int32_t type, out_type;
} cpu_pool;

// Memory for packed weights, in large pages where the system has them: walking through it costs less.
void *cpu_pages_allocate(int64_t bytes);
void cpu_pages_free(void *);

#endif

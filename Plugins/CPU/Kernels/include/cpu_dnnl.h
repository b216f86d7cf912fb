// oneDNN behind one small C interface, whatever its major version.
#ifndef CPU_DNNL_H
#define CPU_DNNL_H

#include <stdbool.h>
#include <stdint.h>

#define CPU_DNNL_MAX_RANK 6

typedef struct cpu_primitive cpu_primitive;

typedef struct {
    int rank;
    int64_t extents[CPU_DNNL_MAX_RANK], strides[CPU_DNNL_MAX_RANK];
    bool is_bfloat16;  // else float32
} cpu_dnnl_tensor;

enum { CPU_ACTIVATION_NONE, CPU_ACTIVATION_GELU_ERF, CPU_ACTIVATION_GELU_TANH, CPU_ACTIVATION_GELU_QUICK,
    CPU_ACTIVATION_RELU };

// out = activation(a b * scale + bias) + residual
typedef struct {
    cpu_dnnl_tensor a, b, out;
    bool has_bias;      // float32, as wide as `out`
    bool has_residual;  // float32, laid out like `out`
    int activation;
    float scale;
    bool packs_b;       // b is constant: `cpu_primitive_fix` is called once, with it
} cpu_matmul;

enum { CPU_CONVOLUTION, CPU_CONVOLUTION_INPUT_GRADIENT, CPU_CONVOLUTION_WEIGHT_GRADIENT };

typedef struct {
    int kind;
    cpu_dnnl_tensor x, weight, y;
    int64_t stride, padding;
} cpu_convolution;

// Operands by number, as `cpu_primitive_run` takes their pointers.
// matmul: 0 a, 1 b, 2 out, 3 bias, 4 residual. convolution: 0 x, 1 weight, 2 y (or their gradients).
#define CPU_DNNL_OPERANDS 5

// NULL with a message (static) in `error` where oneDNN cannot.
cpu_primitive *cpu_matmul_create(const cpu_matmul *, const char **error);
cpu_primitive *cpu_convolution_create(const cpu_convolution *, const char **error);
void cpu_primitive_destroy(cpu_primitive *);

// Packs a constant operand; its pointer is not read again. 0 or oneDNN's status.
int cpu_primitive_fix(cpu_primitive *, int operand, const void *data);

// 0 or oneDNN's status.
int cpu_primitive_run(cpu_primitive *, void *const pointers[CPU_DNNL_OPERANDS]);

// oneDNN's name of the implementation.
const char *cpu_primitive_name(const cpu_primitive *);

// Version of the library in use, as "2.6.3".
const char *cpu_dnnl_version(void);

#endif

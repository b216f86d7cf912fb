// The one file that knows oneDNN's C API: 2.x describes operations in structs, 3.x in calls.
#include "cpu_dnnl.h"

#include <oneapi/dnnl/dnnl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t layout_ref;
#define REF(layout) (layout)
#else
typedef const dnnl_memory_desc_t *layout_ref;
#define REF(layout) (&(layout))
#endif

typedef struct {
    int argument;             // DNNL_ARG_..., 0 where unused
    bool is_result, is_fixed;
    dnnl_memory_t given;      // the caller's memory, as laid out by the caller
    dnnl_memory_t inner;      // what the primitive works on; `given` where the layouts agree
    dnnl_primitive_t reorder; // NULL where they agree
} operand;

struct cpu_primitive {
    dnnl_primitive_t primitive;
    dnnl_stream_t stream;
    char name[64];
    operand operands[CPU_DNNL_OPERANDS];
};

static dnnl_engine_t engine;
static pthread_once_t engine_once = PTHREAD_ONCE_INIT;
static void make_engine(void) {
    if (dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success) engine = NULL;
}

static const char *message(dnnl_status_t status) {
    switch (status) {
    case dnnl_out_of_memory: return "out of memory";
    case dnnl_invalid_arguments: return "invalid arguments";
    case dnnl_unimplemented: return "not implemented for these types on this processor";
    default: return "failed";
    }
}

static dnnl_data_type_t element(const cpu_dnnl_tensor *t) { return t->is_bfloat16 ? dnnl_bf16 : dnnl_f32; }

static dnnl_status_t make_layout(dnnl_memory_desc_t *layout, const cpu_dnnl_tensor *t, bool any) {
    dnnl_dims_t extents, strides;
    for (int i = 0; i < t->rank; i++) {
        extents[i] = t->extents[i];
        strides[i] = t->strides[i];
    }
#if DNNL_VERSION_MAJOR >= 3
    return any ? dnnl_memory_desc_create_with_tag(layout, t->rank, extents, element(t), dnnl_format_tag_any)
               : dnnl_memory_desc_create_with_strides(layout, t->rank, extents, element(t), strides);
#else
    return any ? dnnl_memory_desc_init_by_tag(layout, t->rank, extents, element(t), dnnl_format_tag_any)
               : dnnl_memory_desc_init_by_strides(layout, t->rank, extents, element(t), strides);
#endif
}

static void drop_layout(dnnl_memory_desc_t layout) {
#if DNNL_VERSION_MAJOR >= 3
    if (layout) dnnl_memory_desc_destroy(layout);
#else
    (void)layout;
#endif
}

// Joins one operand to the primitive; adds a reorder where the primitive wants another layout.
static dnnl_status_t attach(
    cpu_primitive *p, int number, int argument, dnnl_query_t query, int query_index, const_dnnl_primitive_desc_t desc,
    const cpu_dnnl_tensor *tensor, bool is_result)
{
    operand *o = &p->operands[number];
    o->argument = argument;
    o->is_result = is_result;
    dnnl_memory_desc_t given;
    dnnl_status_t status = make_layout(&given, tensor, false);
    if (status != dnnl_success) return status;
    layout_ref wanted = dnnl_primitive_desc_query_md(desc, query, query_index);
    status = dnnl_memory_create(&o->given, REF(given), engine, DNNL_MEMORY_NONE);
    if (status == dnnl_success && wanted && !dnnl_memory_desc_equal(REF(given), wanted)) {
        status = dnnl_memory_create(&o->inner, wanted, engine, DNNL_MEMORY_ALLOCATE);
        dnnl_primitive_desc_t reorder = NULL;
        if (status == dnnl_success)
            status = is_result
                ? dnnl_reorder_primitive_desc_create(&reorder, wanted, engine, REF(given), engine, NULL)
                : dnnl_reorder_primitive_desc_create(&reorder, REF(given), engine, wanted, engine, NULL);
        if (status == dnnl_success) status = dnnl_primitive_create(&o->reorder, reorder);
        if (reorder) dnnl_primitive_desc_destroy(reorder);
    } else {
        o->inner = o->given;
    }
    drop_layout(given);
    return status;
}

static dnnl_status_t finish(cpu_primitive *p, const_dnnl_primitive_desc_t desc) {
    const char *name = NULL;
    if (dnnl_primitive_desc_query(desc, dnnl_query_impl_info_str, 0, (void *)&name) == dnnl_success && name)
        snprintf(p->name, sizeof p->name, "%s", name);
    dnnl_status_t status = dnnl_primitive_create(&p->primitive, desc);
    if (status == dnnl_success) status = dnnl_stream_create(&p->stream, engine, dnnl_stream_default_flags);
    return status;
}

static cpu_primitive *result(cpu_primitive *p, dnnl_status_t status, const char **error) {
    if (status == dnnl_success) return p;
    *error = message(status);
    cpu_primitive_destroy(p);
    return NULL;
}

static dnnl_status_t append_activation(dnnl_post_ops_t ops, int activation) {
    dnnl_alg_kind_t kind;
    float alpha = 0;
    switch (activation) {
    case CPU_ACTIVATION_GELU_ERF: kind = dnnl_eltwise_gelu_erf; break;
    case CPU_ACTIVATION_GELU_TANH: kind = dnnl_eltwise_gelu_tanh; break;
    case CPU_ACTIVATION_GELU_QUICK: kind = dnnl_eltwise_swish; alpha = 1.702f; break;
    case CPU_ACTIVATION_RELU: kind = dnnl_eltwise_relu; break;
    default: return dnnl_success;
    }
#if DNNL_VERSION_MAJOR >= 3
    return dnnl_post_ops_append_eltwise(ops, kind, alpha, 0);
#else
    return dnnl_post_ops_append_eltwise(ops, 1, kind, alpha, 0);
#endif
}

cpu_primitive *cpu_matmul_create(const cpu_matmul *m, const char **error) {
    pthread_once(&engine_once, make_engine);
    cpu_primitive *p = calloc(1, sizeof *p);
    if (!p || !engine) return result(p, dnnl_out_of_memory, error);
    cpu_dnnl_tensor bias = {.rank = m->out.rank};
    for (int i = 0; i < bias.rank; i++) {
        bias.extents[i] = i == bias.rank - 1 ? m->out.extents[i] : 1;
        bias.strides[i] = i == bias.rank - 1 ? 1 : m->out.extents[bias.rank - 1];
    }
    cpu_dnnl_tensor residual = m->out;
    residual.is_bfloat16 = false;

    dnnl_memory_desc_t a = {0}, b = {0}, c = {0}, row = {0}, full = {0};
    dnnl_status_t status = make_layout(&a, &m->a, false);
    if (status == dnnl_success) status = make_layout(&b, &m->b, m->packs_b);
    if (status == dnnl_success) status = make_layout(&c, &m->out, false);
    if (status == dnnl_success) status = make_layout(&row, &bias, false);
    if (status == dnnl_success) status = make_layout(&full, &residual, false);

    dnnl_primitive_attr_t attributes = NULL;
    dnnl_post_ops_t ops = NULL;
    if (status == dnnl_success) status = dnnl_primitive_attr_create(&attributes);
    if (status == dnnl_success) status = dnnl_post_ops_create(&ops);
    if (status == dnnl_success && m->scale != 1) {
#if DNNL_VERSION_MAJOR >= 3
        status = dnnl_post_ops_append_eltwise(ops, dnnl_eltwise_linear, m->scale, 0);
#else
        status = dnnl_primitive_attr_set_output_scales(attributes, 1, 0, &m->scale);
#endif
    }
    if (status == dnnl_success) status = append_activation(ops, m->activation);
    int residual_index = 0;
    if (status == dnnl_success && m->has_residual) {
        residual_index = dnnl_post_ops_len(ops);
        status = dnnl_post_ops_append_binary(ops, dnnl_binary_add, REF(full));
    }
    if (status == dnnl_success) status = dnnl_primitive_attr_set_post_ops(attributes, ops);

    dnnl_primitive_desc_t desc = NULL;
    if (status == dnnl_success) {
#if DNNL_VERSION_MAJOR >= 3
        status = dnnl_matmul_primitive_desc_create(&desc, engine, a, b, m->has_bias ? row : NULL, c, attributes);
#else
        dnnl_matmul_desc_t operation;
        status = dnnl_matmul_desc_init(&operation, &a, &b, m->has_bias ? &row : NULL, &c);
        if (status == dnnl_success) status = dnnl_primitive_desc_create(&desc, &operation, attributes, engine, NULL);
#endif
    }
    if (status == dnnl_success) status = attach(p, 0, DNNL_ARG_SRC, dnnl_query_src_md, 0, desc, &m->a, false);
    if (status == dnnl_success) status = attach(p, 1, DNNL_ARG_WEIGHTS, dnnl_query_weights_md, 0, desc, &m->b, false);
    if (status == dnnl_success) status = attach(p, 2, DNNL_ARG_DST, dnnl_query_dst_md, 0, desc, &m->out, true);
    if (status == dnnl_success && m->has_bias)
        status = attach(p, 3, DNNL_ARG_BIAS, dnnl_query_weights_md, 1, desc, &bias, false);
    if (status == dnnl_success && m->has_residual) {
        operand *o = &p->operands[4];
        o->argument = DNNL_ARG_ATTR_MULTIPLE_POST_OP(residual_index) | DNNL_ARG_SRC_1;
        status = dnnl_memory_create(&o->given, REF(full), engine, DNNL_MEMORY_NONE);
        o->inner = o->given;
    }
    if (status == dnnl_success) status = finish(p, desc);
    if (desc) dnnl_primitive_desc_destroy(desc);
    if (ops) dnnl_post_ops_destroy(ops);
    if (attributes) dnnl_primitive_attr_destroy(attributes);
    drop_layout(a);
    drop_layout(b);
    drop_layout(c);
    drop_layout(row);
    drop_layout(full);
    return result(p, status, error);
}

cpu_primitive *cpu_convolution_create(const cpu_convolution *v, const char **error) {
    pthread_once(&engine_once, make_engine);
    cpu_primitive *p = calloc(1, sizeof *p);
    if (!p || !engine) return result(p, dnnl_out_of_memory, error);
    dnnl_memory_desc_t x = {0}, w = {0}, y = {0};
    dnnl_status_t status = make_layout(&x, &v->x, true);
    if (status == dnnl_success) status = make_layout(&w, &v->weight, true);
    if (status == dnnl_success) status = make_layout(&y, &v->y, true);
    dnnl_dims_t strides = {v->stride, v->stride}, padding = {v->padding, v->padding};
    dnnl_primitive_desc_t forward = NULL, desc = NULL;
    const dnnl_alg_kind_t kind = dnnl_convolution_direct;
    const bool is_gradient = v->kind != CPU_CONVOLUTION;
    const dnnl_prop_kind_t direction = is_gradient ? dnnl_forward_training : dnnl_forward_inference;
#if DNNL_VERSION_MAJOR >= 3
    dnnl_dims_t dilation = {0, 0};
    if (status == dnnl_success)
        status = dnnl_convolution_forward_primitive_desc_create(
            &forward, engine, direction, kind, x, w, NULL, y, strides, dilation, padding, padding, NULL);
    if (status == dnnl_success && v->kind == CPU_CONVOLUTION_INPUT_GRADIENT)
        status = dnnl_convolution_backward_data_primitive_desc_create(
            &desc, engine, kind, x, w, y, strides, dilation, padding, padding, forward, NULL);
    if (status == dnnl_success && v->kind == CPU_CONVOLUTION_WEIGHT_GRADIENT)
        status = dnnl_convolution_backward_weights_primitive_desc_create(
            &desc, engine, kind, x, w, NULL, y, strides, dilation, padding, padding, forward, NULL);
#else
    dnnl_convolution_desc_t operation;
    if (status == dnnl_success)
        status = dnnl_convolution_forward_desc_init(
            &operation, direction, kind, &x, &w, NULL, &y, strides, padding, padding);
    if (status == dnnl_success) status = dnnl_primitive_desc_create(&forward, &operation, NULL, engine, NULL);
    if (status == dnnl_success && v->kind == CPU_CONVOLUTION_INPUT_GRADIENT) {
        status = dnnl_convolution_backward_data_desc_init(&operation, kind, &x, &w, &y, strides, padding, padding);
        if (status == dnnl_success) status = dnnl_primitive_desc_create(&desc, &operation, NULL, engine, forward);
    }
    if (status == dnnl_success && v->kind == CPU_CONVOLUTION_WEIGHT_GRADIENT) {
        status = dnnl_convolution_backward_weights_desc_init(
            &operation, kind, &x, &w, NULL, &y, strides, padding, padding);
        if (status == dnnl_success) status = dnnl_primitive_desc_create(&desc, &operation, NULL, engine, forward);
    }
#endif
    const_dnnl_primitive_desc_t chosen = is_gradient ? desc : forward;
    if (status == dnnl_success) switch (v->kind) {
    case CPU_CONVOLUTION:
        status = attach(p, 0, DNNL_ARG_SRC, dnnl_query_src_md, 0, chosen, &v->x, false);
        if (status == dnnl_success)
            status = attach(p, 1, DNNL_ARG_WEIGHTS, dnnl_query_weights_md, 0, chosen, &v->weight, false);
        if (status == dnnl_success) status = attach(p, 2, DNNL_ARG_DST, dnnl_query_dst_md, 0, chosen, &v->y, true);
        break;
    case CPU_CONVOLUTION_INPUT_GRADIENT:
        status = attach(p, 0, DNNL_ARG_DIFF_SRC, dnnl_query_diff_src_md, 0, chosen, &v->x, true);
        if (status == dnnl_success)
            status = attach(p, 1, DNNL_ARG_WEIGHTS, dnnl_query_weights_md, 0, chosen, &v->weight, false);
        if (status == dnnl_success)
            status = attach(p, 2, DNNL_ARG_DIFF_DST, dnnl_query_diff_dst_md, 0, chosen, &v->y, false);
        break;
    default:
        status = attach(p, 0, DNNL_ARG_SRC, dnnl_query_src_md, 0, chosen, &v->x, false);
        if (status == dnnl_success)
            status = attach(p, 1, DNNL_ARG_DIFF_WEIGHTS, dnnl_query_diff_weights_md, 0, chosen, &v->weight, true);
        if (status == dnnl_success)
            status = attach(p, 2, DNNL_ARG_DIFF_DST, dnnl_query_diff_dst_md, 0, chosen, &v->y, false);
    }
    if (status == dnnl_success) status = finish(p, chosen);
    if (desc) dnnl_primitive_desc_destroy(desc);
    if (forward) dnnl_primitive_desc_destroy(forward);
    drop_layout(x);
    drop_layout(w);
    drop_layout(y);
    return result(p, status, error);
}

void cpu_primitive_destroy(cpu_primitive *p) {
    if (!p) return;
    for (int i = 0; i < CPU_DNNL_OPERANDS; i++) {
        operand *o = &p->operands[i];
        if (o->reorder) dnnl_primitive_destroy(o->reorder);
        if (o->inner && o->inner != o->given) dnnl_memory_destroy(o->inner);
        if (o->given) dnnl_memory_destroy(o->given);
    }
    if (p->primitive) dnnl_primitive_destroy(p->primitive);
    if (p->stream) dnnl_stream_destroy(p->stream);
    free(p);
}

static dnnl_status_t reorder(cpu_primitive *p, operand *o) {
    dnnl_exec_arg_t arguments[2] = {
        {DNNL_ARG_FROM, o->is_result ? o->inner : o->given}, {DNNL_ARG_TO, o->is_result ? o->given : o->inner}};
    return dnnl_primitive_execute(o->reorder, p->stream, 2, arguments);
}

int cpu_primitive_fix(cpu_primitive *p, int number, const void *data) {
    operand *o = &p->operands[number];
    dnnl_status_t status = dnnl_memory_set_data_handle(o->given, (void *)data);
    if (status == dnnl_success && o->reorder) {
        status = reorder(p, o);
        if (status == dnnl_success) status = dnnl_stream_wait(p->stream);
        o->is_fixed = true;
    }
    return status;
}

int cpu_primitive_run(cpu_primitive *p, void *const pointers[CPU_DNNL_OPERANDS]) {
    dnnl_exec_arg_t arguments[CPU_DNNL_OPERANDS];
    int count = 0;
    dnnl_status_t status = dnnl_success;
    for (int i = 0; i < CPU_DNNL_OPERANDS && status == dnnl_success; i++) {
        operand *o = &p->operands[i];
        if (!o->argument) continue;
        if (!o->is_fixed) {
            status = dnnl_memory_set_data_handle(o->given, pointers[i]);
            if (status == dnnl_success && o->reorder && !o->is_result) status = reorder(p, o);
        }
        arguments[count].arg = o->argument;
        arguments[count++].memory = o->inner;
    }
    if (status == dnnl_success) status = dnnl_primitive_execute(p->primitive, p->stream, count, arguments);
    for (int i = 0; i < CPU_DNNL_OPERANDS && status == dnnl_success; i++)
        if (p->operands[i].reorder && p->operands[i].is_result) status = reorder(p, &p->operands[i]);
    return status == dnnl_success ? dnnl_stream_wait(p->stream) : status;
}

const char *cpu_primitive_name(const cpu_primitive *p) { return p->name; }

const char *cpu_dnnl_version(void) {
    static char text[32];
    const dnnl_version_t *version = dnnl_version();
    snprintf(text, sizeof text, "%d.%d.%d", version->major, version->minor, version->patch);
    return text;
}

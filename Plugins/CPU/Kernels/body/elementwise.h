// Chains of elementwise ops in one pass: a small program is run on blocks that stay in the first-level cache.

INLINE void apply(int op, float *target, const float *a, const float *b, const float *c, int64_t n) {
#define EACH(EXPRESSION)                                                                \
    { VECTOR_LOOP for (int64_t i = 0; i < n; i++) { const float x = a[i]; target[i] = EXPRESSION; } } break
#define PAIR(EXPRESSION)                                                                \
    { VECTOR_LOOP for (int64_t i = 0; i < n; i++) { const float x = a[i], y = b[i]; target[i] = EXPRESSION; } } break
    switch (op) {
    case CPU_OP_NEGATE: EACH(-x);
    case CPU_OP_EXP: EACH(exponential(x));
    case CPU_OP_LOG: EACH(logarithm(x));
    case CPU_OP_SQRT: EACH(root(x));
    case CPU_OP_RECIPROCAL: EACH(1.0f / x);
    case CPU_OP_TANH: EACH(hyperbolic_tangent(x));
    case CPU_OP_SIGMOID: EACH(logistic(x));
    case CPU_OP_ERF: EACH(error_function(x));
    case CPU_OP_RELU: EACH(x > 0.0f ? x : x != x ? x : 0.0f);
    case CPU_OP_GELU_ERF: EACH(gelu_erf(x));
    case CPU_OP_GELU_TANH: EACH(gelu_tanh(x));
    case CPU_OP_GELU_QUICK: EACH(gelu_quick(x));
    case CPU_OP_ROUND_BF16: EACH(bfloat16_to_float(float_to_bfloat16(x)));
    case CPU_OP_ROUND_F16: EACH(half_to_float(float_to_half(x)));
    case CPU_OP_TO_I32: EACH(truncated(x, -2147483648.0f, 2147483648.0f));
    case CPU_OP_TO_I8: EACH(truncated(x, -128.0f, 127.0f));
    case CPU_OP_TO_U8: EACH(truncated(x, 0.0f, 255.0f));
    case CPU_OP_COPY: EACH(x);
    case CPU_OP_ADD: PAIR(x + y);
    case CPU_OP_SUBTRACT: PAIR(x - y);
    case CPU_OP_MULTIPLY: PAIR(x * y);
    case CPU_OP_DIVIDE: PAIR(x / y);
    case CPU_OP_MAXIMUM: PAIR(x != x || x >= y ? x : y);
    case CPU_OP_MINIMUM: PAIR(x != x || x <= y ? x : y);
    case CPU_OP_GREATER: PAIR(x > y ? 1.0f : 0.0f);
    case CPU_OP_EQUAL: PAIR(x == y ? 1.0f : 0.0f);
    case CPU_OP_GELU_ERF_GRADIENT: PAIR(gelu_erf_gradient(x, y));
    case CPU_OP_GELU_TANH_GRADIENT: PAIR(gelu_tanh_gradient(x, y));
    case CPU_OP_GELU_QUICK_GRADIENT: PAIR(gelu_quick_gradient(x, y));
    case CPU_OP_SELECT:
        VECTOR_LOOP for (int64_t i = 0; i < n; i++) target[i] = a[i] != 0.0f ? b[i] : c[i];
        break;
    }
#undef EACH
#undef PAIR
}

// Elements start ..< start + n of a strided view, in row-major order.
static void walk(const cpu_load *load, int64_t start, int64_t n, float *target) {
    const int last = load->rank - 1, size = element_size(load->type);
    int64_t position[CPU_MAX_RANK], offset = 0, rest = start;
    for (int axis = last; axis >= 0; axis--) {
        position[axis] = rest % load->extents[axis];
        rest /= load->extents[axis];
        offset += position[axis] * load->strides[axis];
    }
    while (n > 0) {
        int64_t run = load->extents[last] - position[last];
        if (run > n) run = n;
        const char *source = (const char *)load->base + offset * size;
        if (load->strides[last] == 0) {
            float value;
            read_floats(source, load->type, 1, &value, 1);
            for (int64_t i = 0; i < run; i++) target[i] = value;
        } else {
            read_floats(source, load->type, load->strides[last], target, run);
        }
        target += run;
        n -= run;
        position[last] += run;
        offset += run * load->strides[last];
        for (int axis = last; axis > 0 && position[axis] == load->extents[axis]; axis--) {
            offset += load->strides[axis - 1] - load->extents[axis] * load->strides[axis];
            position[axis] = 0;
            position[axis - 1]++;
        }
    }
}

#define MAX_REGISTERS 256

static void elementwise_blocks(void *context, int worker, int64_t begin, int64_t end) {
    const cpu_program *p = context;
    float *room = (float *)(p->workspace + worker * p->workspace_stride);
    float *registers[MAX_REGISTERS];
    for (int r = 0; r < p->registers; r++) registers[r] = room + r * p->block;
    for (int l = 0; l < p->loads; l++)
        if (p->load[l].mode == CPU_LOAD_ONCE)
            walk(&p->load[l], 0, p->block < p->count ? p->block : p->count, registers[l]);
    for (int64_t block = begin; block < end; block++) {
        const int64_t start = block * p->block;
        const int64_t n = p->count - start < p->block ? p->count - start : p->block;
        for (int l = 0; l < p->loads; l++) {
            if (p->load[l].mode == CPU_LOAD_DIRECT) registers[l] = (float *)p->load[l].base + start;
            else if (p->load[l].mode == CPU_LOAD_WALK) walk(&p->load[l], start, n, registers[l]);
        }
        for (int s = 0; s < p->stores; s++)
            if (p->store[s].type == CPU_F32) registers[p->store[s].source] = (float *)p->store[s].base + start;
        for (int o = 0; o < p->ops; o++) {
            const cpu_micro_op *op = &p->op[o];
            apply(op->op, registers[op->target], registers[op->a], registers[op->b], registers[op->c], n);
        }
        for (int s = 0; s < p->stores; s++)
            if (p->store[s].type != CPU_F32)
                write_floats(registers[p->store[s].source],
                    (char *)p->store[s].base + start * element_size(p->store[s].type), p->store[s].type, n);
    }
}

static void elementwise(const cpu_program *p, int threads) {
    const int64_t blocks = (p->count + p->block - 1) / p->block;
    const int64_t weight = p->ops + p->loads;
    const int64_t grain = 1 + 65536 / (p->block * (weight < 1 ? 1 : weight));
    cpu_parallel_for(threads, blocks, grain, elementwise_blocks, (void *)p);
}

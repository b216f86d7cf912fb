// Element types. Narrow floats round to nearest even; integers truncate and saturate, NaN becomes 0.

INLINE float bfloat16_to_float(uint16_t bits) { return from_bits((uint32_t)bits << 16); }

INLINE uint16_t float_to_bfloat16(float value) {
    const uint32_t bits = to_bits(value);
    const uint32_t rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
    return (uint16_t)(value != value ? (bits >> 16) | 0x40 : rounded);
}

INLINE float half_to_float(uint16_t half) {
    const uint32_t sign = (uint32_t)(half & 0x8000) << 16;
    const uint32_t magnitude = (uint32_t)(half & 0x7FFF) << 13;
    // Moves the exponent's bias by a product, which also makes subnormals right; infinity and NaN are put back.
    const float scaled = from_bits(magnitude) * 0x1p112f;
    const uint32_t bits = (half & 0x7C00) == 0x7C00 ? magnitude | 0x7F800000 : to_bits(scaled);
    return from_bits(bits | sign);
}

INLINE uint16_t float_to_half(float value) {
    const uint32_t bits = to_bits(value);
    const uint32_t magnitude = bits & 0x7FFFFFFF;
    const uint32_t tiny = to_bits(from_bits(magnitude) + 0.5f) - 0x3F000000;
    const uint32_t normal = (magnitude + 0xFFF + ((magnitude >> 13) & 1) - 0x38000000) >> 13;
    uint32_t half = magnitude < 0x38800000 ? tiny : normal;
    half = magnitude >= 0x477FF000 ? 0x7C00 : half;
    half = magnitude > 0x7F800000 ? 0x7E00 : half;
    return (uint16_t)(half | ((bits >> 16) & 0x8000));
}

INLINE float truncated(float x, float low, float high) {
    float y = x != x ? 0.0f : x;
    y = y < low ? low : y;
    y = y > high ? high : y;
    return __builtin_elementwise_trunc(y);
}

// float -> int32 without undefined behaviour: 2147483520 is the largest float below 2^31.
INLINE int32_t float_to_i32(float x) {
    const float y = x != x ? 0.0f : x;
    if (y >= 2147483648.0f) return INT32_MAX;
    if (y <= -2147483648.0f) return INT32_MIN;
    return (int32_t)y;
}

static int element_size(int type) {
    switch (type) {
    case CPU_I64: return 8;
    case CPU_F32: case CPU_I32: return 4;
    case CPU_BF16: case CPU_F16: return 2;
    default: return 1;
    }
}

static void read_floats(const void *source, int type, int64_t stride, float *target, int64_t count) {
#define READ(T, EXPRESSION)                                                             \
    {                                                                                   \
        const T *s = source;                                                            \
        if (stride == 1) { VECTOR_LOOP for (int64_t i = 0; i < count; i++) { const T v = s[i]; target[i] = EXPRESSION; } } \
        else for (int64_t i = 0; i < count; i++) { const T v = s[i * stride]; target[i] = EXPRESSION; } \
    }                                                                                   \
    break
    switch (type) {
    case CPU_F32:
        if (stride == 1) { memcpy(target, source, (size_t)count * 4); return; }
        READ(float, v);
    case CPU_BF16: READ(uint16_t, bfloat16_to_float(v));
    case CPU_F16: READ(uint16_t, half_to_float(v));
    case CPU_I32: READ(int32_t, (float)v);
    case CPU_I8: READ(int8_t, (float)v);
    case CPU_U8: READ(uint8_t, (float)v);
    case CPU_I64: READ(int64_t, (float)v);
    }
#undef READ
}

static void write_floats(const float *source, void *target, int type, int64_t count) {
#define WRITE(T, EXPRESSION)                                                            \
    { T *t = target; VECTOR_LOOP for (int64_t i = 0; i < count; i++) { const float v = source[i]; t[i] = EXPRESSION; } } break
#ifdef BFLOAT16_PRODUCTS
    if (type == CPU_BF16)
        for (; count >= 32; count -= 32, source += 32, target = (char *)target + 64)
            _mm512_storeu_si512(target, (__m512i)_mm512_cvtne2ps_pbh(_mm512_loadu_ps(source + 16), _mm512_loadu_ps(source)));
#endif
    switch (type) {
    case CPU_F32: memmove(target, source, (size_t)count * 4); break;
    case CPU_BF16: WRITE(uint16_t, float_to_bfloat16(v));
    case CPU_F16: WRITE(uint16_t, float_to_half(v));
    case CPU_I32: WRITE(int32_t, float_to_i32(v));
    case CPU_I8: WRITE(int8_t, (int8_t)truncated(v, -128, 127));
    case CPU_U8: WRITE(uint8_t, (uint8_t)truncated(v, 0, 255));
    }
#undef WRITE
}

// Between integer types, exactly: through int64. int64 -> float goes through `read_floats`.
static void convert(const void *source, int from, void *target, int to, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        int64_t v = 0;
        switch (from) {
        case CPU_I64: v = ((const int64_t *)source)[i]; break;
        case CPU_I32: v = ((const int32_t *)source)[i]; break;
        case CPU_I8: v = ((const int8_t *)source)[i]; break;
        case CPU_U8: v = ((const uint8_t *)source)[i]; break;
        }
        switch (to) {
        case CPU_I64: ((int64_t *)target)[i] = v; break;
        case CPU_I32: ((int32_t *)target)[i] = (int32_t)(v < INT32_MIN ? INT32_MIN : v > INT32_MAX ? INT32_MAX : v); break;
        case CPU_I8: ((int8_t *)target)[i] = (int8_t)(v < -128 ? -128 : v > 127 ? 127 : v); break;
        case CPU_U8: ((uint8_t *)target)[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v); break;
        }
    }
}

// One op on int32, saturating: in double, as the reference does.
static void integer(int op, const int32_t *a, const int32_t *b, const int32_t *c, int32_t *out, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        const double x = a[i], y = b ? b[i] : 0, z = c ? c[i] : 0;
        double r;
        switch (op) {
        case CPU_OP_NEGATE: r = -x; break;
        case CPU_OP_ADD: r = x + y; break;
        case CPU_OP_SUBTRACT: r = x - y; break;
        case CPU_OP_MULTIPLY: r = x * y; break;
        case CPU_OP_MAXIMUM: r = x >= y ? x : y; break;
        case CPU_OP_MINIMUM: r = x <= y ? x : y; break;
        case CPU_OP_GREATER: r = x > y; break;
        case CPU_OP_EQUAL: r = x == y; break;
        case CPU_OP_SELECT: r = x != 0 ? y : z; break;
        default: r = x;
        }
        out[i] = r >= 2147483647.0 ? INT32_MAX : r <= -2147483648.0 ? INT32_MIN : (int32_t)r;
    }
}

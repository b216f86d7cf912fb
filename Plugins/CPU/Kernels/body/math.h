// Elementary functions without branches, so that loops over them vectorise. Errors in units of the last place were
// measured over all floats of the stated ranges against the C library in double precision (see the tests).
#pragma clang fp contract(fast)

#define INLINE static inline __attribute__((always_inline))
// The arrays of a loop are the same or do not overlap.
#define VECTOR_LOOP _Pragma("clang loop vectorize(assume_safety) interleave(enable)")

// A register of floats that may be read from anywhere.
typedef float lanes __attribute__((ext_vector_type(LANES), aligned(4)));
typedef float four_lanes __attribute__((ext_vector_type(4)));

INLINE four_lanes halves_of(lanes v) {
#if LANES == 16
    const __attribute__((ext_vector_type(8))) float eight = v.lo + v.hi;
    return eight.lo + eight.hi;
#elif LANES == 8
    return v.lo + v.hi;
#else
    return v;
#endif
}

INLINE float lanes_sum(lanes v) {
    const four_lanes four = halves_of(v);
    return (four.x + four.z) + (four.y + four.w);
}

INLINE float from_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

INLINE uint32_t to_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    return bits;
}

INLINE float absolute(float x) { return from_bits(to_bits(x) & 0x7FFFFFFF); }
INLINE float with_sign_of(float x, float sign) { return from_bits(to_bits(x) | (to_bits(sign) & 0x80000000u)); }
INLINE float root(float x) { return __builtin_elementwise_sqrt(x); }

// exp of a small number or vector of such (Cephes expf).
#define EXPONENTIAL_SERIES(p, r)      \
    p = 1.9875691500e-4f;             \
    p = p * (r) + 1.3981999507e-3f;   \
    p = p * (r) + 8.3334519073e-3f;   \
    p = p * (r) + 4.1665795894e-2f;   \
    p = p * (r) + 1.6666665459e-1f;   \
    p = p * (r) + 5.0000001201e-1f;   \
    p = p * ((r) * (r)) + (r) + 1.0f;

// exp: x = n ln 2 + r, a polynomial in r, scaled by 2^n in two steps so that subnormals come out right.
INLINE float exponential(float x) {
    float y = x > 89.0f ? 89.0f : x;
    y = y < -104.0f ? -104.0f : y;
    const float magic = 12582912.0f;  // adding it rounds to an integer in the low bits
    const float shifted = y * 1.44269504f + magic;
    const float n = shifted - magic;
    const float r = (y - n * 0.693359375f) + n * 2.12194440e-4f;
    float p;
    EXPONENTIAL_SERIES(p, r)
    const int32_t exponent = (int32_t)to_bits(shifted) - 0x4B400000;
    const int32_t half = exponent >> 1;
    const float first = from_bits((uint32_t)(half + 127) << 23);
    const float second = from_bits((uint32_t)(exponent - half + 127) << 23);
    return p * first * second;
}

// exp for x <= 0 that never nears the subnormals' accuracy: softmax and its like. One scaling; 0 below -87.
INLINE float exponential_of_negative(float x) {
    const float magic = 12582912.0f;
    const float y = x < -87.0f ? -87.0f : x;
    const float shifted = y * 1.44269504f + magic;
    const float n = shifted - magic;
    const float r = (y - n * 0.693359375f) + n * 2.12194440e-4f;
    float p;
    EXPONENTIAL_SERIES(p, r)
    const float value = from_bits(to_bits(p) + (to_bits(shifted) << 23));
    return x < -87.0f ? 0.0f : x != x ? x : value;
}

// The same of a vector.
INLINE lanes exponentials_of_negatives(lanes x) {
    typedef uint32_t bits __attribute__((ext_vector_type(LANES)));
    const float magic = 12582912.0f;
    const lanes y = x < -87.0f ? -87.0f : x, shifted = y * 1.44269504f + magic, n = shifted - magic;
    const lanes r = (y - n * 0.693359375f) + n * 2.12194440e-4f;
    lanes p;
    EXPONENTIAL_SERIES(p, r)
    const lanes value = (lanes)((bits)p + ((bits)shifted << 23));
    return x < -87.0f ? 0.0f : x != x ? x : value;
}

// log: Cephes logf on a significand in [sqrt(1/2), sqrt(2)).
INLINE float logarithm(float x) {
    const int tiny = x < 1.17549435e-38f;
    const float scaled = tiny ? x * 8388608.0f : x;
    const uint32_t bits = to_bits(scaled);
    float n = (float)((int32_t)(bits >> 23) - 126 - (tiny ? 23 : 0));
    float m = from_bits((bits & 0x007FFFFF) | 0x3F000000);
    const int low = m < 0.707106781f;
    n = low ? n - 1.0f : n;
    m = low ? m + m - 1.0f : m - 1.0f;
    const float z = m * m;
    float p = 7.0376836292e-2f;
    p = p * m - 1.1514610310e-1f;
    p = p * m + 1.1676998740e-1f;
    p = p * m - 1.2420140846e-1f;
    p = p * m + 1.4249322787e-1f;
    p = p * m - 1.6668057665e-1f;
    p = p * m + 2.0000714765e-1f;
    p = p * m - 2.4999993993e-1f;
    p = p * m + 3.3333331174e-1f;
    float y = p * m * z + n * -2.12194440e-4f - 0.5f * z;
    y = m + y + n * 0.693359375f;
    y = x == from_bits(0x7F800000) ? x : y;
    y = x == 0.0f ? from_bits(0xFF800000) : y;
    y = x < 0.0f ? from_bits(0x7FC00000) : y;
    return x != x ? x : y;
}

// tanh: Cephes tanhf; an odd polynomial near 0, else by exp.
INLINE float hyperbolic_tangent(float x) {
    const float magnitude = absolute(x);
    const float z = x * x;
    float p = -5.70498872745e-3f;
    p = p * z + 2.06390887954e-2f;
    p = p * z - 5.37397155531e-2f;
    p = p * z + 1.33314422036e-1f;
    p = p * z - 3.33332819422e-1f;
    const float near_zero = p * z * x + x;
    const float far = with_sign_of(1.0f - 2.0f / (exponential(magnitude + magnitude) + 1.0f), x);
    return magnitude < 0.625f ? near_zero : x != x ? x : far;
}

INLINE float logistic(float x) { return 1.0f / (1.0f + exponential(-x)); }

// erf: two minimax polynomials (N. Juffa's, 1 unit of the last place).
INLINE float error_function(float x) {
    const float t = absolute(x);
    const float s = x * x;
    float r = -1.72853470e-5f * t + 3.83197126e-4f;
    const float u = -3.88396438e-3f * t + 2.42546219e-2f;
    r = r * s + u;
    r = r * t - 1.06777877e-1f;
    r = r * t - 6.34846687e-1f;
    r = r * t - 1.28717512e-1f;
    r = r * t - t;
    const float far = with_sign_of(1.0f - exponential(r), x);
    float p = -5.96761703e-4f;
    p = p * s + 4.99119423e-3f;
    p = p * s - 2.67681349e-2f;
    p = p * s + 1.12819925e-1f;
    p = p * s - 3.76125336e-1f;
    p = p * s + 1.28379166e-1f;
    const float near_zero = p * x + x;
    return t > 0.927734375f ? far : near_zero;
}

INLINE float gelu_erf(float x) { return x * 0.5f * (1.0f + error_function(x * 0.70710678f)); }

// For results that are rounded to bfloat16: erf as a polynomial on [-4, 4], fitted so that the error of the whole is below
// 2e-4 everywhere, less than the rounding of what is larger than 0.1.
INLINE float gelu_erf_narrow(float x) {
    float y = x > 4.0f ? 4.0f : x;
    y = y < -4.0f ? -4.0f : y;
    const float s = y * y;
    float p = 4.556166289e-8f;
    p = p * s - 3.197142860e-6f;
    p = p * s + 9.590981790e-5f;
    p = p * s - 1.628019265e-3f;
    p = p * s + 1.754472032e-2f;
    p = p * s - 1.291460991e-1f;
    p = p * s + 7.957665920e-1f;
    float e = y * p;
    e = e > 1.0f ? 1.0f : e;
    e = e < -1.0f ? -1.0f : e;
    return 0.5f * x * (1.0f + e);
}

INLINE float gelu_tanh(float x) {
    // x/2 (1 + tanh u) = x sigmoid(2u)
    return x * logistic(1.59576912f * (x + 0.044715f * x * x * x));
}

INLINE float gelu_quick(float x) { return x * logistic(1.702f * x); }

INLINE float gelu_erf_gradient(float x, float dy) {
    const float density = exponential(-0.5f * x * x) * 0.39894228f;
    return dy * (0.5f * (1.0f + error_function(x * 0.70710678f)) + x * density);
}

INLINE float gelu_tanh_gradient(float x, float dy) {
    const float s = logistic(1.59576912f * (x + 0.044715f * x * x * x));
    const float slope = 1.59576912f * (1.0f + 0.134145f * x * x);
    return dy * (s + x * s * (1.0f - s) * slope);
}

INLINE float gelu_quick_gradient(float x, float dy) {
    const float s = logistic(1.702f * x);
    return dy * s * (1.0f + 1.702f * x * (1.0f - s));
}

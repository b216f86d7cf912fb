// Two-pass resampling with Pillow's 8-bit fixed-point arithmetic. Sums are exact integers, so their order is free and
// the loops may be vectorised as the processor likes.

#include "coefficients.h"
#include "support.h"

#include <math.h>
#include <stdlib.h>

#pragma STDC FP_CONTRACT OFF

enum { FRACTION_BITS = 32 - 8 - 2, HALF = 1 << (FRACTION_BITS - 1) };

#define INLINE static inline __attribute__((always_inline))

typedef int32_t lanes4 __attribute__((vector_size(16)));
typedef int32_t lanes8 __attribute__((vector_size(32)));
typedef int32_t lanes2 __attribute__((vector_size(8)));
typedef uint8_t bytes4 __attribute__((vector_size(4)));
typedef uint8_t bytes8 __attribute__((vector_size(8)));

INLINE uint8_t clip(int32_t sum) {
    int32_t value = sum >> FRACTION_BITS;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

// One row to width pixels; three and four channels take a pixel as four lanes.
INLINE void horizontal_row(const uint8_t *in, int channels, const cic_weights *weights, int32_t width, uint8_t *out) {
    for (int32_t x = 0; x < width; x++) {
        const int32_t *k = weights->fixed + (size_t)x * (size_t)weights->stride;
        int32_t taps = weights->taps[x];
        const uint8_t *p = in + (size_t)weights->first[x] * (size_t)channels;
        if (channels == 1) {
            int32_t sum = HALF;
            for (int32_t t = 0; t < taps; t++) sum += p[t] * k[t];
            out[x] = clip(sum);
        } else if (channels == 2) {
            int32_t a = HALF, b = HALF;
            for (int32_t t = 0; t < taps; t++) {
                a += p[2 * t] * k[t];
                b += p[2 * t + 1] * k[t];
            }
            out[2 * x] = clip(a);
            out[2 * x + 1] = clip(b);
        } else {
            lanes4 sum = {HALF, HALF, HALF, HALF};
            int32_t t = 0;
            // Two taps as eight lanes. Eight bytes hold them and two bytes of the next tap, so three must be left.
            lanes8 pairs = {0};
            for (; t + 3 <= taps; t += 2, p += 2 * channels) {
                bytes8 two;
                memcpy(&two, p, 8);
                if (channels == 3) two = __builtin_shufflevector(two, two, 0, 1, 2, 3, 3, 4, 5, 6);
                lanes2 weight;
                memcpy(&weight, k + t, 8);
                pairs += __builtin_convertvector(two, lanes8)
                    * __builtin_shufflevector(weight, weight, 0, 0, 0, 0, 1, 1, 1, 1);
            }
            sum += __builtin_shufflevector(pairs, pairs, 0, 1, 2, 3) + __builtin_shufflevector(pairs, pairs, 4, 5, 6, 7);
            for (; t < taps; t++, p += channels) {
                lanes4 pixel = {p[0], p[1], p[2], channels == 4 ? p[3] : 0};
                sum += pixel * k[t];
            }
            const lanes4 low = {0, 0, 0, 0}, high = {255, 255, 255, 255};
            sum = __builtin_elementwise_min(__builtin_elementwise_max(sum >> FRACTION_BITS, low), high);
            bytes4 pixel = __builtin_convertvector(sum, bytes4);
            memcpy(out + (size_t)x * (size_t)channels, &pixel, (size_t)channels);
        }
    }
}

INLINE void horizontal_pass(
    const uint8_t *in, size_t in_row, int channels, const cic_weights *weights, int32_t width, int32_t rows,
    uint8_t *out) {
    size_t out_row = (size_t)width * (size_t)channels;
    for (int32_t y = 0; y < rows; y++) {
        const uint8_t *source = in + (size_t)y * in_row;
        uint8_t *target = out + (size_t)y * out_row;
        // The channel count is a constant in each call, so that the loops are specialised.
        switch (channels) {
            case 1: horizontal_row(source, 1, weights, width, target); break;
            case 2: horizontal_row(source, 2, weights, width, target); break;
            case 3: horizontal_row(source, 3, weights, width, target); break;
            default: horizontal_row(source, 4, weights, width, target); break;
        }
    }
}

enum { STRIP = 64 };

INLINE void vertical_strip(const uint8_t *in, size_t in_row, const int32_t *k, int32_t taps, int count, uint8_t *out) {
    int32_t sums[STRIP];
    for (int i = 0; i < count; i++) sums[i] = HALF;
    for (int32_t t = 0; t < taps; t++) {
        const uint8_t *source = in + (size_t)t * in_row;
        int32_t weight = k[t];
        for (int i = 0; i < count; i++) sums[i] += source[i] * weight;
    }
    for (int i = 0; i < count; i++) out[i] = clip(sums[i]);
}

// length is the bytes of a row that are wanted.
INLINE void vertical_pass(
    const uint8_t *in, size_t in_row, const cic_weights *weights, int32_t rows, size_t length, uint8_t *out) {
    for (int32_t y = 0; y < rows; y++) {
        const int32_t *k = weights->fixed + (size_t)y * (size_t)weights->stride;
        const uint8_t *source = in + (size_t)weights->first[y] * in_row;
        uint8_t *target = out + (size_t)y * length;
        size_t x = 0;
        for (; x + STRIP <= length; x += STRIP) {
            vertical_strip(source + x, in_row, k, weights->taps[y], STRIP, target + x);
        }
        vertical_strip(source + x, in_row, k, weights->taps[y], (int)(length - x), target + x);
    }
}

// The two passes for one kind of sample: in and out are rows of in_row bytes and of no padding.
typedef struct {
    void (*horizontal)(
        const uint8_t *in, size_t in_row, int channels, const cic_weights *weights, int32_t width, int32_t rows,
        uint8_t *out);
    void (*vertical)(
        const uint8_t *in, size_t in_row, const cic_weights *weights, int32_t rows, size_t length, uint8_t *out);
} passes;

#define DEFINE_PASSES(name, attributes)                                                                                \
    attributes static void horizontal_##name(                                                                          \
        const uint8_t *in, size_t in_row, int channels, const cic_weights *weights, int32_t width, int32_t rows,       \
        uint8_t *out) {                                                                                                \
        horizontal_pass(in, in_row, channels, weights, width, rows, out);                                              \
    }                                                                                                                  \
    attributes static void vertical_##name(                                                                            \
        const uint8_t *in, size_t in_row, const cic_weights *weights, int32_t rows, size_t length, uint8_t *out) {     \
        vertical_pass(in, in_row, weights, rows, length, out);                                                         \
    }

DEFINE_PASSES(baseline, )
#if defined(__x86_64__)
DEFINE_PASSES(avx2, __attribute__((target("avx2"))))
#endif

// The one place that chooses by processor.
static passes best_passes_u8(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2")) return (passes){horizontal_avx2, vertical_avx2};
#endif
    return (passes){horizontal_baseline, vertical_baseline};
}

static int load_u16(const uint8_t *p) { return p[0] | p[1] << 8; }

static void store_u16(double sum, uint8_t *out) {
    double rounded = sum >= 0.0 ? sum + 0.5 : sum - 0.5;
    int32_t value = rounded <= 0 ? 0 : rounded >= 65535 ? 65535 : (int32_t)rounded;
    out[0] = (uint8_t)(value & 0xFF);
    out[1] = (uint8_t)(value >> 8);
}

static void horizontal_u16(
    const uint8_t *in, size_t in_row, int channels, const cic_weights *weights, int32_t width, int32_t rows,
    uint8_t *out) {
    (void)channels;
    for (int32_t y = 0; y < rows; y++, in += in_row) {
        for (int32_t x = 0; x < width; x++, out += 2) {
            const double *k = weights->real + (size_t)x * (size_t)weights->stride;
            const uint8_t *p = in + (size_t)weights->first[x] * 2;
            double sum = 0.0;
            for (int32_t t = 0; t < weights->taps[x]; t++) sum += load_u16(p + 2 * (size_t)t) * k[t];
            store_u16(sum, out);
        }
    }
}

static void vertical_u16(
    const uint8_t *in, size_t in_row, const cic_weights *weights, int32_t rows, size_t length, uint8_t *out) {
    for (int32_t y = 0; y < rows; y++, out += length) {
        const double *k = weights->real + (size_t)y * (size_t)weights->stride;
        const uint8_t *p = in + (size_t)weights->first[y] * in_row;
        for (size_t x = 0; x < length; x += 2) {
            double sum = 0.0;
            for (int32_t t = 0; t < weights->taps[y]; t++) sum += load_u16(p + (size_t)t * in_row + x) * k[t];
            store_u16(sum, out + x);
        }
    }
}

static int valid(const cic_resize *job) {
    return job->source_width > 0 && job->source_height > 0 && job->out_width > 0 && job->out_height > 0
        && job->width > 0 && job->height > 0 && job->x >= 0 && job->y >= 0 && job->x <= job->out_width - job->width
        && job->y <= job->out_height - job->height;
}

// One direction of a resize: which source samples [low, high) the window needs, and how they are weighted. The weights
// count from low. Without a change of size there are none, and the samples are the window's own.
typedef struct {
    int changes;
    int32_t low, high;
    cic_weights weights;
} axis;

static int make_axis(axis *axis, int32_t source, int32_t out, int32_t start, int32_t count, int32_t filter, int real) {
    axis->changes = source != out;
    axis->low = start;
    axis->high = start + count;
    axis->weights = (cic_weights){0};
    if (!axis->changes) return CIC_OK;
    int status = cic_weights_make(&axis->weights, source, out, start, count, filter, real);
    if (status != CIC_OK) return status;
    cic_weights *weights = &axis->weights;
    axis->low = weights->first[0];
    axis->high = weights->first[count - 1] + weights->taps[count - 1];
    for (int32_t i = 0; i < count; i++) weights->first[i] -= axis->low;
    return CIC_OK;
}

static int run_passes(
    const uint8_t *source, size_t pixel, int channels, const cic_resize *job, const passes *run, const axis *horizontal,
    const axis *vertical, uint8_t *out) {
    size_t source_row = (size_t)job->source_width * pixel;
    size_t length = (size_t)job->width * pixel;
    const uint8_t *in = source + (size_t)vertical->low * source_row + (size_t)horizontal->low * pixel;
    int32_t in_rows = vertical->high - vertical->low;
    size_t in_length = (size_t)(horizontal->high - horizontal->low) * pixel;

    if (!horizontal->changes && !vertical->changes) {
        for (int32_t y = 0; y < job->height; y++) memcpy(out + (size_t)y * length, in + (size_t)y * source_row, length);
        return CIC_OK;
    }
    if (!vertical->changes) {
        run->horizontal(in, source_row, channels, &horizontal->weights, job->width, in_rows, out);
        return CIC_OK;
    }
    if (!horizontal->changes) {
        run->vertical(in, source_row, &vertical->weights, job->height, length, out);
        return CIC_OK;
    }

    // The result between the passes is rounded, so their order shows. Pillow, since version 13, begins with the
    // vertical pass if the height shrinks by more than twice what the width does; earlier versions never did.
    int64_t shrinks_x = (int64_t)job->source_width - job->out_width;
    int64_t shrinks_y = (int64_t)job->source_height - job->out_height;
    int vertical_first = shrinks_y > 0 && shrinks_y > 2 * shrinks_x;
    uint8_t *between = malloc(vertical_first ? (size_t)job->height * in_length : (size_t)in_rows * length);
    if (between == NULL) return CIC_MEMORY;
    if (vertical_first) {
        run->vertical(in, source_row, &vertical->weights, job->height, in_length, between);
        run->horizontal(between, in_length, channels, &horizontal->weights, job->width, job->height, out);
    } else {
        run->horizontal(in, source_row, channels, &horizontal->weights, job->width, in_rows, between);
        run->vertical(between, length, &vertical->weights, job->height, length, out);
    }
    free(between);
    return CIC_OK;
}

static int resize(
    const uint8_t *source, size_t pixel, int channels, int real, const cic_resize *job, const passes *run,
    uint8_t *out) {
    if (!valid(job)) return CIC_UNSUPPORTED;
    axis horizontal = {0}, vertical = {0};
    int status = make_axis(
        &horizontal, job->source_width, job->out_width, job->x, job->width, job->filter, real);
    if (status == CIC_OK) {
        status = make_axis(
            &vertical, job->source_height, job->out_height, job->y, job->height, job->filter, real);
    }
    if (status == CIC_OK) status = run_passes(source, pixel, channels, job, run, &horizontal, &vertical, out);
    cic_weights_free(&horizontal.weights);
    cic_weights_free(&vertical.weights);
    return status;
}

int cic_resize_u8(const uint8_t *source, int channels, const cic_resize *job, uint8_t *out) {
    if (channels < 1 || channels > 4) return CIC_UNSUPPORTED;
    passes run = best_passes_u8();
    return resize(source, (size_t)channels, channels, 0, job, &run, out);
}

int cic_resize_u16(const uint8_t *source, const cic_resize *job, uint8_t *out) {
    passes run = {horizontal_u16, vertical_u16};
    return resize(source, 2, 1, 1, job, &run, out);
}

// Source position of each output position in the window; -1 where rounding leads past the source. Pillow adds the step
// up instead of multiplying, and so does this.
static int32_t *nearest_positions(int32_t source, int32_t out, int32_t start, int32_t count) {
    int32_t *positions = malloc((size_t)count * sizeof(int32_t));
    if (positions == NULL) return NULL;
    double step = (double)source / out;
    double at = step * 0.5;
    for (int32_t i = 0; i < start + count; i++) {
        if (i >= start) positions[i - start] = at >= 0 && at < source ? (int32_t)at : -1;
        at += step;
    }
    return positions;
}

int cic_resize_nearest(const uint8_t *source, size_t bytes_per_pixel, const cic_resize *job, uint8_t *out) {
    if (!valid(job) || bytes_per_pixel == 0) return CIC_UNSUPPORTED;
    int32_t *columns = nearest_positions(job->source_width, job->out_width, job->x, job->width);
    int32_t *rows = nearest_positions(job->source_height, job->out_height, job->y, job->height);
    if (columns == NULL || rows == NULL) {
        free(columns);
        free(rows);
        return CIC_MEMORY;
    }
    for (int32_t y = 0; y < job->height; y++) {
        for (int32_t x = 0; x < job->width; x++) {
            if (rows[y] < 0 || columns[x] < 0) {
                memset(out, 0, bytes_per_pixel);
            } else {
                size_t at = (size_t)rows[y] * (size_t)job->source_width + (size_t)columns[x];
                memcpy(out, source + at * bytes_per_pixel, bytes_per_pixel);
            }
            out += bytes_per_pixel;
        }
    }
    free(columns);
    free(rows);
    return CIC_OK;
}

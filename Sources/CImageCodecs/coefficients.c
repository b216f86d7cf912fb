#include "coefficients.h"

#include <math.h>
#include <stdlib.h>

#pragma STDC FP_CONTRACT OFF

enum { FRACTION_BITS = 32 - 8 - 2 };

// Beyond this many weights (256 MB) a picture is so long and thin that resizing it is refused.
static const int64_t MAXIMUM_WEIGHTS = (int64_t)1 << 26;

static const double PI = 3.14159265358979323846;

static double sinc(double x) {
    if (x == 0.0) return 1.0;
    x = x * PI;
    return sin(x) / x;
}

static double filter_value(int32_t filter, double x) {
    double distance = x < 0.0 ? -x : x;
    switch (filter) {
        case CIC_BOX:
            return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
        case CIC_BILINEAR:
            return distance < 1.0 ? 1.0 - distance : 0.0;
        case CIC_HAMMING: {
            if (distance == 0.0) return 1.0;
            if (distance >= 1.0) return 0.0;
            double angle = distance * PI;
            // Pillow's constants are single precision.
            return sin(angle) / angle * (0.54f + 0.46f * cos(angle));
        }
        case CIC_BICUBIC: {
            const double a = -0.5;
            if (distance < 1.0) return ((a + 2.0) * distance - (a + 3.0)) * distance * distance + 1;
            if (distance < 2.0) return (((distance - 5) * distance + 8) * distance - 4) * a;
            return 0.0;
        }
        case CIC_LANCZOS:
            return -3.0 <= x && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0;
        default:
            return 0.0;
    }
}

static double filter_support(int32_t filter) {
    switch (filter) {
        case CIC_BOX:
            return 0.5;
        case CIC_BILINEAR:
        case CIC_HAMMING:
            return 1.0;
        case CIC_BICUBIC:
            return 2.0;
        case CIC_LANCZOS:
            return 3.0;
        default:
            return 0.0;
    }
}

void cic_weights_free(cic_weights *weights) {
    free(weights->first);
    free(weights->taps);
    free(weights->fixed);
    free(weights->real);
    *weights = (cic_weights){0};
}

int cic_weights_make(
    cic_weights *weights, int32_t source, int32_t out, int32_t start, int32_t count, int32_t filter, int real) {
    *weights = (cic_weights){0};
    double scale = (double)source / out;
    double filter_scale = scale < 1.0 ? 1.0 : scale;
    double support = filter_support(filter) * filter_scale;
    double stride = ceil(support) * 2 + 1;
    if (support <= 0 || stride * count > (double)MAXIMUM_WEIGHTS) return CIC_MEMORY;

    size_t positions = (size_t)count;
    weights->stride = (int32_t)stride;
    weights->first = malloc(positions * sizeof(int32_t));
    weights->taps = malloc(positions * sizeof(int32_t));
    weights->fixed = malloc(positions * (size_t)weights->stride * sizeof(int32_t));
    double *row = malloc((size_t)weights->stride * sizeof(double));
    if (real) weights->real = malloc(positions * (size_t)weights->stride * sizeof(double));
    if (!weights->first || !weights->taps || !weights->fixed || !row || (real && !weights->real)) {
        free(row);
        cic_weights_free(weights);
        return CIC_MEMORY;
    }

    double inverse = 1.0 / filter_scale;
    for (int32_t i = 0; i < count; i++) {
        double center = (start + i + 0.5) * scale;
        int32_t low = (int32_t)(center - support + 0.5);
        if (low < 0) low = 0;
        double upper = center + support + 0.5;
        int32_t high = upper > source ? source : (int32_t)upper;
        int32_t taps = high - low;

        double sum = 0.0;
        for (int32_t t = 0; t < taps; t++) {
            row[t] = filter_value(filter, (t + low - center + 0.5) * inverse);
            sum += row[t];
        }
        int32_t *fixed = weights->fixed + (size_t)i * (size_t)weights->stride;
        for (int32_t t = 0; t < weights->stride; t++) {
            double weight = t < taps ? (sum != 0.0 ? row[t] / sum : row[t]) : 0.0;
            double units = weight * (1 << FRACTION_BITS);
            fixed[t] = (int32_t)(weight < 0 ? -0.5 + units : 0.5 + units);
            if (weights->real) weights->real[(size_t)i * (size_t)weights->stride + (size_t)t] = weight;
        }
        weights->first[i] = low;
        weights->taps[i] = taps;
    }
    free(row);
    return CIC_OK;
}

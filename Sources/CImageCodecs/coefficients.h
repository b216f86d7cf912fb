// The filters and weights of a separable resize, as Pillow computes them (src/libImaging/Resample.c): every operation
// is in double precision, in the same order, and never fused, because the results are rounded to fixed point after.

#ifndef CLIP_IMAGE_CODECS_COEFFICIENTS_H
#define CLIP_IMAGE_CODECS_COEFFICIENTS_H

#include "CImageCodecs.h"

// The weights of `count` consecutive output positions. Position i reads source samples
// [first[i], first[i] + taps[i]) with weights from fixed or real + i * stride.
typedef struct {
    int32_t stride;
    int32_t *first;
    int32_t *taps;
    int32_t *fixed;  // in units of 2^-22
    double *real;    // null unless asked for
} cic_weights;

// Weights for output positions [start, start + count) of a resize from source to out samples.
int cic_weights_make(
    cic_weights *weights, int32_t source, int32_t out, int32_t start, int32_t count, int32_t filter, int real);
void cic_weights_free(cic_weights *weights);

#endif

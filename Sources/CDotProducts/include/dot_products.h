#ifndef CLIP_DOT_PRODUCTS_H
#define CLIP_DOT_PRODUCTS_H

#include <stddef.h>

/// Rows are padded with zeros to a multiple of this many floats.
#define CDP_WIDTH_MULTIPLE 16
/// Queries are padded with rows of zeros to a multiple of this count.
#define CDP_QUERY_MULTIPLE 4
/// Candidates are padded with rows of zeros to a multiple of this count.
#define CDP_CANDIDATE_MULTIPLE 2

/// scores[i * candidate_count + j] = queries row i . candidates row j.
///
/// Counts and width are multiples of the numbers above. Every score is summed in the same order, wherever its rows
/// stand, so that equal candidates have equal scores.
void cdp_scores(
    const float *queries, size_t query_count, const float *candidates, size_t candidate_count, size_t width,
    float *scores);

/// The largest of `count` values; -infinity where there are none. No value is NaN.
float cdp_maximum(const float *values, size_t count);

/// The sum of exp(scale * (values[i] - maximum)), for values that are at most `maximum` and a scale of at least 0.
double cdp_sum_of_exponentials(const float *values, size_t count, float scale, float maximum);

/// The sum of squares, in double precision, in which those of floats neither overflow nor vanish. The order of the sum is
/// the same on every processor.
double cdp_squared_length(const float *values, size_t count);

#endif

#ifndef CLIP_IMAGE_CODECS_BYTES_H
#define CLIP_IMAGE_CODECS_BYTES_H

#include <stddef.h>
#include <stdint.h>

static inline uint32_t little16(const uint8_t *bytes) { return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8; }

static inline uint32_t little32(const uint8_t *bytes) { return little16(bytes) | little16(bytes + 2) << 16; }

// value * 255 / alpha, cut off at 255: colour that was multiplied by its alpha, as Pillow takes it apart.
static inline uint8_t cic_unpremultiplied(uint8_t value, uint8_t alpha) {
    if (alpha == 0 || alpha == 255) return alpha == 0 ? 0 : value;
    int result = value * 255 / alpha;
    return (uint8_t)(result > 255 ? 255 : result);
}

#endif

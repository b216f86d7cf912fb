#ifndef CLIP_IMAGE_CODECS_SUPPORT_H
#define CLIP_IMAGE_CODECS_SUPPORT_H

#include "CImageCodecs.h"

#include <string.h>

// Copies a library's message, cut to fit.
static inline void cic_set_message(cic_info *info, const char *text) {
    size_t length = strlen(text);
    if (length > sizeof(info->message) - 1) length = sizeof(info->message) - 1;
    memcpy(info->message, text, length);
    info->message[length] = 0;
}

static inline int cic_fail(cic_info *info, int status, const char *text) {
    cic_set_message(info, text);
    return status;
}

// Whether a decoded picture fits; the division keeps the product from overflowing.
static inline int cic_fits(const cic_info *info, size_t capacity) {
    size_t row = (size_t)info->width * cic_bytes_per_pixel(info->layout);
    return row > 0 && info->height > 0 && capacity / row >= info->height;
}

#endif

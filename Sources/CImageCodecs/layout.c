#include "CImageCodecs.h"

size_t cic_bytes_per_pixel(int32_t layout) {
    switch (layout) {
        case CIC_BILEVEL:
        case CIC_PALETTE:
        case CIC_GRAY:
            return 1;
        case CIC_GRAY16:
        case CIC_GRAY_ALPHA:
            return 2;
        case CIC_RGB:
            return 3;
        case CIC_RGBA:
        case CIC_CMYK:
            return 4;
        default:
            return 0;
    }
}

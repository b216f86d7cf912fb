#include "CImageCodecs.h"

#include <string.h>

void cic_turn(const uint8_t *source, size_t size, uint32_t width, uint32_t height, int orientation, uint8_t *out) {
    const ptrdiff_t pixel = (ptrdiff_t)size, row = (ptrdiff_t)width * pixel;
    const ptrdiff_t right = row - pixel, bottom = (ptrdiff_t)(height - 1) * row;
    // Where the first pixel is taken from, and how far the next one to the right and the next one below are from it.
    ptrdiff_t first = 0, across = pixel, down = row;
    switch (orientation) {
        case 2: first = right, across = -pixel; break;
        case 3: first = right + bottom, across = -pixel, down = -row; break;
        case 4: first = bottom, down = -row; break;
        case 5: across = row, down = pixel; break;
        case 6: first = bottom, across = -row, down = pixel; break;
        case 7: first = right + bottom, across = -row, down = -pixel; break;
        case 8: first = right, across = row, down = -pixel; break;
        default: break;
    }
    const uint32_t columns = orientation >= 5 ? height : width, rows = orientation >= 5 ? width : height;
    // In blocks, whose rows and columns both stay in the cache.
    enum { SIDE = 64 };
    for (uint32_t top = 0; top < rows; top += SIDE) {
        for (uint32_t left = 0; left < columns; left += SIDE) {
            const uint32_t end = rows - top < SIDE ? rows : top + SIDE;
            const uint32_t stop = columns - left < SIDE ? columns : left + SIDE;
            for (uint32_t y = top; y < end; y++) {
                const uint8_t *from = source + first + (ptrdiff_t)y * down + (ptrdiff_t)left * across;
                uint8_t *to = out + ((size_t)y * columns + left) * size;
                for (uint32_t x = left; x < stop; x++, from += across) {
                    for (size_t i = 0; i < size; i++) *to++ = from[i];
                }
            }
        }
    }
}

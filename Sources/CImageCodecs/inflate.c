#include "CImageCodecs.h"

#include <zlib.h>

size_t cic_inflate(const uint8_t *data, size_t size, uint8_t *out, size_t capacity) {
    uLongf count = capacity;
    return uncompress(out, &count, data, size) == Z_OK ? count : 0;
}

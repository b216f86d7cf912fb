// Image codecs and resampling behind a plain C interface.
//
// libpng and libjpeg report errors with longjmp, which must not unwind Swift frames; here every setjmp is confined to
// one C function. Nothing in this header allocates on behalf of the caller: a header is read first, the caller decides
// whether the size is acceptable, allocates, and then decodes.

#ifndef CLIP_IMAGE_CODECS_H
#define CLIP_IMAGE_CODECS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    CIC_OK = 0,
    CIC_TRUNCATED = 1,    // the data end before the picture does
    CIC_CORRUPT = 2,      // the data contradict the format
    CIC_UNSUPPORTED = 3,  // a valid file of a kind that is not read
    CIC_MEMORY = 4,       // an allocation failed, or would be unreasonable
};

// How the pixels lie in memory, rows without padding. The names in brackets are Pillow's.
enum {
    CIC_BILEVEL = 0,     // 1 byte, 0 or 255 [1]
    CIC_PALETTE = 1,     // 1 byte, an index [P]
    CIC_GRAY = 2,        // 1 byte [L]
    CIC_GRAY16 = 3,      // 2 bytes, little-endian [I;16]
    CIC_GRAY_ALPHA = 4,  // 2 bytes [LA]
    CIC_RGB = 5,         // 3 bytes [RGB]
    CIC_RGBA = 6,        // 4 bytes, not premultiplied [RGBA]
    CIC_CMYK = 7,        // 4 bytes, 255 is full ink [CMYK]
};

typedef struct {
    uint32_t width;
    uint32_t height;
    int32_t layout;                // one of the layouts above
    int32_t palette_count;         // colours in palette; only for CIC_PALETTE, known after decoding
    uint8_t palette[256 * 3];      // RGB; zero beyond palette_count
    char message[160];             // what the library said, when the status is not CIC_OK
} cic_info;

// Bytes of one pixel in a layout; 0 for an unknown one.
size_t cic_bytes_per_pixel(int32_t layout);

// Each *_header fills width, height and layout. Each *_decode writes width * height * cic_bytes_per_pixel(layout) bytes
// to pixels, and fails with CIC_CORRUPT if capacity is less. Both return a status.
int cic_png_header(const uint8_t *data, size_t size, cic_info *info);
int cic_png_decode(const uint8_t *data, size_t size, uint8_t *pixels, size_t capacity, cic_info *info);
int cic_jpeg_header(const uint8_t *data, size_t size, cic_info *info);
int cic_jpeg_decode(const uint8_t *data, size_t size, uint8_t *pixels, size_t capacity, cic_info *info);
int cic_webp_header(const uint8_t *data, size_t size, cic_info *info);
int cic_webp_decode(const uint8_t *data, size_t size, uint8_t *pixels, size_t capacity, cic_info *info);

// Receives encoded bytes; returns 0 to stop the encoder.
typedef int (*cic_sink)(void *context, const uint8_t *bytes, size_t count);

// Encodes 8-bit pixels as PNG; channels is 1 (gray) or 3 (RGB).
int cic_png_encode(
    const uint8_t *pixels, uint32_t width, uint32_t height, int channels, cic_sink sink, void *context, cic_info *info);

enum {
    CIC_NEAREST = 0,
    CIC_BOX = 1,
    CIC_BILINEAR = 2,
    CIC_HAMMING = 3,
    CIC_BICUBIC = 4,
    CIC_LANCZOS = 5,
};

// A resize of the whole source to out_width x out_height, of which only the window
// [x, x + width) x [y, y + height) is computed and written.
typedef struct {
    int32_t source_width, source_height;
    int32_t out_width, out_height;
    int32_t x, y, width, height;
    int32_t filter;
} cic_resize;

// 8-bit samples, channels 1 to 4: the same bytes as Pillow's two-pass fixed-point resampling.
int cic_resize_u8(const uint8_t *source, int channels, const cic_resize *job, uint8_t *out);
// 16-bit little-endian gray: the same values as Pillow's resampling in double precision.
int cic_resize_u16(const uint8_t *source, const cic_resize *job, uint8_t *out);
// Nearest neighbour for pixels of any size.
int cic_resize_nearest(const uint8_t *source, size_t bytes_per_pixel, const cic_resize *job, uint8_t *out);

#ifdef __cplusplus
}
#endif

#endif

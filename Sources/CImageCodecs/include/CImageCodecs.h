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
    CIC_NO_LIBRARY = 5,   // the library that reads the format is not installed
    CIC_NO_DECODER = 6,   // the library is, without the part that reads this file
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
    int32_t has_transparent;       // whether the palette entry or gray value `transparent` is transparent
    int32_t transparent;
    int32_t depth;                 // bits that a value of CIC_GRAY16 has in the file
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
int cic_gif_header(const uint8_t *data, size_t size, cic_info *info);
int cic_gif_decode(const uint8_t *data, size_t size, uint8_t *pixels, size_t capacity, cic_info *info);
int cic_bmp_header(const uint8_t *data, size_t size, cic_info *info);
int cic_bmp_decode(const uint8_t *data, size_t size, uint8_t *pixels, size_t capacity, cic_info *info);

// Through libraries that are opened when they are first used.
int cic_tiff_header(const uint8_t *data, size_t size, cic_info *info);
int cic_tiff_decode(const uint8_t *data, size_t size, uint8_t *pixels, size_t capacity, cic_info *info);
// HEIC and AVIF. Whether the file's own turning and mirroring is applied is for the caller to say, to both alike.
int cic_heif_header(const uint8_t *data, size_t size, int is_stored, cic_info *info);
int cic_heif_decode(const uint8_t *data, size_t size, int is_stored, uint8_t *pixels, size_t capacity, cic_info *info);

// The preview that a camera put into a RAW file: a JPEG file, or RGB pixels.
typedef struct {
    int is_jpeg;
    uint32_t width, height;  // of RGB pixels
    const uint8_t *bytes;
    size_t count;
    void *owner;
} cic_preview;

// Fills `preview`, which cic_raw_release empties, whatever the status.
int cic_raw_preview(const uint8_t *data, size_t size, cic_preview *preview, cic_info *info);
void cic_raw_release(cic_preview *preview);

// Turns and mirrors pixels of `size` bytes as EXIF's orientation, 1 to 8, asks for. `out` has as many bytes as `source`; from
// 5 on, its width is the source's height.
void cic_turn(const uint8_t *source, size_t size, uint32_t width, uint32_t height, int orientation, uint8_t *out);

// Inflates a zlib stream. Returns the number of bytes written, at most `capacity`; 0 if it is damaged or longer.
size_t cic_inflate(const uint8_t *data, size_t size, uint8_t *out, size_t capacity);

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

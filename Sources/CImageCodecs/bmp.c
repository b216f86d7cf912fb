// Windows and OS/2 bitmaps, as Pillow reads them: the fourth byte of 32 bits is alpha only where bit fields say so.

#include "bytes.h"
#include "support.h"

enum { RAW = 0, RLE8 = 1, RLE4 = 2, BIT_FIELDS = 3 };

typedef struct {
    const uint8_t *data;
    size_t size;
    uint32_t bits;
    uint32_t compression;
    int is_top_down;
    size_t offset;      // of the pixels
    uint32_t masks[4];  // red, green, blue, alpha; of 16, 24 and 32 bits
    int is_gray;        // the palette only repeats the index
} bmp_file;

static int early_end(cic_info *info) { return cic_fail(info, CIC_TRUNCATED, "the data end too early"); }

static size_t row_bytes(const bmp_file *file, const cic_info *info) {
    return ((size_t)info->width * file->bits + 31) / 32 * 4;
}

// Masks that are whole bytes, or one of the two usual forms of 16 bits.
static int check_masks(bmp_file *file, cic_info *info) {
    static const uint32_t masks16[][4] = {{0xF800, 0x7E0, 0x1F, 0}, {0x7C00, 0x3E0, 0x1F, 0}};
    static const uint32_t masks24[][4] = {{0xFF0000, 0xFF00, 0xFF, 0}};
    static const uint32_t masks32[][4] = {
        {0xFF0000, 0xFF00, 0xFF, 0},          {0xFF000000, 0xFF0000, 0xFF00, 0},
        {0xFF000000, 0xFF00, 0xFF, 0},        {0xFF000000, 0xFF0000, 0xFF00, 0xFF},
        {0xFF, 0xFF00, 0xFF0000, 0xFF000000}, {0xFF0000, 0xFF00, 0xFF, 0xFF000000},
        {0xFF000000, 0xFF00, 0xFF, 0xFF0000},
    };
    const uint32_t(*known)[4] = file->bits == 16 ? masks16 : file->bits == 24 ? masks24 : masks32;
    int count = file->bits == 16 ? 2 : file->bits == 24 ? 1 : 7;
    if (file->bits != 32) file->masks[3] = 0;
    if (file->bits == 32 && (file->masks[0] | file->masks[1] | file->masks[2] | file->masks[3]) == 0) {
        memcpy(file->masks, masks32[5], sizeof(file->masks));  // none given: blue, green, red, alpha
    }
    for (int i = 0; i < count; i++) {
        if (memcmp(known[i], file->masks, sizeof(file->masks)) == 0) return CIC_OK;
    }
    return cic_fail(info, CIC_UNSUPPORTED, "its bit fields have an order that is not read");
}

static void read_palette(bmp_file *file, size_t at, uint32_t count, size_t entry, cic_info *info) {
    file->is_gray = 1;
    for (uint32_t i = 0; i < count && i < 256; i++) {
        const uint8_t *color = file->data + at + i * entry;
        uint8_t *target = info->palette + 3 * i;
        target[0] = color[2];
        target[1] = color[1];
        target[2] = color[0];
        uint32_t level = count == 2 ? 255 * i : i;
        if (color[0] != level || color[1] != level || color[2] != level) file->is_gray = 0;
    }
    info->palette_count = (int32_t)(count < 256 ? count : 256);
}

static int read_header(bmp_file *file, cic_info *info) {
    memset(info, 0, sizeof(*info));
    if (file->size < 18) return early_end(info);
    const uint8_t *header = file->data + 14;
    uint32_t length = little32(header);
    size_t after = 14 + (size_t)length;
    uint32_t colors = 0;
    file->offset = little32(file->data + 10);
    if (length == 12) {
        if (file->size < after) return early_end(info);
        info->width = little16(header + 4);
        info->height = little16(header + 6);
        file->bits = little16(header + 10);
    } else if (length == 40 || length == 52 || length == 56 || length == 64 || length == 108 || length == 124) {
        if (file->size < after) return early_end(info);
        info->width = little32(header + 4);
        info->height = little32(header + 8);
        file->is_top_down = info->height > INT32_MAX;
        if (file->is_top_down) info->height = -info->height;
        file->bits = little16(header + 14);
        file->compression = little32(header + 16);
        colors = little32(header + 32);
        if (file->compression == BIT_FIELDS) {
            // Where the header is too short for them, three masks follow it.
            size_t at = 14 + 40, count = length >= 56 ? 4 : 3;
            if (length == 40) after += 12;
            if (file->size < at + 4 * count) return early_end(info);
            for (size_t i = 0; i < count; i++) file->masks[i] = little32(file->data + at + 4 * i);
        }
    } else {
        return cic_fail(info, CIC_UNSUPPORTED, "its header has a length that is not read");
    }
    if (info->width == 0 || info->height == 0) return cic_fail(info, CIC_CORRUPT, "width or height is zero");

    if (file->bits == 1 || file->bits == 4 || file->bits == 8) {
        size_t entry = length == 12 ? 3 : 4;
        if (colors == 0) colors = 1u << file->bits;
        if (colors > 65536) return cic_fail(info, CIC_CORRUPT, "its palette has too many colours");
        if (file->size - after < entry * colors) return early_end(info);
        read_palette(file, after, colors, entry, info);
        // Some writers give the end of the header for the pixels' place.
        if (file->offset == after || file->offset == 0) file->offset = after + entry * colors;
        info->layout = CIC_PALETTE;
        if (file->is_gray && file->bits == 1 && colors == 2) info->layout = CIC_BILEVEL;
        if (file->is_gray && file->bits == 8 && colors > 2) info->layout = CIC_GRAY;
    } else if (file->bits == 16 || file->bits == 24 || file->bits == 32) {
        if (file->offset == 0) file->offset = after;
        if (file->compression == RAW) {
            static const uint32_t plain16[4] = {0x7C00, 0x3E0, 0x1F, 0}, plain[4] = {0xFF0000, 0xFF00, 0xFF, 0};
            memcpy(file->masks, file->bits == 16 ? plain16 : plain, sizeof(file->masks));
        }
        int status = file->compression == RAW || file->compression == BIT_FIELDS ? check_masks(file, info) : CIC_OK;
        if (status != CIC_OK) return status;
        info->layout = file->masks[3] != 0 ? CIC_RGBA : CIC_RGB;
    } else {
        return cic_fail(info, CIC_UNSUPPORTED, "its pixels have a number of bits that is not read");
    }

    if (file->compression == RLE8 || file->compression == RLE4) {
        if (file->bits != (file->compression == RLE8 ? 8 : 4)) {
            return cic_fail(info, CIC_CORRUPT, "its compression contradicts its number of bits");
        }
        return file->offset <= file->size ? CIC_OK : early_end(info);
    }
    if (file->compression != RAW && (file->compression != BIT_FIELDS || file->bits <= 8)) {
        return cic_fail(info, CIC_UNSUPPORTED, "its compression is not read");
    }
    // The last row may lack its padding.
    size_t row = row_bytes(file, info), last = ((size_t)info->width * file->bits + 7) / 8;
    if (file->size < file->offset || file->size - file->offset < last) return early_end(info);
    return (file->size - file->offset - last) / row >= info->height - 1 ? CIC_OK : early_end(info);
}

// A colour of `mask`'s bits as 0 to 255.
static inline uint8_t channel(uint32_t pixel, uint32_t mask) {
    int shift = __builtin_ctz(mask);
    uint32_t largest = mask >> shift;
    return (uint8_t)(((pixel & mask) >> shift) * 255 / largest);
}

static void unpack_row(const bmp_file *file, const cic_info *info, const uint8_t *source, uint8_t *target) {
    uint32_t bytes = file->bits / 8, samples = (uint32_t)cic_bytes_per_pixel(info->layout);
    for (uint32_t x = 0; x < info->width; x++) {
        if (file->bits <= 8) {
            uint32_t bit = x * file->bits;
            uint32_t index = source[bit / 8] >> (8 - file->bits - bit % 8) & ((1u << file->bits) - 1);
            target[x] = (uint8_t)(info->layout == CIC_BILEVEL ? index * 255 : index);
            continue;
        }
        uint32_t pixel = 0;
        for (uint32_t i = 0; i < bytes; i++) pixel |= (uint32_t)source[x * bytes + i] << 8 * i;
        for (uint32_t i = 0; i < samples; i++) target[x * samples + i] = channel(pixel, file->masks[i]);
    }
}

// Runs, as Pillow's decoder takes them: pixels are written one after the other, from the bottom row up.
static int unpack_runs(const bmp_file *file, const cic_info *info, uint8_t *pixels) {
    const size_t width = info->width, total = width * info->height;
    const int is_nibbles = file->compression == RLE4;
    size_t at = file->offset, written = 0, x = 0;
    while (written < total) {
        if (file->size - at < 2) return CIC_TRUNCATED;
        uint8_t count = file->data[at], value = file->data[at + 1];
        at += 2;
        if (count > 0) {
            size_t run = x + count <= width ? count : width > x ? width - x : 0;
            for (size_t i = 0; i < run && written < total; i++) {
                pixels[written++] = !is_nibbles ? value : i % 2 == 0 ? value >> 4 : value & 15;
            }
            x += run;
        } else if (value == 0) {  // the end of the row
            while (written % width != 0) pixels[written++] = 0;
            x = 0;
        } else if (value == 1) {  // the end of the picture; what is not written stays 0
            memset(pixels + written, 0, total - written);
            return CIC_OK;
        } else if (value == 2) {  // to the right, and up
            if (file->size - at < 2) return CIC_TRUNCATED;
            size_t skip = file->data[at] + file->data[at + 1] * width;
            at += 2;
            for (; skip > 0 && written < total; skip--) pixels[written++] = 0;
            x = written % width;
        } else {  // pixels as they are, padded to 16 bits
            size_t literal = value < total - written ? value : total - written;
            size_t bytes = is_nibbles ? (literal + 1) / 2 : literal;
            if (file->size - at < bytes) return CIC_TRUNCATED;
            for (size_t i = 0; i < literal; i++) {
                uint8_t byte = file->data[at + (is_nibbles ? i / 2 : i)];
                pixels[written++] = !is_nibbles ? byte : i % 2 == 0 ? byte >> 4 : byte & 15;
            }
            at += bytes;
            x += value;
            if (at % 2 != 0 && at < file->size) at++;
        }
    }
    return CIC_OK;
}

static void flip(uint8_t *pixels, const cic_info *info) {
    for (size_t top = 0, bottom = info->height - 1; top < bottom; top++, bottom--) {
        uint8_t *a = pixels + top * info->width, *b = pixels + bottom * info->width;
        for (size_t x = 0; x < info->width; x++) {
            uint8_t pixel = a[x];
            a[x] = b[x];
            b[x] = pixel;
        }
    }
}

int cic_bmp_header(const uint8_t *data, size_t size, cic_info *info) {
    bmp_file file = {.data = data, .size = size};
    return read_header(&file, info);
}

int cic_bmp_decode(const uint8_t *data, size_t size, uint8_t *pixels, size_t capacity, cic_info *info) {
    bmp_file file = {.data = data, .size = size};
    int status = read_header(&file, info);
    if (status != CIC_OK) return status;
    if (!cic_fits(info, capacity)) return cic_fail(info, CIC_CORRUPT, "the header changed while decoding");
    if (file.compression == RLE8 || file.compression == RLE4) {
        status = unpack_runs(&file, info, pixels);
        if (status != CIC_OK) return early_end(info);
        if (!file.is_top_down) flip(pixels, info);
        return CIC_OK;
    }
    size_t row = row_bytes(&file, info), out = (size_t)info->width * cic_bytes_per_pixel(info->layout);
    for (uint32_t y = 0; y < info->height; y++) {
        uint32_t from = file.is_top_down ? y : info->height - 1 - y;
        unpack_row(&file, info, data + file.offset + from * row, pixels + y * out);
    }
    return CIC_OK;
}

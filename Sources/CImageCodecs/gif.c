// The first image of a GIF, on its canvas, as Pillow gives it.

#include "bytes.h"
#include "support.h"

enum { MAXIMUM_BITS = 12, MAXIMUM_CODES = 1 << MAXIMUM_BITS };

typedef struct {
    const uint8_t *data;
    size_t size;
    size_t position;
    // Of the first image: its place on the canvas, and how its data begin.
    uint32_t left, top, width, height;
    int is_interlaced;
    int bits;
} gif_file;

static int early_end(cic_info *info) { return cic_fail(info, CIC_TRUNCATED, "the data end too early"); }

// The next `count` bytes; null where there are not so many.
static const uint8_t *take(gif_file *file, size_t count) {
    if (file->size - file->position < count) return NULL;
    const uint8_t *bytes = file->data + file->position;
    file->position += count;
    return bytes;
}

// Reads the palette that a byte of flags announces.
static int take_palette(gif_file *file, uint8_t flags, cic_info *info) {
    if (!(flags & 128)) return CIC_OK;
    int count = 2 << (flags & 7);
    const uint8_t *colors = take(file, 3 * (size_t)count);
    if (colors == NULL) return early_end(info);
    // Pillow takes a palette whose colours are their own numbers for gray.
    info->layout = CIC_GRAY;
    for (int i = 0; i < 3 * count; i++) {
        if (colors[i] != i / 3) info->layout = CIC_PALETTE;
    }
    memset(info->palette, 0, sizeof(info->palette));
    memcpy(info->palette, colors, 3 * (size_t)count);
    info->palette_count = count;
    return CIC_OK;
}

static int take_extension(gif_file *file, cic_info *info) {
    const uint8_t *kind = take(file, 1);
    if (kind == NULL) return early_end(info);
    for (int is_first = 1;; is_first = 0) {
        const uint8_t *count = take(file, 1);
        if (count == NULL) return early_end(info);
        if (*count == 0) return CIC_OK;
        const uint8_t *block = take(file, *count);
        if (block == NULL) return early_end(info);
        if (is_first && *kind == 0xF9 && *count >= 4 && (block[0] & 1)) {
            info->has_transparent = 1;
            info->transparent = block[3];
        }
    }
}

// Everything before the first image's data.
static int read_header(gif_file *file, cic_info *info) {
    memset(info, 0, sizeof(*info));
    info->layout = CIC_GRAY;
    const uint8_t *screen = take(file, 13);
    if (screen == NULL) return early_end(info);
    info->width = little16(screen + 6);
    info->height = little16(screen + 8);
    int status = take_palette(file, screen[10], info);
    if (status != CIC_OK) return status;
    for (;;) {
        const uint8_t *kind = take(file, 1);
        if (kind == NULL) return early_end(info);
        if (*kind == ';') return cic_fail(info, CIC_CORRUPT, "there is no image in it");
        if (*kind == '!') status = take_extension(file, info);
        if (status != CIC_OK) return status;
        if (*kind == ',') break;
    }
    const uint8_t *image = take(file, 9);
    if (image == NULL) return early_end(info);
    file->left = little16(image);
    file->top = little16(image + 2);
    file->width = little16(image + 4);
    file->height = little16(image + 6);
    file->is_interlaced = (image[8] & 64) != 0;
    status = take_palette(file, image[8], info);
    if (status != CIC_OK) return status;
    const uint8_t *bits = take(file, 1);
    if (bits == NULL) return early_end(info);
    file->bits = *bits;
    if (file->width == 0 || file->height == 0) return cic_fail(info, CIC_CORRUPT, "its first image has no pixels");
    if (file->bits < 1 || file->bits > 11) return cic_fail(info, CIC_CORRUPT, "its codes have a wrong size");
    // A frame that reaches beyond the screen makes the screen larger.
    if (file->left + file->width > info->width) info->width = file->left + file->width;
    if (file->top + file->height > info->height) info->height = file->top + file->height;
    return CIC_OK;
}

// Bits of the data blocks, lowest first.
typedef struct {
    gif_file *file;
    uint32_t bits;
    int count;
    size_t left;  // bytes of the block
} bit_reader;

// The next code; -1 at the end of the data, -2 where the file ends before.
static int take_code(bit_reader *reader, int size) {
    while (reader->count < size) {
        if (reader->left == 0) {
            const uint8_t *length = take(reader->file, 1);
            if (length == NULL) return -2;
            if (*length == 0) return -1;
            reader->left = *length;
        }
        const uint8_t *byte = take(reader->file, 1);
        if (byte == NULL) return -2;
        reader->left--;
        reader->bits |= (uint32_t)*byte << reader->count;
        reader->count += 8;
    }
    int code = (int)(reader->bits & ((1u << size) - 1));
    reader->bits >>= size;
    reader->count -= size;
    return code;
}

// Where pixels go: row by row, or every eighth, fourth, second and the rest.
typedef struct {
    uint8_t *pixels;  // of the canvas, at the image's corner
    size_t row;       // of the canvas
    uint32_t width, height;
    uint32_t x, y;
    int pass;  // 0 to 3; 4 where it is not interlaced
} pixel_writer;

static int is_done(const pixel_writer *writer) { return writer->y >= writer->height; }

static void next_row(pixel_writer *writer) {
    static const uint32_t starts[] = {0, 4, 2, 1};
    static const uint32_t steps[] = {8, 8, 4, 2, 1};
    writer->x = 0;
    writer->y += steps[writer->pass];
    while (writer->pass < 3 && is_done(writer)) writer->y = starts[++writer->pass];
}

static void put(pixel_writer *writer, uint8_t pixel) {
    if (is_done(writer)) return;
    writer->pixels[writer->y * writer->row + writer->x] = pixel;
    if (++writer->x == writer->width) next_row(writer);
}

static int decode(gif_file *file, pixel_writer *writer, cic_info *info) {
    uint16_t prefix[MAXIMUM_CODES];
    uint8_t suffix[MAXIMUM_CODES];
    uint8_t string[MAXIMUM_CODES + 1];
    const int clear = 1 << file->bits;
    bit_reader reader = {.file = file};
    int size = file->bits + 1, next = clear + 2, previous = -1;
    uint8_t first = 0;
    while (!is_done(writer)) {
        int code = take_code(&reader, size);
        if (code < 0 || code == clear + 1) return early_end(info);
        if (code == clear) {
            size = file->bits + 1;
            next = clear + 2;
            previous = -1;
            continue;
        }
        if (previous < 0 ? code > clear : code > next || (code == next && next == MAXIMUM_CODES)) {
            return cic_fail(info, CIC_CORRUPT, "a code that stands for nothing");
        }
        // The string is found from its end to its beginning.
        int at = MAXIMUM_CODES, rest = code;
        if (code == next) {
            string[at--] = first;
            rest = previous;
        }
        while (rest > clear) {
            string[at--] = suffix[rest];
            rest = prefix[rest];
        }
        first = (uint8_t)rest;
        string[at] = first;
        for (int i = at; i <= MAXIMUM_CODES; i++) put(writer, string[i]);
        if (previous >= 0 && next < MAXIMUM_CODES) {
            prefix[next] = (uint16_t)previous;
            suffix[next] = first;
            next++;
            if (next == 1 << size && size < MAXIMUM_BITS) size++;
        }
        previous = code;
    }
    return CIC_OK;
}

int cic_gif_header(const uint8_t *data, size_t size, cic_info *info) {
    gif_file file = {.data = data, .size = size};
    return read_header(&file, info);
}

int cic_gif_decode(const uint8_t *data, size_t size, uint8_t *pixels, size_t capacity, cic_info *info) {
    gif_file file = {.data = data, .size = size};
    int status = read_header(&file, info);
    if (status != CIC_OK) return status;
    if (!cic_fits(info, capacity)) return cic_fail(info, CIC_CORRUPT, "the header changed while decoding");
    memset(pixels, info->has_transparent ? info->transparent : 0, (size_t)info->width * info->height);
    pixel_writer writer = {
        .pixels = pixels + (size_t)file.top * info->width + file.left,
        .row = info->width,
        .width = file.width,
        .height = file.height,
        .pass = file.is_interlaced ? 0 : 4,
    };
    return decode(&file, &writer, info);
}

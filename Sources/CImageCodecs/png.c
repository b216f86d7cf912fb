#include "support.h"

#include <png.h>
#include <setjmp.h>

typedef struct {
    const uint8_t *data;
    size_t size;
    size_t position;
    int truncated;
    uint8_t *pixels;  // null: stop after the header
    size_t capacity;
    cic_info *info;
    cic_sink sink;
    void *sink_context;
    jmp_buf escape;
} png_job;

static void on_error(png_structp png, png_const_charp message) {
    png_job *job = png_get_error_ptr(png);
    cic_set_message(job->info, message);
    // libpng's words for a stream whose compressed data stop before the last row.
    if (strstr(message, "Not enough image data") != NULL) job->truncated = 1;
    longjmp(job->escape, 1);
}

static void on_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

static void read_bytes(png_structp png, png_bytep out, size_t count) {
    png_job *job = png_get_io_ptr(png);
    if (job->size - job->position < count) {
        job->truncated = 1;
        png_error(png, "the data end too early");
    }
    memcpy(out, job->data + job->position, count);
    job->position += count;
}

// The layout Pillow opens a PNG in; -1 if the header is not one of the format's.
static int32_t layout_for(int bit_depth, int color_type) {
    switch (color_type) {
        case PNG_COLOR_TYPE_GRAY:
            return bit_depth == 1 ? CIC_BILEVEL : bit_depth == 16 ? CIC_GRAY16 : CIC_GRAY;
        case PNG_COLOR_TYPE_PALETTE:
            return CIC_PALETTE;
        case PNG_COLOR_TYPE_RGB:
            return CIC_RGB;
        case PNG_COLOR_TYPE_GRAY_ALPHA:
            return bit_depth == 16 ? CIC_RGBA : CIC_GRAY_ALPHA;
        case PNG_COLOR_TYPE_RGB_ALPHA:
            return CIC_RGBA;
        default:
            return -1;
    }
}

static void read_palette(png_structp png, png_infop png_info, cic_info *info) {
    png_colorp colors = NULL;
    int count = 0;
    if (png_get_PLTE(png, png_info, &colors, &count) == 0 || colors == NULL) {
        png_error(png, "the palette is missing");
    }
    if (count > 256) count = 256;
    for (int i = 0; i < count; i++) {
        info->palette[3 * i] = colors[i].red;
        info->palette[3 * i + 1] = colors[i].green;
        info->palette[3 * i + 2] = colors[i].blue;
    }
    info->palette_count = count;
}

static void read_rows(png_structp png, png_infop png_info, png_job *job, int bit_depth, int color_type) {
    cic_info *info = job->info;
    if (!cic_fits(info, job->capacity)) png_error(png, "the header changed while decoding");

    if (info->layout == CIC_PALETTE) read_palette(png, png_info, info);
    if (bit_depth < 8) {
        if (info->layout == CIC_GRAY) {
            png_set_expand_gray_1_2_4_to_8(png);
        } else {
            png_set_packing(png);
        }
    }
    if (bit_depth == 16) {
        if (info->layout == CIC_GRAY16) {
            png_set_swap(png);
        } else {
            png_set_strip_16(png);  // the high byte, as Pillow takes it; not the rounded value
        }
    }
    if (info->layout == CIC_RGBA && color_type == PNG_COLOR_TYPE_GRAY_ALPHA) png_set_gray_to_rgb(png);

    int passes = png_set_interlace_handling(png);
    png_read_update_info(png, png_info);
    size_t row = (size_t)info->width * cic_bytes_per_pixel(info->layout);
    if (png_get_rowbytes(png, png_info) != row) png_error(png, "unexpected row length");
    for (int pass = 0; pass < passes; pass++) {
        for (uint32_t y = 0; y < info->height; y++) png_read_row(png, job->pixels + y * row, NULL);
    }
    if (info->layout == CIC_BILEVEL) {
        size_t count = row * info->height;
        for (size_t i = 0; i < count; i++) job->pixels[i] = job->pixels[i] != 0 ? 255 : 0;
    }
}

static void read_image(png_structp png, png_infop png_info, png_job *job) {
    png_set_read_fn(png, job, read_bytes);
    png_set_benign_errors(png, 1);
    // The caller checks the size; libpng's own limit would refuse long thin pictures.
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    // Ancillary chunks (text, profiles, transparency, gamma) play no part in the result: skip them unread.
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_read_info(png, png_info);

    cic_info *info = job->info;
    int bit_depth = 0, color_type = 0;
    png_uint_32 width = 0, height = 0;
    png_get_IHDR(png, png_info, &width, &height, &bit_depth, &color_type, NULL, NULL, NULL);
    info->width = width;
    info->height = height;
    info->layout = layout_for(bit_depth, color_type);
    info->depth = bit_depth;
    if (info->layout < 0) png_error(png, "unknown colour type");

    // Deflate packs at most 1032 to 1: a header that promises more than the data can hold is not worth allocating for.
    int samples = color_type == PNG_COLOR_TYPE_RGB          ? 3
                  : color_type == PNG_COLOR_TYPE_RGB_ALPHA  ? 4
                  : color_type == PNG_COLOR_TYPE_GRAY_ALPHA ? 2
                                                            : 1;
    double bytes = (double)width * height * samples * bit_depth / 8;
    if (job->pixels != NULL && bytes > 1100.0 * (double)job->size + 65536) {
        job->truncated = 1;
        png_error(png, "the data end too early");
    }
    if (job->pixels != NULL) read_rows(png, png_info, job, bit_depth, color_type);
}

static int run(png_job *job) {
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, job, on_error, on_warning);
    if (png == NULL) return cic_fail(job->info, CIC_MEMORY, "libpng could not start");
    png_infop png_info = png_create_info_struct(png);
    if (png_info == NULL) {
        png_destroy_read_struct(&png, NULL, NULL);
        return cic_fail(job->info, CIC_MEMORY, "libpng could not start");
    }
    // Neither pointer changes after setjmp, so both are valid on the way back.
    if (setjmp(job->escape)) {
        png_destroy_read_struct(&png, &png_info, NULL);
        return job->truncated ? CIC_TRUNCATED : CIC_CORRUPT;
    }
    read_image(png, png_info, job);
    png_destroy_read_struct(&png, &png_info, NULL);
    return CIC_OK;
}

// The size stands at a fixed place; reading it here keeps libpng from seeing a picture that is refused for its size.
int cic_png_header(const uint8_t *data, size_t size, cic_info *info) {
    memset(info, 0, sizeof(*info));
    if (size < 33) return cic_fail(info, CIC_TRUNCATED, "the data end too early");
    const uint8_t *ihdr = data + 8;
    if (memcmp(ihdr, "\0\0\0\15IHDR", 8) != 0) return cic_fail(info, CIC_CORRUPT, "the first chunk is not IHDR");
    const uint8_t *field = ihdr + 8;
    info->width = (uint32_t)field[0] << 24 | (uint32_t)field[1] << 16 | (uint32_t)field[2] << 8 | field[3];
    info->height = (uint32_t)field[4] << 24 | (uint32_t)field[5] << 16 | (uint32_t)field[6] << 8 | field[7];
    info->layout = layout_for(field[8], field[9]);
    if (info->width == 0 || info->height == 0) return cic_fail(info, CIC_CORRUPT, "width or height is zero");
    if (info->layout < 0) return cic_fail(info, CIC_CORRUPT, "unknown colour type");
    return CIC_OK;
}

int cic_png_decode(const uint8_t *data, size_t size, uint8_t *pixels, size_t capacity, cic_info *info) {
    memset(info, 0, sizeof(*info));
    png_job job = {.data = data, .size = size, .pixels = pixels, .capacity = capacity, .info = info};
    return run(&job);
}

static void write_bytes(png_structp png, png_bytep bytes, size_t count) {
    png_job *job = png_get_io_ptr(png);
    if (!job->sink(job->sink_context, bytes, count)) png_error(png, "the output was refused");
}

static void flush_nothing(png_structp png) { (void)png; }

int cic_png_encode(
    const uint8_t *pixels, uint32_t width, uint32_t height, int channels, cic_sink sink, void *context,
    cic_info *info) {
    memset(info, 0, sizeof(*info));
    if (channels != 1 && channels != 3) return cic_fail(info, CIC_UNSUPPORTED, "only gray and RGB are written");
    png_job job = {.info = info, .sink = sink, .sink_context = context};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &job, on_error, on_warning);
    if (png == NULL) return cic_fail(info, CIC_MEMORY, "libpng could not start");
    png_infop png_info = png_create_info_struct(png);
    if (png_info == NULL) {
        png_destroy_write_struct(&png, NULL);
        return cic_fail(info, CIC_MEMORY, "libpng could not start");
    }
    if (setjmp(job.escape)) {
        png_destroy_write_struct(&png, &png_info);
        return CIC_CORRUPT;
    }
    png_set_write_fn(png, &job, write_bytes, flush_nothing);
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_compression_level(png, 6);
    png_set_IHDR(
        png, png_info, width, height, 8, channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
        PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, png_info);
    size_t row = (size_t)width * (size_t)channels;
    for (uint32_t y = 0; y < height; y++) png_write_row(png, (png_const_bytep)(pixels + y * row));
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &png_info);
    return CIC_OK;
}

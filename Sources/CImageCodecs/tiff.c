// The first page of a TIFF through libtiff, in the mode and with the values that Pillow opens it with.

#include "bytes.h"
#include "libtiff.h"
#include "support.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "CDynamicLibrary.h"

#define FUNCTIONS(X)                                                                                               \
    X(TIFFClientOpen)                                                                                              \
    X(TIFFClose)                                                                                                   \
    X(TIFFGetField)                                                                                                \
    X(TIFFGetFieldDefaulted)                                                                                       \
    X(TIFFSetField)                                                                                                \
    X(TIFFIsTiled)                                                                                                 \
    X(TIFFIsCODECConfigured)                                                                                       \
    X(TIFFStripSize)                                                                                               \
    X(TIFFScanlineSize)                                                                                            \
    X(TIFFTileSize)                                                                                                \
    X(TIFFTileRowSize)                                                                                             \
    X(TIFFReadEncodedStrip)                                                                                        \
    X(TIFFReadEncodedTile)                                                                                         \
    X(TIFFReadRGBAImageOriented)                                                                                   \
    X(TIFFSetErrorHandler)                                                                                         \
    X(TIFFSetWarningHandler)

#define LATER_FUNCTIONS(X)                                                                                         \
    X(TIFFOpenOptionsAlloc)                                                                                        \
    X(TIFFOpenOptionsFree)                                                                                         \
    X(TIFFOpenOptionsSetErrorHandlerExtR)                                                                          \
    X(TIFFOpenOptionsSetWarningHandlerExtR)                                                                        \
    X(TIFFClientOpenExt)

static struct {
    FUNCTIONS(CLIP_DECLARE_FUNCTION)
    LATER_FUNCTIONS(CLIP_DECLARE_FUNCTION)
} api;

static int is_loaded = 0;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void) {
#ifdef __APPLE__
    static const char *const names[] = {
        "libtiff.6.dylib", "/opt/homebrew/lib/libtiff.6.dylib", "/usr/local/lib/libtiff.6.dylib", NULL};
#else
    static const char *const names[] = {"libtiff.so.6", "libtiff.so.5", NULL};
#endif
    void *library = clip_open_library(names);
    if (library == NULL) return;
#define FIND(name)                                                                                                 \
    *(void **)&api.name = clip_find_function(library, #name);                                                      \
    if (api.name == NULL) return;
    FUNCTIONS(FIND)
    is_loaded = 1;
#define FIND_LATER(name)                                                                                           \
    *(void **)&api.name = clip_find_function(library, #name);                                                      \
    if (api.name == NULL) api.TIFFClientOpenExt = NULL;
    LATER_FUNCTIONS(FIND_LATER)
    if (api.TIFFClientOpenExt == NULL) {
        api.TIFFSetErrorHandler(NULL);
        api.TIFFSetWarningHandler(NULL);
    }
}

// How samples become pixels.
typedef enum {
    BYTES,          // samples of 1 to 16 bits, each a channel of 8
    GRAY16,         // kept as they are
    SIGNED,         // of 16 or 32 bits, cut off at 0 and 255
    FLOATS,         // likewise
    PALETTE_ALPHA,  // an index and its alpha
    CONVERTED,      // by libtiff's own conversion to RGB
} kind;

typedef struct {
    const uint8_t *data;
    size_t size;
    size_t position;
    int is_short;  // something was looked for beyond the end
    TIFF *tiff;
    cic_info *info;
    uint16_t bits, samples, planar;
    kind kind;
    int is_inverted, is_premultiplied;
    uint16_t channels;   // samples of a pixel that are used
    const uint16_t *colors[3];
} tiff_job;

static tmsize_t read_bytes(thandle_t handle, void *target, tmsize_t count) {
    tiff_job *job = handle;
    size_t left = job->position < job->size ? job->size - job->position : 0;
    if (count < 0) return 0;
    if ((size_t)count > left) {
        job->is_short = 1;
        count = (tmsize_t)left;
    }
    memcpy(target, job->data + job->position, (size_t)count);
    job->position += (size_t)count;
    return count;
}

static tmsize_t write_nothing(thandle_t handle, void *source, tmsize_t count) {
    (void)handle, (void)source, (void)count;
    return 0;
}

static uint64_t seek(thandle_t handle, uint64_t offset, int whence) {
    tiff_job *job = handle;
    uint64_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? job->position : job->size;
    uint64_t target = base + offset;
    if (target > job->size) job->is_short = 1;
    job->position = target > job->size ? job->size : (size_t)target;
    return target;
}

static int close_nothing(thandle_t handle) {
    (void)handle;
    return 0;
}

static uint64_t total_size(thandle_t handle) { return ((tiff_job *)handle)->size; }

static int take_message(TIFF *tiff, void *user, const char *module, const char *format, va_list arguments) {
    (void)tiff, (void)module;
    tiff_job *job = user;
    // The first one is the cause.
    if (job->info->message[0] == 0) vsnprintf(job->info->message, sizeof(job->info->message), format, arguments);
    return 1;
}

static int drop_message(TIFF *tiff, void *user, const char *module, const char *format, va_list arguments) {
    (void)tiff, (void)user, (void)module, (void)format, (void)arguments;
    return 1;
}

static int broken(tiff_job *job) {
    if (job->is_short) return cic_fail(job->info, CIC_TRUNCATED, "the data end too early");
    if (job->info->message[0] == 0) return cic_fail(job->info, CIC_CORRUPT, "libtiff could not read it");
    return CIC_CORRUPT;
}

static int unsupported(tiff_job *job, const char *format, unsigned value) {
    snprintf(job->info->message, sizeof(job->info->message), format, value);
    return CIC_UNSUPPORTED;
}

static int open_file(tiff_job *job) {
    // m: do not map; the functions above tell what is missing.
    if (api.TIFFClientOpenExt == NULL) {
        job->tiff = api.TIFFClientOpen(
            "", "rm", job, read_bytes, write_nothing, seek, close_nothing, total_size, NULL, NULL);
    } else {
        TIFFOpenOptions *options = api.TIFFOpenOptionsAlloc();
        if (options == NULL) return cic_fail(job->info, CIC_MEMORY, "there is not enough memory");
        api.TIFFOpenOptionsSetErrorHandlerExtR(options, take_message, job);
        api.TIFFOpenOptionsSetWarningHandlerExtR(options, drop_message, job);
        job->tiff = api.TIFFClientOpenExt(
            "", "rm", job, read_bytes, write_nothing, seek, close_nothing, total_size, NULL, NULL, options);
        api.TIFFOpenOptionsFree(options);
    }
    if (job->tiff == NULL) return broken(job);
    // libtiff goes on without a tag that it cannot reach, and takes a palette's indices for gray then.
    return job->is_short ? broken(job) : CIC_OK;
}

static uint16_t field(tiff_job *job, uint32_t tag) {
    uint16_t value = 0;
    return api.TIFFGetFieldDefaulted(job->tiff, tag, &value) ? value : 0;
}

static int read_gray(tiff_job *job, uint16_t photometric, uint16_t format, uint16_t extra_count, const uint16_t *extra) {
    cic_info *info = job->info;
    info->layout = CIC_GRAY;
    job->is_inverted = photometric == PHOTOMETRIC_MINISWHITE;
    if (job->samples == 2 && job->bits == 8 && extra_count == 1 && !job->is_inverted) {
        if (extra[0] == EXTRASAMPLE_UNSPECIFIED) return CIC_OK;
        info->layout = CIC_GRAY_ALPHA;
        job->channels = 2;
        job->is_premultiplied = extra[0] == EXTRASAMPLE_ASSOCALPHA;
        return CIC_OK;
    }
    if (job->samples != 1) return unsupported(job, "gray with %u samples a pixel is not read", job->samples);
    switch (job->bits) {
        case 1: info->layout = CIC_BILEVEL; return CIC_OK;
        case 2:
        case 4:
        case 8: return CIC_OK;
        case 12:
            job->is_inverted = 0;
            if (format == SAMPLEFORMAT_UINT) {
                job->kind = GRAY16;
                info->layout = CIC_GRAY16;
                info->depth = job->bits;
                return CIC_OK;
            }
            break;
        case 16:
            // Pillow leaves these as they are, whichever end is white.
            job->is_inverted = 0;
            if (format == SAMPLEFORMAT_INT) {
                job->kind = SIGNED;
                return CIC_OK;
            }
            if (format == SAMPLEFORMAT_UINT) {
                job->kind = GRAY16;
                info->layout = CIC_GRAY16;
                info->depth = job->bits;
                return CIC_OK;
            }
            break;
        case 32:
            job->is_inverted = 0;
            job->kind = format == SAMPLEFORMAT_IEEEFP ? FLOATS : SIGNED;
            return CIC_OK;
        default: break;
    }
    return unsupported(job, "gray of %u bits a sample, or of that kind of number, is not read", job->bits);
}

static int read_colors(tiff_job *job, uint16_t photometric, uint16_t extra_count, const uint16_t *extra) {
    cic_info *info = job->info;
    uint16_t base = photometric == PHOTOMETRIC_RGB ? 3 : 4;
    info->layout = photometric == PHOTOMETRIC_RGB ? CIC_RGB : CIC_CMYK;
    job->channels = base;
    if (job->bits != 8 && job->bits != 16) {
        return unsupported(job, "colours of %u bits a sample are not read", job->bits);
    }
    if (job->samples < base || job->samples > 6) {
        return unsupported(job, "colours of %u samples a pixel are not read", job->samples);
    }
    // A fourth sample of RGB is alpha, unless it says that it is something else.
    int has_alpha = photometric == PHOTOMETRIC_RGB && job->samples > 3
        && (extra_count == 0 || extra[0] != EXTRASAMPLE_UNSPECIFIED);
    if (has_alpha) {
        info->layout = CIC_RGBA;
        job->channels = 4;
        job->is_premultiplied = extra_count > 0 && extra[0] == EXTRASAMPLE_ASSOCALPHA;
    }
    return CIC_OK;
}

static int read_indexed(tiff_job *job, uint16_t extra_count, const uint16_t *extra) {
    cic_info *info = job->info;
    uint16_t *red = NULL, *green = NULL, *blue = NULL;
    if (job->bits != 1 && job->bits != 2 && job->bits != 4 && job->bits != 8) {
        return unsupported(job, "palettes of %u bits are not read", job->bits);
    }
    if (!api.TIFFGetField(job->tiff, TIFFTAG_COLORMAP, &red, &green, &blue) || !red || !green || !blue) {
        return cic_fail(info, CIC_CORRUPT, "the palette is missing");
    }
    info->layout = CIC_PALETTE;
    info->palette_count = 1 << job->bits;
    for (int i = 0; i < info->palette_count; i++) {
        info->palette[3 * i] = red[i] >> 8;
        info->palette[3 * i + 1] = green[i] >> 8;
        info->palette[3 * i + 2] = blue[i] >> 8;
    }
    if (job->samples == 1) return CIC_OK;
    if (job->samples != 2 || job->bits != 8 || extra_count != 1 || job->planar != PLANARCONFIG_CONTIG) {
        return unsupported(job, "palettes with %u samples a pixel are not read", job->samples);
    }
    if (extra[0] == EXTRASAMPLE_UNSPECIFIED) return CIC_OK;
    job->kind = PALETTE_ALPHA;
    job->channels = 2;
    info->layout = CIC_RGBA;
    return CIC_OK;
}

// Everything but the pixels.
static int read_header(tiff_job *job) {
    cic_info *info = job->info;
    uint32_t width = 0, height = 0;
    if (!api.TIFFGetField(job->tiff, TIFFTAG_IMAGEWIDTH, &width)
        || !api.TIFFGetField(job->tiff, TIFFTAG_IMAGELENGTH, &height) || width == 0 || height == 0) {
        return cic_fail(info, CIC_CORRUPT, "width or height is missing");
    }
    info->width = width;
    info->height = height;
    uint16_t photometric = PHOTOMETRIC_MINISWHITE, extra_count = 0, *extra = NULL;
    uint16_t compression = field(job, TIFFTAG_COMPRESSION);
    if (!api.TIFFIsCODECConfigured(compression)) return unsupported(job, "compression %u is not read", compression);
    api.TIFFGetField(job->tiff, TIFFTAG_PHOTOMETRIC, &photometric);
    api.TIFFGetField(job->tiff, TIFFTAG_EXTRASAMPLES, &extra_count, &extra);
    if (extra == NULL) extra_count = 0;
    uint16_t format = field(job, TIFFTAG_SAMPLEFORMAT);
    job->bits = field(job, TIFFTAG_BITSPERSAMPLE);
    job->samples = field(job, TIFFTAG_SAMPLESPERPIXEL);
    job->planar = field(job, TIFFTAG_PLANARCONFIG);
    job->channels = 1;
    if (compression == COMPRESSION_OJPEG) photometric = PHOTOMETRIC_YCBCR;

    if (photometric == PHOTOMETRIC_YCBCR) {
        info->layout = CIC_RGB;
        job->channels = 3;
        if (compression == COMPRESSION_JPEG && job->planar == PLANARCONFIG_CONTIG && job->samples == 3) {
            api.TIFFSetField(job->tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
        } else {
            job->kind = CONVERTED;
        }
        return job->bits == 8 ? CIC_OK : unsupported(job, "YCbCr of %u bits a sample is not read", job->bits);
    }
    int is_gray = photometric == PHOTOMETRIC_MINISWHITE || photometric == PHOTOMETRIC_MINISBLACK;
    if (format != SAMPLEFORMAT_UINT && !is_gray) {
        return unsupported(job, "colours in another kind of number (sample format %u) are not read", format);
    }
    if (is_gray) return read_gray(job, photometric, format, extra_count, extra);
    switch (photometric) {
        case PHOTOMETRIC_RGB:
        case PHOTOMETRIC_SEPARATED: return read_colors(job, photometric, extra_count, extra);
        case PHOTOMETRIC_PALETTE: return read_indexed(job, extra_count, extra);
        case PHOTOMETRIC_CIELAB: return unsupported(job, "CIE L*a*b* colours (photometric %u) are not read", photometric);
        default: return unsupported(job, "the photometric interpretation %u is not read", photometric);
    }
}

// A sample of a row, as it stands.
static inline uint32_t sample(const uint8_t *row, size_t index, uint16_t bits) {
    uint16_t value16;
    uint32_t value32;
    switch (bits) {
        case 8: return row[index];
        case 16: memcpy(&value16, row + 2 * index, 2); return value16;
        case 32: memcpy(&value32, row + 4 * index, 4); return value32;
        case 12: {
            const uint8_t *pair = row + index / 2 * 3;
            return index % 2 == 0 ? (uint32_t)pair[0] << 4 | pair[1] >> 4 : (uint32_t)(pair[1] & 15) << 8 | pair[2];
        }
        default: {
            size_t bit = index * bits;
            return row[bit / 8] >> (8 - bits - bit % 8) & ((1u << bits) - 1);
        }
    }
}

static inline uint8_t cut_off(double value) {
    return value >= 255 ? 255 : value > 0 ? (uint8_t)value : 0;  // 0 for NaN
}

static void unpack(const tiff_job *job, const uint8_t *row, uint32_t count, uint16_t plane, uint8_t *target) {
    const cic_info *info = job->info;
    const size_t out = cic_bytes_per_pixel(info->layout);
    const int is_planar = job->planar == PLANARCONFIG_SEPARATE && job->samples > 1;
    const uint16_t stride = is_planar ? 1 : job->samples;
    const uint16_t channels = is_planar ? 1 : job->channels;
    if (is_planar) target += plane;
    if (job->kind == BYTES && job->bits == 8 && !job->is_inverted && stride == out && channels == out) {
        memcpy(target, row, count * out);
        return;
    }
    // Of 1, 2 and 4 bits, gray is spread over 0 to 255; an index is left as it is.
    const uint32_t scale = info->layout == CIC_PALETTE || job->bits >= 8 ? 1 : 255 / ((1u << job->bits) - 1);
    const int shift = job->bits == 16 ? 8 : 0;
    const uint8_t flip = job->is_inverted ? 255 : 0;
    for (size_t x = 0; x < count; x++, target += out) {
        uint32_t value = sample(row, x * stride, job->bits);
        switch (job->kind) {
            case GRAY16:
                target[0] = (uint8_t)value;
                target[1] = (uint8_t)(value >> 8);
                break;
            case SIGNED: target[0] = cut_off(job->bits == 16 ? (int16_t)value : (int32_t)value); break;
            case FLOATS: {
                float number;
                memcpy(&number, &value, sizeof(number));
                target[0] = cut_off((double)number);
                break;
            }
            case PALETTE_ALPHA:
                memcpy(target, info->palette + 3 * value, 3);
                target[3] = (uint8_t)sample(row, x * stride + 1, job->bits);
                break;
            default:
                for (uint16_t i = 0; i < channels; i++) {
                    value = sample(row, x * stride + i, job->bits);
                    target[i] = (uint8_t)((value >> shift) * scale) ^ flip;
                }
        }
    }
}

static int read_pieces(tiff_job *job, uint8_t *pixels) {
    const cic_info *info = job->info;
    const int is_tiled = api.TIFFIsTiled(job->tiff);
    uint32_t across = info->width, down = 0;
    if (is_tiled) {
        if (!api.TIFFGetField(job->tiff, TIFFTAG_TILEWIDTH, &across)
            || !api.TIFFGetField(job->tiff, TIFFTAG_TILELENGTH, &down)) {
            return broken(job);
        }
    } else {
        api.TIFFGetFieldDefaulted(job->tiff, TIFFTAG_ROWSPERSTRIP, &down);
        if (down > info->height) down = info->height;
    }
    const tmsize_t size = is_tiled ? api.TIFFTileSize(job->tiff) : api.TIFFStripSize(job->tiff);
    const tmsize_t row_size = is_tiled ? api.TIFFTileRowSize(job->tiff) : api.TIFFScanlineSize(job->tiff);
    const int is_planar = job->planar == PLANARCONFIG_SEPARATE && job->samples > 1;
    const uint64_t row_bits = (uint64_t)across * job->bits * (is_planar ? 1 : job->samples);
    if (across == 0 || down == 0 || size <= 0 || row_size <= 0 || row_bits > (uint64_t)row_size * 8) return broken(job);
    // A tile may be larger than its picture, within reason.
    const uint64_t whole = (uint64_t)info->width * info->height * job->samples * 4;
    if ((uint64_t)size > 4 * whole + (64 << 20) || (uint64_t)row_size > (uint64_t)size) {
        return cic_fail(job->info, CIC_CORRUPT, "its tiles are much larger than the image");
    }
    uint8_t *buffer = calloc(1, (size_t)size);
    if (buffer == NULL) return cic_fail(job->info, CIC_MEMORY, "there is not enough memory");

    const size_t out = cic_bytes_per_pixel(info->layout);
    const uint16_t planes = is_planar ? job->channels : 1;
    const uint32_t columns = (info->width - 1) / across + 1, rows = (info->height - 1) / down + 1;
    int status = CIC_OK;
    for (uint16_t plane = 0; plane < planes && status == CIC_OK; plane++) {
        for (uint64_t piece = 0; piece < (uint64_t)columns * rows && status == CIC_OK; piece++) {
            const uint32_t index = (uint32_t)((uint64_t)plane * columns * rows + piece);
            const uint32_t left = (uint32_t)(piece % columns) * across, top = (uint32_t)(piece / columns) * down;
            const uint32_t width = info->width - left < across ? info->width - left : across;
            const uint32_t height = info->height - top < down ? info->height - top : down;
            const tmsize_t got = is_tiled ? api.TIFFReadEncodedTile(job->tiff, index, buffer, size)
                                          : api.TIFFReadEncodedStrip(job->tiff, index, buffer, size);
            if (got < 0 || got / row_size < height || got > size) {
                status = broken(job);
                break;
            }
            for (uint32_t y = 0; y < height; y++) {
                uint8_t *target = pixels + ((size_t)(top + y) * info->width + left) * out;
                unpack(job, buffer + y * (size_t)row_size, width, plane, target);
            }
        }
    }
    free(buffer);
    return status;
}

static int read_converted(tiff_job *job, uint8_t *pixels) {
    const cic_info *info = job->info;
    const size_t count = (size_t)info->width * info->height;
    uint32_t *raster = calloc(count, sizeof(uint32_t));
    if (raster == NULL) return cic_fail(job->info, CIC_MEMORY, "there is not enough memory");
    // In the file's own orientation nothing is turned.
    const int orientation = field(job, TIFFTAG_ORIENTATION);
    int is_read = api.TIFFReadRGBAImageOriented(job->tiff, info->width, info->height, raster, orientation, 1);
    for (size_t i = 0; i < count && is_read; i++) {
        for (int channel = 0; channel < 3; channel++) pixels[3 * i + channel] = (uint8_t)(raster[i] >> 8 * channel);
    }
    free(raster);
    return is_read ? CIC_OK : broken(job);
}

static void unpremultiply(tiff_job *job, uint8_t *pixels) {
    const size_t step = cic_bytes_per_pixel(job->info->layout);
    const size_t count = (size_t)job->info->width * job->info->height;
    for (size_t i = 0; i < count; i++, pixels += step) {
        for (size_t c = 0; c + 1 < step; c++) pixels[c] = cic_unpremultiplied(pixels[c], pixels[step - 1]);
    }
}

static int run(const uint8_t *data, size_t size, uint8_t *pixels, size_t capacity, cic_info *info) {
    memset(info, 0, sizeof(*info));
    tiff_job job = {.data = data, .size = size, .info = info};
    if (size < 8) return cic_fail(info, CIC_TRUNCATED, "the data end too early");
    pthread_once(&once, load);
    if (!is_loaded) return cic_fail(info, CIC_NO_LIBRARY, "libtiff cannot be opened");
    int status = open_file(&job);
    if (status == CIC_OK) status = read_header(&job);
    if (status == CIC_OK && pixels != NULL) {
        info->message[0] = 0;
        if (!cic_fits(info, capacity)) {
            status = cic_fail(info, CIC_CORRUPT, "the header changed while decoding");
        } else {
            status = job.kind == CONVERTED ? read_converted(&job, pixels) : read_pieces(&job, pixels);
        }
        if (status == CIC_OK && job.is_premultiplied) unpremultiply(&job, pixels);
    }
    if (job.tiff != NULL) api.TIFFClose(job.tiff);
    return status;
}

int cic_tiff_header(const uint8_t *data, size_t size, cic_info *info) { return run(data, size, NULL, 0, info); }

int cic_tiff_decode(const uint8_t *data, size_t size, uint8_t *pixels, size_t capacity, cic_info *info) {
    return run(data, size, pixels, capacity, info);
}

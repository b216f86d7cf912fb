// HEIC and AVIF through libheif, which is opened when the first one comes.

#include "bytes.h"
#include "support.h"

#include <pthread.h>
#include <stdio.h>

#include "CDynamicLibrary.h"

// What is used of libheif, declared here, so that nothing needs its headers: heif.h since version 1.10.
typedef struct {
    int code, subcode;
    const char *message;
} heif_error;

typedef struct heif_context heif_context;
typedef struct heif_image_handle heif_image_handle;
typedef struct heif_image heif_image;

// Only the library makes one; it grows at its end.
typedef struct {
    uint8_t version;
    uint8_t ignore_transformations;
} heif_decoding_options;

enum { HEIF_ERROR_INVALID_INPUT = 2, HEIF_ERROR_UNSUPPORTED_FEATURE = 4, HEIF_ERROR_MEMORY = 6 };
enum { HEIF_SUBERROR_END_OF_DATA = 100, HEIF_SUBERROR_UNSUPPORTED_CODEC = 3000 };
enum { HEIF_COLORSPACE_RGB = 1, HEIF_CHROMA_RGB = 10, HEIF_CHROMA_RGBA = 11, HEIF_CHANNEL_INTERLEAVED = 10 };

heif_context *heif_context_alloc(void);
void heif_context_free(heif_context *);
heif_error heif_context_read_from_memory_without_copy(heif_context *, const void *, size_t, const void *options);
heif_error heif_context_get_primary_image_handle(heif_context *, heif_image_handle **);
void heif_image_handle_release(const heif_image_handle *);
int heif_image_handle_get_width(const heif_image_handle *);
int heif_image_handle_get_height(const heif_image_handle *);
int heif_image_handle_get_ispe_width(const heif_image_handle *);
int heif_image_handle_get_ispe_height(const heif_image_handle *);
int heif_image_handle_has_alpha_channel(const heif_image_handle *);
int heif_image_handle_is_premultiplied_alpha(const heif_image_handle *);
heif_decoding_options *heif_decoding_options_alloc(void);
void heif_decoding_options_free(heif_decoding_options *);
heif_error heif_decode_image(
    const heif_image_handle *, heif_image **, int colorspace, int chroma, const heif_decoding_options *);
void heif_image_release(const heif_image *);
int heif_image_get_width(const heif_image *, int channel);
int heif_image_get_height(const heif_image *, int channel);
const uint8_t *heif_image_get_plane_readonly(const heif_image *, int channel, int *stride);

#define FUNCTIONS(X)                                                                                               \
    X(heif_context_alloc)                                                                                          \
    X(heif_context_free)                                                                                           \
    X(heif_context_read_from_memory_without_copy)                                                                  \
    X(heif_context_get_primary_image_handle)                                                                       \
    X(heif_image_handle_release)                                                                                   \
    X(heif_image_handle_get_width)                                                                                 \
    X(heif_image_handle_get_height)                                                                                \
    X(heif_image_handle_get_ispe_width)                                                                            \
    X(heif_image_handle_get_ispe_height)                                                                           \
    X(heif_image_handle_has_alpha_channel)                                                                         \
    X(heif_decoding_options_alloc)                                                                                 \
    X(heif_decoding_options_free)                                                                                  \
    X(heif_decode_image)                                                                                           \
    X(heif_image_release)                                                                                          \
    X(heif_image_get_width)                                                                                        \
    X(heif_image_get_height)                                                                                       \
    X(heif_image_get_plane_readonly)

static struct {
    FUNCTIONS(CLIP_DECLARE_FUNCTION)
    CLIP_DECLARE_FUNCTION(heif_image_handle_is_premultiplied_alpha)  // since 1.12; else null
} api;

static int is_loaded = 0;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void) {
#ifdef __APPLE__
    static const char *const names[] = {
        "libheif.1.dylib", "/opt/homebrew/lib/libheif.1.dylib", "/usr/local/lib/libheif.1.dylib", NULL};
#else
    static const char *const names[] = {"libheif.so.1", NULL};
#endif
    void *library = clip_open_library(names);
    if (library == NULL) return;
#define FIND(name)                                                                                                 \
    *(void **)&api.name = clip_find_function(library, #name);                                                      \
    if (api.name == NULL) return;
    FUNCTIONS(FIND)
    *(void **)&api.heif_image_handle_is_premultiplied_alpha =
        clip_find_function(library, "heif_image_handle_is_premultiplied_alpha");
    is_loaded = 1;
}

typedef struct {
    heif_context *context;
    heif_image_handle *handle;
    cic_info *info;
    int is_stored;
} heif_job;

static int fail(heif_job *job, heif_error error) {
    if (error.code == HEIF_ERROR_INVALID_INPUT && error.subcode == HEIF_SUBERROR_END_OF_DATA) {
        return cic_fail(job->info, CIC_TRUNCATED, "the data end too early");
    }
    cic_set_message(job->info, error.message != NULL ? error.message : "libheif could not read it");
    if (error.code == HEIF_ERROR_UNSUPPORTED_FEATURE && error.subcode == HEIF_SUBERROR_UNSUPPORTED_CODEC) {
        return CIC_NO_DECODER;
    }
    return error.code == HEIF_ERROR_MEMORY ? CIC_MEMORY : CIC_CORRUPT;
}

static int read_header(heif_job *job, const uint8_t *data, size_t size) {
    job->context = api.heif_context_alloc();
    if (job->context == NULL) return cic_fail(job->info, CIC_MEMORY, "there is not enough memory");
    heif_error error = api.heif_context_read_from_memory_without_copy(job->context, data, size, NULL);
    if (error.code == 0) error = api.heif_context_get_primary_image_handle(job->context, &job->handle);
    if (error.code != 0) return fail(job, error);
    int width = job->is_stored ? api.heif_image_handle_get_ispe_width(job->handle)
                               : api.heif_image_handle_get_width(job->handle);
    int height = job->is_stored ? api.heif_image_handle_get_ispe_height(job->handle)
                                : api.heif_image_handle_get_height(job->handle);
    if (width <= 0 || height <= 0) return cic_fail(job->info, CIC_CORRUPT, "width or height is zero");
    job->info->width = (uint32_t)width;
    job->info->height = (uint32_t)height;
    job->info->layout = api.heif_image_handle_has_alpha_channel(job->handle) ? CIC_RGBA : CIC_RGB;
    return CIC_OK;
}

static int copy_pixels(heif_job *job, const heif_image *image, uint8_t *pixels) {
    const cic_info *info = job->info;
    int stride = 0;
    const uint8_t *plane = api.heif_image_get_plane_readonly(image, HEIF_CHANNEL_INTERLEAVED, &stride);
    const size_t samples = cic_bytes_per_pixel(info->layout), row = info->width * samples;
    if (plane == NULL || api.heif_image_get_width(image, HEIF_CHANNEL_INTERLEAVED) != (int)info->width
        || api.heif_image_get_height(image, HEIF_CHANNEL_INTERLEAVED) != (int)info->height || stride < (int)row) {
        return cic_fail(job->info, CIC_CORRUPT, "it decodes to another size than it says");
    }
    for (uint32_t y = 0; y < info->height; y++) memcpy(pixels + y * row, plane + (size_t)y * (size_t)stride, row);
    if (info->layout != CIC_RGBA || api.heif_image_handle_is_premultiplied_alpha == NULL
        || !api.heif_image_handle_is_premultiplied_alpha(job->handle)) {
        return CIC_OK;
    }
    const size_t count = (size_t)info->width * info->height;
    for (size_t i = 0; i < count; i++, pixels += 4) {
        for (int c = 0; c < 3; c++) pixels[c] = cic_unpremultiplied(pixels[c], pixels[3]);
    }
    return CIC_OK;
}

static int read_pixels(heif_job *job, uint8_t *pixels, size_t capacity) {
    if (!cic_fits(job->info, capacity)) return cic_fail(job->info, CIC_CORRUPT, "the header changed while decoding");
    heif_decoding_options *options = api.heif_decoding_options_alloc();
    if (options == NULL) return cic_fail(job->info, CIC_MEMORY, "there is not enough memory");
    options->ignore_transformations = job->is_stored ? 1 : 0;
    heif_image *image = NULL;
    int chroma = job->info->layout == CIC_RGBA ? HEIF_CHROMA_RGBA : HEIF_CHROMA_RGB;
    heif_error error = api.heif_decode_image(job->handle, &image, HEIF_COLORSPACE_RGB, chroma, options);
    api.heif_decoding_options_free(options);
    if (error.code != 0) return fail(job, error);
    int status = copy_pixels(job, image, pixels);
    api.heif_image_release(image);
    return status;
}

static int run(const uint8_t *data, size_t size, int is_stored, uint8_t *pixels, size_t capacity, cic_info *info) {
    memset(info, 0, sizeof(*info));
    pthread_once(&once, load);
    if (!is_loaded) return cic_fail(info, CIC_NO_LIBRARY, "libheif cannot be opened");
    heif_job job = {.info = info, .is_stored = is_stored};
    int status = read_header(&job, data, size);
    if (status == CIC_OK && pixels != NULL) status = read_pixels(&job, pixels, capacity);
    if (job.handle != NULL) api.heif_image_handle_release(job.handle);
    if (job.context != NULL) api.heif_context_free(job.context);
    return status;
}

int cic_heif_header(const uint8_t *data, size_t size, int is_stored, cic_info *info) {
    return run(data, size, is_stored, NULL, 0, info);
}

int cic_heif_decode(
    const uint8_t *data, size_t size, int is_stored, uint8_t *pixels, size_t capacity, cic_info *info) {
    return run(data, size, is_stored, pixels, capacity, info);
}

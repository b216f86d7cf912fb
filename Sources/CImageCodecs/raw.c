// The preview inside a camera's RAW file, found by libraw, which is opened when the first one comes.

#include "support.h"

#include <pthread.h>
#include <stdlib.h>

#include "CDynamicLibrary.h"

// What is used of libraw, declared here, so that nothing needs its headers: libraw.h, the same since version 0.17.
typedef struct libraw_data libraw_data_t;

typedef struct {
    int type;
    uint16_t height, width, colors, bits;
    uint32_t data_size;
    uint8_t data[];
} libraw_processed_image_t;

enum { LIBRAW_IMAGE_JPEG = 1, LIBRAW_IMAGE_BITMAP = 2 };
enum { LIBRAW_FILE_UNSUPPORTED = -2, LIBRAW_NO_THUMBNAIL = -5, LIBRAW_UNSUPPORTED_THUMBNAIL = -6 };
enum { LIBRAW_IO_ERROR = -100009 };

libraw_data_t *libraw_init(unsigned flags);
int libraw_open_buffer(libraw_data_t *, const void *, size_t);
int libraw_unpack_thumb(libraw_data_t *);
libraw_processed_image_t *libraw_dcraw_make_mem_thumb(libraw_data_t *, int *error);
void libraw_dcraw_clear_mem(libraw_processed_image_t *);
void libraw_close(libraw_data_t *);
const char *libraw_strerror(int);

#define FUNCTIONS(X)                                                                                               \
    X(libraw_init)                                                                                                 \
    X(libraw_open_buffer)                                                                                          \
    X(libraw_unpack_thumb)                                                                                         \
    X(libraw_dcraw_make_mem_thumb)                                                                                 \
    X(libraw_dcraw_clear_mem)                                                                                      \
    X(libraw_close)                                                                                                \
    X(libraw_strerror)

static struct {
    FUNCTIONS(CLIP_DECLARE_FUNCTION)
} api;

static int is_loaded = 0;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void) {
    // The one for several threads first.
#ifdef __APPLE__
    static const char *const names[] = {
        "libraw_r.dylib", "/opt/homebrew/lib/libraw_r.dylib", "/usr/local/lib/libraw_r.dylib", NULL};
#else
    static const char *const names[] = {"libraw_r.so.23", "libraw_r.so.20", "libraw_r.so.19", "libraw_r.so", NULL};
#endif
    void *library = clip_open_library(names);
    if (library == NULL) return;
#define FIND(name)                                                                                                 \
    *(void **)&api.name = clip_find_function(library, #name);                                                      \
    if (api.name == NULL) return;
    FUNCTIONS(FIND)
    is_loaded = 1;
}

static int fail(cic_info *info, int code) {
    switch (code) {
        case LIBRAW_FILE_UNSUPPORTED:
            return cic_fail(info, CIC_UNSUPPORTED, "libraw does not know this kind, or it is damaged");
        case LIBRAW_NO_THUMBNAIL:
        case LIBRAW_UNSUPPORTED_THUMBNAIL:
            return cic_fail(info, CIC_UNSUPPORTED, "there is no preview in it that can be read; convert it to JPEG");
        case LIBRAW_IO_ERROR: return cic_fail(info, CIC_TRUNCATED, "the data end too early");
        default: return cic_fail(info, CIC_CORRUPT, api.libraw_strerror(code));
    }
}

int cic_raw_preview(const uint8_t *data, size_t size, cic_preview *preview, cic_info *info) {
    memset(info, 0, sizeof(*info));
    memset(preview, 0, sizeof(*preview));
    pthread_once(&once, load);
    if (!is_loaded) return cic_fail(info, CIC_NO_LIBRARY, "libraw cannot be opened");
    libraw_data_t *job = api.libraw_init(0);
    if (job == NULL) return cic_fail(info, CIC_MEMORY, "there is not enough memory");
    int code = api.libraw_open_buffer(job, data, size);
    if (code == 0) code = api.libraw_unpack_thumb(job);
    libraw_processed_image_t *image = code == 0 ? api.libraw_dcraw_make_mem_thumb(job, &code) : NULL;
    api.libraw_close(job);
    preview->owner = image;
    if (code != 0) return fail(info, code);
    if (image == NULL) return cic_fail(info, CIC_MEMORY, "there is not enough memory");
    preview->is_jpeg = image->type == LIBRAW_IMAGE_JPEG;
    preview->bytes = image->data;
    preview->count = image->data_size;
    preview->width = image->width;
    preview->height = image->height;
    const uint64_t count = (uint64_t)image->width * image->height * 3;
    if (!preview->is_jpeg
        && (image->type != LIBRAW_IMAGE_BITMAP || image->colors != 3 || image->bits != 8 || image->data_size < count)) {
        return cic_fail(info, CIC_UNSUPPORTED, "its preview has a form that is not read; convert it to JPEG");
    }
    return CIC_OK;
}

void cic_raw_release(cic_preview *preview) {
    if (preview->owner != NULL) api.libraw_dcraw_clear_mem(preview->owner);
    memset(preview, 0, sizeof(*preview));
}

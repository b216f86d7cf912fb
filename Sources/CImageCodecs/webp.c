#include "support.h"

#include <webp/decode.h>
#include <webp/demux.h>

static int fail_status(cic_info *info, VP8StatusCode status) {
    switch (status) {
        case VP8_STATUS_NOT_ENOUGH_DATA:
        case VP8_STATUS_SUSPENDED:
            return cic_fail(info, CIC_TRUNCATED, "the data end too early");
        case VP8_STATUS_OUT_OF_MEMORY:
            return cic_fail(info, CIC_MEMORY, "libwebp ran out of memory");
        case VP8_STATUS_UNSUPPORTED_FEATURE:
            return cic_fail(info, CIC_UNSUPPORTED, "a feature that libwebp does not read");
        default:
            return cic_fail(info, CIC_CORRUPT, "the bitstream is not valid");
    }
}

static int read_features(const uint8_t *data, size_t size, WebPBitstreamFeatures *features, cic_info *info) {
    memset(info, 0, sizeof(*info));
    if (size < 12) return cic_fail(info, CIC_TRUNCATED, "the data end too early");
    uint64_t riff = (uint64_t)data[4] | (uint64_t)data[5] << 8 | (uint64_t)data[6] << 16 | (uint64_t)data[7] << 24;
    if (size >= 30 && memcmp(data + 12, "VP8X", 4) == 0) {
        // libwebp does not tell the size of a canvas that it finds too large.
        info->width = 1 + ((uint32_t)data[24] | (uint32_t)data[25] << 8 | (uint32_t)data[26] << 16);
        info->height = 1 + ((uint32_t)data[27] | (uint32_t)data[28] << 8 | (uint32_t)data[29] << 16);
    }
    VP8StatusCode status = WebPGetFeatures(data, size, features);
    if (status == VP8_STATUS_OK) {
        if (features->width <= 0 || features->height <= 0) {
            return cic_fail(info, CIC_CORRUPT, "width or height is zero");
        }
        info->width = (uint32_t)features->width;
        info->height = (uint32_t)features->height;
        info->layout = features->has_alpha ? CIC_RGBA : CIC_RGB;
    }
    if (riff + 8 > size) return cic_fail(info, CIC_TRUNCATED, "the data end too early");
    return status == VP8_STATUS_OK ? CIC_OK : fail_status(info, status);
}

int cic_webp_header(const uint8_t *data, size_t size, cic_info *info) {
    WebPBitstreamFeatures features;
    return read_features(data, size, &features, info);
}

static int decode_still(const uint8_t *data, size_t size, uint8_t *pixels, size_t capacity, cic_info *info) {
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config)) return cic_fail(info, CIC_UNSUPPORTED, "libwebp's version does not match");
    size_t row = (size_t)info->width * cic_bytes_per_pixel(info->layout);
    config.output.colorspace = info->layout == CIC_RGBA ? MODE_RGBA : MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = pixels;
    config.output.u.RGBA.stride = (int)row;
    config.output.u.RGBA.size = capacity;
    VP8StatusCode status = WebPDecode(data, size, &config);
    WebPFreeDecBuffer(&config.output);
    return status == VP8_STATUS_OK ? CIC_OK : fail_status(info, status);
}

// The first frame on its canvas, which is transparent black where the frame does not reach.
static int decode_first_frame(const uint8_t *data, size_t size, uint8_t *pixels, cic_info *info) {
    WebPData file = {data, size};
    WebPAnimDecoder *decoder = WebPAnimDecoderNew(&file, NULL);
    if (decoder == NULL) return cic_fail(info, CIC_CORRUPT, "the animation is not valid");
    int status = CIC_OK;
    uint8_t *canvas = NULL;
    int timestamp = 0;
    WebPAnimInfo animation;
    if (!WebPAnimDecoderGetInfo(decoder, &animation) || animation.canvas_width != info->width
        || animation.canvas_height != info->height) {
        status = cic_fail(info, CIC_CORRUPT, "the animation is not valid");
    } else if (!WebPAnimDecoderGetNext(decoder, &canvas, &timestamp)) {
        status = cic_fail(info, CIC_CORRUPT, "the first frame is not valid");
    } else {
        size_t count = (size_t)info->width * info->height;
        if (info->layout == CIC_RGBA) {
            memcpy(pixels, canvas, count * 4);
        } else {
            for (size_t i = 0; i < count; i++) memcpy(pixels + 3 * i, canvas + 4 * i, 3);
        }
    }
    WebPAnimDecoderDelete(decoder);
    return status;
}

int cic_webp_decode(const uint8_t *data, size_t size, uint8_t *pixels, size_t capacity, cic_info *info) {
    WebPBitstreamFeatures features;
    int status = read_features(data, size, &features, info);
    if (status != CIC_OK) return status;
    if (!cic_fits(info, capacity)) return cic_fail(info, CIC_CORRUPT, "the header changed while decoding");
    if (features.has_animation) return decode_first_frame(data, size, pixels, info);
    return decode_still(data, size, pixels, capacity, info);
}

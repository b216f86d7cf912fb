#include "support.h"

#include <setjmp.h>
#include <stdio.h>

#include <jerror.h>
#include <jpeglib.h>

// A progressive file may repeat tiny scans that each touch the whole picture; honest encoders write about ten.
enum { MAXIMUM_SCANS = 500 };

typedef struct {
    struct jpeg_decompress_struct decoder;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    int truncated;
    int has_all_rows;
    cic_info *info;
    jmp_buf escape;
} jpeg_job;

static void on_error(j_common_ptr common) {
    jpeg_job *job = common->client_data;
    char message[JMSG_LENGTH_MAX];
    common->err->format_message(common, message);
    if (common->err->msg_code == JERR_IMAGE_TOO_BIG) {
        // So that the caller can say how big.
        job->info->width = job->decoder.image_width;
        job->info->height = job->decoder.image_height;
    }
    cic_set_message(job->info, message);
    longjmp(job->escape, 1);
}

static void fail(jpeg_job *job, const char *message) {
    cic_set_message(job->info, message);
    longjmp(job->escape, 1);
}

static void on_message(j_common_ptr common) { (void)common; }

static void no_source_work(j_decompress_ptr decoder) { (void)decoder; }

// libjpeg's own memory source invents an end marker here and fills the rest with gray.
static boolean on_exhausted(j_decompress_ptr decoder) {
    jpeg_job *job = decoder->client_data;
    // After the last row nothing is missing but the end marker: jpeg_finish_decompress gives up, which is no error.
    if (job->has_all_rows) return FALSE;
    job->truncated = 1;
    fail(job, "the data end too early");
    return FALSE;
}

static void skip_bytes(j_decompress_ptr decoder, long count) {
    if (count <= 0) return;
    if ((size_t)count > decoder->src->bytes_in_buffer) {
        on_exhausted(decoder);
        count = (long)decoder->src->bytes_in_buffer;
    }
    decoder->src->next_input_byte += count;
    decoder->src->bytes_in_buffer -= (size_t)count;
}

static void count_scans(j_common_ptr common) {
    jpeg_job *job = common->client_data;
    if (job->decoder.input_scan_number > MAXIMUM_SCANS) fail(job, "more than 500 scans");
}

static void read_header(jpeg_job *job, const uint8_t *data, size_t size) {
    jpeg_create_decompress(&job->decoder);
    job->source.next_input_byte = data;
    job->source.bytes_in_buffer = size;
    job->source.init_source = no_source_work;
    job->source.fill_input_buffer = on_exhausted;
    job->source.skip_input_data = skip_bytes;
    job->source.resync_to_restart = jpeg_resync_to_restart;
    job->source.term_source = no_source_work;
    job->decoder.src = &job->source;
    job->progress.progress_monitor = count_scans;
    job->decoder.progress = &job->progress;
    jpeg_read_header(&job->decoder, TRUE);

    job->info->width = job->decoder.image_width;
    job->info->height = job->decoder.image_height;
    switch (job->decoder.num_components) {
        case 1:
            job->info->layout = CIC_GRAY;
            job->decoder.out_color_space = JCS_GRAYSCALE;
            break;
        case 3:
            job->info->layout = CIC_RGB;
            job->decoder.out_color_space = JCS_RGB;
            break;
        case 4:
            job->info->layout = CIC_CMYK;
            job->decoder.out_color_space = JCS_CMYK;
            break;
        default:
            fail(job, "neither 1, 3 nor 4 components");
    }
}

static void read_rows(jpeg_job *job, uint8_t *pixels, size_t capacity) {
    if (!cic_fits(job->info, capacity)) fail(job, "the header changed while decoding");
    jpeg_start_decompress(&job->decoder);
    size_t row = (size_t)job->info->width * cic_bytes_per_pixel(job->info->layout);
    while (job->decoder.output_scanline < job->info->height) {
        JSAMPROW rows[8];
        JDIMENSION count = job->info->height - job->decoder.output_scanline;
        if (count > 8) count = 8;
        for (JDIMENSION i = 0; i < count; i++) rows[i] = pixels + (job->decoder.output_scanline + i) * row;
        jpeg_read_scanlines(&job->decoder, rows, count);
    }
    // What follows the last row may still be a fatal error.
    job->has_all_rows = 1;
    jpeg_finish_decompress(&job->decoder);
    if (job->info->layout == CIC_CMYK) {
        // Adobe writes inks inverted; Pillow takes every CMYK file to be so.
        size_t count = row * job->info->height;
        for (size_t i = 0; i < count; i++) pixels[i] = (uint8_t)~pixels[i];
    }
}

static int run(const uint8_t *data, size_t size, uint8_t *pixels, size_t capacity, cic_info *info) {
    memset(info, 0, sizeof(*info));
    jpeg_job job;
    memset(&job, 0, sizeof(job));
    job.info = info;
    job.decoder.client_data = &job;
    job.decoder.err = jpeg_std_error(&job.errors);
    job.errors.error_exit = on_error;
    job.errors.output_message = on_message;
    if (setjmp(job.escape)) {
        jpeg_destroy_decompress(&job.decoder);
        return job.truncated ? CIC_TRUNCATED : CIC_CORRUPT;
    }
    read_header(&job, data, size);
    if (pixels != NULL) read_rows(&job, pixels, capacity);
    jpeg_destroy_decompress(&job.decoder);
    return CIC_OK;
}

int cic_jpeg_header(const uint8_t *data, size_t size, cic_info *info) { return run(data, size, NULL, 0, info); }

int cic_jpeg_decode(const uint8_t *data, size_t size, uint8_t *pixels, size_t capacity, cic_info *info) {
    return run(data, size, pixels, capacity, info);
}

/* JPEG by libjpeg-turbo: gray stays gray, colours become BGR. SPDX-License-Identifier: Apache-2.0
 *
 * libjpeg reports errors by calling back and never returning: every libjpeg call is made inside `guarded`, whose
 * setjmp is the only place such an error lands. Data comes from memory; asking for more than there is fails the
 * image, since libjpeg would otherwise fill the missing part with gray. */
#include <setjmp.h>
#include <stdio.h> /* jpeglib.h needs FILE */
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

#include "base/memory.h"
#include "base/status.h"
#include "image/pixels.h"
#include "pydeepl.h"

#ifndef JCS_EXTENSIONS
#error "pydeepl needs libjpeg-turbo's jpeglib.h (this one has no JCS_EXT_BGR)"
#endif

/* Encoders in use write about ten progressive scans. Each scan costs a pass over the whole image however few bytes
 * it has, so a small file of thousands of scans would run for hours. */
#define MAX_SCANS 100
/* Images may be decoded at 1 / 2, 1 / 4 and 1 / 8 of their sides. */
#define MOST_REDUCED 8

typedef struct decoder {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    jmp_buf escape;
    size_t size, max_pixels;
    pdl_image_info info;
    uint8_t *pixels;
    uint8_t *cmyk;       /* scratch: [width, 4], one row */
    uint8_t *cmyk_table; /* scratch: [256, 256], see make_cmyk_table */
    pdl_status status;
    pdl_error *error;
} decoder;

static void escape_with(decoder *d, pdl_status status)
{
    d->status = status;
    longjmp(d->escape, 1);
}

static void on_error(j_common_ptr jpeg)
{
    decoder *d = jpeg->client_data;
    char text[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, text);
    pdl_status status = jpeg->err->msg_code == JERR_OUT_OF_MEMORY ? PDL_ENOMEM : PDL_EDATA;
    pdl_fail(d->error, status, "damaged or unsupported JPEG: %s", text);
    escape_with(d, status);
}

/* Warnings (damaged data in the middle of a scan, bytes between markers) keep the image, as Java and Pillow do. */
static void on_message(j_common_ptr jpeg, int level)
{
    (void)jpeg;
    (void)level;
}

static void do_nothing(j_decompress_ptr jpeg)
{
    (void)jpeg;
}

static boolean on_end_of_data(j_decompress_ptr jpeg)
{
    decoder *d = jpeg->client_data;
    pdl_fail(d->error, PDL_EDATA, "truncated JPEG: its %zu bytes end before the image does", d->size);
    escape_with(d, PDL_EDATA);
    return FALSE;
}

static void skip_bytes(j_decompress_ptr jpeg, long count)
{
    struct jpeg_source_mgr *source = jpeg->src;
    if (count <= 0) return;
    if ((size_t)count > source->bytes_in_buffer) on_end_of_data(jpeg);
    source->next_input_byte += count;
    source->bytes_in_buffer -= (size_t)count;
}

static void on_progress(j_common_ptr jpeg)
{
    decoder *d = jpeg->client_data;
    if (d->jpeg.input_scan_number <= MAX_SCANS) return;
    pdl_fail(d->error, PDL_ELIMIT, "JPEG has more than %d scans", MAX_SCANS);
    escape_with(d, PDL_ELIMIT);
}

static void connect(decoder *d, const uint8_t *data, size_t size)
{
    d->jpeg.err = jpeg_std_error(&d->errors);
    d->errors.error_exit = on_error;
    d->errors.emit_message = on_message;
    d->jpeg.client_data = d;
    d->size = size;
    d->source = (struct jpeg_source_mgr){
        .next_input_byte = data,
        .bytes_in_buffer = size,
        .init_source = do_nothing,
        .fill_input_buffer = on_end_of_data,
        .skip_input_data = skip_bytes,
        .resync_to_restart = jpeg_resync_to_restart,
        .term_source = do_nothing,
    };
    d->progress.progress_monitor = on_progress;
}

/* Runs a step that calls libjpeg; its errors end here. */
static pdl_status guarded(decoder *d, void (*step)(decoder *))
{
    d->status = PDL_OK;
    if (setjmp(d->escape) == 0) step(d);
    return d->status;
}

/* Refuses what would take much memory or time: images beyond the limit, and headers that claim far more pixels than
 * the file has bits. Huffman coding spends at least a bit on each 8 x 8 block. */
static void check_size(decoder *d)
{
    const size_t height = d->info.height, width = d->info.width;
    if (d->max_pixels != 0 && height > d->max_pixels / width) {
        pdl_fail(d->error, PDL_ELIMIT, "JPEG of %zu x %zu pixels (height x width) exceeds the limit of %zu pixels",
                 height, width, d->max_pixels);
        escape_with(d, PDL_ELIMIT);
    }
    if (!d->jpeg.arith_code && (height / 8) * (width / 8) / 8 > d->size) {
        pdl_fail(d->error, PDL_EDATA, "truncated JPEG: %zu bytes cannot hold %zu x %zu pixels (height x width)",
                 d->size, height, width);
        escape_with(d, PDL_EDATA);
    }
}

static void read_header(decoder *d)
{
    struct jpeg_decompress_struct *jpeg = &d->jpeg;
    jpeg_create_decompress(jpeg);
    jpeg->client_data = d; /* creation cleared it */
    jpeg->src = &d->source;
    jpeg->progress = &d->progress;
    jpeg_read_header(jpeg, TRUE);
    d->info = (pdl_image_info){jpeg->image_height, jpeg->image_width, jpeg->num_components == 1 ? 1 : 3};
    check_size(d);
}

/* 1 / divisor of both sides, rounded up as libjpeg does. */
static pdl_image_info reduced(const pdl_image_info *info, size_t divisor)
{
    return (pdl_image_info){(info->height + divisor - 1) / divisor, (info->width + divisor - 1) / divisor,
                            info->channels};
}

/* Sets the least reduction that has the size wanted. */
static pdl_status choose_size(decoder *d, const pdl_image_info *wanted)
{
    for (size_t divisor = 1; divisor <= MOST_REDUCED; divisor *= 2) {
        const pdl_image_info size = reduced(&d->info, divisor);
        if (size.height != wanted->height || size.width != wanted->width || size.channels != wanted->channels) continue;
        d->jpeg.scale_num = 1;
        d->jpeg.scale_denom = (unsigned)divisor;
        d->info = size;
        return PDL_OK;
    }
    return pdl_fail(d->error, PDL_ESHAPE, "JPEG is [%zu, %zu, %zu], expected [%zu, %zu, %zu]", d->info.height,
                    d->info.width, d->info.channels, wanted->height, wanted->width, wanted->channels);
}

static void choose_output(decoder *d)
{
    struct jpeg_decompress_struct *jpeg = &d->jpeg;
    jpeg->dct_method = JDCT_ISLOW;
    jpeg->do_fancy_upsampling = TRUE;
    switch (jpeg->jpeg_color_space) {
    case JCS_GRAYSCALE:
        jpeg->out_color_space = JCS_GRAYSCALE;
        return;
    case JCS_CMYK:
    case JCS_YCCK:
        jpeg->out_color_space = JCS_CMYK;
        return;
    case JCS_UNKNOWN:
        pdl_fail(d->error, PDL_EUNSUPPORTED, "JPEG has %d colour components, expected 1, 3 or 4", jpeg->num_components);
        escape_with(d, PDL_EUNSUPPORTED);
        return;
    default:
        jpeg->out_color_space = JCS_EXT_BGR;
    }
}

/* table[256 k + c] = display value of the light (1 - c)(1 - k) that ink c under black k leaves, for stored samples.
 * Adobe's files store inks inverted. */
static void make_cmyk_table(uint8_t *table, int inverted)
{
    float light[256];
    for (int v = 0; v < 256; v++)
        light[v] = 1.0f - (float)(inverted ? 255 - v : v) / 255.0f;
    for (int k = 0; k < 256; k++)
        for (int c = 0; c <= k; c++)
            table[256 * k + c] = table[256 * c + k] = pdl_linear_to_srgb(light[k] * light[c]);
}

static void read_cmyk_rows(decoder *d)
{
    struct jpeg_decompress_struct *jpeg = &d->jpeg;
    while (jpeg->output_scanline < jpeg->output_height) {
        uint8_t *out = d->pixels + (size_t)jpeg->output_scanline * d->info.width * 3;
        JSAMPROW row = d->cmyk;
        jpeg_read_scanlines(jpeg, &row, 1);
        for (size_t x = 0; x < d->info.width; x++, out += 3) {
            const uint8_t *ink = d->cmyk + 4 * x, *display = d->cmyk_table + 256 * ink[3];
            out[0] = display[ink[2]];
            out[1] = display[ink[1]];
            out[2] = display[ink[0]];
        }
    }
}

static void read_rows(decoder *d)
{
    struct jpeg_decompress_struct *jpeg = &d->jpeg;
    const size_t row_bytes = d->info.width * d->info.channels;
    while (jpeg->output_scanline < jpeg->output_height) {
        JSAMPROW rows[8];
        for (size_t i = 0; i < 8; i++) /* rows beyond the last are not written */
            rows[i] = d->pixels + ((size_t)jpeg->output_scanline + i) * row_bytes;
        JDIMENSION left = jpeg->output_height - jpeg->output_scanline;
        jpeg_read_scanlines(jpeg, rows, left < 8 ? left : 8);
    }
}

static void read_pixels(decoder *d)
{
    choose_output(d);
    jpeg_start_decompress(&d->jpeg);
    if (d->jpeg.out_color_space == JCS_CMYK)
        read_cmyk_rows(d);
    else
        read_rows(d);
    jpeg_finish_decompress(&d->jpeg);
}

static pdl_status allocate_cmyk(decoder *d)
{
    if (d->jpeg.num_components != 4) return PDL_OK;
    d->cmyk = pdl_alloc(d->info.width, 4);
    d->cmyk_table = pdl_alloc(256, 256);
    if (d->cmyk == NULL || d->cmyk_table == NULL)
        return pdl_fail_memory(d->error, d->info.width * 4 + 65536, "a row of CMYK pixels");
    make_cmyk_table(d->cmyk_table, d->jpeg.saw_Adobe_marker);
    return PDL_OK;
}

static void release(decoder *d)
{
    pdl_free(d->cmyk_table);
    pdl_free(d->cmyk);
    jpeg_destroy_decompress(&d->jpeg);
}

pdl_status pdl_jpeg_info(const uint8_t *data, size_t size, size_t max_pixels, pdl_image_info *info, pdl_error *error)
{
    decoder d = {.max_pixels = max_pixels, .error = error};
    connect(&d, data, size);
    pdl_status status = guarded(&d, read_header);
    if (status == PDL_OK) *info = d.info;
    release(&d);
    return status;
}

pdl_image_info pdl_jpeg_reduced(const pdl_image_info *info, size_t height, size_t width)
{
    for (size_t divisor = MOST_REDUCED; divisor > 1; divisor /= 2) {
        const pdl_image_info size = reduced(info, divisor);
        if (size.height >= height && size.width >= width) return size;
    }
    return *info;
}

pdl_status pdl_jpeg_decode(const uint8_t *data, size_t size, const pdl_image_info *info, uint8_t *pixels,
                           pdl_error *error)
{
    decoder d = {.pixels = pixels, .error = error};
    connect(&d, data, size);
    pdl_status status = guarded(&d, read_header);
    if (status == PDL_OK) status = choose_size(&d, info);
    if (status == PDL_OK) status = allocate_cmyk(&d);
    if (status == PDL_OK) status = guarded(&d, read_pixels);
    release(&d);
    return status;
}

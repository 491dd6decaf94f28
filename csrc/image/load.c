/* Decodes and resizes many images at once. SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "base/threads.h"
#include "pydeepl.h"

/* A worker's decoded image: grows to the largest it met. */
typedef struct scratch {
    uint8_t *pixels;
    size_t capacity;
} scratch;

typedef struct load_job {
    const pdl_image_source *sources;
    const pdl_load_options *options;
    uint8_t *out;
    pdl_error *errors;
    scratch *scratches; /* one a worker */
} load_job;

static pdl_status reserve(scratch *s, size_t bytes, pdl_error *error)
{
    if (bytes <= s->capacity) return PDL_OK;
    pdl_free(s->pixels);
    s->pixels = pdl_alloc(bytes, 1);
    s->capacity = s->pixels == NULL ? 0 : bytes;
    return s->pixels == NULL ? pdl_fail_memory(error, bytes, "a decoded image") : PDL_OK;
}

/* The size to decode to. Only averaging can do with fewer pixels: picking single ones wants them as they are. */
static pdl_image_info decoded_size(const pdl_load_options *options, const pdl_image_info *info)
{
    if (options->reduce && (options->hint == PDL_SCALE_AREA_AVERAGING || options->hint == PDL_SCALE_SMOOTH))
        return pdl_jpeg_reduced(info, options->height, options->width);
    return *info;
}

static pdl_status load_jpeg(const pdl_load_options *options, const pdl_image_source *source, scratch *s, uint8_t *out,
                            pdl_error *error)
{
    pdl_image_info info;
    pdl_status status = pdl_jpeg_info(source->data, source->size, options->max_pixels, &info, error);
    if (status != PDL_OK) return status;
    info = decoded_size(options, &info);
    size_t bytes; /* sides are below 2^16, so this holds where size_t has 32 bits, too */
    if (!pdl_size_mul(info.height * info.width, info.channels, &bytes))
        return pdl_fail(error, PDL_ELIMIT, "JPEG of %zu x %zu pixels does not fit in memory", info.height, info.width);
    status = reserve(s, bytes, error);
    if (status == PDL_OK) status = pdl_jpeg_decode(source->data, source->size, &info, s->pixels, error);
    if (status == PDL_OK)
        status = pdl_resize(s->pixels, &info, options->height, options->width, options->hint, out, error);
    return status;
}

static pdl_status load_pixels(const pdl_load_options *options, const pdl_image_source *source, uint8_t *out,
                              pdl_error *error)
{
    const pdl_image_info *info = &source->info;
    size_t pixels, bytes;
    if (!pdl_size_mul(info->height, info->width, &pixels) || !pdl_size_mul(pixels, info->channels, &bytes) ||
        bytes != source->size)
        return pdl_fail(error, PDL_ESHAPE, "image [%zu, %zu, %zu] has %zu bytes", info->height, info->width,
                        info->channels, source->size);
    return pdl_resize(source->data, info, options->height, options->width, options->hint, out, error);
}

static void load_one(void *context, size_t index, size_t worker)
{
    load_job *job = context;
    const pdl_image_source *source = &job->sources[index];
    const size_t bytes = job->options->height * job->options->width * 3;
    uint8_t *out = job->out + index * bytes;
    pdl_error *error = &job->errors[index];
    pdl_status status;

    *error = (pdl_error){PDL_OK, ""};
    if (source->info.channels == 0)
        status = load_jpeg(job->options, source, &job->scratches[worker], out, error);
    else
        status = load_pixels(job->options, source, out, error);
    if (status != PDL_OK) memset(out, 0, bytes);
}

pdl_status pdl_images_load(const pdl_image_source *sources, size_t n, const pdl_load_options *options, uint8_t *out,
                           pdl_error *errors, pdl_error *error)
{
    const size_t height = options->height, width = options->width;
    size_t pixels, bytes, threads = options->threads;
    if (height == 0 || width == 0 || !pdl_size_mul(height, width, &pixels) || !pdl_size_mul(pixels, 3, &bytes) ||
        !pdl_size_mul(bytes, n, &bytes))
        return pdl_fail(error, PDL_EINVAL, "cannot load %zu images at %zu x %zu pixels", n, height, width);
    if (threads == 0) threads = pdl_default_threads();
    if (threads > n) threads = n;
    scratch *scratches = pdl_alloc_zero(threads, sizeof *scratches);
    if (scratches == NULL) return pdl_fail_memory(error, threads * sizeof *scratches, "workers");
    load_job job = {sources, options, out, errors, scratches};
    pdl_parallel_for(threads, n, load_one, &job);
    for (size_t i = 0; i < threads; i++)
        pdl_free(scratches[i].pixels);
    pdl_free(scratches);
    return PDL_OK;
}

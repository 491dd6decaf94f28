/* SPDX-License-Identifier: Apache-2.0 */
#include "image/area.h"

#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "image/axis.h"

/* Java sums alpha like a colour, and rounding errors of very long sums can take an opaque pixel below 255. The
 * relative error of a sum of n terms is below (n + 3) 2^-24, so up to this many terms S_A / T >= 254.5 holds, alpha
 * rounds to 255 and need not be summed. */
#define TERMS_ALPHA_STAYS_OPAQUE 16384
/* Up to one value in so many is summed again by itself. */
#define MOST_DOUBTS 16

typedef struct plan {
    pdl_axis x, y;
    uint32_t x_unit, y_unit; /* what lengths are divided by: 1, or the shared power of two on the exact path */
    int exact;
    size_t row_taps;
    int32_t *first;
    float *weights, *row_weights;
    const uint8_t **rows;
    float *columns, *sums;
    uint8_t *doubts;
    uint8_t *last_row; /* copy of the source's last row with room to read behind it */
} plan;

static uint32_t shared_power_of_two(pdl_axis axis)
{
    size_t both = axis.sources | axis.targets;
    return (uint32_t)(both & (~both + 1)); /* the lowest bit set in either */
}

/* Whether every partial sum is an integer below 2^24 in shared units. */
static int sums_are_exact(const pdl_image_info *info, pdl_axis x, pdl_axis y)
{
    size_t width = x.sources / shared_power_of_two(x), height = y.sources / shared_power_of_two(y);
    return info->channels != 4 && width * height * 255 <= (size_t)1 << 24;
}

static void plan_free(plan *p)
{
    pdl_free(p->last_row);
    pdl_free(p->doubts);
    pdl_free(p->sums);
    pdl_free(p->columns);
    pdl_free(p->rows);
    pdl_free(p->row_weights);
    pdl_free(p->weights);
    pdl_free(p->first);
}

static pdl_status plan_allocate(plan *p, size_t channels, size_t taps, size_t padded, pdl_error *error)
{
    const size_t row_bytes = p->x.sources * channels, values = p->x.targets * channels + PDL_AREA_LANES;
    size_t entries;
    if (!pdl_size_mul(taps, padded, &entries)) return pdl_fail_memory(error, SIZE_MAX, "resize weights");
    p->first = pdl_alloc_zero(padded, sizeof *p->first);
    p->weights = pdl_alloc_zero(entries, sizeof *p->weights);
    p->row_weights = pdl_alloc(p->row_taps, sizeof *p->row_weights);
    p->rows = pdl_alloc(p->row_taps, sizeof *p->rows);
    p->columns = pdl_alloc_zero(row_bytes + taps * channels + PDL_AREA_LANES, sizeof *p->columns);
    p->sums = pdl_alloc_zero(values, sizeof *p->sums);
    p->doubts = pdl_alloc_zero(values, 1);
    p->last_row = pdl_alloc_zero(row_bytes + PDL_AREA_PADDING, 1);
    if (p->first && p->weights && p->row_weights && p->rows && p->columns && p->sums && p->doubts && p->last_row)
        return PDL_OK;
    return pdl_fail_memory(error, (entries + row_bytes + values) * sizeof(float), "resize tables");
}

static void fill_weights(const plan *p, size_t channels, size_t padded)
{
    for (size_t target = 0; target < p->x.targets; target++) {
        size_t first = pdl_axis_first(p->x, target), last = pdl_axis_last(p->x, target);
        p->first[target] = (int32_t)(first * channels);
        for (size_t source = first; source <= last; source++)
            p->weights[(source - first) * padded + target] =
                (float)(pdl_axis_overlap(p->x, target, source) / p->x_unit);
    }
}

/* The source rows below a destination row. Only the last row of an image has nothing readable behind it. */
static size_t gather_rows(const plan *p, const uint8_t *pixels, size_t row_bytes, size_t target)
{
    size_t first = pdl_axis_first(p->y, target), last = pdl_axis_last(p->y, target);
    for (size_t source = first; source <= last; source++) {
        p->rows[source - first] = source + 1 == p->y.sources ? p->last_row : pixels + source * row_bytes;
        p->row_weights[source - first] = (float)(pdl_axis_overlap(p->y, target, source) / p->y_unit);
    }
    return last - first + 1;
}

/* Whether a destination row lies inside the same single source row as the one before it (upscaling). */
static int repeats_row(pdl_axis y, size_t target)
{
    return target > 0 && pdl_axis_first(y, target - 1) == pdl_axis_last(y, target);
}

/* A destination pixel of an opaque image, summed in Java's order. */
static void sum_pixel(const pdl_area_row *row, size_t x, uint8_t *out)
{
    const int channels = row->channels;
    float sums[3] = {0, 0, 0};
    for (size_t j = 0; j < row->row_count; j++) {
        const uint8_t *pixel = row->rows[j] + row->first[x];
        const float *weight = row->weights + x;
        for (size_t tap = 0; tap < row->taps && *weight > 0; tap++, weight += row->padded, pixel += channels) {
            const float m = *weight * row->row_weights[j];
            for (int c = 0; c < channels; c++)
                sums[c] += m * (float)pixel[c];
        }
    }
    for (int c = 0; c < channels; c++) {
        const double value = sums[c] / row->total + 0.5;
        out[c] = value < 256 ? (uint8_t)value : 255;
    }
}

/* Sums doubtful pixels again; returns 0 where they are so many that the whole row is better done in order. */
static int settle_doubts(const pdl_area_row *row, uint8_t *out)
{
    const size_t channels = (size_t)row->channels, count = row->width * channels;
    size_t settled = 0;
    for (size_t i = 0; i < count; i += 8) { /* doubts has room behind its end */
        uint64_t any;
        memcpy(&any, row->doubts + i, sizeof any);
        if (any == 0) continue;
        for (size_t k = i; k < i + 8 && k < count; k++) {
            if (!row->doubts[k]) continue;
            if (++settled > count / MOST_DOUBTS) return 0;
            sum_pixel(row, k / channels, out + k / channels * channels);
        }
    }
    return 1;
}

/* uint8 [width] -> [width, 3], in place. */
static void repeat_gray(uint8_t *out, size_t width)
{
    for (size_t x = width; x-- > 0;)
        out[3 * x] = out[3 * x + 1] = out[3 * x + 2] = out[x];
}

static void average_row(const pdl_area_row *row, const pdl_area_kernels *kernels, int separable, uint8_t *out)
{
    if (separable) kernels->separable(row, out);
    if (!separable || (!row->exact && !settle_doubts(row, out)))
        kernels->ordered(row, out);
    else if (row->channels == 1)
        repeat_gray(out, row->width);
}

pdl_status pdl_area_average(const uint8_t *pixels, const pdl_image_info *info, size_t height, size_t width,
                            const pdl_area_kernels *kernels, uint8_t *out, pdl_error *error)
{
    plan p = {.x = {info->width, width}, .y = {info->height, height}, .x_unit = 1, .y_unit = 1};
    p.exact = sums_are_exact(info, p.x, p.y);
    if (p.exact) {
        p.x_unit = shared_power_of_two(p.x);
        p.y_unit = shared_power_of_two(p.y);
    }
    const size_t row_bytes = info->width * info->channels, taps = pdl_axis_taps(p.x);
    const size_t padded = (width + PDL_AREA_LANES - 1) / PDL_AREA_LANES * PDL_AREA_LANES;
    p.row_taps = pdl_axis_taps(p.y);
    pdl_status status = plan_allocate(&p, info->channels, taps, padded, error);
    if (status != PDL_OK) goto exit;

    const int sum_alpha = !p.exact && taps > TERMS_ALPHA_STAYS_OPAQUE / p.row_taps;
    const int separable = info->channels != 4 && !sum_alpha;
    fill_weights(&p, info->channels, padded);
    memcpy(p.last_row, pixels + (info->height - 1) * row_bytes, row_bytes);
    pdl_area_row row = {
        .rows = p.rows,
        .row_weights = p.row_weights,
        .first = p.first,
        .last = (int32_t)(row_bytes - info->channels),
        .weights = p.weights,
        .taps = taps,
        .padded = padded,
        .width = width,
        .total = (float)(info->width / p.x_unit) * (float)(info->height / p.y_unit),
        .channels = (int)info->channels,
        .sum_alpha = sum_alpha,
        .exact = p.exact,
        .slack = (float)(taps * p.row_taps + taps + p.row_taps + PDL_AREA_ROUNDINGS) * 0x1p-24f,
        .columns = p.columns,
        .sums = p.sums,
        .doubts = p.doubts,
    };
    for (size_t y = 0; y < height; y++, out += width * 3) {
        if (repeats_row(p.y, y)) {
            memcpy(out, out - width * 3, width * 3);
            continue;
        }
        row.row_count = gather_rows(&p, pixels, row_bytes, y);
        average_row(&row, kernels, separable, out);
    }
exit:
    plan_free(&p);
    return status;
}

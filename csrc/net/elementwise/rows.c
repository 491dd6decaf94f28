/* Activations of which every element depends on its whole row. SPDX-License-Identifier: Apache-2.0
 *
 *     softmax      y = e^(x - max x) / sum of e^(x - max x)
 *     log softmax  y = x - max x - log(sum of e^(x - max x))
 *     sparsemax    y = max(0, x - t). Martins and Astudillo ("From softmax to sparsemax", 2016) take the t that makes
 *                  the sum of y 1: t = (sum of x above t, less 1) / their count k, which is found by leaving out what
 *                  is not above it, time after time. Keras adds up the k partial sums of those x in falling order
 *                  instead of taking the last, so that the sum of y is not 1; its models were trained so, and we do
 *                  the same: t = (sum of x times the number of those above t that are not larger, less 1) / k. */
#include "net/kernels.h"

#include <math.h>

/* A row of a map, which is read PDL_ROW elements at a time. */
typedef struct row {
    const pdl_map *map;
    size_t pixel;
} row;

static size_t part_of(const row *r, size_t channel)
{
    return r->map->channels - channel < PDL_ROW ? r->map->channels - channel : PDL_ROW;
}

static const float *read_part(const row *r, size_t channel, float room[PDL_ROW])
{
    return pdl_row_read(r->map, r->pixel * r->map->pitch + channel, part_of(r, channel), room);
}

static float largest_of(const row *r)
{
    float room[PDL_ROW], largest = -INFINITY;
    for (size_t channel = 0; channel < r->map->channels; channel += PDL_ROW) {
        const float *x = read_part(r, channel, room);
        for (size_t c = 0; c < part_of(r, channel); c++)
            largest = x[c] > largest ? x[c] : largest;
    }
    return largest;
}

static double sum_of_powers(const row *r, float largest)
{
    float room[PDL_ROW];
    double total = 0.0;
    for (size_t channel = 0; channel < r->map->channels; channel += PDL_ROW) {
        const float *x = read_part(r, channel, room);
        for (size_t c = 0; c < part_of(r, channel); c++)
            total += expf(x[c] - largest);
    }
    return total;
}

/* How many elements are above t, and the sum of what they have over `largest`: near 0, where numbers are fine. */
static size_t count_above(const row *r, double t, float largest, double *sum)
{
    float room[PDL_ROW];
    size_t count = 0;
    *sum = 0.0;
    for (size_t channel = 0; channel < r->map->channels; channel += PDL_ROW) {
        const float *x = read_part(r, channel, room);
        for (size_t c = 0; c < part_of(r, channel); c++) {
            if (!(x[c] > t)) continue;
            *sum += x[c] - largest;
            count++;
        }
    }
    return count;
}

/* Of the elements above t, the place of x when they rise: from 1, and the middle of those that equal it. */
static double place_of(const row *r, double t, float x)
{
    float room[PDL_ROW];
    size_t below = 0, alike = 0;
    for (size_t channel = 0; channel < r->map->channels; channel += PDL_ROW) {
        const float *other = read_part(r, channel, room);
        for (size_t c = 0; c < part_of(r, channel); c++) {
            below += other[c] > t && other[c] < x;
            alike += other[c] == x;
        }
    }
    return (double)below + 0.5 * (double)(alike + 1);
}

static double sparse_threshold(const row *r, float largest)
{
    float room[PDL_ROW];
    double t = -INFINITY, sum, total = 0.0;
    size_t count = count_above(r, t, largest, &sum), left = count;
    do {
        count = left;
        t = largest + (sum - 1.0) / (double)count;
        left = count_above(r, t, largest, &sum);
    } while (left < count); /* an element beside t may come back by rounding */
    for (size_t channel = 0; channel < r->map->channels; channel += PDL_ROW) {
        const float *x = read_part(r, channel, room);
        for (size_t c = 0; c < part_of(r, channel); c++)
            if (x[c] > t) total += x[c] * place_of(r, t, x[c]);
    }
    return (total - 1.0) / (double)left;
}

static void activate_row(const pdl_kernel_call *call, size_t pixel)
{
    const pdl_map *out = &call->output;
    const row r = {call->input, pixel};
    pdl_activation kind = call->op->activation;
    float x_room[PDL_ROW], y_room[PDL_ROW], largest = largest_of(&r);
    double total = kind == PDL_ACTIVATION_SPARSEMAX ? sparse_threshold(&r, largest) : sum_of_powers(&r, largest);
    float shift = (float)log(total);
    for (size_t channel = 0; channel < out->channels; channel += PDL_ROW) {
        const float *x = read_part(&r, channel, x_room);
        float *y = pdl_row_room(out, pixel * out->pitch + channel, y_room);
        for (size_t c = 0; c < part_of(&r, channel); c++) {
            if (kind == PDL_ACTIVATION_SOFTMAX)
                y[c] = (float)(expf(x[c] - largest) / total);
            else if (kind == PDL_ACTIVATION_LOG_SOFTMAX)
                y[c] = x[c] - largest - shift;
            else
                y[c] = x[c] <= total ? 0.0f : (float)(x[c] - total); /* keeps NaN */
        }
        pdl_row_write(out, pixel * out->pitch + channel, part_of(&r, channel), y);
    }
}

void pdl_kernel_softmax(const pdl_kernel_call *call)
{
    size_t pixels = pdl_map_pixels(&call->output);
#pragma omp parallel for schedule(static)
    for (size_t pixel = 0; pixel < pixels; pixel++)
        activate_row(call, pixel);
}

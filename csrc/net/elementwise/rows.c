/* Activations of which every element depends on its whole row. SPDX-License-Identifier: Apache-2.0
 *
 *     softmax      y = e^(x - max x) / sum of e^(x - max x)
 *     log softmax  y = x - max x - log(sum of e^(x - max x))
 *     sparsemax    y = max(0, x - t), with the t that makes the sum of y 1: Martins and Astudillo, "From softmax to
 *                  sparsemax" (2016). t is found by leaving out what t is not below, time after time. */
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

/* t so that the elements above it, each less t, sum up to 1. */
static double sparse_threshold(const row *r, float largest)
{
    float room[PDL_ROW];
    double threshold = -INFINITY;
    size_t above = SIZE_MAX, before;
    do {
        double total = 0.0, next = threshold;
        size_t count = 0;
        for (size_t channel = 0; channel < r->map->channels; channel += PDL_ROW) {
            const float *x = read_part(r, channel, room);
            for (size_t c = 0; c < part_of(r, channel); c++) {
                if (!(x[c] > threshold)) continue;
                total += x[c] - largest; /* near 0, where numbers are fine */
                count++;
            }
        }
        if (count > 0) next = largest + (total - 1.0) / (double)count;
        threshold = next;
        before = above;
        above = count;
    } while (above < before); /* an element beside t may come back by rounding */
    return threshold;
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
    size_t pixels = call->output.batch * call->output.height * call->output.width;
#pragma omp parallel for schedule(static)
    for (size_t pixel = 0; pixel < pixels; pixel++)
        activate_row(call, pixel);
}

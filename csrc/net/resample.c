/* Resizing of feature maps: nearest and bilinear, as tf.image.resize without antialiasing. SPDX-License-Identifier:
 * Apache-2.0
 *
 *     output    |     0     |     1     |       pixel i has its centre at i + 0.5
 *     input     |  0  |  1  |  2  |  3  |       and lies at (i + 0.5) in / out of the input
 *
 * Where a centre lies beyond the outermost pixels' centres, those are taken. All in float, as there. */
#include "net/kernels.h"

#include <math.h>
#include <string.h>

/* The two pixels between which a centre lies, and how far it is from the first to the second. */
typedef struct between {
    size_t low, high;
    float part;
} between;

static between bilinear_at(size_t at, size_t in, size_t out)
{
    float centre = ((float)at + 0.5f) * ((float)in / (float)out) - 0.5f, low = floorf(centre), high = ceilf(centre);
    float last = (float)(in - 1);
    return (between){
        .low = low < 0.0f   ? 0
               : low > last ? in - 1
                            : (size_t)low,
        .high = high > last ? in - 1 : (size_t)high,
        .part = centre - low,
    };
}

static size_t nearest_at(size_t at, size_t in, size_t out)
{
    size_t index = (size_t)floorf(((float)at + 0.5f) * ((float)in / (float)out));
    return index < in ? index : in - 1;
}

static float mix(float a, float b, float part)
{
    return a + (b - a) * part;
}

/* Rows of channels: the pixels above left, above right, below left and below right. */
PDL_VECTOR_CLONES static void blend(float *y, const float *const x[4], float down, float across, size_t channels)
{
    for (size_t c = 0; c < channels; c++)
        y[c] = mix(mix(x[0][c], x[1][c], across), mix(x[2][c], x[3][c], across), down);
}

static void bilinear_pixel(const pdl_kernel_call *call, size_t line, size_t column)
{
    const pdl_map *in = call->input, *out = &call->output;
    between down = bilinear_at(line % out->height, in->height, out->height);
    between across = bilinear_at(column, in->width, out->width);
    size_t image = line / out->height * in->height;
    const size_t rows[] = {image + down.low, image + down.high}, columns[] = {across.low, across.high};
    float x_room[4][PDL_ROW], y_room[PDL_ROW];
    size_t to = (line * out->width + column) * out->pitch;
    for (size_t channel = 0; channel < out->channels; channel += PDL_ROW) {
        size_t count = out->channels - channel < PDL_ROW ? out->channels - channel : PDL_ROW;
        const float *x[4];
        for (int i = 0; i < 4; i++)
            x[i] = pdl_row_read(in, (rows[i / 2] * in->width + columns[i % 2]) * in->pitch + channel, count, x_room[i]);
        float *y = pdl_row_room(out, to + channel, y_room);
        blend(y, x, down.part, across.part, count);
        pdl_row_write(out, to + channel, count, y);
    }
}

static void nearest_pixel(const pdl_kernel_call *call, size_t line, size_t column)
{
    const pdl_map *in = call->input, *out = &call->output;
    size_t row = line / out->height * in->height + nearest_at(line % out->height, in->height, out->height);
    size_t pixel = row * in->width + nearest_at(column, in->width, out->width);
    memcpy(pdl_map_at(out, (line * out->width + column) * out->pitch), pdl_map_at(in, pixel * in->pitch),
           out->channels * pdl_element_size(out->precision));
}

void pdl_kernel_resize(const pdl_kernel_call *call)
{
    const pdl_map *out = &call->output;
    size_t lines = out->batch * out->height;
#pragma omp parallel for schedule(static)
    for (size_t line = 0; line < lines; line++)
        for (size_t column = 0; column < out->width; column++)
            if (call->op->bilinear)
                bilinear_pixel(call, line, column);
            else
                nearest_pixel(call, line, column);
}

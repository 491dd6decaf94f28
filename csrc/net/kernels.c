/* Element by element and by copying. SPDX-License-Identifier: Apache-2.0 */
#include "net/kernels.h"

#include <math.h>
#include <string.h>

static size_t pixels_of(const pdl_map *map)
{
    return map->batch * map->height * map->width;
}

/* ---- affine, add ---- */

PDL_VECTOR_CLONES static void scale_shift(float *y, const float *x, const double *scale, const float *shift,
                                          size_t channels)
{
    for (size_t c = 0; c < channels; c++)
        y[c] = (float)(x[c] * (scale != NULL ? scale[c] : 1.0)) + (shift != NULL ? shift[c] : 0.0f);
}

PDL_VECTOR_CLONES void pdl_clip(float *y, const float *x, size_t channels)
{
    for (size_t c = 0; c < channels; c++)
        y[c] = x[c] < 0.0f ? 0.0f : x[c]; /* keeps NaN */
}

void pdl_kernel_affine(const pdl_kernel_call *call)
{
    const pdl_map *in = call->input, *out = &call->output;
    const pdl_op *op = call->op;
    size_t pixels = pixels_of(out);
    bool plain = op->scale == NULL && op->bias == NULL;
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < pixels; i++) {
        const float *x = in->data + i * in->pitch;
        float *y = out->data + i * out->pitch;
        if (!plain) scale_shift(y, x, op->scale, op->bias, out->channels);
        if (op->relu) pdl_clip(y, plain ? x : y, out->channels);
    }
}

PDL_VECTOR_CLONES static void sum(float *y, const float *a, const float *b, size_t channels)
{
    for (size_t c = 0; c < channels; c++)
        y[c] = a[c] + b[c];
}

void pdl_kernel_add(const pdl_kernel_call *call)
{
    const pdl_map *in = call->input, *out = &call->output;
    size_t pixels = pixels_of(out);
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < pixels; i++) {
        float *y = out->data + i * out->pitch;
        sum(y, in[0].data + i * in[0].pitch, in[1].data + i * in[1].pitch, out->channels);
        for (size_t j = 2; j < call->op->inputs; j++)
            sum(y, y, in[j].data + i * in[j].pitch, out->channels);
        if (call->op->relu) pdl_clip(y, y, out->channels);
    }
}

/* ---- concat, pad, copy ---- */

void pdl_kernel_concat(const pdl_kernel_call *call)
{
    const pdl_map *out = &call->output;
    size_t pixels = pixels_of(out);
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < pixels; i++) {
        float *y = out->data + i * out->pitch;
        for (size_t j = 0; j < call->op->inputs; y += call->input[j++].channels) {
            const float *x = call->input[j].data + i * call->input[j].pitch;
            if (x != y) memcpy(y, x, call->input[j].channels * sizeof *y);
        }
    }
}

static void pad_row(const pdl_kernel_call *call, size_t line)
{
    const pdl_map *in = call->input, *out = &call->output;
    const size_t *before = call->op->window.before;
    size_t image = line / out->height, row = line % out->height, bytes = out->channels * sizeof(float);
    bool inside = row >= before[0] && row - before[0] < in->height;
    for (size_t column = 0; column < out->width; column++) {
        float *y = out->data + (line * out->width + column) * out->pitch;
        size_t x = column - before[1]; /* wraps around to the left of the image: above its width */
        size_t pixel = (image * in->height + row - before[0]) * in->width + x;
        if (inside && x < in->width)
            memcpy(y, in->data + pixel * in->pitch, bytes);
        else
            memset(y, 0, bytes);
    }
}

void pdl_kernel_pad(const pdl_kernel_call *call)
{
    size_t lines = call->output.batch * call->output.height;
#pragma omp parallel for schedule(static)
    for (size_t line = 0; line < lines; line++)
        pad_row(call, line);
}

void pdl_kernel_copy(const pdl_kernel_call *call)
{
    const pdl_map *out = &call->output;
    memcpy(out->data, call->input->data, pixels_of(out) * out->channels * sizeof *out->data);
}

/* ---- softmax ---- */

static void softmax(float *y, const float *x, size_t channels)
{
    float largest = x[0];
    double total = 0.0;
    for (size_t c = 1; c < channels; c++)
        largest = x[c] > largest ? x[c] : largest;
    for (size_t c = 0; c < channels; c++)
        total += y[c] = expf(x[c] - largest);
    for (size_t c = 0; c < channels; c++)
        y[c] = (float)(y[c] / total);
}

void pdl_kernel_softmax(const pdl_kernel_call *call)
{
    const pdl_map *in = call->input, *out = &call->output;
    size_t pixels = pixels_of(out);
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < pixels; i++)
        softmax(out->data + i * out->pitch, in->data + i * in->pitch, out->channels);
}

/* Elementwise operations on maps. SPDX-License-Identifier: Apache-2.0 */
#include "net/elementwise/kernels.h"
#include "net/kernels.h"

#include <math.h>

#define RUN 8192 /* elements that a thread takes at a time of a map without gaps */

const pdl_elementwise_kernels *pdl_elementwise_kernels_for(pdl_simd simd)
{
    static const pdl_elementwise_kernels *const sets[PDL_SIMD_KINDS] = {
        [PDL_SIMD_PORTABLE] = &pdl_elementwise_portable,
        [PDL_SIMD_BF16_PORTABLE] = &pdl_elementwise_bf16_portable,
#ifdef PDL_SIMD_X86
        [PDL_SIMD_AVX2] = &pdl_elementwise_avx2,
        [PDL_SIMD_AVX512] = &pdl_elementwise_avx512,
        [PDL_SIMD_BF16_AVX2] = &pdl_elementwise_bf16_avx2,
        [PDL_SIMD_BF16_AVX512] = &pdl_elementwise_bf16_avx512,
        [PDL_SIMD_BF16_NATIVE] = &pdl_elementwise_bf16_avx512, /* it waits for memory */
#endif
    };
    return sets[simd];
}

void pdl_activate_rows(pdl_simd simd, const pdl_function *function, void *y, size_t pitch, size_t rows, size_t count)
{
    if (!pdl_function_is_set(function)) return;
    pdl_rows all = {.a = y, .y = y, .a_pitch = pitch, .y_pitch = pitch, .rows = rows, .count = count};
    pdl_elementwise_kernels_for(simd)->activate(function, &all);
}

void pdl_activate_map(pdl_simd simd, const pdl_function *function, const pdl_map *in, const pdl_map *out)
{
    const pdl_elementwise_kernels *kernels = pdl_elementwise_kernels_for(simd);
    size_t pixels = pdl_map_pixels(out);
    bool dense = in->pitch == out->channels && out->pitch == out->channels;
    /* A run of elements, or of pixels; as one long row where there are no gaps. */
    size_t all = dense ? pixels * out->channels : pixels,
           step = dense ? RUN : (RUN + out->channels - 1) / out->channels;
    size_t runs = (all + step - 1) / step, pitch = dense ? 1 : in->pitch, y_pitch = dense ? 1 : out->pitch;
#pragma omp parallel for schedule(static)
    for (size_t run = 0; run < runs; run++) {
        size_t first = run * step, count = all - first < step ? all - first : step;
        pdl_rows rows = {.a = pdl_map_at(in, first * pitch),
                         .y = pdl_map_at(out, first * y_pitch),
                         .a_pitch = pitch,
                         .y_pitch = y_pitch,
                         .rows = dense ? 1 : count,
                         .count = dense ? count : out->channels};
        kernels->activate(function, &rows);
    }
}

void pdl_finish_rows(const pdl_kernel_call *call, void *y, size_t pitch, size_t rows, size_t count)
{
    static const pdl_function relu = {.kind = PDL_ACTIVATION_RELU};
    pdl_activate_rows(call->simd, call->op->relu ? &relu : &call->op->function, y, pitch, rows, count);
}

void pdl_finish_row(const pdl_kernel_call *call, float *y, size_t count)
{
    static const pdl_simd of_floats[PDL_SIMD_KINDS] = {
        [PDL_SIMD_PORTABLE] = PDL_SIMD_PORTABLE,  [PDL_SIMD_AVX2] = PDL_SIMD_AVX2,
        [PDL_SIMD_AVX512] = PDL_SIMD_AVX512,      [PDL_SIMD_BF16_PORTABLE] = PDL_SIMD_PORTABLE,
        [PDL_SIMD_BF16_AVX2] = PDL_SIMD_AVX2,     [PDL_SIMD_BF16_AVX512] = PDL_SIMD_AVX512,
        [PDL_SIMD_BF16_NATIVE] = PDL_SIMD_AVX512,
    };
    if (call->op->relu)
        pdl_clip(y, y, count);
    else
        pdl_activate_rows(of_floats[call->simd], &call->op->function, y, count, 1, count);
}

/* ---- affine ---- */

#define FEW 64 /* channels of which a row for each pixel is too short */

void pdl_scale_rows(pdl_simd simd, const pdl_op *op, const pdl_rows *rows)
{
    pdl_elementwise_kernels_for(simd)->scale(op->factor, op->bias, op->relu, rows);
    pdl_activate_rows(simd, &op->function, rows->y, rows->y_pitch, rows->rows, rows->count);
}

/* Pixels of so few channels (an image's three) that many make a row, whose scales and shifts repeat the pixel's. */
static void affine_of_few(const pdl_kernel_call *call)
{
    const pdl_op *op = call->op;
    const pdl_map *out = &call->output;
    size_t channels = out->channels, row = PDL_ROW / channels * channels;
    size_t all = pdl_map_pixels(out) * channels, rows = (all + row - 1) / row;
    float factor[PDL_ROW], bias[PDL_ROW];
    for (size_t i = 0; i < row; i++) {
        factor[i] = op->factor == NULL ? 1.0f : op->factor[i % channels];
        bias[i] = op->bias == NULL ? 0.0f : op->bias[i % channels];
    }
    pdl_op repeated = *op;
    repeated.factor = factor;
    repeated.bias = bias;
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < rows; i++)
        pdl_scale_rows(call->simd, &repeated,
                       &(pdl_rows){.a = pdl_map_at(call->input, i * row),
                                   .y = pdl_map_at(out, i * row),
                                   .rows = 1,
                                   .count = all - i * row < row ? all - i * row : row});
}

static void affine_of_many(const pdl_kernel_call *call)
{
    const pdl_map *in = call->input, *out = &call->output;
    size_t pixels = pdl_map_pixels(out), step = (RUN + out->channels - 1) / out->channels;
#pragma omp parallel for schedule(static)
    for (size_t first = 0; first < pixels; first += step)
        pdl_scale_rows(call->simd, call->op,
                       &(pdl_rows){.a = pdl_map_at(in, first * in->pitch),
                                   .y = pdl_map_at(out, first * out->pitch),
                                   .a_pitch = in->pitch,
                                   .y_pitch = out->pitch,
                                   .rows = pixels - first < step ? pixels - first : step,
                                   .count = out->channels});
}

void pdl_kernel_affine(const pdl_kernel_call *call)
{
    const pdl_op *op = call->op;
    size_t channels = call->output.channels;
    if (op->factor == NULL && op->bias == NULL && !op->relu)
        pdl_activate_map(call->simd, &op->function, call->input, &call->output);
    else if (channels <= FEW && call->input->pitch == channels && call->output.pitch == channels)
        affine_of_few(call);
    else
        affine_of_many(call);
}

/* ---- merging ---- */

/* The row of `map` that goes with the result's pixels from `line` = image * height + row on; its extents of 1 repeat.
 * *pitch becomes the way to the next pixel. */
static const void *line_of(const pdl_map *map, const pdl_map *out, size_t line, size_t *pitch)
{
    size_t image = map->batch == 1 ? 0 : line / out->height, row = map->height == 1 ? 0 : line % out->height;
    *pitch = map->width == 1 && out->width != 1 ? 0 : map->pitch;
    return pdl_map_at(map, (image * map->height + row) * map->width * map->pitch);
}

static void merge_line(const pdl_kernel_call *call, const pdl_map *inputs, size_t count, size_t line)
{
    static const pdl_combination how[] = {
        [PDL_MERGE_ADD] = PDL_COMBINE_ADD,
        [PDL_MERGE_MULTIPLY] = PDL_COMBINE_MULTIPLY,
        [PDL_MERGE_SUBTRACT] = PDL_COMBINE_SUBTRACT,
        [PDL_MERGE_DIVIDE] = PDL_COMBINE_DIVIDE,
        [PDL_MERGE_AVERAGE] = PDL_COMBINE_ADD, /* then it is scaled: lower.c */
        [PDL_MERGE_MAXIMUM] = PDL_COMBINE_MAXIMUM,
        [PDL_MERGE_MINIMUM] = PDL_COMBINE_MINIMUM,
        [PDL_MERGES] = PDL_COMBINE_PRELU,
    };
    const pdl_map *out = &call->output;
    pdl_rows rows = {.rows = out->width, .count = out->channels, .y_pitch = out->pitch};
    rows.y = pdl_map_at(out, line * out->width * out->pitch);
    for (size_t i = 1; i < count; i++) {
        rows.a = rows.y;
        rows.a_pitch = rows.y_pitch;
        if (i == 1) rows.a = line_of(&inputs[0], out, line, &rows.a_pitch);
        rows.b = line_of(&inputs[i], out, line, &rows.b_pitch);
        rows.a_alone = i == 1 && inputs[0].channels == 1 && out->channels != 1;
        rows.b_alone = inputs[i].channels == 1 && out->channels != 1;
        pdl_elementwise_kernels_for(call->simd)->combine(how[call->op->merge], &rows);
    }
    pdl_finish_rows(call, rows.y, out->pitch, out->width, out->channels);
}

static void merge(const pdl_kernel_call *call, const pdl_map *inputs, size_t count)
{
    size_t lines = call->output.batch * call->output.height;
#pragma omp parallel for schedule(static)
    for (size_t line = 0; line < lines; line++)
        merge_line(call, inputs, count, line);
}

void pdl_kernel_merge(const pdl_kernel_call *call)
{
    merge(call, call->input, call->op->inputs);
}

/* The slopes are a map of one image. */
void pdl_kernel_prelu(const pdl_kernel_call *call)
{
    const pdl_op *op = call->op;
    pdl_map inputs[2] = {call->input[0],
                         {.data = op->weight,
                          .precision = call->output.precision,
                          .pitch = op->extents[2],
                          .batch = 1,
                          .height = op->extents[0],
                          .width = op->extents[1],
                          .channels = op->extents[2]}};
    merge(call, inputs, 2);
}

/* ---- normalization ---- */

void pdl_kernel_layer_norm(const pdl_kernel_call *call)
{
    const pdl_map *in = call->input, *out = &call->output;
    const pdl_op *op = call->op;
    const pdl_elementwise_kernels *kernels = pdl_elementwise_kernels_for(call->simd);
    size_t lines = out->batch * out->height;
#pragma omp parallel for schedule(static)
    for (size_t line = 0; line < lines; line++) {
        size_t pixel = line * out->width;
        pdl_rows rows = {.a = pdl_map_at(in, pixel * in->pitch),
                         .y = pdl_map_at(out, pixel * out->pitch),
                         .a_pitch = in->pitch,
                         .y_pitch = out->pitch,
                         .rows = out->width,
                         .count = out->channels};
        kernels->normalize(op->norm, (float)op->epsilon, op->weight, op->bias, &rows);
        pdl_finish_rows(call, rows.y, out->pitch, out->width, out->channels);
    }
}

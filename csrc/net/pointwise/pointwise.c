/* SPDX-License-Identifier: Apache-2.0 */
#include "net/pointwise/pointwise.h"

#include "base/memory.h"
#include "base/sizes.h"
#include "net/depthwise/depthwise.h"
#include "net/pointwise/kernels.h"

#include <math.h>
#include <omp.h>

#define BLOCK_BYTES ((size_t)256 << 10) /* of input pixels: they stay in a core's L2 cache while the weights pass */
#define MIN_PIXELS 28                   /* fewer would read the weights too often */
#define MAX_PIXELS 252
#define MIN_PANELS 2 /* of a task, where pixels alone do not make enough tasks */

static const pdl_pointwise_kernel kernels[PDL_SIMD_KINDS] = {
    [PDL_SIMD_PORTABLE] = pdl_pointwise_portable,
#ifdef PDL_SIMD_X86
    [PDL_SIMD_AVX2] = pdl_pointwise_avx2,
    [PDL_SIMD_AVX512] = pdl_pointwise_avx512,
#endif
    [PDL_SIMD_BF16_PORTABLE] = pdl_pointwise_bf16_portable,
#ifdef PDL_SIMD_X86
    [PDL_SIMD_BF16_AVX2] = pdl_pointwise_bf16_avx2,
    [PDL_SIMD_BF16_AVX512] = pdl_pointwise_bf16_avx512,
    [PDL_SIMD_BF16_NATIVE] = pdl_pointwise_bf16_native,
#endif
};

bool pdl_pointwise_fits(const pdl_op *op, size_t channels)
{
    if (op->kind != PDL_OP_CONV || channels % 4 != 0) return false;
    for (int axis = 0; axis < 2; axis++)
        if (op->window.kernel[axis] != 1 || op->window.stride[axis] != 1 || op->window.before[axis] != 0 ||
            op->window.after[axis] != 0)
            return false;
    return true;
}

void pdl_pointwise_plan(pdl_pointwise *plan, const pdl_op *before, const pdl_map *in, const pdl_map *out,
                        size_t threads, pdl_simd simd)
{
    size_t element = pdl_element_size(in->precision), pixels = pdl_map_pixels(out);
    size_t panels = pdl_size_div_up(out->channels, 2 * pdl_winograd_kernels_for(simd)->lanes);
    size_t at_once = BLOCK_BYTES / (in->channels * element);
    at_once = at_once < MIN_PIXELS ? MIN_PIXELS : at_once > MAX_PIXELS ? MAX_PIXELS : at_once / 14 * 14;
    *plan = (pdl_pointwise){.before = before, .blocks = pdl_size_div_up(pixels, at_once)};
    plan->parts = pdl_size_min(pdl_size_div_up(4 * threads, plan->blocks), pdl_size_div_up(panels, MIN_PANELS));
    if (before == NULL) return;
    plan->pitch = in->channels + PDL_ALIGNMENT / element; /* whatever the channels, not all on the same cache sets */
    plan->share = pdl_size_div_up(at_once * plan->pitch * element, PDL_ALIGNMENT) * PDL_ALIGNMENT;
    plan->scratch = plan->share * threads;
}

/* A run, as the tasks of its threads see it. */
typedef struct run {
    const pdl_pointwise *plan;
    const pdl_tile_weights *weights;
    const pdl_kernel_call *call;
    char *scratch;
} run;

/* Pixels [first, last) of the depthwise before, to x. */
static void sum_windows(const run *r, size_t first, size_t last, char *x)
{
    pdl_depthwise depthwise = {.op = r->plan->before,
                               .in = r->call->input,
                               .height = r->call->output.height,
                               .width = r->call->output.width,
                               .pitch = r->plan->pitch,
                               .simd = r->call->simd};
    pdl_depthwise_pixels(&depthwise, first, last, x);
}

/* Of the affine or the product before. */
static void scale_pixels(const run *r, size_t first, size_t last, char *x)
{
    const pdl_map *in = r->call->input, *factors = r->plan->factors;
    size_t of_image = in->height * in->width, pitch = r->plan->pitch, end;
    for (size_t pixel = first; pixel < last; pixel = end) {
        size_t image = pixel / of_image;
        end = pdl_size_min((image + 1) * of_image, last);
        pdl_rows rows = {.a = pdl_map_at(in, pixel * in->pitch),
                         .y = x + (pixel - first) * pitch * pdl_element_size(in->precision),
                         .a_pitch = in->pitch,
                         .y_pitch = pitch,
                         .rows = end - pixel,
                         .count = in->channels};
        if (r->plan->before->kind == PDL_OP_AFFINE) {
            pdl_scale_rows(r->call->simd, r->plan->before, &rows);
        } else {
            rows.b = pdl_map_at(factors, image * factors->pitch);
            pdl_elementwise_kernels_for(r->call->simd)->combine(PDL_COMBINE_MULTIPLY, &rows);
        }
    }
}

/* The block's pixels [first, last) as the product reads them. */
static void find_input(const run *r, size_t first, size_t last, pdl_pointwise_block *block)
{
    const pdl_map *in = r->call->input;
    if (r->plan->before == NULL) {
        block->x = pdl_map_at(in, first * in->pitch);
        block->x_pitch = in->pitch;
        return;
    }
    char *x = r->scratch + (size_t)omp_get_thread_num() * r->plan->share;
    if (r->plan->before->kind == PDL_OP_DEPTHWISE)
        sum_windows(r, first, last, x);
    else
        scale_pixels(r, first, last, x);
    block->x = x;
    block->x_pitch = r->plan->pitch;
}

/* What ends the convolution. */
static void set_finish(const pdl_op *op, pdl_simd simd, pdl_pointwise_block *block)
{
    block->ceiling = INFINITY;
    bool clips = pdl_function_clips(&op->function, &block->ceiling);
    block->residual = op->residual;
    block->relu = op->relu || clips;
    block->function = &op->function;
    if (!clips && pdl_function_is_set(&op->function)) block->activate = pdl_elementwise_kernels_for(simd)->activate;
}

void pdl_pointwise_pixels(const pdl_op *op, const pdl_tile_weights *weights, const void *x, size_t x_pitch,
                          size_t pixels, void *y, size_t y_pitch)
{
    size_t element = weights->simd >= PDL_SIMD_BF16_PORTABLE ? sizeof(pdl_bf16) : sizeof(float);
    pdl_pointwise_block block = {.u = weights->u,
                                 .bias = op->bias,
                                 .channels = weights->channels,
                                 .outputs = weights->outputs,
                                 .x_pitch = x_pitch,
                                 .y_pitch = y_pitch};
    set_finish(op, weights->simd, &block);
    for (size_t done = 0; done < pixels; done += block.pixels) {
        block.x = (const char *)x + done * x_pitch * element;
        block.y = (char *)y + done * y_pitch * element;
        block.pixels = pdl_size_min(pixels - done, MAX_PIXELS);
        kernels[weights->simd](&block);
    }
}

static void run_task(const run *r, size_t task)
{
    const pdl_map *in = r->call->input, *out = &r->call->output;
    const pdl_op *op = r->call->op;
    size_t blocks = r->plan->blocks, parts = r->plan->parts, block = task / parts, part = task % parts;
    size_t pixels = pdl_map_pixels(out), width = 2 * pdl_winograd_kernels_for(r->call->simd)->lanes;
    size_t panels = pdl_size_div_up(out->channels, width);
    size_t first = pixels * block / blocks, last = pixels * (block + 1) / blocks;
    size_t begin = panels * part / parts * width, end = panels * (part + 1) / parts * width;
    if (end > out->channels) end = out->channels;
    pdl_pointwise_block work = {
        .u = (const char *)r->weights->u + begin * in->channels * pdl_element_size(in->precision),
        .bias = op->bias == NULL ? NULL : op->bias + begin,
        .y = pdl_map_at(out, first * out->pitch + begin),
        .pixels = last - first,
        .channels = in->channels,
        .outputs = end - begin,
        .y_pitch = out->pitch,
    };
    set_finish(op, r->call->simd, &work);
    find_input(r, first, last, &work);
    kernels[r->call->simd](&work);
}

void pdl_pointwise_run(const pdl_pointwise *plan, const pdl_tile_weights *weights, const pdl_kernel_call *call,
                       void *scratch)
{
    run r = {.plan = plan, .weights = weights, .call = call, .scratch = scratch};
    size_t tasks = plan->blocks * plan->parts, threads = (size_t)omp_get_max_threads();
    size_t chunk = pdl_size_max(tasks / threads / 16, 1); /* neighbours read the same rows of a depthwise's input */
#pragma omp parallel for schedule(dynamic, chunk)
    for (size_t task = 0; task < tasks; task++)
        run_task(&r, task);
}

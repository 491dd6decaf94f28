/* SPDX-License-Identifier: Apache-2.0 */
#include "net/pointwise/expanded.h"

#include "base/memory.h"
#include "base/sizes.h"
#include "net/depthwise/depthwise.h"
#include "net/pointwise/pointwise.h"

#include <omp.h>
#include <string.h>

#define HELD_BYTES ((size_t)384 << 10) /* of expanded rows: they stay in a core's L2 cache until they are read */
#define BAND_ROWS 8                    /* at least: where bands meet, rows are expanded twice */

void pdl_expanded_plan(pdl_expanded *plan, const pdl_op *conv, const pdl_op *depthwise, const pdl_map *in,
                       const pdl_map *out, size_t threads)
{
    const pdl_window *window = &depthwise->window;
    size_t element = pdl_element_size(in->precision), reach = window->kernel[0];
    *plan = (pdl_expanded){.conv = conv, .pitch = out->channels + PDL_ALIGNMENT / element};
    size_t row = in->width * plan->pitch * element, fit = pdl_size_max(HELD_BYTES / row, reach);
    plan->rows = (fit - reach) / window->stride[0] + 1;
    plan->held = (plan->rows - 1) * window->stride[0] + reach;
    plan->bands = pdl_size_min(pdl_size_div_up(4 * threads, out->batch), pdl_size_div_up(out->height, BAND_ROWS));
    plan->share = pdl_size_div_up(plan->held * row, PDL_ALIGNMENT) * PDL_ALIGNMENT;
    plan->scratch = plan->share * threads;
}

/* Expanded rows [first, end) of an image, in a thread's memory. */
typedef struct held {
    char *data;
    size_t row; /* bytes */
    size_t image, first, end;
} held;

/* Has rows [first, end) there: those that are, and those that the convolution makes now. */
static void hold(const pdl_expanded *plan, const pdl_tile_weights *weights, const pdl_map *in, size_t first, size_t end,
                 held *h)
{
    size_t kept = h->end > first ? h->end - first : 0;
    if (kept > 0) memmove(h->data, h->data + (first - h->first) * h->row, kept * h->row);
    size_t begin = first + kept;
    const void *x = pdl_map_at(in, (h->image * in->height + begin) * in->width * in->pitch);
    if (begin < end)
        pdl_pointwise_pixels(plan->conv, weights, x, in->pitch, (end - begin) * in->width, h->data + kept * h->row,
                             plan->pitch);
    h->first = first;
    h->end = pdl_size_max(begin, end);
}

static void run_band(const pdl_expanded *plan, const pdl_tile_weights *weights, const pdl_kernel_call *call,
                     size_t task, char *scratch)
{
    const pdl_map *in = call->input, *out = &call->output;
    const pdl_window *window = &call->op->window;
    size_t band = task % plan->bands, last = out->height * (band + 1) / plan->bands, begin, end, first;
    held h = {.data = scratch, .row = in->width * plan->pitch * pdl_element_size(in->precision)};
    h.image = task / plan->bands;
    pdl_map expanded = *in;
    expanded.data = scratch;
    expanded.pitch = plan->pitch;
    expanded.channels = out->channels;
    pdl_depthwise depthwise = {.op = call->op,
                               .in = &expanded,
                               .height = out->height,
                               .width = out->width,
                               .pitch = out->pitch,
                               .simd = call->simd};
    for (size_t row = out->height * band / plan->bands, next; row < last; row = next) {
        next = pdl_size_min(row + plan->rows, last);
        pdl_window_range(window, 0, next - 1, in->height, &begin, &end, &first);
        size_t needed = first + (end - begin);
        pdl_window_range(window, 0, row, in->height, &begin, &end, &first);
        hold(plan, weights, in, first, needed, &h);
        depthwise.first_row = first;
        size_t pixel = row * out->width;
        pdl_depthwise_pixels(&depthwise, pixel, next * out->width,
                             pdl_map_at(out, (h.image * out->height * out->width + pixel) * out->pitch));
    }
}

void pdl_expanded_run(const pdl_expanded *plan, const pdl_tile_weights *weights, const pdl_kernel_call *call,
                      void *scratch)
{
    size_t tasks = call->output.batch * plan->bands;
#pragma omp parallel for schedule(dynamic, 1)
    for (size_t task = 0; task < tasks; task++)
        run_band(plan, weights, call, task, (char *)scratch + (size_t)omp_get_thread_num() * plan->share);
}

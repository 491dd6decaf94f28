/* Crops, permutations, repetitions: every element copied from where a view says. SPDX-License-Identifier: Apache-2.0 */
#include "net/kernels.h"

#include <string.h>

/* The view's last axis. */
static void copy_run(const char *x, char *y, size_t count, size_t stride, size_t element)
{
    if (stride == 1) {
        memcpy(y, x, count * element);
    } else if (element == sizeof(float)) {
        for (size_t i = 0; i < count; i++)
            ((float *)y)[i] = ((const float *)x)[i * stride];
    } else {
        for (size_t i = 0; i < count; i++)
            ((pdl_bf16 *)y)[i] = ((const pdl_bf16 *)x)[i * stride];
    }
}

/* The view's last two axes; line counts the first three over the batch. No value that is read here is a slice. */
static void copy_line(const pdl_kernel_call *call, size_t line)
{
    const pdl_view *view = &call->op->view;
    const size_t *extent = view->extent, *stride = view->stride;
    size_t element = pdl_element_size(call->output.precision), left = line, from = view->first;
    for (int axis = 2; axis >= 0; axis--) {
        from += left % extent[axis] * stride[axis];
        left /= extent[axis];
    }
    from += left * call->input->height * call->input->width * call->input->channels;
    size_t to = line * extent[3] * extent[4];
    for (size_t i = 0; i < extent[3]; i++)
        copy_run(pdl_map_at(call->input, from + i * stride[3]), pdl_map_at(&call->output, to + i * extent[4]),
                 extent[4], stride[4], element);
}

void pdl_kernel_view(const pdl_kernel_call *call)
{
    const size_t *extent = call->op->view.extent;
    size_t lines = call->output.batch * extent[0] * extent[1] * extent[2];
#pragma omp parallel for schedule(static)
    for (size_t line = 0; line < lines; line++)
        copy_line(call, line);
}

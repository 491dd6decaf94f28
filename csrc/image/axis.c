/* SPDX-License-Identifier: Apache-2.0 */
#include "image/axis.h"

uint32_t pdl_axis_overlap(pdl_axis axis, size_t target, size_t source)
{
    uint64_t target_start = (uint64_t)target * axis.sources, source_start = (uint64_t)source * axis.targets;
    uint64_t target_end = target_start + axis.sources, source_end = source_start + axis.targets;
    uint64_t start = target_start > source_start ? target_start : source_start;
    uint64_t end = target_end < source_end ? target_end : source_end;
    return end > start ? (uint32_t)(end - start) : 0;
}

size_t pdl_axis_taps(pdl_axis axis)
{
    size_t most = 0;
    for (size_t target = 0; target < axis.targets; target++) {
        size_t taps = pdl_axis_last(axis, target) - pdl_axis_first(axis, target) + 1;
        if (taps > most) most = taps;
    }
    return most;
}

/* How the pixels of one axis of a source image overlap those of a destination. SPDX-License-Identifier: Apache-2.0
 *
 * Both sides are measured in units that make every border an integer: a source pixel is `targets` units long, a
 * destination pixel `sources` units, the whole axis sources * targets.
 *
 *   sources = 5, targets = 3   |---|---|---|---|---|    5 pixels of 3 units
 *                              |-----|-----|-----|      3 pixels of 5 units: overlaps 3+2, 1+3+1, 2+3 */
#ifndef PDL_IMAGE_AXIS_H
#define PDL_IMAGE_AXIS_H

#include <stddef.h>
#include <stdint.h>

/* Longest side served: below it every length is exact in float32. */
#define PDL_MAX_SIDE ((size_t)1 << 24)

typedef struct pdl_axis {
    size_t sources, targets; /* pixels, 1 .. PDL_MAX_SIDE */
} pdl_axis;

/* First and last source pixel that destination pixel `target` overlaps. */
static inline size_t pdl_axis_first(pdl_axis axis, size_t target)
{
    return (size_t)((uint64_t)target * axis.sources / axis.targets);
}

static inline size_t pdl_axis_last(pdl_axis axis, size_t target)
{
    return (size_t)((((uint64_t)target + 1) * axis.sources - 1) / axis.targets);
}

/* Length of the overlap of a destination and a source pixel, in the units above; 0 where they do not meet. */
uint32_t pdl_axis_overlap(pdl_axis axis, size_t target, size_t source);

/* The most source pixels that a destination pixel overlaps. */
size_t pdl_axis_taps(pdl_axis axis);

/* Source pixel under the centre of a destination pixel, ties upwards: what Java's replicating scaler picks. */
static inline size_t pdl_axis_centre(pdl_axis axis, size_t target)
{
    return (size_t)((2 * (uint64_t)target * axis.sources + axis.sources) / (2 * (uint64_t)axis.targets));
}

#endif

/* java.awt's area averaging: what its driver and its kernels share. SPDX-License-Identifier: Apache-2.0
 *
 * Every destination pixel is the average of the source pixels below it, weighted by overlap. Java adds them up in
 * float32, row by row from the top and left to right in a row, with two roundings a step:
 *
 *   m = fl(ax ay),  S_c = fl(S_c + fl(m c))  for c in B, G, R, A (colours premultiplied: c = fl(c fl(a / 255)))
 *
 * and finally divides by T = fl(width height). The result's bytes depend on that order, so the kernels keep it for
 * every sum and gain their speed by running neighbouring destination pixels side by side, one a lane.
 *
 * A vertical pass followed by a horizontal one does far less work, in another order. Two cases allow it for opaque
 * images:
 *   exact      all partial sums are integers below 2^24 (after a power of two that all terms share is taken out), so
 *              float32 is exact and the order is free;
 *   doubtful   else both ways' rounding errors are bounded, by (operations) 2^-24 of a sum. Where the whole interval
 *              rounds to one byte, it is Java's; the few values where it does not are summed again in Java's order. */
#ifndef PDL_IMAGE_AREA_H
#define PDL_IMAGE_AREA_H

#include <stddef.h>
#include <stdint.h>

#include "image/resize.h"
#include "pydeepl.h"

/* Tables have room for whole vectors of the widest kernel. */
#define PDL_AREA_LANES 16
/* Kernels read four bytes at a pixel: this many may lie behind a row's end. */
#define PDL_AREA_PADDING 8
/* Both rounding errors of n products by the two orders: a sum's relative error is below (n + this) 2^-24, the
 * products of weights and the final division among it. */
#define PDL_AREA_ROUNDINGS 16

/* A destination row's work. */
typedef struct pdl_area_row {
    const uint8_t *const *rows; /* the source rows below it, top to bottom, each readable to PDL_AREA_PADDING more */
    const float *row_weights;   /* [row_count]: ay */
    size_t row_count;
    const int32_t *first; /* [padded]: byte offset of the first source pixel of each destination pixel */
    int32_t last;         /* byte offset of the last pixel of a source row */
    const float *weights; /* [taps, padded]: ax, 0 where a destination pixel has fewer taps */
    size_t taps, padded;  /* padded: a multiple of PDL_AREA_LANES */
    size_t width;         /* destination pixels */
    float total;          /* T */
    int channels;         /* 1, 3 or 4 */
    int sum_alpha;        /* alpha has to be summed although it is 255 everywhere: see area.c */
    /* The separable way: */
    int exact;       /* sums have no rounding errors */
    float slack;     /* else: their relative error */
    float *columns;  /* scratch: vertical sums, a source row with PDL_AREA_LANES + taps pixels behind it */
    float *sums;     /* scratch: both ways, [width, channels] with PDL_AREA_LANES behind it */
    uint8_t *doubts; /* out, unless exact: [width, channels] with PDL_AREA_LANES behind it, see below */
} pdl_area_row;

typedef struct pdl_area_kernels {
    /* In Java's order: writes uint8 [width, 3]. */
    void (*ordered)(const pdl_area_row *row, uint8_t *out);
    /* Opaque images, vertical pass first: writes uint8 [width, channels], and into doubts what is not 0 where the
     * value may not be Java's. */
    void (*separable)(const pdl_area_row *row, uint8_t *out);
} pdl_area_kernels;

extern const pdl_area_kernels pdl_area_portable;
#ifdef PDL_X86_PATHS
extern const pdl_area_kernels pdl_area_avx2;
extern const pdl_area_kernels pdl_area_avx512;
#endif

/* pixels: uint8 [info.height, info.width, info.channels], gray already encoded for display, readable to
 * PDL_AREA_PADDING bytes behind its end when info.channels == 1 -> out: uint8 [height, width, 3]. */
pdl_status pdl_area_average(const uint8_t *pixels, const pdl_image_info *info, size_t height, size_t width,
                            const pdl_area_kernels *kernels, uint8_t *out, pdl_error *error);

#endif

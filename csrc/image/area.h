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
 * Where all partial sums are integers below 2^24 (after a power of two that all terms share is taken out) float32
 * is exact, the order is free, and a vertical pass followed by a horizontal one does far less work. */
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

/* A destination row's work. */
typedef struct pdl_area_row {
    const uint8_t *const *rows; /* the source rows below it, top to bottom, each readable to PDL_AREA_PADDING more */
    const float *row_weights;   /* [row_count]: ay */
    size_t row_count;
    const int32_t *first;  /* [padded]: byte offset of the first source pixel of each destination pixel */
    int32_t last;          /* byte offset of the last pixel of a source row */
    const float *weights;  /* [taps, padded]: ax, 0 where a destination pixel has fewer taps */
    size_t taps, padded;   /* padded: a multiple of PDL_AREA_LANES */
    size_t width;          /* destination pixels */
    float total;           /* T */
    int channels;          /* 1, 3 or 4 */
    int sum_alpha;         /* alpha has to be summed although it is 255 everywhere: see area.c */
    uint16_t *column_sums; /* exact path: scratch for the vertical sums, one row long (padded) */
} pdl_area_row;

/* Both write uint8 [width, 3]. The exact one needs an opaque source and vertical sums below 2^16. */
typedef struct pdl_area_kernels {
    void (*ordered)(const pdl_area_row *row, uint8_t *out);
    void (*exact)(const pdl_area_row *row, uint8_t *out);
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

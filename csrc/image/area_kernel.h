/* The area-averaging kernels, written once for vectors of LANES lanes. SPDX-License-Identifier: Apache-2.0
 *
 * Included by one file a code path, which defines
 *   LANES   lanes of a vector (a divisor of PDL_AREA_LANES)
 *   TARGET  the function attribute that allows its instructions (empty for the portable path)
 *   NAME    the pdl_area_kernels to define
 * and the function `gather`: the four bytes at base + offset[lane], the first in the lowest bits.
 * A lane is a destination pixel; lanes beyond the row's width have weight 0. */
#include <stdbool.h>
#include <string.h>

#include "base/memory.h"
#include "image/area.h"

#define INLINE TARGET static inline __attribute__((always_inline))

typedef float vfloat __attribute__((vector_size(4 * LANES), may_alias));
typedef int32_t vint __attribute__((vector_size(4 * LANES), may_alias));
typedef uint32_t vuint __attribute__((vector_size(4 * LANES), may_alias));

INLINE vint gather(const uint8_t *base, vint offset);

INLINE vfloat to_float(vint x)
{
    return __builtin_convertvector(x, vfloat);
}

INLINE vint select_int(vint mask, vint yes, vint no)
{
    return (mask & yes) | (~mask & no);
}

INLINE vint minimum(vint a, vint b)
{
    return select_int(a < b, a, b);
}

/* min(255, floor(x + 1/2)) without rounding the sum, for 0 <= x < 2^31. */
INLINE vint round_to_byte(vfloat x)
{
    vint whole = __builtin_convertvector(x, vint);
    vint carry = (x - to_float(whole)) >= 0.5f; /* the difference is exact; true is -1 */
    whole -= carry;
    return minimum(whole, (vint){0} + 255);
}

INLINE vint over_black(vint alpha, vint colour)
{
    return (vint)(((vuint)alpha * (vuint)colour * 0x10101u + 0x800000u) >> 24);
}

/* The sums of LANES destination pixels; for gray only b is used. */
typedef struct sums {
    vfloat b, g, r, a;
} sums;

/* Adds one source pixel to each lane. */
INLINE void add_pixel(sums *sum, vfloat m, vint pixel, int channels, bool with_alpha)
{
    vfloat b = to_float(pixel & 255);
    if (channels == 1) {
        sum->b += m * b;
    } else {
        vfloat g = to_float((pixel >> 8) & 255), r = to_float((pixel >> 16) & 255);
        if (channels == 4) {
            vfloat a = to_float((vint)((vuint)pixel >> 24));
            vfloat share = a / 255.0f; /* exactly 1 for an opaque pixel: Java's special case needs none here */
            sum->b += m * (b * share);
            sum->g += m * (g * share);
            sum->r += m * (r * share);
            sum->a += m * a;
        } else {
            sum->b += m * b;
            sum->g += m * g;
            sum->r += m * r;
        }
    }
    if (channels != 4 && with_alpha) sum->a += m * 255.0f;
}

/* Stores the low three bytes of each; four at a time where the next pixel overwrites the fourth. */
INLINE void store_pixels(const int32_t *packed, uint8_t *out, size_t count)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (count == LANES)
        for (size_t lane = 0; lane + 1 < LANES; lane++)
            memcpy(out + 3 * lane, &packed[lane], 4);
    for (size_t lane = count == LANES ? LANES - 1 : 0; lane < count; lane++) {
#else
    for (size_t lane = 0; lane < count; lane++) {
#endif
        out[3 * lane] = (uint8_t)packed[lane];
        out[3 * lane + 1] = (uint8_t)(packed[lane] >> 8);
        out[3 * lane + 2] = (uint8_t)(packed[lane] >> 16);
    }
}

/* Divides, draws on black and stores `count` pixels. */
INLINE void finish(const sums *sum, float total, int channels, bool with_alpha, uint8_t *out, size_t count)
{
    vfloat all = (vfloat){0} + total, divisor = all;
    vint alpha = (vint){0} + 255;
    if (with_alpha) {
        alpha = round_to_byte(sum->a / all);
        vint partial = (alpha > 0) & (alpha < 255);
        divisor = (vfloat)select_int(partial, (vint)(sum->a / 255.0f), (vint)all);
    }
    vint b = round_to_byte(sum->b / divisor), g = b, r = b;
    if (channels != 1) {
        g = round_to_byte(sum->g / divisor);
        r = round_to_byte(sum->r / divisor);
    }
    if (with_alpha) {
        b = over_black(alpha, b);
        g = over_black(alpha, g);
        r = over_black(alpha, r);
    }
    int32_t packed[LANES] __attribute__((aligned(PDL_ALIGNMENT)));
    *(vint *)packed = b | g << 8 | r << 16;
    store_pixels(packed, out, count);
}

INLINE size_t lanes_left(const pdl_area_row *row, size_t x)
{
    return row->width - x < LANES ? row->width - x : LANES;
}

INLINE void ordered_row(const pdl_area_row *row, uint8_t *out, int channels, bool with_alpha)
{
    const vint last = (vint){0} + row->last;
    for (size_t x = 0; x < row->width; x += LANES) {
        sums sum = {{0}, {0}, {0}, {0}};
        const vint first = *(const vint *)(row->first + x);
        for (size_t j = 0; j < row->row_count; j++) {
            const float *weight = row->weights + x;
            vint offset = first;
            for (size_t tap = 0; tap < row->taps; tap++) {
                vfloat m = *(const vfloat *)weight * row->row_weights[j];
                add_pixel(&sum, m, gather(row->rows[j], minimum(offset, last)), channels, with_alpha);
                weight += row->padded;
                offset += channels;
            }
        }
        finish(&sum, row->total, channels, with_alpha, out + 3 * x, lanes_left(row, x));
    }
}

TARGET static void ordered(const pdl_area_row *row, uint8_t *out)
{
    if (row->channels == 4) {
        ordered_row(row, out, 4, true);
    } else if (row->channels == 3) {
        if (row->sum_alpha)
            ordered_row(row, out, 3, true);
        else
            ordered_row(row, out, 3, false);
    } else if (row->sum_alpha) {
        ordered_row(row, out, 1, true);
    } else {
        ordered_row(row, out, 1, false);
    }
}

/* column_sums[x] = sum over the source rows of weight * sample, for every byte of a row. */
TARGET static void sum_columns(const pdl_area_row *row)
{
    const size_t count = (size_t)row->last + (size_t)row->channels;
    uint16_t *restrict sum = row->column_sums;
    for (size_t j = 0; j < row->row_count; j++) {
        const uint8_t *restrict source = row->rows[j];
        const uint16_t weight = (uint16_t)row->row_weights[j];
        if (j == 0)
            for (size_t x = 0; x < count; x++)
                sum[x] = (uint16_t)(weight * source[x]);
        else
            for (size_t x = 0; x < count; x++)
                sum[x] = (uint16_t)(sum[x] + weight * source[x]);
    }
}

INLINE void exact_row(const pdl_area_row *row, uint8_t *out, int channels)
{
    const vint last = (vint){0} + row->last;
    const uint8_t *columns = (const uint8_t *)row->column_sums; /* a sample is two bytes from here on */
    for (size_t x = 0; x < row->width; x += LANES) {
        sums sum = {{0}, {0}, {0}, {0}};
        vint offset = *(const vint *)(row->first + x);
        for (size_t tap = 0; tap < row->taps; tap++) {
            const vfloat weight = *(const vfloat *)(row->weights + tap * row->padded + x);
            const vint at = minimum(offset, last) * 2;
            const vint low = gather(columns, at);
            sum.b += weight * to_float(low & 0xffff);
            if (channels == 3) {
                sum.g += weight * to_float((vint)((vuint)low >> 16));
                sum.r += weight * to_float(gather(columns + 4, at) & 0xffff);
            }
            offset += channels;
        }
        finish(&sum, row->total, channels, false, out + 3 * x, lanes_left(row, x));
    }
}

TARGET static void exact(const pdl_area_row *row, uint8_t *out)
{
    sum_columns(row);
    if (row->channels == 3)
        exact_row(row, out, 3);
    else
        exact_row(row, out, 1);
}

const pdl_area_kernels NAME = {ordered, exact};

/* The area-averaging kernels, written once for vectors of LANES lanes. SPDX-License-Identifier: Apache-2.0
 *
 * Included by one file a code path, which defines
 *   LANES   lanes of a vector (a divisor of PDL_AREA_LANES)
 *   TARGET  the function attribute that allows its instructions (empty for the portable path)
 *   NAME    the pdl_area_kernels to define
 * and the functions
 *   gather             the four bytes at base + offset[lane], the first in the lowest bits
 *   load_bytes         LANES bytes, a lane each; store_bytes: the lowest byte of each lane
 *   multiply_add       a b + c, rounded once or twice; multiply_add_quad: the same of four lanes
 * A lane is a destination pixel; lanes beyond the row's width have weight 0. */
#include <stdbool.h>
#include <string.h>

#include "base/memory.h"
#include "image/area.h"

/* Vectors of a source row that are summed over the rows at one time. */
#define COLUMN_VECTORS 4

#define INLINE TARGET static inline __attribute__((always_inline))

typedef float vfloat __attribute__((vector_size(4 * LANES), may_alias));
typedef int32_t vint __attribute__((vector_size(4 * LANES), may_alias));
typedef uint32_t vuint __attribute__((vector_size(4 * LANES), may_alias));
typedef float quad __attribute__((vector_size(16), may_alias));

INLINE vint gather(const uint8_t *base, vint offset);
INLINE vint load_bytes(const uint8_t *from);
INLINE void store_bytes(vint values, uint8_t *to);
INLINE vfloat multiply_add(vfloat a, vfloat b, vfloat c);
INLINE quad multiply_add_quad(quad a, quad b, quad c);

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

/* columns[i] = sum over the source rows of weight * sample, for `vectors` * LANES bytes of a row from i on. */
INLINE void sum_columns_at(const pdl_area_row *row, size_t i, int vectors)
{
    vfloat columns[COLUMN_VECTORS] = {{0}};
    for (size_t j = 0; j < row->row_count; j++) {
        const uint8_t *source = row->rows[j] + i;
        const vfloat weight = row->row_weights[j] - (vfloat){0};
        for (int v = 0; v < vectors; v++)
            columns[v] = multiply_add(weight, to_float(load_bytes(source + v * LANES)), columns[v]);
    }
    memcpy(row->columns + i, columns, (size_t)vectors * sizeof *columns);
}

INLINE void sum_columns(const pdl_area_row *row)
{
    const size_t count = (size_t)row->last + (size_t)row->channels;
    size_t i = 0;
    for (; i + COLUMN_VECTORS * LANES <= count; i += COLUMN_VECTORS * LANES)
        sum_columns_at(row, i, COLUMN_VECTORS);
    for (; i + LANES <= count; i += LANES)
        sum_columns_at(row, i, 1);
    if (count >= LANES) { /* the rest, with some sums once more */
        sum_columns_at(row, count - LANES, 1);
        return;
    }
    for (i = 0; i < count; i++) {
        float sum = 0;
        for (size_t j = 0; j < row->row_count; j++)
            sum += row->row_weights[j] * (float)row->rows[j][i];
        row->columns[i] = sum;
    }
}

/* sums[x] = the columns' sums below destination pixel x: a pixel's channels side by side in four lanes, of which the
 * next pixel overwrites those too many. */
INLINE void sum_rows(const pdl_area_row *row, size_t channels, size_t taps)
{
    const float *columns = row->columns, *weights = row->weights;
    const int32_t *first = row->first;
    float *out = row->sums;
    const size_t width = row->width, padded = row->padded;
    for (size_t x = 0; x < width; x++) {
        const float *pixel = columns + first[x];
        quad sum = {0};
        for (size_t tap = 0; tap < taps; tap++) {
            quad values;
            memcpy(&values, pixel + tap * channels, sizeof values);
            sum = multiply_add_quad(weights[tap * padded + x] - (quad){0}, values, sum);
        }
        memcpy(out + x * channels, &sum, sizeof sum);
    }
}

/* The usual numbers of taps as constants, which unrolls their loops. */
INLINE void sum_rows_of(const pdl_area_row *row, size_t channels)
{
    switch (row->taps) {
    case 1:
        sum_rows(row, channels, 1);
        return;
    case 2:
        sum_rows(row, channels, 2);
        return;
    case 3:
        sum_rows(row, channels, 3);
        return;
    case 4:
        sum_rows(row, channels, 4);
        return;
    case 5:
        sum_rows(row, channels, 5);
        return;
    case 6:
        sum_rows(row, channels, 6);
        return;
    default:
        sum_rows(row, channels, row->taps);
    }
}

INLINE vint round_down(vfloat x)
{
    return __builtin_convertvector(x, vint); /* towards 0: x >= 0 */
}

/* Divides and rounds LANES sums; doubts where the rounding errors leave two bytes to choose from. */
INLINE void round_sums(const pdl_area_row *row, size_t i, uint8_t *out, bool exact)
{
    vfloat sum;
    memcpy(&sum, row->sums + i, sizeof sum);
    if (exact) {
        store_bytes(round_to_byte(sum / row->total), out);
        return;
    }
    const vfloat value = sum * (1.0f / row->total);
    const vfloat margin = value * row->slack + 0x1p-15f; /* the latter covers this function's own roundings */
    const vint low = round_down(value + (0.5f - margin)), high = round_down(value + (0.5f + margin));
    store_bytes(minimum(low, (vint){0} + 255), out);
    store_bytes((low != high) & 1, row->doubts + i);
}

INLINE void round_row(const pdl_area_row *row, uint8_t *out, bool exact)
{
    const size_t count = row->width * (size_t)row->channels;
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        round_sums(row, i, out + i, exact);
    uint8_t rest[LANES];
    round_sums(row, i, rest, exact); /* sums has room behind its end, out has not */
    memcpy(out + i, rest, count - i);
}

TARGET static void separable(const pdl_area_row *row, uint8_t *out)
{
    sum_columns(row);
    if (row->channels == 3)
        sum_rows_of(row, 3);
    else
        sum_rows_of(row, 1);
    if (row->exact)
        round_row(row, out, true);
    else
        round_row(row, out, false);
}

const pdl_area_kernels NAME = {ordered, separable};

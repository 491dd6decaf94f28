/* The kernels' one text, compiled once for each vector extension. SPDX-License-Identifier: Apache-2.0
 *
 * The including file defines NAME, NAME_TEXT, LANES, the type `vec` and vec_zero, vec_load, vec_load_f32, vec_store,
 * vec_broadcast, vec_fma and vec_sum. The panels' row and set counts are constants where they are called, so that
 * their loops unroll and their sums live in registers: 4 x 5 sums, 4 features and a coefficient fill 25 of
 * AVX-512's 32. */
#include "linear/kernels.h"

#include <string.h>

#define PANEL static inline __attribute__((always_inline)) void
#define MARGIN_ROWS 4
#define GRADIENT_ROWS 8
#define SETS 5

PANEL margins_panel(const float *restrict x, size_t x_pitch, size_t width, const double *restrict b, size_t b_pitch,
                    double *restrict margins, size_t stride, const size_t rows, const size_t sets)
{
    vec sum[MARGIN_ROWS][SETS];
    for (size_t i = 0; i < rows; i++)
        for (size_t c = 0; c < sets; c++)
            sum[i][c] = vec_zero();
    size_t whole = width - width % LANES;
    for (size_t j = 0; j < whole; j += LANES) {
        vec xs[MARGIN_ROWS];
        for (size_t i = 0; i < rows; i++)
            xs[i] = vec_load_f32(x + i * x_pitch + j);
        for (size_t c = 0; c < sets; c++) {
            vec bs = vec_load(b + c * b_pitch + j);
            for (size_t i = 0; i < rows; i++)
                sum[i][c] = vec_fma(xs[i], bs, sum[i][c]);
        }
    }
    for (size_t i = 0; i < rows; i++)
        for (size_t c = 0; c < sets; c++) {
            double total = vec_sum(sum[i][c]);
            for (size_t j = whole; j < width; j++)
                total += (double)x[i * x_pitch + j] * b[c * b_pitch + j];
            margins[i * stride + c] += total;
        }
}

#define MARGINS_OF(rows)                                                                                               \
    switch (sets) {                                                                                                    \
    case 1:                                                                                                            \
        margins_panel(x, x_pitch, width, b, b_pitch, margins, stride, rows, 1);                                        \
        break;                                                                                                         \
    case 2:                                                                                                            \
        margins_panel(x, x_pitch, width, b, b_pitch, margins, stride, rows, 2);                                        \
        break;                                                                                                         \
    case 3:                                                                                                            \
        margins_panel(x, x_pitch, width, b, b_pitch, margins, stride, rows, 3);                                        \
        break;                                                                                                         \
    case 4:                                                                                                            \
        margins_panel(x, x_pitch, width, b, b_pitch, margins, stride, rows, 4);                                        \
        break;                                                                                                         \
    default:                                                                                                           \
        margins_panel(x, x_pitch, width, b, b_pitch, margins, stride, rows, 5);                                        \
        break;                                                                                                         \
    }

static void margins_of_four(const float *x, size_t x_pitch, size_t width, const double *b, size_t b_pitch, size_t sets,
                            double *margins, size_t stride)
{
    MARGINS_OF(MARGIN_ROWS)
}

static void margins_of_one(const float *x, size_t x_pitch, size_t width, const double *b, size_t b_pitch, size_t sets,
                           double *margins, size_t stride)
{
    MARGINS_OF(1)
}

static void dense_margins(const float *x, size_t x_pitch, size_t rows, size_t width, const double *b, size_t b_pitch,
                          size_t sets, double *margins, size_t stride)
{
    size_t i = 0;
    for (; i < rows - rows % MARGIN_ROWS; i += MARGIN_ROWS)
        for (size_t c = 0; c < sets; c += SETS)
            margins_of_four(x + i * x_pitch, x_pitch, width, b + c * b_pitch, b_pitch, sets - c,
                            margins + i * stride + c, stride);
    for (; i < rows; i++)
        for (size_t c = 0; c < sets; c += SETS)
            margins_of_one(x + i * x_pitch, x_pitch, width, b + c * b_pitch, b_pitch, sets - c,
                           margins + i * stride + c, stride);
}

PANEL gradient_panel(const float *restrict x, size_t x_pitch, size_t width, const double *restrict r, size_t stride,
                     double *restrict g, size_t g_pitch, const size_t rows, const size_t sets)
{
    size_t whole = width - width % (2 * LANES);
    for (size_t j = 0; j < whole; j += 2 * LANES) {
        vec sum[SETS][2];
        for (size_t c = 0; c < sets; c++) {
            sum[c][0] = vec_load(g + c * g_pitch + j);
            sum[c][1] = vec_load(g + c * g_pitch + j + LANES);
        }
        for (size_t i = 0; i < rows; i++) {
            vec left = vec_load_f32(x + i * x_pitch + j), right = vec_load_f32(x + i * x_pitch + j + LANES);
            for (size_t c = 0; c < sets; c++) {
                vec rs = vec_broadcast(r[i * stride + c]);
                sum[c][0] = vec_fma(left, rs, sum[c][0]);
                sum[c][1] = vec_fma(right, rs, sum[c][1]);
            }
        }
        for (size_t c = 0; c < sets; c++) {
            vec_store(g + c * g_pitch + j, sum[c][0]);
            vec_store(g + c * g_pitch + j + LANES, sum[c][1]);
        }
    }
    for (size_t c = 0; c < sets; c++)
        for (size_t i = 0; i < rows; i++)
            for (size_t j = whole; j < width; j++)
                g[c * g_pitch + j] += (double)x[i * x_pitch + j] * r[i * stride + c];
}

#define GRADIENT_OF(rows)                                                                                              \
    switch (sets) {                                                                                                    \
    case 1:                                                                                                            \
        gradient_panel(x, x_pitch, width, r, stride, g, g_pitch, rows, 1);                                             \
        break;                                                                                                         \
    case 2:                                                                                                            \
        gradient_panel(x, x_pitch, width, r, stride, g, g_pitch, rows, 2);                                             \
        break;                                                                                                         \
    case 3:                                                                                                            \
        gradient_panel(x, x_pitch, width, r, stride, g, g_pitch, rows, 3);                                             \
        break;                                                                                                         \
    case 4:                                                                                                            \
        gradient_panel(x, x_pitch, width, r, stride, g, g_pitch, rows, 4);                                             \
        break;                                                                                                         \
    default:                                                                                                           \
        gradient_panel(x, x_pitch, width, r, stride, g, g_pitch, rows, 5);                                             \
        break;                                                                                                         \
    }

static void gradient_of_eight(const float *x, size_t x_pitch, size_t width, const double *r, size_t stride, size_t sets,
                              double *g, size_t g_pitch)
{
    GRADIENT_OF(GRADIENT_ROWS)
}

static void gradient_of_one(const float *x, size_t x_pitch, size_t width, const double *r, size_t stride, size_t sets,
                            double *g, size_t g_pitch)
{
    GRADIENT_OF(1)
}

static void dense_gradient(const float *x, size_t x_pitch, size_t rows, size_t width, const double *r, size_t stride,
                           size_t sets, double *g, size_t g_pitch)
{
    size_t i = 0;
    for (; i < rows - rows % GRADIENT_ROWS; i += GRADIENT_ROWS)
        for (size_t c = 0; c < sets; c += SETS)
            gradient_of_eight(x + i * x_pitch, x_pitch, width, r + i * stride + c, stride, sets - c, g + c * g_pitch,
                              g_pitch);
    for (; i < rows; i++)
        for (size_t c = 0; c < sets; c += SETS)
            gradient_of_one(x + i * x_pitch, x_pitch, width, r + i * stride + c, stride, sets - c, g + c * g_pitch,
                            g_pitch);
}

/* `vectors` vectors of sets at a time, in registers. */
PANEL sparse_margins_panel(const pdl_sparse_tile *x, size_t first, size_t last, const double *restrict b, size_t stride,
                           double *restrict margins, const size_t vectors)
{
    for (size_t i = first; i < last; i++, margins += stride) {
        vec sum[4];
        for (size_t v = 0; v < vectors; v++)
            sum[v] = vec_load(margins + v * LANES);
        for (size_t k = x->start[i]; k < x->start[i + 1]; k++) {
            vec value = vec_broadcast((double)x->value[k]);
            const double *row = b + x->index[k] * stride;
            for (size_t v = 0; v < vectors; v++)
                sum[v] = vec_fma(value, vec_load(row + v * LANES), sum[v]);
        }
        for (size_t v = 0; v < vectors; v++)
            vec_store(margins + v * LANES, sum[v]);
    }
}

static void sparse_margins(const pdl_sparse_tile *x, size_t first, size_t last, const double *b, size_t stride,
                           double *margins)
{
    for (size_t c = 0; c < stride; c += 4 * LANES)
        switch ((stride - c) / LANES) {
        case 1:
            sparse_margins_panel(x, first, last, b + c, stride, margins + c, 1);
            break;
        case 2:
            sparse_margins_panel(x, first, last, b + c, stride, margins + c, 2);
            break;
        case 3:
            sparse_margins_panel(x, first, last, b + c, stride, margins + c, 3);
            break;
        default:
            sparse_margins_panel(x, first, last, b + c, stride, margins + c, 4);
            break;
        }
}

PANEL sparse_gradient_panel(const pdl_sparse_tile *x, size_t first, size_t last, const double *restrict r,
                            size_t stride, double *restrict g, const size_t vectors)
{
    for (size_t i = first; i < last; i++, r += stride) {
        vec factor[4];
        for (size_t v = 0; v < vectors; v++)
            factor[v] = vec_load(r + v * LANES);
        for (size_t k = x->start[i]; k < x->start[i + 1]; k++) {
            vec value = vec_broadcast((double)x->value[k]);
            double *row = g + x->index[k] * stride;
            for (size_t v = 0; v < vectors; v++)
                vec_store(row + v * LANES, vec_fma(value, factor[v], vec_load(row + v * LANES)));
        }
    }
}

static void sparse_gradient(const pdl_sparse_tile *x, size_t first, size_t last, const double *r, size_t stride,
                            double *g)
{
    for (size_t c = 0; c < stride; c += 4 * LANES)
        switch ((stride - c) / LANES) {
        case 1:
            sparse_gradient_panel(x, first, last, r + c, stride, g + c, 1);
            break;
        case 2:
            sparse_gradient_panel(x, first, last, r + c, stride, g + c, 2);
            break;
        case 3:
            sparse_gradient_panel(x, first, last, r + c, stride, g + c, 3);
            break;
        default:
            sparse_gradient_panel(x, first, last, r + c, stride, g + c, 4);
            break;
        }
}

static size_t survey_row(const float *restrict x, size_t width, double weight, double share, double *restrict mean,
                         double *restrict spread, bool *finite)
{
    uint32_t zeros = 0, broken = 0;
    for (size_t j = 0; j < width; j++) {
        uint32_t bits;
        memcpy(&bits, x + j, sizeof bits);
        zeros += (bits << 1) == 0;
        broken |= (bits & 0x7f800000u) == 0x7f800000u; /* an exponent of ones: infinity or NaN */
    }
    for (size_t j = 0; j < width; j++) {
        double delta = (double)x[j] - mean[j];
        mean[j] += share * delta;
        spread[j] += weight * delta * ((double)x[j] - mean[j]);
    }
    if (broken) *finite = false;
    return width - zeros;
}

const pdl_kernels NAME = {
    .name = NAME_TEXT,
    .lanes = LANES,
    .dense_margins = dense_margins,
    .dense_gradient = dense_gradient,
    .sparse_margins = sparse_margins,
    .sparse_gradient = sparse_gradient,
    .survey_row = survey_row,
};

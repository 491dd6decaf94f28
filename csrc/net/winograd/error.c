/* SPDX-License-Identifier: Apache-2.0 */
#include "net/winograd/error.h"

#include "base/memory.h"
#include "base/sizes.h"
#include "base/status.h"

#include <math.h>
#include <string.h>

#define WINDOW PDL_WINOGRAD_WINDOW
#define GROUP 8              /* outputs at once */
#define ROUNDING 0x1p-24     /* of float32 */
#define BF16_ROUNDING 1.7e-3 /* of a product of two numbers in bfloat16: measured */
#define ROUGH 0              /* correlation of neighbours in an input without any */
#define CONSTANT 1           /* and in one that is the same everywhere */
#define ALIKE 11.0           /* channels whose sum adds as much rounding as the transforms do: measured */
#define LARGEST 1e25         /* of a filter: times an image's values and the transforms' factors it stays finite */
#define SMALLEST 1e-25       /* and above what float32 holds in full */

/* The upper half of S, every element in GROUP parts. */
typedef struct sums {
    double at[WINDOW * (WINDOW + 1) / 2][GROUP];
} sums;

/* Adds one channel's products of taps. */
PDL_VECTOR_CLONES static void add_channel(const float *weight, size_t window, size_t step, size_t outputs, sums *total)
{
    for (size_t first = 0; first < outputs; first += GROUP) {
        double g[WINDOW][GROUP];
        size_t count = pdl_size_min(outputs - first, GROUP), pair = 0;
        for (size_t k = 0; k < window; k++) {
            if (count < GROUP) memset(g[k], 0, sizeof g[k]);
            for (size_t o = 0; o < count; o++)
                g[k][o] = weight[k * step + first + o];
        }
        for (size_t k = 0; k < window; k++)
            for (size_t l = k; l < window; l++, pair++)
                for (size_t o = 0; o < GROUP; o++)
                    total->at[pair][o] += g[k][o] * g[l][o];
    }
}

pdl_status pdl_tap_products_make(pdl_op *op, size_t channels, size_t outputs, pdl_error *error)
{
    size_t window = op->window.kernel[0] * op->window.kernel[1];
    double *products = pdl_alloc_zero(window * window, sizeof *products);
    if (products == NULL) return pdl_fail_memory(error, window * window * sizeof *products, op->layer);
#pragma omp parallel
    {
        sums total = {0};
#pragma omp for schedule(static)
        for (size_t c = 0; c < channels; c++)
            add_channel(op->weight + c * outputs, window, channels * outputs, outputs, &total);
#pragma omp critical(pdl_tap_products)
        for (size_t k = 0, pair = 0; k < window; k++)
            for (size_t l = k; l < window; l++, pair++)
                for (size_t o = 0; o < GROUP; o++)
                    products[k * window + l] += total.at[pair][o];
    }
    for (size_t k = 0; k < window; k++)
        for (size_t l = 0; l < k; l++)
            products[k * window + l] = products[l * window + k];
    op->tap_products = products;
    return PDL_OK;
}

/* Of the polynomial that is the product of (x - q) over a line's finite points but `point`, whose coefficients are
 * B^T's row for that one: the sum of their squares, which is the mean square of B^T d for rough inputs, or the square
 * of their sum, for constant ones. INFINITY: the product over all of them. */
static double row_size(const pdl_line *line, double point, int correlation)
{
    double q[PDL_WINOGRAD_EXTENT] = {0}, row[PDL_WINOGRAD_EXTENT] = {1}, size = 0, sum = 0;
    for (int i = 1; i < line->inputs - 1; i++)
        q[i] = pdl_line_point(line, i - 1);
    for (int i = 0; i < line->inputs - 1; i++)
        for (int k = line->inputs - 1; q[i] != point && k >= 0; k--)
            row[k] = (k > 0 ? row[k - 1] : 0) - q[i] * row[k];
    for (int k = 0; k < line->inputs; k++) {
        size += row[k] * row[k];
        sum += row[k];
    }
    return correlation == CONSTANT ? sum * sum : size;
}

/* M of a line, [taps, taps]. */
static void make_spread(const pdl_line *line, int correlation, double m[PDL_WINOGRAD_TAPS][PDL_WINOGRAD_TAPS])
{
    pdl_filter_rows rows;
    pdl_filter_rows_make(line, &rows);
    memset(m, 0, PDL_WINOGRAD_TAPS * sizeof *m);
    for (int p = 0; p < line->inputs; p++) {
        bool middle = p > 0 && p < line->inputs - 1; /* a point that is neither 0 nor infinity */
        double point = middle ? pdl_line_point(line, p - 1) : 0, a = middle ? 0 : 1;
        for (int i = 0; middle && i < line->outputs; i++)
            a += pow(point, 2 * i);
        double b = row_size(line, p > 0 && !middle ? INFINITY : point, correlation), weight = a * b / line->outputs;
        for (int k = 0; k < line->taps; k++)
            for (int l = 0; l < line->taps; l++)
                m[k][l] += weight * rows.g[p][k] * rows.g[p][l];
    }
}

/* The root of tr(M S) / tr(S), or of tr(M S) / sum(S) for constant inputs, whose outputs are the filters' sums. */
static double amplify(const pdl_op *op, pdl_tile_kind tile, int correlation)
{
    const pdl_line *high = pdl_tile_line(tile, 0), *wide = pdl_tile_line(tile, 1);
    size_t window = (size_t)(high->taps * wide->taps), across = (size_t)wide->taps;
    double down[PDL_WINOGRAD_TAPS][PDL_WINOGRAD_TAPS], along[PDL_WINOGRAD_TAPS][PDL_WINOGRAD_TAPS];
    double spread = 0, size = 0;
    make_spread(high, correlation, down);
    make_spread(wide, correlation, along);
    for (size_t k = 0; k < window; k++)
        for (size_t l = 0; l < window; l++) {
            double product = op->tap_products[k * window + l];
            if (k == l || correlation == CONSTANT) size += product;
            spread += down[k / across][l / across] * along[k % across][l % across] * product;
        }
    return sqrt(spread / size);
}

static bool in_range(const pdl_op *op)
{
    size_t window = op->window.kernel[0] * op->window.kernel[1];
    double size = 0;
    for (size_t k = 0; k < window; k++)
        size += op->tap_products[k * window + k];
    return sqrt(size) < LARGEST && sqrt(size) > SMALLEST;
}

double pdl_winograd_error(const pdl_op *op, pdl_tile_kind tile, size_t channels, pdl_precision precision)
{
    if (op->tap_products == NULL || !in_range(op)) return INFINITY;
    double rough = amplify(op, tile, ROUGH);
    if (precision == PDL_PRECISION_BFLOAT16) return BF16_ROUNDING * rough;
    return ROUNDING * sqrt(1 + (double)channels / ALIKE) * rough;
}

double pdl_winograd_constant_error(const pdl_op *op, pdl_tile_kind tile)
{
    return op->tap_products == NULL || !in_range(op) ? INFINITY : BF16_ROUNDING * amplify(op, tile, CONSTANT);
}

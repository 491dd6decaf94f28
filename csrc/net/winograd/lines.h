/* Winograd's minimal filtering on a line: F(m, r) gives m outputs of a filter of r taps from a = m + r - 1 inputs
 * with a multiplications. SPDX-License-Identifier: Apache-2.0
 *
 *     y = A^T [ (G g) * (B^T d) ]        d: [a] inputs, g: [r] taps, y: [m] outputs, * element by element
 *
 * by evaluation at the points 0, +p_1, -p_1, ..., +p_P, -p_P and infinity, a = 2 P + 2 in all (Toom and Cook). With
 * Q_k(x) = prod over j != k of (x - p_j^2), and Q(x) = prod over j of (x - p_j^2), the rows are
 *
 *     B^T  0         sum_i Q[i] d[2 i]                      infinity  sum_i Q[i] d[2 i + 1]
 *          +-p_k     sum_i Q_k[i] d[2 i + 2]  +-  p_k sum_i Q_k[i] d[2 i + 1]
 *     A^T  output i  p_k^i from +p_k, (-p_k)^i from -p_k, 1 from 0 to output 0, 1 from infinity to output m - 1
 *     G    point p   p^i / prod over the other finite points q of (p - q), i < r;    infinity  0, ..., 0, 1
 *
 * all polynomials with a leading coefficient of 1. Points of small numerators and denominators keep the error small:
 * relative L2 1e-6 for F(4, 3), 6e-6 for F(8, 3), 2e-6 for F(4, 5), 3e-6 for F(4, 7), 8e-6 for F(6, 7) in
 * float32.
 *
 * In bfloat16, what is rounded is G g and B^T d, by up to 2^-8 each, which A^T spreads. For F(4, 3) pairs of points
 * p and 1/p near 1 have the least error: +-3/2 and +-2/3 have half the error of +-1 and +-2, and 0.7 times that of the
 * best that are no pairs. F(4, 7) has 1.6 % on a line of a natural image whatever its points, where F(2, 7) has 0.65 %
 * and the direct sum 0.16 %.
 *
 * Source: Lavin and Gray, Fast algorithms for convolutional neural networks (2016); Winograd, Arithmetic complexity of
 * computations (1980). */
#ifndef PDL_NET_WINOGRAD_LINES_H
#define PDL_NET_WINOGRAD_LINES_H

#include <stddef.h>

#define PDL_WINOGRAD_PAIRS 5
#define PDL_WINOGRAD_EXTENT 12 /* inputs of the longest line */
#define PDL_WINOGRAD_TAPS 7    /* of the longest filter */
#define PDL_WINOGRAD_WINDOW 25 /* of the largest: 5 x 5 */

typedef enum pdl_line_kind {
    PDL_LINE_NONE, /* F(1, 1): one input is the output */
    PDL_LINE_2_3,
    PDL_LINE_4_3,
    PDL_LINE_8_3,
    PDL_LINE_2_5,
    PDL_LINE_4_5,
    PDL_LINE_4_7,
    PDL_LINE_6_7,
    PDL_LINE_2_7,
    PDL_LINE_KINDS
} pdl_line_kind;

typedef struct pdl_line {
    int outputs, taps, inputs, pairs; /* m, r, a, P */
    double point[PDL_WINOGRAD_PAIRS];
    float all[PDL_WINOGRAD_PAIRS + 1];                   /* Q */
    float other[PDL_WINOGRAD_PAIRS][PDL_WINOGRAD_PAIRS]; /* Q_k */
} pdl_line;

/* Finite points but 0, in the order of the products: point i, i < a - 2. */
static inline double pdl_line_point(const pdl_line *line, int i)
{
    return i % 2 ? -line->point[i / 2] : line->point[i / 2];
}

/* A constant in every file that includes it, so that its numbers end up in the kernels' code. */
static const pdl_line pdl_lines[PDL_LINE_KINDS] = {
    [PDL_LINE_NONE] = {.outputs = 1, .taps = 1, .inputs = 1},
    [PDL_LINE_2_3] = {.outputs = 2, .taps = 3, .inputs = 4, .pairs = 1, .point = {1}, .all = {-1, 1}, .other = {{1}}},
    [PDL_LINE_4_3] = {.outputs = 4,
                      .taps = 3,
                      .inputs = 6,
                      .pairs = 2,
                      .point = {3. / 2, 2. / 3},
                      .all = {1, -97.f / 36, 1},
                      .other = {{-4.f / 9, 1}, {-9.f / 4, 1}}},
    [PDL_LINE_8_3] = {.outputs = 8,
                      .taps = 3,
                      .inputs = 10,
                      .pairs = 4,
                      .point = {1, 2, 1. / 2, 3. / 2},
                      .all = {9.f / 4, -205.f / 16, 273.f / 16, -15.f / 2, 1},
                      .other = {{-9.f / 4, 169.f / 16, -13.f / 2, 1},
                                {-9.f / 16, 49.f / 16, -7.f / 2, 1},
                                {-9, 61.f / 4, -29.f / 4, 1},
                                {-1, 21.f / 4, -21.f / 4, 1}}},
    [PDL_LINE_2_5] = {.outputs = 2,
                      .taps = 5,
                      .inputs = 6,
                      .pairs = 2,
                      .point = {1, 2},
                      .all = {4, -5, 1},
                      .other = {{-4, 1}, {-1, 1}}},
    [PDL_LINE_4_5] = {.outputs = 4,
                      .taps = 5,
                      .inputs = 8,
                      .pairs = 3,
                      .point = {1, 2, 1. / 2},
                      .all = {-1, 21.f / 4, -21.f / 4, 1},
                      .other = {{1, -17.f / 4, 1}, {1.f / 4, -5.f / 4, 1}, {4, -5, 1}}},
    [PDL_LINE_4_7] = {.outputs = 4,
                      .taps = 7,
                      .inputs = 10,
                      .pairs = 4,
                      .point = {1, 2, 1. / 2, 4. / 3},
                      .all = {16.f / 9, -31.f / 3, 175.f / 12, -253.f / 36, 1},
                      .other = {{-16.f / 9, 77.f / 9, -217.f / 36, 1},
                                {-4.f / 9, 89.f / 36, -109.f / 36, 1},
                                {-64.f / 9, 116.f / 9, -61.f / 9, 1},
                                {-1, 21.f / 4, -21.f / 4, 1}}},
    [PDL_LINE_6_7] = {.outputs = 6,
                      .taps = 7,
                      .inputs = 12,
                      .pairs = 5,
                      .point = {1, 2, 1. / 2, 3. / 2, 1. / 3},
                      .all = {-1.f / 4, 529.f / 144, -353.f / 24, 859.f / 48, -137.f / 18, 1},
                      .other = {{1.f / 4, -493.f / 144, 1625.f / 144, -119.f / 18, 1},
                                {1.f / 16, -65.f / 72, 497.f / 144, -65.f / 18, 1},
                                {1, -385.f / 36, 289.f / 18, -265.f / 36, 1},
                                {1.f / 9, -19.f / 12, 35.f / 6, -193.f / 36, 1},
                                {9.f / 4, -205.f / 16, 273.f / 16, -15.f / 2, 1}}},
    [PDL_LINE_2_7] = {.outputs = 2,
                      .taps = 7,
                      .inputs = 8,
                      .pairs = 3,
                      .point = {1, 2, 1. / 2},
                      .all = {-1, 21.f / 4, -21.f / 4, 1},
                      .other = {{1, -17.f / 4, 1}, {1.f / 4, -5.f / 4, 1}, {4, -5, 1}}},
};

/* A tile is a line down times a line along: F(4x4, 3x3), or one direction alone. */
typedef enum pdl_tile_kind {
    PDL_TILE_2X2_3X3, /* of both precisions */
    PDL_TILE_4X4_3X3,
    PDL_TILE_4_1X3,
    PDL_TILE_4_3X1,
    PDL_TILE_2X2_5X5, /* of float32 */
    PDL_TILE_4X4_5X5,
    PDL_TILE_8_1X3,
    PDL_TILE_4_1X7,
    PDL_TILE_6_1X7,
    PDL_TILE_8_3X1,
    PDL_TILE_4_7X1,
    PDL_TILE_6_7X1,
    PDL_TILE_2_1X7, /* of bfloat16 */
    PDL_TILE_2_7X1,
    PDL_TILE_FILTERS,                /* the number of those above */
    PDL_TILE_1X1 = PDL_TILE_FILTERS, /* no filtering: the weights of pointwise/pointwise.h */
    PDL_TILE_KINDS
} pdl_tile_kind;

/* tile(KIND, name, line down, line along) for every kind that filters, in order. */
#define PDL_SHARED_SQUARE_TILES(tile)                                                                                  \
    tile(PDL_TILE_2X2_3X3, 2x2_3x3, PDL_LINE_2_3, PDL_LINE_2_3)                                                        \
        tile(PDL_TILE_4X4_3X3, 4x4_3x3, PDL_LINE_4_3, PDL_LINE_4_3)
#define PDL_SHARED_LINE_TILES(tile)                                                                                    \
    tile(PDL_TILE_4_1X3, 4_1x3, PDL_LINE_NONE, PDL_LINE_4_3) tile(PDL_TILE_4_3X1, 4_3x1, PDL_LINE_4_3, PDL_LINE_NONE)
#define PDL_FLOAT32_SQUARE_TILES(tile)                                                                                 \
    tile(PDL_TILE_2X2_5X5, 2x2_5x5, PDL_LINE_2_5, PDL_LINE_2_5)                                                        \
        tile(PDL_TILE_4X4_5X5, 4x4_5x5, PDL_LINE_4_5, PDL_LINE_4_5)
#define PDL_FLOAT32_LINE_TILES(tile)                                                                                   \
    tile(PDL_TILE_8_1X3, 8_1x3, PDL_LINE_NONE, PDL_LINE_8_3) tile(PDL_TILE_4_1X7, 4_1x7, PDL_LINE_NONE, PDL_LINE_4_7)  \
        tile(PDL_TILE_6_1X7, 6_1x7, PDL_LINE_NONE, PDL_LINE_6_7)                                                       \
            tile(PDL_TILE_8_3X1, 8_3x1, PDL_LINE_8_3, PDL_LINE_NONE)                                                   \
                tile(PDL_TILE_4_7X1, 4_7x1, PDL_LINE_4_7, PDL_LINE_NONE)                                               \
                    tile(PDL_TILE_6_7X1, 6_7x1, PDL_LINE_6_7, PDL_LINE_NONE)
#define PDL_BFLOAT16_LINE_TILES(tile)                                                                                  \
    tile(PDL_TILE_2_1X7, 2_1x7, PDL_LINE_NONE, PDL_LINE_2_7) tile(PDL_TILE_2_7X1, 2_7x1, PDL_LINE_2_7, PDL_LINE_NONE)

typedef struct pdl_tile {
    const char *name;        /* "pdl:winograd_4x4_3x3" */
    const char *pooled_name; /* with a max pool of 2 x 2 after it */
    pdl_line_kind line[2];   /* down, along */
} pdl_tile;

#define PDL_TILE_ROW(kind, text, down, along)                                                                          \
    [kind] = {"pdl:winograd_" #text, "pdl:winograd_" #text "_max_pool", {down, along}},
static const pdl_tile pdl_tiles[PDL_TILE_KINDS] = {
    PDL_SHARED_SQUARE_TILES(PDL_TILE_ROW) PDL_SHARED_LINE_TILES(PDL_TILE_ROW) PDL_FLOAT32_SQUARE_TILES(PDL_TILE_ROW)
        PDL_FLOAT32_LINE_TILES(PDL_TILE_ROW) PDL_BFLOAT16_LINE_TILES(
            PDL_TILE_ROW)[PDL_TILE_1X1] = {"pdl:pointwise", NULL, {PDL_LINE_NONE, PDL_LINE_NONE}},
};
#undef PDL_TILE_ROW

static inline const pdl_line *pdl_tile_line(pdl_tile_kind kind, int axis)
{
    return &pdl_lines[pdl_tiles[kind].line[axis]];
}

/* Multiplications of one tile and channel: the number of small matrix products. */
static inline size_t pdl_tile_products(pdl_tile_kind kind)
{
    return (size_t)(pdl_tile_line(kind, 0)->inputs * pdl_tile_line(kind, 1)->inputs);
}

#endif

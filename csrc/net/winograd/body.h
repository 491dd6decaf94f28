/* The kernels' one text, compiled once for each vector extension and precision (net/simd/simd.h).
 * SPDX-License-Identifier: Apache-2.0
 *
 * The including file defines NAME, and includes two headers of net/simd before: a vector extension's and a
 * precision's. */
#include "net/winograd/kernels.h"

#if PACK == 1
#define SQUARE_TILES(tile) PDL_SHARED_SQUARE_TILES(tile) PDL_FLOAT32_SQUARE_TILES(tile)
#define LINE_TILES(tile) PDL_SHARED_LINE_TILES(tile) PDL_FLOAT32_LINE_TILES(tile)
#else
#define SQUARE_TILES(tile) PDL_SHARED_SQUARE_TILES(tile)
#define LINE_TILES(tile) PDL_SHARED_LINE_TILES(tile) PDL_BFLOAT16_LINE_TILES(tile)
#endif

/* ---- lines ------------------------------------------------------------------------------------------- */

/* sum_i factor[i] d[2 i], the last factor being 1 */
INLINE vec polynomial(const float *factor, const int terms, const vec *d)
{
    vec sum = d[2 * (terms - 1)];
    UNROLL
    for (int i = terms - 2; i >= 0; i--)
        sum = vec_fma(vec_broadcast(factor[i]), d[2 * i], sum);
    return sum;
}

/* o = B^T d */
INLINE void transform_input(const pdl_line_kind kind, const vec *d, vec *o)
{
    const pdl_line *line = &pdl_lines[kind];
    if (kind == PDL_LINE_NONE) {
        o[0] = d[0];
        return;
    }
    o[0] = polynomial(line->all, line->pairs + 1, d);
    o[line->inputs - 1] = polynomial(line->all, line->pairs + 1, d + 1);
    UNROLL
    for (int k = 0; k < line->pairs; k++) {
        vec even = polynomial(line->other[k], line->pairs, d + 2), odd = polynomial(line->other[k], line->pairs, d + 1);
        vec point = vec_broadcast((float)line->point[k]);
        o[1 + 2 * k] = vec_fma(point, odd, even);
        o[2 + 2 * k] = vec_fma(vec_broadcast(-(float)line->point[k]), odd, even);
    }
}

INLINE double power(const double base, const int exponent)
{
    double product = 1;
    UNROLL
    for (int i = 0; i < exponent; i++)
        product *= base;
    return product;
}

/* y = A^T d */
INLINE void transform_output(const pdl_line_kind kind, const vec *d, vec *y)
{
    const pdl_line *line = &pdl_lines[kind];
    vec sum[PDL_WINOGRAD_PAIRS + 1], difference[PDL_WINOGRAD_PAIRS + 1];
    if (kind == PDL_LINE_NONE) {
        y[0] = d[0];
        return;
    }
    UNROLL
    for (int k = 0; k < line->pairs; k++) {
        sum[k] = vec_add(d[1 + 2 * k], d[2 + 2 * k]);
        difference[k] = vec_sub(d[1 + 2 * k], d[2 + 2 * k]);
    }
    UNROLL
    for (int i = 0; i < line->outputs; i++) {
        const vec *from = i % 2 ? difference : sum;
        const double first = power(line->point[0], i);
        vec total = first == 1 ? from[0] : vec_mul(vec_broadcast((float)first), from[0]);
        UNROLL
        for (int k = 1; k < line->pairs; k++)
            total = vec_fma(vec_broadcast((float)power(line->point[k], i)), from[k], total);
        if (i == 0) total = vec_add(total, d[0]);
        if (i == line->outputs - 1) total = vec_add(total, d[line->inputs - 1]);
        y[i] = total;
    }
}

/* ---- input ------------------------------------------------------------------------------------------- */

/* Position of a tile: its image, and the first row and column of its outputs in units of tiles. */
typedef struct position {
    size_t image, line, number;
} position;

INLINE position find_position(const pdl_tile_grid *grid, size_t tile)
{
    size_t of_image = tile % (grid->down * grid->along);
    return (position){tile / (grid->down * grid->along), of_image / grid->along, of_image % grid->along};
}

INLINE void move_on(const pdl_tile_grid *grid, position *at)
{
    if (++at->number < grid->along) return;
    at->number = 0;
    if (++at->line < grid->down) return;
    at->line = 0;
    at->image++;
}

/* One vector of channels of one tile, whose first pixel is (top, left); v has `plane` elements from product
 * to product. x: the image's first pixel. */
INLINE void input_tile(const pdl_line_kind down, const pdl_line_kind along, const element *x, const pdl_map *map,
                       ptrdiff_t top, ptrdiff_t left, element *v, size_t plane)
{
    const int rows = pdl_lines[down].inputs, columns = pdl_lines[along].inputs;
    const ptrdiff_t height = (ptrdiff_t)map->height, width = (ptrdiff_t)map->width, pitch = (ptrdiff_t)map->pitch;
    const bool inside = top >= 0 && left >= 0 && top + rows <= height && left + columns <= width;
    vec t[PDL_WINOGRAD_EXTENT * PDL_WINOGRAD_EXTENT], d[PDL_WINOGRAD_EXTENT], o[PDL_WINOGRAD_EXTENT];
    UNROLL
    for (int j = 0; j < columns; j++) {
        UNROLL
        for (int i = 0; i < rows; i++) {
            ptrdiff_t row = top + i, column = left + j;
            bool there = inside || (row >= 0 && row < height && column >= 0 && column < width);
            d[i] = there ? element_load(x + (row * width + column) * pitch) : vec_zero();
        }
        transform_input(down, d, o);
        UNROLL
        for (int i = 0; i < rows; i++)
            t[i * columns + j] = o[i];
    }
    UNROLL
    for (int i = 0; i < rows; i++) {
        transform_input(along, t + i * columns, o);
        UNROLL
        for (int j = 0; j < columns; j++)
            element_store(v + (size_t)(i * columns + j) * plane, o[j]);
    }
}

INLINE void input_run(const pdl_line_kind down, const pdl_line_kind along, const pdl_tile_run *run, const pdl_map *x,
                      element *v)
{
    const element *pixels = x->data;
    const pdl_tile_grid *grid = run->grid;
    const size_t m[2] = {(size_t)pdl_lines[down].outputs, (size_t)pdl_lines[along].outputs};
    position at = find_position(grid, run->first);
    for (size_t t = run->first; t < run->last; t++, v += LANES, move_on(grid, &at)) {
        ptrdiff_t top = (ptrdiff_t)(at.line * m[0]) - (ptrdiff_t)grid->before[0];
        ptrdiff_t left = (ptrdiff_t)(at.number * m[1]) - (ptrdiff_t)grid->before[1];
        const element *image = pixels + at.image * x->height * x->width * x->pitch;
        for (size_t c = run->begin; c < run->end; c++)
            input_tile(down, along, image + c * LANES, x, top, left, v + (c - run->begin) * run->step, run->plane);
    }
}

/* ---- output ------------------------------------------------------------------------------------------ */

INLINE void finish_pixel(element *y, vec value, vec bias, const pdl_tile_finish *finish)
{
    value = vec_add(value, bias);
    if (finish->residual) value = vec_add(value, element_load(y));
    if (finish->relu) value = vec_relu(value);
    if (finish->stream)
        element_stream(y, value);
    else
        element_store(y, value);
}

/* y: the image's first pixel; rows_left, columns_left: of the map, from the tile's first output on. */
INLINE void output_tile(const pdl_line_kind down, const pdl_line_kind along, const float *m, size_t plane,
                        const pdl_tile_finish *finish, vec bias, element *y, const pdl_map *map, size_t rows_left,
                        size_t columns_left)
{
    const int rows = pdl_lines[down].inputs, columns = pdl_lines[along].inputs;
    const int high = pdl_lines[down].outputs, wide = pdl_lines[along].outputs;
    vec t[PDL_WINOGRAD_EXTENT * PDL_WINOGRAD_EXTENT], d[PDL_WINOGRAD_EXTENT], o[PDL_WINOGRAD_EXTENT];
    UNROLL
    for (int j = 0; j < columns; j++) {
        UNROLL
        for (int i = 0; i < rows; i++)
            d[i] = vec_load(m + (size_t)(i * columns + j) * plane);
        transform_output(down, d, o);
        UNROLL
        for (int i = 0; i < high; i++)
            t[i * columns + j] = o[i];
    }
    UNROLL
    for (int i = 0; i < high; i++) {
        if ((size_t)i >= rows_left) return;
        transform_output(along, t + i * columns, o);
        element *line = y + (size_t)i * map->width * map->pitch;
        UNROLL
        for (int j = 0; j < wide; j++)
            if ((size_t)j < columns_left) finish_pixel(line + (size_t)j * map->pitch, o[j], bias, finish);
    }
}

INLINE void output_run(const pdl_line_kind down, const pdl_line_kind along, const pdl_tile_run *run, const float *m,
                       const pdl_tile_finish *finish, const pdl_map *y)
{
    const pdl_tile_grid *grid = run->grid;
    element *pixels = y->data;
    const size_t high = (size_t)pdl_lines[down].outputs, wide = (size_t)pdl_lines[along].outputs;
    position at = find_position(grid, run->first);
    for (size_t t = run->first; t < run->last; t++, m += LANES, move_on(grid, &at)) {
        size_t row = at.line * high, column = at.number * wide;
        element *pixel = pixels + ((at.image * y->height + row) * y->width + column) * y->pitch;
        for (size_t c = run->begin; c < run->end; c++) {
            vec bias = finish->bias != NULL ? vec_load(finish->bias + c * LANES) : vec_zero();
            output_tile(down, along, m + (c - run->begin) * run->step, run->plane, finish, bias, pixel + c * LANES, y,
                        y->height - row, y->width - column);
        }
    }
    if (finish->stream) vec_fence();
}

/* The same, and the largest of every 2 x 2 outputs: y, rows_left and columns_left are of the pooled map. */
INLINE void pool_tile(const pdl_line_kind down, const pdl_line_kind along, const float *m, size_t plane,
                      const pdl_tile_finish *finish, vec bias, element *y, const pdl_map *map, size_t rows_left,
                      size_t columns_left)
{
    const int rows = pdl_lines[down].inputs, columns = pdl_lines[along].inputs;
    const int high = pdl_lines[down].outputs, wide = pdl_lines[along].outputs;
    vec t[PDL_WINOGRAD_EXTENT * PDL_WINOGRAD_EXTENT], d[PDL_WINOGRAD_EXTENT], upper[PDL_WINOGRAD_EXTENT],
        lower[PDL_WINOGRAD_EXTENT];
    UNROLL
    for (int j = 0; j < columns; j++) {
        UNROLL
        for (int i = 0; i < rows; i++)
            d[i] = vec_load(m + (size_t)(i * columns + j) * plane);
        transform_output(down, d, upper);
        UNROLL
        for (int i = 0; i < high; i++)
            t[i * columns + j] = upper[i];
    }
    UNROLL
    for (int i = 0; i + 1 < high; i += 2) {
        if ((size_t)i / 2 >= rows_left) return;
        transform_output(along, t + i * columns, upper);
        transform_output(along, t + (i + 1) * columns, lower);
        element *line = y + (size_t)i / 2 * map->width * map->pitch;
        UNROLL
        for (int j = 0; j + 1 < wide; j += 2) {
            vec largest = vec_max(vec_max(upper[j], upper[j + 1]), vec_max(lower[j], lower[j + 1]));
            if ((size_t)j / 2 < columns_left) finish_pixel(line + (size_t)j / 2 * map->pitch, largest, bias, finish);
        }
    }
}

INLINE void pool_run(const pdl_line_kind down, const pdl_line_kind along, const pdl_tile_run *run, const float *m,
                     const pdl_tile_finish *finish, const pdl_map *y)
{
    const pdl_tile_grid *grid = run->grid;
    element *pixels = y->data;
    const size_t high = (size_t)pdl_lines[down].outputs / 2, wide = (size_t)pdl_lines[along].outputs / 2;
    position at = find_position(grid, run->first);
    for (size_t t = run->first; t < run->last; t++, m += LANES, move_on(grid, &at)) {
        size_t row = at.line * high, column = at.number * wide;
        if (row >= y->height || column >= y->width) continue; /* a last row or column that no window holds */
        element *pixel = pixels + ((at.image * y->height + row) * y->width + column) * y->pitch;
        for (size_t c = run->begin; c < run->end; c++) {
            vec bias = finish->bias != NULL ? vec_load(finish->bias + c * LANES) : vec_zero();
            pool_tile(down, along, m + (c - run->begin) * run->step, run->plane, finish, bias, pixel + c * LANES, y,
                      y->height - row, y->width - column);
        }
    }
    if (finish->stream) vec_fence();
}

#define DEFINE(kind, text, down, along)                                                                                \
    static void input_##kind(const pdl_tile_run *run, const pdl_map *x, void *v)                                       \
    {                                                                                                                  \
        input_run(down, along, run, x, v);                                                                             \
    }                                                                                                                  \
    static void output_##kind(const pdl_tile_run *run, const float *m, const pdl_tile_finish *finish,                  \
                              const pdl_map *y)                                                                        \
    {                                                                                                                  \
        output_run(down, along, run, m, finish, y);                                                                    \
    }
SQUARE_TILES(DEFINE)
LINE_TILES(DEFINE)

#define DEFINE_POOL(kind, text, down, along)                                                                           \
    static void pool_##kind(const pdl_tile_run *run, const float *m, const pdl_tile_finish *finish, const pdl_map *y)  \
    {                                                                                                                  \
        pool_run(down, along, run, m, finish, y);                                                                      \
    }
SQUARE_TILES(DEFINE_POOL)

/* ---- products ---------------------------------------------------------------------------------------- */

#define LINE 64 /* bytes of a cache line */

/* `tiles` tiles times one panel of weights; each vector of channels brings `lines` lines from `ahead` nearer. */
INLINE void panel(const int tiles, const element *v, size_t v_step, const element *u, size_t vectors, float *m,
                  size_t m_step, const char *ahead, size_t lines)
{
    vec left[ROWS], right[ROWS];
    UNROLL
    for (int t = 0; t < tiles; t++)
        left[t] = right[t] = vec_zero();
    for (size_t c = 0; c < vectors; c++, v += v_step) {
        for (size_t i = 0; i < lines; i++, ahead += LINE)
            __builtin_prefetch(ahead, 0, 2);
        UNROLL
        for (int channel = 0; channel < LANES; channel += PACK, u += 2 * LANES * PACK) {
            pack first = pack_load(u), second = pack_load(u + LANES * PACK);
            UNROLL
            for (int t = 0; t < tiles; t++) {
                pack x = pack_broadcast(v + t * LANES + channel);
                left[t] = pack_dot(x, first, left[t]);
                right[t] = pack_dot(x, second, right[t]);
            }
        }
    }
    UNROLL
    for (int t = 0; t < tiles; t++) {
        vec_store(m + t * LANES, left[t]);
        vec_store(m + m_step + (size_t)t * LANES, right[t]);
    }
}

typedef void (*panel_function)(const element *v, size_t v_step, const element *u, size_t vectors, float *m,
                               size_t m_step, const char *ahead, size_t lines);

#define PANEL(tiles)                                                                                                   \
    static __attribute__((noinline)) void panel_##tiles(const element *v, size_t v_step, const element *u,             \
                                                        size_t vectors, float *m, size_t m_step, const char *ahead,    \
                                                        size_t lines)                                                  \
    {                                                                                                                  \
        panel(tiles, v, v_step, u, vectors, m, m_step, ahead, lines);                                                  \
    }
FOR_EACH_ROWS(PANEL)

#define PANEL_ROW(tiles) [tiles] = panel_##tiles,

static const panel_function panels[ROWS + 1] = {FOR_EACH_ROWS(PANEL_ROW)};

/* Each panel is used for all groups of tiles before the next: it stays in the nearest cache that holds it. Each group
 * brings a share of the next panel nearer. */
static void multiply(const pdl_tile_product *p)
{
    const element *v = p->v, *u = p->u;
    size_t groups = (p->tiles + ROWS - 1) / ROWS;
    size_t vectors = p->channels / LANES, size = 2 * LANES * p->channels;
    size_t share = (2 * LANES * LANES * sizeof(element) / LINE + groups - 1) / groups;
    for (size_t k = p->begin; k < p->end; k++) {
        const char *ahead = (const char *)(k + 1 < p->end ? u + (k + 1) * size : p->next);
        const char *end = ahead == NULL ? NULL : ahead + size * sizeof(element);
        for (size_t g = 0, first = 0; g < groups; g++) {
            size_t tiles = p->tiles / groups + (g < p->tiles % groups);
            size_t lines = ahead < end ? share : 0;
            panels[tiles](v + first * LANES, p->v_step, u + k * size, vectors,
                          p->m + 2 * (k - p->begin) * p->m_step + first * LANES, p->m_step, ahead, lines);
            if (lines) ahead += lines * vectors * LINE;
            first += tiles;
        }
    }
}

#define INPUT_ROW(kind, text, down, along) [kind] = input_##kind,
#define OUTPUT_ROW(kind, text, down, along) [kind] = output_##kind,
#define POOL_ROW(kind, text, down, along) [kind] = pool_##kind,

const pdl_winograd_kernels NAME = {
    .lanes = LANES,
    .pack = PACK,
    .multiply = multiply,
    .input = {SQUARE_TILES(INPUT_ROW) LINE_TILES(INPUT_ROW)},
    .output = {SQUARE_TILES(OUTPUT_ROW) LINE_TILES(OUTPUT_ROW)},
    .pool = {SQUARE_TILES(POOL_ROW)},
};

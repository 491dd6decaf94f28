/* u = G g G^T: weights as Winograd's products want them. SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"
#include "base/sizes.h"
#include "base/status.h"
#include "net/winograd/winograd.h"

#include <stdlib.h>
#include <string.h>

#define GROUP 8 /* outputs at once: a panel of 2 L is some of them */

/* p^i / prod (p - q) over the other finite points */
static void make_row(const pdl_line *line, double point, double *row)
{
    double product = point; /* p - 0; no factor for the point 0 itself */
    if (point == 0) product = 1;
    for (int i = 0; i < line->inputs - 2; i++)
        if (pdl_line_point(line, i) != point) product *= point - pdl_line_point(line, i);
    double power = 1;
    for (int i = 0; i < line->taps; i++, power *= point)
        row[i] = power / product;
}

void pdl_filter_rows_make(const pdl_line *line, pdl_filter_rows *rows)
{
    memset(rows, 0, sizeof *rows);
    if (line->inputs == 1) {
        rows->g[0][0] = 1;
        return;
    }
    make_row(line, 0, rows->g[0]);
    for (int i = 0; i < line->inputs - 2; i++)
        make_row(line, pdl_line_point(line, i), rows->g[1 + i]);
    rows->g[line->inputs - 1][line->taps - 1] = 1;
}

typedef struct transform {
    const pdl_line *line[2];
    pdl_filter_rows rows[2];
    const float *weight; /* [taps down, taps along, channels, outputs] */
    void *u;
    size_t channels, outputs;
    size_t width; /* of a panel: 2 L */
    size_t pack;  /* channels that lie side by side: 1 in float32, 2 in bfloat16 */
} transform;

/* One channel's weights for GROUP outputs from `first` on; beyond the last they count as zeros. */
INLINE void load_group(const transform *t, size_t channel, size_t first, double g[PDL_WINOGRAD_WINDOW][GROUP])
{
    size_t window = (size_t)(t->line[0]->taps * t->line[1]->taps), left = pdl_size_min(t->outputs - first, GROUP);
    for (size_t k = 0; k < window; k++) {
        const float *from = t->weight + (k * t->channels + channel) * t->outputs + first;
        if (left < GROUP) memset(g[k], 0, sizeof g[k]);
        for (size_t o = 0; o < left; o++)
            g[k][o] = from[o];
    }
}

/* sum[o] = sum_k factor[k] g[k * step][o] */
INLINE void combine(const double *factor, int taps, int step, const double (*g)[GROUP], double sum[GROUP])
{
    double total[GROUP] = {0};
    for (int k = 0; k < taps; k++)
        for (int o = 0; o < GROUP; o++)
            total[o] += factor[k] * g[k * step][o];
    memcpy(sum, total, sizeof total);
}

INLINE void store_group(const transform *t, size_t at, const double sum[GROUP])
{
    for (size_t o = 0; o < GROUP; o++)
        if (t->pack == 1)
            ((float *)t->u)[at + o] = (float)sum[o];
        else
            ((pdl_bf16 *)t->u)[at + o * t->pack] = pdl_bf16_round((float)sum[o]);
}

/* One channel's weights for one panel of outputs. In double: an error of the weights is one of every pixel. */
PDL_VECTOR_CLONES static void transform_panel(const transform *t, size_t panel, size_t channel)
{
    const pdl_line *high = t->line[0], *wide = t->line[1];
    size_t plane = pdl_size_div_up(t->outputs, t->width) * t->channels * t->width;
    double g[PDL_WINOGRAD_WINDOW][GROUP], down[PDL_WINOGRAD_TAPS][GROUP], sum[GROUP];
    for (size_t at = 0; at < t->width; at += GROUP) {
        size_t first = panel * t->width + at;
        size_t u = (panel * t->channels + channel / t->pack * t->pack) * t->width + at * t->pack + channel % t->pack;
        if (first < t->outputs) load_group(t, channel, first, g);
        for (int i = 0; i < high->inputs; i++) {
            for (int l = 0; l < wide->taps; l++) /* a row of G g */
                combine(t->rows[0].g[i], high->taps, wide->taps, (const double (*)[GROUP])(g + l), down[l]);
            for (int j = 0; j < wide->inputs; j++, u += plane) {
                combine(t->rows[1].g[j], wide->taps, 1, (const double (*)[GROUP])down, sum);
                if (first >= t->outputs) memset(sum, 0, sizeof sum);
                store_group(t, u, sum);
            }
        }
    }
}

static void transform_all(const transform *t)
{
    size_t panels = pdl_size_div_up(t->outputs, t->width);
#pragma omp parallel for collapse(2) schedule(static)
    for (size_t panel = 0; panel < panels; panel++)
        for (size_t channel = 0; channel < t->channels; channel++)
            transform_panel(t, panel, channel);
}

const pdl_tile_weights *pdl_tile_weights_find(pdl_op *op, pdl_tile_kind tile, pdl_simd simd)
{
    pdl_tile_weights *weights = op->tile_weights;
    while (weights != NULL && (weights->tile != tile || weights->simd != simd))
        weights = weights->next;
    if (weights != NULL) weights->users++;
    return weights;
}

pdl_status pdl_tile_weights_make(pdl_op *op, pdl_tile_kind tile, size_t channels, size_t outputs, pdl_simd simd,
                                 const pdl_tile_weights **out, pdl_error *error)
{
    const pdl_winograd_kernels *kernels = pdl_winograd_kernels_for(simd);
    size_t width = 2 * kernels->lanes, count;
    pdl_tile_weights *weights = calloc(1, sizeof *weights);
    if (weights == NULL) return pdl_fail_memory(error, sizeof *weights, op->layer);
    size_t rounded = (outputs + width - 1) / width * width;
    bool fits = pdl_size_mul(pdl_tile_products(tile), channels, &count) && pdl_size_mul(count, rounded, &count);
    weights->u = fits ? pdl_alloc(count, kernels->pack == 1 ? sizeof(float) : sizeof(pdl_bf16)) : NULL;
    if (weights->u == NULL) {
        free(weights);
        return pdl_fail(error, PDL_ENOMEM, "%s: out of memory for its transformed weights", op->layer);
    }
    weights->tile = tile;
    weights->simd = simd;
    weights->channels = channels;
    weights->outputs = outputs;
    transform t = {
        .line = {pdl_tile_line(tile, 0), pdl_tile_line(tile, 1)},
        .weight = op->weight,
        .u = weights->u,
        .pack = kernels->pack,
        .channels = channels,
        .outputs = outputs,
        .width = width,
    };
    for (int axis = 0; axis < 2; axis++)
        pdl_filter_rows_make(t.line[axis], &t.rows[axis]);
    transform_all(&t);
    weights->next = op->tile_weights;
    op->tile_weights = weights;
    weights->users = 1;
    *out = weights;
    return PDL_OK;
}

pdl_status pdl_tile_weights_restore(pdl_op *op, pdl_error *error)
{
    const pdl_tile_weights *from = op->tile_weights;
    while (from != NULL && from->tile != PDL_TILE_1X1)
        from = from->next;
    if (op->weight != NULL || from == NULL) return PDL_OK;
    op->weight = pdl_alloc(op->weights, sizeof *op->weight);
    if (op->weight == NULL) return pdl_fail_memory(error, op->weights * sizeof *op->weight, op->layer);
    const pdl_winograd_kernels *kernels = pdl_winograd_kernels_for(from->simd);
    size_t pack = kernels->pack, width = 2 * kernels->lanes;
#pragma omp parallel for schedule(static)
    for (size_t channel = 0; channel < from->channels; channel++)
        for (size_t o = 0; o < from->outputs; o++) {
            size_t at = (o / width * from->channels + channel / pack * pack) * width + o % width * pack;
            float *to = &op->weight[channel * from->outputs + o];
            at += channel % pack;
            *to = pack == 1 ? ((const float *)from->u)[at] : pdl_bf16_widen(((const pdl_bf16 *)from->u)[at]);
        }
    return PDL_OK;
}

static void free_weights(pdl_tile_weights *weights)
{
    pdl_free(weights->u);
    free(weights);
}

void pdl_tile_weights_release(pdl_op *op, const pdl_tile_weights *weights)
{
    pdl_tile_weights **link = &op->tile_weights;
    while (*link != weights)
        link = &(*link)->next;
    pdl_tile_weights *found = *link;
    bool only = op->weight == NULL && op->packed == NULL && op->tile_weights == found && found->next == NULL;
    if (--found->users > 0 || only) return;
    *link = found->next;
    free_weights(found);
}

void pdl_tile_weights_destroy(pdl_tile_weights *list)
{
    while (list != NULL) {
        pdl_tile_weights *next = list->next;
        free_weights(list);
        list = next;
    }
}

/* The smooth objective of logistic regression and its gradient. SPDX-License-Identifier: Apache-2.0
 *
 * Symbols: n rows x_i of d features, labels y_i, weights w_i, W = sum w_i; C sets of coefficients b[c][j] and, last,
 * C intercepts b0[c]; u_j = 1 / deviation_j (0 for a constant feature); m_j = mean_j u_j.
 *
 *   z_ij = x_ij u_j - m_j   when centred, else x_ij u_j       (the data is always scaled)
 *   t_ic = sum_j z_ij b[c][j] + b0[c]
 *   f(b) = 1/W sum_i w_i loss(t_i, y_i) + l2/2 sum_cj q_j b[c][j]^2        q_j = 1, or u_j^2 without standardization
 *   df/db[c][j] = 1/W sum_i r_ic z_ij + l2 q_j b[c][j]                     r_ic = w_i dloss/dt_ic
 *   df/db0[c]   = 1/W sum_i r_ic
 *
 * Centring is virtual, so that zeros stay zeros: sum_j z_ij b_j = x_i . (u b) - m . b, and the gradient is
 * u_j (sum_i r_i x_ij) - m_j (sum_i r_i). Everything but the features is double.
 *
 * A pass runs in one of two ways, chosen by the shape alone, so that the result never depends on the threads:
 *
 *   by rows     few coefficients: a chunk of rows stays in the cache from its margins to its gradient, the data is
 *               read once, and slots of chunks add up gradients of their own
 *   by columns  many coefficients (131,072 features x 10 classes): tiles of columns give partial margins for all
 *               rows; then each tile gives its own part of the gradient. Streaming the coefficients past each chunk
 *               of rows would move far more memory than reading the data twice.
 *
 * Source: Spark MLlib's MultinomialLogisticBlockAggregator and BinaryLogisticBlockAggregator. */
#ifndef PDL_LINEAR_OBJECTIVE_H
#define PDL_LINEAR_OBJECTIVE_H

#include "linear/loss.h"
#include "linear/matrix.h"

typedef struct pdl_objective {
    const pdl_matrix *matrix;
    pdl_loss loss;
    double total_weight;
    const double *inverse_deviation; /* u_j */
    const double *scaled_mean;       /* m_j */
    bool centred, fit_intercept, standardization;
    double l2;
    size_t threads; /* > 0 */
    /* [rows, stride] or NULL: what an evaluation finds on its way, the margins without intercepts and the r. */
    double *seen_margins, *seen_multipliers;

    bool by_rows;
    size_t parts;        /* tasks of a pass: slots by rows, groups of tiles by columns */
    size_t part_rows;    /* rows of a chunk by rows; of a range of losses by columns */
    size_t ranges;       /* ranges of losses: parts by rows */
    double *packed;      /* b u: [tiles, tile size] by rows, [threads, tile size] by columns */
    double *gradients;   /* [parts, tiles, tile size] by rows, [threads, tile size] by columns */
    double *margins;     /* [threads, part_rows, stride] by rows, [parts, rows, stride] by columns */
    double *tile_shift;  /* [tiles, stride]: m . b of each tile */
    double *tile_square; /* [tiles]: sum of q b^2 of each tile */
    double *offset;      /* [stride]: b0 - m . b */
    double *range_loss;  /* [ranges] */
    double *range_sums;  /* [ranges, stride]: sum of r */
} pdl_objective;

/* Coefficients and intercepts in one vector. */
static inline size_t pdl_objective_size(const pdl_objective *objective)
{
    size_t sets = objective->matrix->sets;
    return sets * objective->matrix->columns + (objective->fit_intercept ? sets : 0);
}

/* Makes the workspace; the fields above `by_rows` are set by the caller and borrowed. */
pdl_status pdl_objective_prepare(pdl_objective *objective, pdl_error *error);
void pdl_objective_release(pdl_objective *objective);

/* *value = f(b), gradient = df/db; both [C][d] then [C] intercepts. */
void pdl_objective_evaluate(pdl_objective *objective, const double *b, double *value, double *gradient);

/* range_sums, in their first row, become the sums over the samples of r: [rows, stride]. */
void pdl_objective_sum_multipliers(pdl_objective *objective, const double *r);

/* out[c][j] = sum_i a[i][c] z_ij: the samples' combinations with the weights a: [rows, stride], the padding zeros. */
pdl_status pdl_objective_combine(pdl_objective *objective, const double *a, double *out, pdl_error *error);

#endif

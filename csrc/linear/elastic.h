/* Logistic regression with an elastic net, as the certified solver's parts see it: whole, or cut down to some columns.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   F(b) = 1/W sum_i w_i loss(t_i, y_i) + sum_cj h_j(b[c][j])        h_j(x) = l2 q_j / 2 x^2 + p_j |x|
 *
 * with objective.h's symbols, q_j = 1, p_j = l1, or without standardization q_j = u_j^2, p_j = l1 u_j. A point is
 * [sets, columns] coefficients, then [sets] intercepts if there are any. An intercept is -infinity for a class that
 * has no rows: there lies its optimum. */
#ifndef PDL_LINEAR_ELASTIC_H
#define PDL_LINEAR_ELASTIC_H

#include "linear/loss.h"
#include "linear/product.h"

typedef struct pdl_elastic {
    pdl_product product; /* of the matrix, with its u and m */
    double *moment;      /* [columns]: about 1/W sum_i w_i z_ij^2 */
    pdl_loss loss;
    const double *class_weight; /* [classes]: h */
    size_t classes;
    double total_weight; /* W */
    bool fit_intercept, standardization;
    double l1, l2;

    double *row_sums; /* workspace: zeros, then sums of ranges of rows */
} pdl_elastic;

/* Makes the workspace, the product's too; the fields above are set by the caller and borrowed. */
pdl_status pdl_elastic_prepare(pdl_elastic *on, pdl_error *error);
void pdl_elastic_release(pdl_elastic *on);

static inline size_t pdl_elastic_size(const pdl_elastic *on)
{
    size_t sets = on->loss.sets;
    return sets * on->product.matrix->columns + (on->fit_intercept ? sets : 0);
}

/* l2 q_j */
static inline double pdl_elastic_square(const pdl_elastic *on, size_t column)
{
    double u = on->product.inverse_deviation[column];
    return on->standardization ? on->l2 : on->l2 * u * u;
}

/* p_j */
static inline double pdl_elastic_absolute(const pdl_elastic *on, size_t column)
{
    return on->standardization ? on->l1 : on->l1 * on->product.inverse_deviation[column];
}

/* The mean loss 1/W sum w loss of margins t [rows, stride], which become residuals w dloss/dt in place. */
double pdl_elastic_losses(const pdl_elastic *on, double *t);

/* The second derivative along a change of the margins: change [rows, stride] becomes w d2loss change, in place, at the
 * point with these residuals. */
void pdl_elastic_curvature(const pdl_elastic *on, const double *residuals, double *change);

/* variance[c] = 1/W sum_i w_i d2loss/dt_ic^2 */
void pdl_elastic_variance(const pdl_elastic *on, const double *residuals, double *variance);

/* sum_cj h_j(b[c][j]) */
double pdl_elastic_penalty(const pdl_elastic *on, const double *point);

/* The mean loss's derivative: coefficients [sets, columns] and intercepts [sets], which are filled in any case. */
void pdl_elastic_gradient(pdl_elastic *on, const double *residuals, double *coefficients, double *intercepts);

#endif

/* L2-penalised fits of few samples with many features, in the samples' span. SPDX-License-Identifier: Apache-2.0
 *
 * The objective sees the coefficients b (one set) through the margins Z b and the norm |b| alone. With q_j = 1 the
 * gradient Z^T r / W + l2 b lies in the span of the samples whenever b does, and so does every point, step and
 * direction of L-BFGS that starts from 0. Let G = Z Z^T (gram.h) be factored by Cholesky, L L^T = G, L: [n, rank].
 * Then Z = L E with E E^T = I: E^T maps beta of R^rank to b = E^T beta with the same inner products, and
 *
 *   Z b = L beta      E df/db = L^T r / W + l2 beta      |b| = |beta|
 *
 * so the fit of L in place of Z takes the same steps, number for number but for rounding: 393 columns stand for
 * 131,072. A dimension is dropped when what a sample adds to those before it is below the rounding of G.
 * At the end b = Z^T a, with L^T a = beta solved over the samples that were chosen as pivots.
 *
 * Without standardization the penalty's q_j leads out of the span; L1 does, too.
 * Source: Hastie and Tibshirani, Efficient quadratic regularization for expression arrays (2004). */
#ifndef PDL_LINEAR_SPAN_H
#define PDL_LINEAR_SPAN_H

#include "linear/objective.h"

typedef struct pdl_span {
    pdl_objective *objective;
    size_t rank;
    double *factor;      /* L^T: [rank, rows] */
    size_t *pivot;       /* [rank]: the sample that each dimension was made from */
    double *margins;     /* [rows, stride], then multipliers */
    double *multipliers; /* [sets, rows] */
} pdl_span;

/* Whether a fit of at most max_iterations from zero coefficients can be done in the span, and is quicker there. */
bool pdl_span_pays(const pdl_objective *objective, size_t max_iterations);

pdl_status pdl_span_open(pdl_span *span, pdl_objective *objective, pdl_error *error);
void pdl_span_close(pdl_span *span);

/* Elements of beta and, last, the intercepts. */
size_t pdl_span_size(const pdl_span *span);

/* As pdl_objective_evaluate, for [sets, rank] and the intercepts. */
void pdl_span_evaluate(pdl_span *span, const double *beta, double *value, double *gradient);

/* coefficients: [sets, columns] from beta, which is overwritten. */
pdl_status pdl_span_expand(pdl_span *span, double *beta, double *coefficients, pdl_error *error);

#endif

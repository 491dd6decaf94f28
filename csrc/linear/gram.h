/* Inner products of the samples. SPDX-License-Identifier: Apache-2.0
 *
 *   G[i][k] = z_i . z_k        z_ij = x_ij u_j - m_j, as objective.h defines it
 *
 * For n samples of d features, n much below d, G is small: 393 samples of 131,072 features give 1.2 MB. Whatever lies
 * in the span of the samples, z^T a, has its inner products from G: (z^T a) . (z^T b) = a . G b.
 *
 * Dense tiles take one factor as it came: sum_j x_ij (u_j z_kj) - sum_j m_j z_kj. As z_k is centred before it is
 * multiplied, large means cost no more digits than in a margin.
 * Sparse tiles take the products of a column's non-zeros, x_ij u_j^2 x_kj, and centre afterwards:
 *
 *   G = X u^2 X^T - h 1^T - 1 h^T + (m . m) 1 1^T        h_i = sum_j x_ij u_j m_j
 *
 * which is safe while m_j is small. A mean that is large beside its deviation needs a column of few zeros: such a
 * column is centred first and multiplied out as a dense one. */
#ifndef PDL_LINEAR_GRAM_H
#define PDL_LINEAR_GRAM_H

#include "linear/objective.h"

/* Multiply-adds a feature that pdl_gram_compute takes, in those of a dense pass: n / 2 for each of n samples. */
double pdl_gram_cost(const pdl_matrix *matrix);

/* *gram: [rows, rows], symmetric; free with pdl_free. The same bits for any number of threads. */
pdl_status pdl_gram_compute(const pdl_objective *objective, double **gram, pdl_error *error);

#endif

/* Means and deviations of the features. SPDX-License-Identifier: Apache-2.0
 *
 *   mean_j = sum_i w_i x_ij / W          W = sum_i w_i
 *   variance_j = sum_i w_i (x_ij - mean_j)^2 / (W - sum_i w_i^2 / W)     (n - 1 for unit weights)
 *
 * by Welford's update, row after row: a constant column has a variance of exactly 0, which switches the feature off.
 * A two-pass formula gives 1e-17 there, and the scaling by 1 / deviation then blows up.
 * Source: Spark MLlib's Summarizer. */
#ifndef PDL_LINEAR_STATISTICS_H
#define PDL_LINEAR_STATISTICS_H

#include "linear/matrix.h"

typedef struct pdl_statistics {
    double total_weight; /* W */
    double *mean;        /* [columns] */
    double *deviation;   /* [columns], 0 for a constant column */
    size_t *nonzeros;    /* [tiles] elements other than 0 */
} pdl_statistics;

/* One pass over a dense matrix; weights: [rows] or NULL. PDL_EDATA names the first row and feature that are not
 * finite. */
pdl_status pdl_statistics_compute(pdl_statistics *statistics, const pdl_matrix *matrix, const double *weights,
                                  size_t threads, pdl_error *error);
void pdl_statistics_free(pdl_statistics *statistics);

#endif

/* Means and deviations of the features. SPDX-License-Identifier: Apache-2.0
 *
 *   mean_j = sum_i w_i x_ij / W          W = sum_i w_i
 *   variance_j = sum_i w_i (x_ij - mean_j)^2 / (W - sum_i w_i^2 / W)     (n - 1 for unit weights)
 *
 * by Welford's update, row after row: a constant column has a variance of exactly 0, which switches the feature off.
 * A two-pass formula gives 1e-17 there, and the scaling by 1 / deviation then blows up.
 *
 * Of a sparse matrix the update runs over the non-zeros, and the zeros join at the end: with V the weight of the rows
 * where x_ij is not 0, m and S the mean and the spread of those,
 *
 *   mean_j = m V / W          sum_i w_i (x_ij - mean_j)^2 = S + m^2 V (W - V) / W
 *
 * where a constant column has S = 0 and V = 0 or V = W, again exactly.
 * Source: Spark MLlib's Summarizer. */
#ifndef PDL_LINEAR_STATISTICS_H
#define PDL_LINEAR_STATISTICS_H

#include "linear/matrix.h"

typedef struct pdl_statistics {
    double total_weight; /* W */
    double *mean;        /* [columns] */
    double *deviation;   /* [columns], 0 for a constant column */
    double *weights;     /* the handle's weights that they hold for, [weight_count]; NULL: all 1 */
    size_t weight_count; /* the handle's rows; 0 without weights */
    size_t holders;      /* under the handle's statistics_lock; the handle itself is one */
} pdl_statistics;

/* The statistics of the handle's rows under these weights ([rows] or NULL): one pass over the data, or what an earlier
 * fit left. matrix: the rows of weight other than 0; row_weights: theirs, or NULL. */
pdl_status pdl_statistics_share(pdl_features *features, const pdl_matrix *matrix, const double *weights,
                                const double *row_weights, size_t threads, const pdl_statistics **out,
                                pdl_error *error);

/* Ends a share; accepts NULL. */
void pdl_statistics_unshare(pdl_features *features, const pdl_statistics *statistics);

/* Frees what nobody shares any more; accepts NULL. */
void pdl_statistics_release(pdl_statistics *statistics);

#endif

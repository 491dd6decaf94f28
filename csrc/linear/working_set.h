/* The problem cut down to the columns that matter. SPDX-License-Identifier: Apache-2.0
 *
 * With an L1 term most columns end with coefficients of 0, and most of the work can leave them out: the columns with
 * coefficients, and those that violate the optimality conditions most, make a small problem of their own, whose
 * features are gathered once and whose coefficients go back when it is solved. */
#ifndef PDL_LINEAR_WORKING_SET_H
#define PDL_LINEAR_WORKING_SET_H

#include "linear/elastic.h"

typedef struct pdl_working_set {
    const pdl_elastic *whole;
    size_t count;
    uint32_t *column; /* [count], increasing */

    /* The small problem, after pdl_working_set_open. */
    pdl_elastic problem;
    double *point; /* coefficients and intercepts */
    pdl_matrix matrix;
    pdl_features *features;
    float *x;       /* [rows, count] */
    double *scales; /* [3, count]: u, m and moment */
} pdl_working_set;

/* Chooses all columns with coefficients and the worst others by their violation, up to a number that grows with the
 * former. gradient: [sets, columns], of the mean loss. */
pdl_status pdl_working_set_choose(pdl_working_set *set, const pdl_elastic *whole, const double *point,
                                  const double *gradient, pdl_error *error);

/* Gathers the features, and the point's coefficients. */
pdl_status pdl_working_set_open(pdl_working_set *set, const double *point, pdl_error *error);
/* The small problem's point into the whole one's. */
void pdl_working_set_scatter(const pdl_working_set *set, double *point);
/* Accepts zeroes, and what a failed call left. */
void pdl_working_set_close(pdl_working_set *set);

#endif

/* From an objective to its certified optimum. SPDX-License-Identifier: Apache-2.0
 *
 * Without L1, few samples of many features are first solved in their span (span.h): its problem has the same optimum
 * and the same duality gap, and costs next to nothing. The result is then certified, and if rounding should ask for it
 * improved, in the whole space. */
#ifndef PDL_LINEAR_OPTIMUM_H
#define PDL_LINEAR_OPTIMUM_H

#include "linear/certified.h"
#include "linear/objective.h"

typedef struct pdl_optimum {
    pdl_objective *objective; /* prepared, centred where there are intercepts */
    double l1;
    const double *mean;         /* [columns] of the features as they came */
    const double *class_weight; /* [classes] */
    size_t classes;

    size_t max_iterations;
    double tolerance;
    pdl_status (*record)(void *context, size_t iteration, double objective, pdl_error *error); /* see pdl_certified */
    pdl_status (*check)(void *context, pdl_error *error);
    void *context;
    bool started; /* the point is where to start, else coefficients of 0 are */
} pdl_optimum;

/* point: [size of a point]. */
pdl_status pdl_optimum_find(const pdl_optimum *how, double *point, pdl_optimality *optimality, pdl_error *error);

/* The optimality of a given point; of `how`, what comes before `max_iterations` is read. */
pdl_status pdl_optimum_certify(const pdl_optimum *how, const double *point, pdl_optimality *optimality,
                               pdl_error *error);

#endif

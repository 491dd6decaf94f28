/* Logistic regression with an elastic net, to its optimum. SPDX-License-Identifier: Apache-2.0
 *
 *   minimise F (elastic.h) until  gap <= tolerance F (certificate.h), or without any penalty, where nothing bounds the
 *   optimum from below, KKT residual <= tolerance
 *
 * Spark's solvers stop where progress gets slow. Here the duality gap says how far F is from the optimum at most.
 * One iteration:
 *
 *   1. certificate   the gradient over all columns (one pass over the data), KKT residual and gap; the stopping test
 *   2. working set   with an L1 term: the columns with coefficients and the worst violators, gathered
 *   3. Newton        truncated Newton steps (newton.h) there, until the KKT residual is 1/20 of what step 1 found.
 *                    Without L1, one step over all columns
 *
 * The start: coefficients 0, and the intercepts that are best with them, -infinity for a class without rows. That is
 * where its intercept's optimum lies, and with it the coefficients are 0. Or any finite point.
 * References: as in newton.h and certificate.h; Massias, Gramfort, Salmon, Celer: a fast solver for the Lasso with dual
 * extrapolation (2018), for working sets. */
#ifndef PDL_LINEAR_CERTIFIED_H
#define PDL_LINEAR_CERTIFIED_H

#include "linear/certificate.h"

typedef struct pdl_certified {
    pdl_elastic *on;
    size_t max_iterations;
    double tolerance;
    /* As in pdl_problem: may fail (interruption); check may be NULL. */
    pdl_status (*record)(void *context, size_t iteration, double objective, pdl_error *error);
    pdl_status (*check)(void *context, pdl_error *error);
    void *context;
    bool started;      /* the point is where to start */
    bool recorded;     /* and its state was recorded already */
    size_t iterations; /* made so far */

    pdl_certificate certificate; /* of the result */
    pdl_outcome outcome;
} pdl_certified;

/* point [size of a point] gets the result; read only if `started`. */
pdl_status pdl_certified_run(pdl_certified *certified, double *point, pdl_error *error);

/* The certificate of a point. */
pdl_status pdl_certify_point(pdl_elastic *on, const double *point, pdl_certificate *certificate, pdl_error *error);

#endif

/* The loss of rows, given their margins. SPDX-License-Identifier: Apache-2.0
 *
 * t_c: margin of set c, y: label, w: weight of a row.
 *
 *   multinomial (softmax)   loss = log sum_k exp(t_k) - t_y      dloss/dt_c = exp(t_c) / sum_k exp(t_k) - [c = y]
 *   binomial (logistic)     loss = log(1 + exp(t)) - y t         dloss/dt = 1 / (1 + exp(-t)) - y
 *
 * Both are computed from the differences to the largest margin, so nothing overflows. */
#ifndef PDL_LINEAR_LOSS_H
#define PDL_LINEAR_LOSS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct pdl_loss {
    bool multinomial;
    size_t sets, stride;   /* margins of a row; distance between rows */
    const double *labels;  /* [all rows] */
    const double *weights; /* [all rows] or NULL */
} pdl_loss;

/* Turns margins (without their offsets) into multipliers w dloss/dt, in place: [last - first, stride], the padding
 * becomes 0. Adds the multipliers of each set to sums[sets]; returns the sum of w loss over rows first .. last - 1. */
double pdl_loss_rows(const pdl_loss *loss, size_t first, size_t last, const double *offset, double *margins,
                     double *sums);

#endif

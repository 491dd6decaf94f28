/* SPDX-License-Identifier: Apache-2.0 */
#include "linear/loss.h"

#include <math.h>

static double softmax_row(size_t sets, size_t label, double weight, const double *offset, double *t)
{
    double highest = -INFINITY, sum = 0;
    for (size_t c = 0; c < sets; c++) {
        t[c] += offset[c];
        if (t[c] > highest) highest = t[c];
    }
    double own = t[label] - highest;
    for (size_t c = 0; c < sets; c++) {
        t[c] = exp(t[c] - highest);
        sum += t[c];
    }
    double scale = weight / sum;
    for (size_t c = 0; c < sets; c++)
        t[c] *= scale;
    t[label] -= weight;
    return weight * (log(sum) - own);
}

static double logistic_row(double label, double weight, const double *offset, double *t)
{
    double margin = t[0] + offset[0];
    double decay = exp(-fabs(margin)); /* at most 1 */
    double against = label > 0 ? -margin : margin;
    double positive = margin >= 0 ? 1 / (1 + decay) : decay / (1 + decay);
    t[0] = weight * (positive - label);
    return weight * ((against > 0 ? against : 0) + log1p(decay));
}

double pdl_loss_rows(const pdl_loss *loss, size_t first, size_t last, const double *offset, double *margins,
                     double *sums)
{
    double total = 0;
    for (size_t i = first; i < last; i++, margins += loss->stride) {
        double weight = loss->weights != NULL ? loss->weights[i] : 1, label = loss->labels[i];
        if (loss->multinomial)
            total += softmax_row(loss->sets, (size_t)label, weight, offset, margins);
        else
            total += logistic_row(label, weight, offset, margins);
        for (size_t c = 0; c < loss->sets; c++)
            sums[c] += margins[c];
        for (size_t c = loss->sets; c < loss->stride; c++)
            margins[c] = 0;
    }
    return total;
}

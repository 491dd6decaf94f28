/* SPDX-License-Identifier: Apache-2.0 */
#include "linear/certificate.h"

#include "linear/vector.h"

#include <float.h>
#include <math.h>

void pdl_null_residuals(const pdl_elastic *on, double *residuals)
{
    const pdl_loss *loss = &on->loss;
    for (size_t i = 0; i < on->product.matrix->rows; i++, residuals += loss->stride) {
        double weight = loss->weights != NULL ? loss->weights[i] : 1;
        for (size_t c = 0; c < loss->stride; c++)
            residuals[c] = 0;
        for (size_t c = 0; c < loss->sets; c++) {
            size_t class = loss->multinomial ? c : 1;
            double share = class < on->classes ? on->class_weight[class] / on->total_weight : 0;
            residuals[c] = weight * (share - (loss->labels[i] == (double)class));
        }
    }
}

/* ---- coefficients ------------------------------------------------------------------------------------ */

/* One set's coefficients under the dual point's G = keep g + add G0, shrunk by `shrink`. */
typedef struct set_terms {
    const pdl_elastic *on;
    const double *b, *g, *null_gradient; /* [columns] */
    double keep, add, shrink;
} set_terms;

static double dual_gradient(const set_terms *on, size_t j)
{
    return on->keep * on->g[j] + (on->add != 0 ? on->add * on->null_gradient[j] : 0);
}

/* h(b) + h*(-G) + G b >= 0, written as squares and products that do not cancel. */
static double fenchel_terms(const void *context, size_t first, size_t last)
{
    const set_terms *on = context;
    double sum = 0;
    for (size_t j = first; j < last; j++) {
        if (on->on->product.inverse_deviation[j] == 0) continue; /* a constant column: b = G = 0 */
        double square = pdl_elastic_square(on->on, j), absolute = pdl_elastic_absolute(on->on, j);
        double G = on->shrink * dual_gradient(on, j), b = on->b[j], beyond = fabs(G) - absolute;
        if (square > 0 && beyond > 0) {
            double slope = square * b + copysign(beyond, G);
            sum += slope * slope / (2 * square) + absolute * (fabs(b) + copysign(1, G) * b);
        } else {
            sum += square / 2 * b * b + fmax(absolute * fabs(b) + G * b, 0);
        }
    }
    return sum;
}

/* The largest distance of 0 from the subdifferential by one set of coefficients. */
static double largest_violation(const pdl_elastic *on, const double *b, const double *g)
{
    double largest = 0;
    for (size_t j = 0; j < on->product.matrix->columns; j++) {
        double absolute = pdl_elastic_absolute(on, j), violation;
        if (b[j] != 0)
            violation = fabs(g[j] + pdl_elastic_square(on, j) * b[j] + copysign(absolute, b[j]));
        else
            violation = fabs(g[j]) - absolute;
        if (!(violation <= largest)) largest = violation;
    }
    return largest;
}

static double smallest_shrink(const set_terms *on)
{
    double shrink = 1;
    for (size_t j = 0; j < on->on->product.matrix->columns; j++) {
        double G = fabs(dual_gradient(on, j)), absolute = pdl_elastic_absolute(on->on, j);
        if (G * shrink > absolute) shrink = absolute / G;
    }
    return shrink;
}

/* ---- rows -------------------------------------------------------------------------------------------- */

/* s log(s / p) - s + p >= 0 */
static double divergence(double s, double p)
{
    if (s == p) return 0;
    if (p < DBL_MIN) p = DBL_MIN; /* an underflow: the term, and so the gap, can only get larger */
    double delta = (s - p) / p;
    double term = delta < 0.5 ? p * ((1 + delta) * log1p(delta) - delta) : s * log(s / p) - s + p;
    return s <= 0 ? p : fmax(term, 0);
}

typedef struct balance {
    double amount;          /* a */
    const double *gradient; /* [sets]: mean of p - e */
} balance;

static double class_share(const pdl_elastic *on, size_t class)
{
    return class < on->classes ? on->class_weight[class] / on->total_weight : 0;
}

/* mean of p_c - e_c, also for the class 0 of the binomial. */
static double imbalance(const pdl_elastic *on, const double *gradient, size_t class)
{
    if (on->loss.multinomial) return gradient[class];
    return class == 1 ? gradient[0] : -gradient[0];
}

static size_t class_count(const pdl_elastic *on)
{
    return on->loss.multinomial ? on->loss.sets : 2;
}

static double balance_amount(const pdl_elastic *on, const double *gradient)
{
    double amount = 0;
    for (size_t c = 0; c < class_count(on); c++) {
        double excess = imbalance(on, gradient, c), mean = class_share(on, c) + excess;
        if (mean > 0 && excess / mean > amount) amount = excess / mean;
    }
    return amount < 1 ? amount : 1;
}

/* The sum of w times the rows' divergences of the dual point from the predictions. */
static double row_terms(const pdl_elastic *on, const double *residuals, const balance *how, double shrink)
{
    if (how->amount == 0 && shrink == 1) return 0;
    double total = 0;
    const pdl_loss *loss = &on->loss;
    for (size_t i = 0; i < on->product.matrix->rows; i++, residuals += loss->stride) {
        double weight = loss->weights != NULL ? loss->weights[i] : 1;
        for (size_t c = 0; c < class_count(on) && weight > 0; c++) {
            double own = loss->labels[i] == (double)c, s;
            double p = own + imbalance(on, residuals, c) / weight;
            if (p < 0) p = 0;
            s = p;
            if (how->amount > 0) {
                double excess = imbalance(on, how->gradient, c);
                double v = class_share(on, c) + excess - excess / how->amount;
                s = (1 - how->amount) * p + how->amount * fmax(v, 0);
            }
            total += weight * divergence(own + shrink * (s - own), p);
        }
    }
    return total / on->total_weight;
}

static bool rows_separated(const pdl_elastic *on, const double *residuals)
{
    const pdl_loss *loss = &on->loss;
    for (size_t i = 0; i < on->product.matrix->rows; i++, residuals += loss->stride) {
        double weight = loss->weights != NULL ? loss->weights[i] : 1;
        if (weight == 0) continue;
        if (!loss->multinomial && !(fabs(residuals[0]) < weight / 2)) return false;
        size_t label = (size_t)loss->labels[i];
        for (size_t c = 0; c < loss->sets && loss->multinomial; c++)
            if (c != label && !(residuals[c] < weight + residuals[label])) return false;
    }
    return true;
}

/* ---- the whole --------------------------------------------------------------------------------------- */

/* The gap of one dual point. */
static double gap_of(const pdl_elastic *on, const double *point, const double *residuals, const double *gradient,
                     const double *null_gradient, const balance *how, double shrink)
{
    size_t columns = on->product.matrix->columns;
    double gap = row_terms(on, residuals, how, shrink);
    for (size_t c = 0; c < on->loss.sets; c++) {
        set_terms terms = {.on = on, .b = point + c * columns, .g = gradient + c * columns, .shrink = shrink};
        terms.keep = 1 - how->amount;
        terms.add = how->amount;
        terms.null_gradient = how->amount > 0 ? null_gradient + c * columns : NULL;
        gap += pdl_vector_run(on->product.threads, columns, fenchel_terms, &terms);
    }
    return gap;
}

static double shrink_of(const pdl_elastic *on, const double *gradient, const double *null_gradient, const balance *how)
{
    size_t columns = on->product.matrix->columns;
    double shrink = 1;
    for (size_t c = 0; c < on->loss.sets; c++) {
        set_terms terms = {.on = on, .g = gradient + c * columns, .keep = 1 - how->amount, .add = how->amount};
        terms.null_gradient = how->amount > 0 ? null_gradient + c * columns : NULL;
        double own = smallest_shrink(&terms);
        if (own < shrink) shrink = own;
    }
    return shrink;
}

void pdl_certify(const pdl_elastic *on, const double *point, double mean_loss, const double *residuals,
                 const double *gradient, const double *intercept_gradient, const double *null_gradient,
                 pdl_certificate *certificate)
{
    size_t columns = on->product.matrix->columns, sets = on->loss.sets;
    *certificate = (pdl_certificate){.objective = mean_loss + pdl_elastic_penalty(on, point), .gap = NAN};
    for (size_t c = 0; c < sets; c++) {
        double violation = largest_violation(on, point + c * columns, gradient + c * columns);
        if (on->fit_intercept && fabs(intercept_gradient[c]) > violation) violation = fabs(intercept_gradient[c]);
        if (!(violation <= certificate->residual)) certificate->residual = violation;
    }
    certificate->separated = rows_separated(on, residuals);
    if (on->l1 == 0 && on->l2 == 0) return;

    balance how = {.gradient = intercept_gradient};
    if (on->fit_intercept) how.amount = balance_amount(on, intercept_gradient);
    double shrink = on->l1 > 0 ? shrink_of(on, gradient, null_gradient, &how) : 1;
    certificate->gap = gap_of(on, point, residuals, gradient, null_gradient, &how, shrink);
    if (on->l2 > 0 && shrink < 1) {
        double other = gap_of(on, point, residuals, gradient, null_gradient, &how, 1);
        if (other < certificate->gap) certificate->gap = other;
    }
}

/* How far a point is from the optimum: KKT residual and duality gap. SPDX-License-Identifier: Apache-2.0
 *
 * Symbols as in elastic.h; p_ic: predicted probability of class c (binomial: of 1, and 1 less that of 0); e_ic = [c is
 * row i's class]; g: gradient of the mean loss.
 *
 * KKT residual: the largest distance of 0 from F's subdifferential, over all coefficients and intercepts:
 *
 *   b != 0: |g + l2 q b + p sign b|      b = 0: max(|g| - p, 0)      intercepts: |g|
 *
 * Dual: the loss's conjugate is the negative entropy, so any probabilities s_i give a lower bound on the optimum,
 *
 *   D(s) = - 1/W sum_i w_i sum_c s_ic log s_ic - sum_cj h_j*(-G_cj)     G = 1/W sum_i w_i z_i (s_i - e_i)
 *   h_j*(x) = max(|x| - p_j, 0)^2 / (2 l2 q_j)                          l2 = 0: 0 if |x| <= p_j, else infinite
 *
 * provided that sum_i w_i (s_i - e_i) = 0 where there are intercepts. From p such an s is made in two steps:
 *
 *   balance   s = (1 - a) p + a v; S = mean of p, H = mean of e; v = S + (H - S) / a, which is a distribution for
 *             a = max_c 1 - H_c / S_c. z is centred, so a constant v adds nothing: G = (1 - a) g + a G0, G0 = G(s = H)
 *   shrink    s <- e + k (s - e), G <- k G with the largest k <= 1 that makes |G| <= p: if l2 = 0; if l1 and l2 > 0,
 *             the better of that k and 1
 *
 * The gap F - D is summed up as terms that are >= 0 each, so that it is right to its own last digits, however small:
 *
 *   gap = 1/W sum_i w_i sum_c [s log(s / p) - s + p] + sum_cj [h(b) + h*(-G) + G b]
 *
 * Without any penalty there is no bound: the gap is NaN. References: Fercoq, Gramfort, Salmon, Mind the duality gap
 * (2015); Boyd and Vandenberghe, Convex Optimization, ch. 5. */
#ifndef PDL_LINEAR_CERTIFICATE_H
#define PDL_LINEAR_CERTIFICATE_H

#include "linear/elastic.h"

typedef struct pdl_certificate {
    double objective; /* F */
    double residual;  /* the KKT residual */
    double gap;       /* F - D >= F - optimum, or NaN */
    bool separated;   /* every row's class has the largest margin: without penalty there is no optimum then */
} pdl_certificate;

/* At a point with its mean loss and residuals. gradient [sets, columns], intercept_gradient [sets]: of the mean loss
 * there; null_gradient [sets, columns]: G0, read where there are intercepts. */
void pdl_certify(const pdl_elastic *on, const double *point, double mean_loss, const double *residuals,
                 const double *gradient, const double *intercept_gradient, const double *null_gradient,
                 pdl_certificate *certificate);

/* Residuals w (H - e) of the constant prediction H: pdl_elastic_gradient makes G0 of them. */
void pdl_null_residuals(const pdl_elastic *on, double *residuals);

#endif

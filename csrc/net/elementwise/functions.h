/* Activations of a vector of numbers. Included after a vector extension. SPDX-License-Identifier: Apache-2.0
 *
 * Polynomials were fitted to the functions over the intervals named beside them, for the smallest largest error, which
 * stands there too; what rounding adds is about as large. Absolute errors of bounded functions are some 1e-7, relative
 * ones of those that grow. NaN stays NaN. */
#ifndef PDL_NET_ELEMENTWISE_FUNCTIONS_H
#define PDL_NET_ELEMENTWISE_FUNCTIONS_H

#include "net/elementwise/activations.h"
#include "net/simd/simd.h"

#include <stdint.h>

typedef int32_t lanes __attribute__((vector_size(4 * LANES))); /* of bits; of a comparison all are set, or none */

#define FUNCTION INLINE __attribute__((unused))
#define constant(value) vec_broadcast(value)
#define above(a, b) ((lanes)((vec)(a) > (vec)(b)))
#define magnitude(a) ((vec)((lanes)(a) & 0x7fffffff))

FUNCTION vec choose(lanes condition, vec a, vec b)
{
    return (vec)(((lanes)a & condition) | ((lanes)b & ~condition));
}

/* c[0] + c[1] x + ... + c[degree] x^degree */
FUNCTION vec polynomial(const int degree, const float *c, vec x)
{
    vec sum = constant(c[degree]);
    UNROLL
    for (int i = degree - 1; i >= 0; i--)
        sum = vec_fma(sum, x, constant(c[i]));
    return sum;
}

/* x within the range where e^x is a normal number or, at the upper end, infinite. */
FUNCTION vec exponent(vec x)
{
    return vec_max(constant(-87.33f), vec_min(constant(89.0f), x));
}

/* e^x = 2^n (1 + s) with |s| < 0.42: half of 2^n, which is always a number, and s. */
FUNCTION vec split_exp(vec x, vec *s)
{
    static const float q[] = {0.5f, 0.166665763f, 0.0416663736f, 0.00836324878f, 0.00139412261f};
    const float round = 12582912.0f; /* 1.5 2^23: adding it rounds to a whole number, in the last bits */
    vec shifted = vec_fma(x, constant(1.44269504f), constant(round));
    vec n = vec_sub(shifted, constant(round));
    vec r = vec_fma(n, constant(-0.693145752f), x); /* log 2 in two parts, the first of 16 bits */
    r = vec_fma(n, constant(-1.42860677e-6f), r);
    *s = vec_fma(vec_mul(r, r), polynomial(4, q, r), r); /* |r| <= log 2 / 2: 7.5e-9 */
    return (vec)(((lanes)shifted + 126) << 23);
}

FUNCTION vec vec_exp(vec x)
{
    vec s, half = split_exp(exponent(x), &s);
    vec y = vec_fma(half, s, half);
    return vec_add(y, y);
}

/* e^x - 1, with small relative error near 0. */
FUNCTION vec vec_expm1(vec x)
{
    vec s, half = split_exp(exponent(x), &s);
    vec power = vec_add(half, half);
    vec y = vec_fma(half, s, vec_fma(half, s, vec_sub(power, constant(1.0f))));
    return choose(above(x, constant(88.7f)), vec_exp(x), y);
}

/* 1 / (1 + e^-x) */
FUNCTION vec sigmoid(vec x)
{
    vec s, half = split_exp(vec_max(constant(-87.0f), vec_min(constant(87.0f), vec_sub(vec_zero(), x))), &s);
    vec e = vec_fma(half, s, half);
    return vec_reciprocal(vec_add(vec_add(e, e), constant(1.0f)));
}

/* log(1 + e^x) = max(0, x) + log(1 + y), y = e^-|x|; log(1 + y) = 2 artanh(y / (2 + y)). */
FUNCTION vec softplus(vec x)
{
    static const float c[] = {0.666666687f, 0.399996966f, 0.285928100f, 0.217000455f, 0.232537642f};
    vec y = vec_exp(vec_sub(vec_zero(), magnitude(x)));
    vec s = vec_mul(y, vec_reciprocal(vec_add(y, constant(2.0f)))), square = vec_mul(s, s);
    vec log = vec_fma(vec_mul(s, square), polynomial(4, c, square), vec_add(s, s)); /* s <= 1/3: 7.7e-10 */
    return vec_add(vec_relu(x), log);
}

FUNCTION vec vec_tanh(vec x)
{
    static const float c[] = {-0.333333343f, 0.133333057f,    -0.0539595485f,
                              0.0217709914f, -0.00834999513f, 0.00229892856f};
    vec square = vec_mul(x, x), size = magnitude(x);
    vec near = vec_fma(vec_mul(x, square), polynomial(5, c, square), x); /* |x| <= 0.625: 6.1e-10 */
    vec e = vec_exp(vec_min(constant(20.0f), vec_add(size, size)));
    vec far = vec_fma(constant(-2.0f), vec_reciprocal(vec_add(e, constant(1.0f))), constant(1.0f));
    far = (vec)((lanes)far | ((lanes)x & (lanes)constant(-0.0f)));
    return choose(above(size, constant(0.625f)), far, near);
}

/* x times the normal distribution function: erfc(z) = e^(-z^2) t P(t), t = 1 / (1 + 0.36 z), z = |x| / sqrt(2). */
FUNCTION vec gelu(vec x)
{
    static const float c[] = {0.203316246f,  0.199448770f, 0.217926327f,  0.0419306755f, 0.456775493f,
                              -0.488171351f, 0.660932119f, -0.358720299f, 0.0665620105f};
    vec z = vec_mul(magnitude(x), constant(0.707106781f));
    vec t = vec_reciprocal(vec_min(constant(1e37f), vec_fma(z, constant(0.36f), constant(1.0f))));
    vec e = vec_exp(vec_mul(z, vec_sub(vec_zero(), z)));
    vec tail = vec_mul(vec_mul(constant(0.5f), e), vec_mul(t, polynomial(8, c, t))); /* z <= 6.6: 8.8e-9 */
    return vec_mul(x, choose(above(x, vec_zero()), vec_sub(constant(1.0f), tail), tail));
}

/* x times a factor that should fall to 0 with x but stays at some 1e-38: as that of x = -100 further down. */
FUNCTION vec damp(vec x, vec factor)
{
    return vec_mul(vec_max(constant(-100.0f), x), factor);
}

FUNCTION vec gelu_tanh(vec x)
{
    vec cube = vec_mul(vec_mul(x, x), x); /* (1 + tanh(u)) / 2 = sigmoid(2 u) */
    vec u = vec_mul(vec_fma(cube, constant(0.044715f), x), constant(1.59576912f));
    return damp(x, sigmoid(u));
}

/* x tanh(softplus(x)) = x n / (n + 2), n = e^x (e^x + 2) */
FUNCTION vec mish(vec x)
{
    vec e = vec_exp(vec_min(constant(20.0f), x));
    vec n = vec_mul(e, vec_add(e, constant(2.0f)));
    return damp(x, vec_mul(n, vec_reciprocal(vec_add(n, constant(2.0f)))));
}

FUNCTION vec clip(vec low, vec high, vec x)
{
    return vec_max(low, vec_min(high, x));
}

FUNCTION vec bounded_relu(const float *p, vec x)
{
    vec slope = constant(p[0]), most = constant(p[1]), threshold = constant(p[2]);
    vec y = choose(above(threshold, x), vec_mul(slope, vec_sub(x, threshold)), x);
    return vec_min(most, y);
}

/* alpha (e^x - 1) where x < 0, else x */
FUNCTION vec elu(vec alpha, vec x)
{
    return choose(above(vec_zero(), x), vec_mul(alpha, vec_expm1(x)), x);
}

FUNCTION vec selu(vec x)
{
    return vec_mul(constant(1.05070099f), elu(constant(1.67326324f), x));
}

FUNCTION vec celu(vec alpha, vec x)
{
    return choose(above(vec_zero(), x), vec_mul(alpha, vec_expm1(x / alpha)), x);
}

FUNCTION vec hard_sigmoid(vec slope, vec offset, vec x)
{
    return clip(vec_zero(), constant(1.0f), vec_fma(slope, x, offset));
}

FUNCTION vec soft_shrink(vec threshold, vec x)
{
    vec y = vec_relu(vec_sub(magnitude(x), threshold)); /* with the sign of x */
    return (vec)((lanes)y | ((lanes)x & (lanes)constant(-0.0f)));
}

/* (x + r) / 2, r = sqrt(x^2 + b); below 0, where the two cancel out, b / (2 (r - x)). */
FUNCTION vec squareplus(vec b, vec x)
{
    vec size = magnitude(x), half = constant(0.5f);
    vec root = choose(above(size, constant(1e18f)), size, vec_sqrt(vec_fma(x, x, b))); /* where x^2 is finite */
    vec sum = vec_fma(half, root, vec_mul(half, size));
    return choose(above(vec_zero(), x), vec_mul(half, b) / vec_add(root, size), sum);
}

/* 0 up to -1, x from 1 on, between them the parabola that joins them. */
FUNCTION vec sparse_plus(vec x)
{
    vec one = constant(1.0f), y = vec_add(clip(vec_sub(vec_zero(), one), one, x), one);
    return choose(above(x, one), x, vec_mul(constant(0.25f), vec_mul(y, y)));
}

/* kind: a constant, so that one case remains. */
FUNCTION vec apply(const pdl_activation kind, const float *p, vec x)
{
    vec zero = vec_zero(), one = constant(1.0f);
    switch (kind) {
    case PDL_ACTIVATION_RELU:
        return vec_relu(x);
    case PDL_ACTIVATION_BOUNDED_RELU:
        return bounded_relu(p, x);
    case PDL_ACTIVATION_LEAKY_RELU:
        return choose(above(zero, x), vec_mul(constant(p[0]), x), x);
    case PDL_ACTIVATION_ELU:
        return elu(constant(p[0]), x);
    case PDL_ACTIVATION_SELU:
        return selu(x);
    case PDL_ACTIVATION_CELU:
        return celu(constant(p[0]), x);
    case PDL_ACTIVATION_GELU:
        return gelu(x);
    case PDL_ACTIVATION_GELU_TANH:
        return gelu_tanh(x);
    case PDL_ACTIVATION_SIGMOID:
        return sigmoid(x);
    case PDL_ACTIVATION_TANH:
        return vec_tanh(x);
    case PDL_ACTIVATION_SILU:
        return damp(x, sigmoid(x));
    case PDL_ACTIVATION_HARD_SIGMOID:
        return hard_sigmoid(constant(p[0]), constant(p[1]), x);
    case PDL_ACTIVATION_HARD_SILU:
        return vec_mul(x, hard_sigmoid(constant(1.0f / 6.0f), constant(0.5f), x));
    case PDL_ACTIVATION_SOFTPLUS:
        return softplus(x);
    case PDL_ACTIVATION_SOFTSIGN:
        return x / vec_add(one, magnitude(x));
    case PDL_ACTIVATION_EXPONENTIAL:
        return vec_exp(x);
    case PDL_ACTIVATION_MISH:
        return mish(x);
    case PDL_ACTIVATION_LOG_SIGMOID:
        return vec_sub(zero, softplus(vec_sub(zero, x)));
    case PDL_ACTIVATION_TANH_SHRINK:
        return vec_sub(x, vec_tanh(x));
    case PDL_ACTIVATION_SOFT_SHRINK:
        return soft_shrink(constant(p[0]), x);
    case PDL_ACTIVATION_HARD_SHRINK:
        return choose(above(constant(p[0]), magnitude(x)) | (lanes)(magnitude(x) == constant(p[0])), zero, x);
    case PDL_ACTIVATION_SQUAREPLUS:
        return squareplus(constant(p[0]), x);
    case PDL_ACTIVATION_SPARSE_PLUS:
        return sparse_plus(x);
    case PDL_ACTIVATION_SPARSE_SIGMOID:
        return hard_sigmoid(constant(0.5f), constant(0.5f), x);
    case PDL_ACTIVATION_THRESHOLD:
        return choose(above(x, constant(p[0])), x, constant(p[1]));
    case PDL_ACTIVATION_HARD_TANH:
        return clip(vec_sub(zero, one), one, x);
    default:
        return x;
    }
}

#endif

/* The kernels' one text, compiled once for each vector extension and precision (net/simd/simd.h).
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/elementwise/functions.h"
#include "net/elementwise/kernels.h"

#include <math.h>
#include <string.h>

/* ---- activations ---- */

INLINE void activate_as(const pdl_activation kind, const pdl_function *function, const pdl_rows *r)
{
    const element *x = r->a;
    element *y = r->y;
    for (size_t i = 0; i < r->rows; i++, x += r->a_pitch, y += r->y_pitch) {
        size_t c = 0;
        for (; c + LANES <= r->count; c += LANES)
            element_store(y + c, apply(kind, function->p, element_load(x + c)));
        if (c < r->count)
            element_store_part(y + c, r->count - c, apply(kind, function->p, element_load_part(x + c, r->count - c)));
    }
}

#define CASE(name)                                                                                                     \
    case PDL_ACTIVATION_##name:                                                                                        \
        activate_as(PDL_ACTIVATION_##name, function, rows);                                                            \
        break;

static void activate(const pdl_function *function, const pdl_rows *rows)
{
    switch (function->kind) {
        CASE(RELU)
        CASE(BOUNDED_RELU)
        CASE(LEAKY_RELU)
        CASE(ELU)
        CASE(SELU)
        CASE(CELU)
        CASE(GELU)
        CASE(GELU_TANH)
        CASE(SIGMOID)
        CASE(TANH)
        CASE(SILU)
        CASE(HARD_SIGMOID)
        CASE(HARD_SILU)
        CASE(SOFTPLUS)
        CASE(SOFTSIGN)
        CASE(EXPONENTIAL)
        CASE(MISH)
        CASE(LOG_SIGMOID)
        CASE(TANH_SHRINK)
        CASE(SOFT_SHRINK)
        CASE(HARD_SHRINK)
        CASE(SQUAREPLUS)
        CASE(SPARSE_PLUS)
        CASE(SPARSE_SIGMOID)
        CASE(THRESHOLD)
        CASE(HARD_TANH)
    default:
        activate_as(PDL_ACTIVATION_LINEAR, function, rows);
    }
}

#undef CASE

/* ---- affine ---- */

INLINE void scale_as(const bool scales, const bool shifts, const bool relu, const float *factor, const float *shift,
                     const pdl_rows *r)
{
    const element *x = r->a;
    element *y = r->y;
    for (size_t i = 0; i < r->rows; i++, x += r->a_pitch, y += r->y_pitch)
        for (size_t c = 0; c < r->count; c += LANES) {
            size_t left = r->count - c;
            bool whole = left >= LANES;
            vec a = whole ? element_load(x + c) : element_load_part(x + c, left);
            vec b = !shifts ? vec_zero() : whole ? vec_load(shift + c) : vec_load_part(shift + c, left);
            if (scales)
                a = vec_fma(a, whole ? vec_load(factor + c) : vec_load_part(factor + c, left), b);
            else if (shifts)
                a = vec_add(a, b);
            if (relu) a = vec_relu(a);
            if (whole)
                element_store(y + c, a);
            else
                element_store_part(y + c, left, a);
        }
}

static void scale(const float *factor, const float *shift, bool relu, const pdl_rows *rows)
{
    if (factor != NULL && shift != NULL && relu)
        scale_as(true, true, true, factor, shift, rows);
    else if (factor == NULL && shift == NULL && relu)
        scale_as(false, false, true, factor, shift, rows);
    else
        scale_as(factor != NULL, shift != NULL, relu, factor, shift, rows);
}

/* ---- two numbers ---- */

INLINE vec join(const pdl_combination how, vec a, vec b)
{
    switch (how) {
    case PDL_COMBINE_ADD:
        return vec_add(a, b);
    case PDL_COMBINE_MULTIPLY:
        return vec_mul(a, b);
    case PDL_COMBINE_SUBTRACT:
        return vec_sub(a, b);
    case PDL_COMBINE_DIVIDE:
        return a / b;
    case PDL_COMBINE_MAXIMUM:
        return choose((lanes)(a != a), a, vec_max(a, b));
    case PDL_COMBINE_MINIMUM:
        return choose((lanes)(a != a), a, vec_min(a, b));
    default:
        return choose(above(a, vec_zero()), a, vec_mul(a, b));
    }
}

INLINE vec operand(const element *p, bool alone, size_t c, size_t count)
{
    if (alone) return vec_broadcast(element_get(*p));
    return count < LANES ? element_load_part(p + c, count) : element_load(p + c);
}

INLINE void combine_as(const pdl_combination how, const pdl_rows *r)
{
    const element *a = r->a, *b = r->b;
    element *y = r->y;
    for (size_t i = 0; i < r->rows; i++, a += r->a_pitch, b += r->b_pitch, y += r->y_pitch) {
        size_t c = 0;
        for (; c + LANES <= r->count; c += LANES)
            element_store(y + c, join(how, operand(a, r->a_alone, c, LANES), operand(b, r->b_alone, c, LANES)));
        size_t left = r->count - c;
        if (left == 0) continue;
        element_store_part(y + c, left, join(how, operand(a, r->a_alone, c, left), operand(b, r->b_alone, c, left)));
    }
}

#define CASE(name)                                                                                                     \
    case PDL_COMBINE_##name:                                                                                           \
        combine_as(PDL_COMBINE_##name, rows);                                                                          \
        break;

static void combine(pdl_combination how, const pdl_rows *rows)
{
    switch (how) {
        CASE(ADD)
        CASE(MULTIPLY)
        CASE(SUBTRACT)
        CASE(DIVIDE)
        CASE(MAXIMUM)
        CASE(MINIMUM)
        CASE(PRELU)
    }
}

#undef CASE

/* ---- normalization of rows ---- */

INLINE float total(vec a)
{
    float part[LANES], sum = 0.0f;
    vec_store(part, a);
    for (int i = 0; i < LANES; i++)
        sum += part[i];
    return sum;
}

/* The sum of (x - mean)^power, power 1 or 2. */
INLINE float sum_powers(const int power, const element *x, size_t count, float mean)
{
    vec sum = vec_zero(), middle = vec_broadcast(mean);
    size_t c = 0;
    for (; c + LANES <= count; c += LANES) {
        vec d = vec_sub(element_load(x + c), middle);
        sum = power == 1 ? vec_add(sum, d) : vec_fma(d, d, sum);
    }
    float last = 0.0f;
    for (; c < count; c++) {
        float d = element_get(x[c]) - mean;
        last += power == 1 ? d : d * d;
    }
    return total(sum) + last;
}

/* What divides a row, and what is subtracted from it before, as its norm has them. */
INLINE float row_scale(const pdl_norm norm, float epsilon, const element *x, size_t count, float *middle)
{
    bool about_mean = norm == PDL_NORM_LAYER || norm == PDL_NORM_VARIANCE;
    float mean = about_mean ? sum_powers(1, x, count, 0.0f) / (float)count : 0.0f;
    float squares = sum_powers(2, x, count, mean);
    *middle = norm == PDL_NORM_LAYER ? mean : 0.0f;
    if (norm == PDL_NORM_UNIT) return 1.0f / sqrtf(squares < epsilon ? epsilon : squares);
    return 1.0f / sqrtf(squares / (float)count + epsilon);
}

static void normalize(pdl_norm norm, float epsilon, const float *gamma, const float *beta, const pdl_rows *r)
{
    const element *x = r->a;
    element *y = r->y;
    for (size_t i = 0; i < r->rows; i++, x += r->a_pitch, y += r->y_pitch) {
        float mean, scale = row_scale(norm, epsilon, x, r->count, &mean);
        size_t c = 0;
        for (; c + LANES <= r->count; c += LANES) {
            vec d = vec_mul(vec_sub(element_load(x + c), vec_broadcast(mean)), vec_broadcast(scale));
            if (gamma != NULL) d = vec_mul(d, vec_load(gamma + c));
            element_store(y + c, beta != NULL ? vec_add(d, vec_load(beta + c)) : d);
        }
        for (; c < r->count; c++) {
            float d = (element_get(x[c]) - mean) * scale;
            if (gamma != NULL) d *= gamma[c];
            y[c] = element_make(beta != NULL ? d + beta[c] : d);
        }
    }
}

const pdl_elementwise_kernels NAME = {.activate = activate, .scale = scale, .combine = combine, .normalize = normalize};

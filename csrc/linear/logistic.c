/* Logistic regression: from features and labels to coefficients. SPDX-License-Identifier: Apache-2.0
 *
 *   minimise   1/W sum_i w_i loss(y_i, x_i) + l2/2 sum q_j b[c][j]^2 + l1 sum sqrt(q_j) |b[c][j]|
 *
 *   l1 = elastic_net reg_param,  l2 = (1 - elastic_net) reg_param; intercepts are not penalised
 *
 * in the scaled space that objective.h defines. Then b[c][j] u_j are the coefficients of the features as they came, and
 * the intercepts lose sum_j b[c][j] m_j when the data was centred.
 *
 *   start      b = 0; intercepts log(1 + h_c) less their mean (h_c: weight of class c), binomial log(h_1 / h_0).
 *              From an initial model: b[c][j] times deviation_j; intercepts plus sum_j b[c][j] m_j when centred
 *   optimiser  L-BFGS when l1 = 0, else OWL-QN (minimize.h); `certified` goes to the optimum instead (certified.h)
 *   pivoting   softmax has a free direction: without penalty each feature's coefficients get a mean of 0 over the
 *              classes, and so do the intercepts always
 *   one class  with an intercept there is nothing to train: coefficients 0, the class's intercept +inf, history [0]
 *
 * Centring (Spark >= 3.2) moves the path, not the optimum: `uncentred` gives the path of Spark <= 3.1.
 * Source: Spark MLlib 4's LogisticRegression. */
#include "base/memory.h"
#include "base/status.h"
#include "linear/active_set.h"
#include "linear/minimize.h"
#include "linear/objective.h"
#include "linear/optimum.h"
#include "linear/span.h"
#include "linear/statistics.h"

#include <math.h>
#include <string.h>

struct pdl_logistic_model {
    size_t sets, columns;
    double *values; /* [sets, columns] coefficients, then [sets] intercepts */
    pdl_history history;
    bool certified;
    pdl_optimality optimality; /* if certified */
};

typedef struct fit {
    const pdl_logistic_options *options;
    pdl_features *features;
    const pdl_logistic_parts *parts; /* of rows that lie elsewhere, or NULL: there are no features then */
    const double *labels, *weights;  /* of the matrix' rows, given or used_* */
    double *used_labels, *used_weights;
    pdl_matrix matrix;
    const pdl_statistics *statistics; /* shared */
    pdl_objective objective;
    pdl_span span;                           /* of a fit that runs in the samples' span */
    pdl_history *history;                    /* the model's */
    pdl_active_set set;                      /* of a fit with L1 that uses one */
    double *inverse_deviation, *scaled_mean; /* [columns] */
    double *class_weight;                    /* [classes]: h */
    size_t classes_present;
} fit;

static size_t sets_of(const pdl_logistic_options *options)
{
    return options->multinomial ? options->classes : 1;
}

/* ---- checks ------------------------------------------------------------------------------------------ */

static pdl_status check_options(const pdl_logistic_options *options, pdl_error *error)
{
    if (options->classes == 0) return pdl_fail(error, PDL_EINVAL, "classes is 0; expected at least 1");
    if (!options->multinomial && options->classes > 2)
        return pdl_fail(error, PDL_EINVAL, "binomial regression takes 1 or 2 classes, got %zu", options->classes);
    if (!(options->reg_param >= 0) || isinf(options->reg_param))
        return pdl_fail(error, PDL_EINVAL, "reg_param is %g; expected a finite number >= 0", options->reg_param);
    if (!(options->elastic_net >= 0 && options->elastic_net <= 1))
        return pdl_fail(error, PDL_EINVAL, "elastic_net is %g; expected a number in [0, 1]", options->elastic_net);
    if (!(options->tolerance >= 0))
        return pdl_fail(error, PDL_EINVAL, "tolerance is %g; expected a number >= 0", options->tolerance);
    if (options->certified && options->uncentred)
        return pdl_fail(error, PDL_EINVAL, "a certified fit has no uncentred form");
    return PDL_OK;
}

static pdl_status check_initial(const fit *work, size_t columns, pdl_error *error)
{
    const double *initial = work->options->initial;
    size_t sets = sets_of(work->options), count = sets * (columns + 1);
    for (size_t k = 0; initial != NULL && k < count; k++) {
        if (isfinite(initial[k])) continue;
        if (k >= sets * columns)
            return pdl_fail(error, PDL_EDATA, "the initial intercept %zu is %g; it must be finite", k - sets * columns,
                            initial[k]);
        return pdl_fail(error, PDL_EDATA, "the initial coefficient [%zu, %zu] is %g; it must be finite", k / columns,
                        k % columns, initial[k]);
    }
    return PDL_OK;
}

/* Checks labels and weights, and sums the weight of each class. A row of weight 0 may have any label. */
static pdl_status weigh_classes(fit *work, pdl_error *error)
{
    size_t classes = work->options->classes, rows = work->features->rows;
    work->class_weight = pdl_alloc_zero(classes, sizeof(double));
    if (work->class_weight == NULL) return pdl_fail_memory(error, classes * sizeof(double), "class weights");
    for (size_t i = 0; i < rows; i++) {
        double label = work->labels[i], weight = work->weights != NULL ? work->weights[i] : 1;
        if (!(weight >= 0) || isinf(weight))
            return pdl_fail(error, PDL_EDATA, "row %zu: weight is %g; weights must be finite and not negative", i,
                            weight);
        if (weight == 0) continue;
        if (!(label >= 0 && label < (double)classes) || label != floor(label))
            return pdl_fail(error, PDL_EDATA, "row %zu: label is %.17g; labels must be integers in [0, %zu)", i, label,
                            classes);
        work->class_weight[(size_t)label] += weight;
    }
    for (size_t c = 0; c < classes; c++)
        work->classes_present += work->class_weight[c] > 0;
    if (work->classes_present == 0) return pdl_fail(error, PDL_EDATA, "all %zu weights are 0", rows);
    return PDL_OK;
}

/* ---- preparation ------------------------------------------------------------------------------------- */

/* Labels and weights of the rows that the matrix holds. */
static pdl_status select_rows(fit *work, pdl_error *error)
{
    size_t rows = work->matrix.rows, all = work->features->rows, used = 0;
    if (rows == all) return PDL_OK;
    work->used_labels = pdl_alloc(rows, sizeof(double));
    work->used_weights = pdl_alloc(rows, sizeof(double));
    if (work->used_labels == NULL || work->used_weights == NULL)
        return pdl_fail_memory(error, 2 * rows * sizeof(double), "labels and weights");
    for (size_t i = 0; i < all; i++) {
        if (work->weights[i] == 0) continue;
        work->used_labels[used] = work->labels[i];
        work->used_weights[used++] = work->weights[i];
    }
    work->labels = work->used_labels;
    work->weights = work->used_weights;
    return PDL_OK;
}

static pdl_status scale_features(fit *work, pdl_error *error)
{
    const pdl_statistics *statistics = work->statistics;
    size_t columns = work->matrix.columns;
    bool centred = work->options->fit_intercept && !work->options->uncentred;
    work->inverse_deviation = pdl_alloc(columns, sizeof(double));
    work->scaled_mean = pdl_alloc(columns, sizeof(double));
    if (work->inverse_deviation == NULL || work->scaled_mean == NULL)
        return pdl_fail_memory(error, 2 * columns * sizeof(double), "feature scaling");
    for (size_t j = 0; j < columns; j++) {
        work->inverse_deviation[j] = statistics->deviation[j] != 0 ? 1 / statistics->deviation[j] : 0;
        work->scaled_mean[j] = centred ? statistics->mean[j] * work->inverse_deviation[j] : 0;
    }
    return PDL_OK;
}

static pdl_status prepare_objective(fit *work, pdl_error *error)
{
    const pdl_logistic_options *options = work->options;
    const pdl_matrix *matrix = &work->matrix;
    work->objective = (pdl_objective){
        .matrix = matrix,
        .loss = {.multinomial = options->multinomial,
                 .sets = matrix->sets,
                 .stride = matrix->stride,
                 .labels = work->labels,
                 .weights = work->weights},
        .total_weight = work->statistics->total_weight,
        .inverse_deviation = work->inverse_deviation,
        .scaled_mean = work->scaled_mean,
        .centred = options->fit_intercept && !options->uncentred,
        .fit_intercept = options->fit_intercept,
        .standardization = options->standardization,
        .l2 = (1 - options->elastic_net) * options->reg_param,
        .threads = options->threads != 0 ? options->threads : pdl_default_threads(),
    };
    return pdl_objective_prepare(&work->objective, error);
}

static pdl_status open_rows(fit *work, pdl_error *error)
{
    pdl_status status = check_options(work->options, error);
    if (status == PDL_OK) status = check_initial(work, work->features->columns, error);
    if (status == PDL_OK && work->features->rows != 0) status = weigh_classes(work, error);
    if (status == PDL_OK) status = pdl_features_finish(work->features, error);
    if (status == PDL_OK)
        status = pdl_matrix_open(&work->matrix, work->features, work->weights, sets_of(work->options), error);
    if (status == PDL_OK) status = select_rows(work, error);
    return status;
}

static pdl_status open_fit(fit *work, pdl_error *error)
{
    const double *weights = work->weights;
    pdl_status status = open_rows(work, error);
    if (status == PDL_OK)
        status = pdl_statistics_share(work->features, &work->matrix, weights, work->weights, work->options->threads,
                                      &work->statistics, error);
    if (status == PDL_OK) status = scale_features(work, error);
    return status;
}

static void close_fit(fit *work)
{
    pdl_objective_release(&work->objective);
    pdl_statistics_unshare(work->features, work->statistics);
    pdl_matrix_close(&work->matrix);
    pdl_free(work->used_labels);
    pdl_free(work->used_weights);
    pdl_free(work->inverse_deviation);
    pdl_free(work->scaled_mean);
    pdl_free(work->class_weight);
}

/* ---- training ---------------------------------------------------------------------------------------- */

static pdl_status stopped(pdl_error *error)
{
    return pdl_fail(error, PDL_EINTERRUPTED, "logistic regression was stopped");
}

static pdl_status check_interruption(const fit *work, pdl_error *error)
{
    const pdl_logistic_options *options = work->options;
    return options->interrupted != NULL && options->interrupted(options->context) ? stopped(error) : PDL_OK;
}

static pdl_status evaluate(void *context, const double *x, double *value, double *gradient, pdl_error *error)
{
    fit *work = context;
    pdl_objective *objective = work->set.full != NULL ? pdl_active_set_objective(&work->set) : &work->objective;
    pdl_objective_evaluate(objective, x, value, gradient);
    return check_interruption(work, error);
}

static pdl_status evaluate_in_span(void *context, const double *x, double *value, double *gradient, pdl_error *error)
{
    fit *work = context;
    pdl_span_evaluate(&work->span, x, value, gradient);
    return check_interruption(work, error);
}

static pdl_status record(void *context, size_t iteration, double objective, pdl_error *error)
{
    const pdl_logistic_options *options = ((fit *)context)->options;
    if (options->progress == NULL) return PDL_OK;
    return options->progress(options->context, iteration, objective) ? stopped(error) : PDL_OK;
}

/* The start's intercepts; everything else is 0, and so are the intercepts of classes beyond the largest label, which
 * only metadata tell of: the counts that Spark starts from end with that label. */
static void start_intercepts(const fit *work, double *intercepts)
{
    size_t counted = work->matrix.sets;
    if (!work->options->multinomial) {
        if (work->classes_present == 2) intercepts[0] = log(work->class_weight[1] / work->class_weight[0]);
        return;
    }
    while (counted > 1 && !(work->class_weight[counted - 1] > 0))
        counted--;
    double sum = 0;
    for (size_t c = 0; c < counted; c++) {
        intercepts[c] = log1p(work->class_weight[c]);
        sum += intercepts[c];
    }
    /* In this order, as Spark: where classes weigh the same, rounding decides whether an intercept starts at 0 or just
     * beside it, and OWL-QN never takes one across 0. */
    for (size_t c = 0; c < counted; c++)
        intercepts[c] -= sum / (double)counted;
}

/* The initial model in the solver's space. */
static void start_from(const fit *work, const double *initial, pdl_logistic_model *model)
{
    size_t sets = model->sets, columns = model->columns;
    double *intercepts = model->values + sets * columns;
    for (size_t c = 0; c < sets; c++) {
        double shift = 0, *b = model->values + c * columns;
        for (size_t j = 0; j < columns; j++) {
            b[j] = initial[c * columns + j] * work->statistics->deviation[j];
            shift += b[j] * work->scaled_mean[j]; /* a mean of 0 unless centred */
        }
        if (work->options->fit_intercept) intercepts[c] = initial[sets * columns + c] + shift;
    }
}

static void start(const fit *work, pdl_logistic_model *model)
{
    if (work->options->initial != NULL)
        start_from(work, work->options->initial, model);
    else if (work->options->fit_intercept)
        start_intercepts(work, model->values + model->sets * model->columns);
}

/* L1 weight of every element of the solver's vector. */
static double *make_l1(const fit *work, size_t n, double l1)
{
    const pdl_matrix *matrix = &work->matrix;
    double *p = pdl_alloc(n, sizeof *p);
    for (size_t k = 0; p != NULL && k < n; k++) {
        if (k >= matrix->sets * matrix->columns)
            p[k] = 0;
        else
            p[k] = work->options->standardization ? l1 : l1 * work->inverse_deviation[k % matrix->columns];
    }
    return p;
}

/* L-BFGS from zero coefficients, in the samples' span (span.h). */
static pdl_status minimize_in_span(fit *work, pdl_problem *problem, pdl_logistic_model *model, pdl_error *error)
{
    double *beta = NULL, *intercepts = model->values + model->sets * model->columns;
    size_t count = 0;
    pdl_status status = pdl_span_open(&work->span, &work->objective, error);
    if (status != PDL_OK) return status;
    problem->n = pdl_span_size(&work->span);
    problem->evaluate = evaluate_in_span;
    count = model->sets * work->span.rank;
    beta = pdl_alloc_zero(count + model->sets, sizeof *beta);
    if (beta == NULL) {
        status = pdl_fail_memory(error, problem->n * sizeof *beta, "coefficients of the samples");
        goto done;
    }
    memcpy(beta + count, intercepts, model->sets * sizeof *beta);
    status = pdl_minimize(problem, beta, &model->history, error);
    memcpy(intercepts, beta + count, model->sets * sizeof *beta);
    if (status == PDL_OK) status = pdl_span_expand(&work->span, beta, model->values, error);
done:
    pdl_free(beta);
    pdl_span_close(&work->span);
    return status;
}

static pdl_status train(fit *work, pdl_logistic_model *model, pdl_error *error)
{
    const pdl_logistic_options *options = work->options;
    double l1 = options->elastic_net * options->reg_param, *penalty = NULL;
    pdl_status status = prepare_objective(work, error);
    if (status != PDL_OK) return status;
    pdl_problem problem = {.n = pdl_objective_size(&work->objective),
                           .evaluate = evaluate,
                           .record = record,
                           .context = work,
                           .max_iterations = options->max_iterations,
                           .tolerance = options->tolerance,
                           .smooth_window = options->uncentred,
                           .threads = work->objective.threads};
    if (l1 != 0) {
        penalty = make_l1(work, problem.n, l1);
        if (penalty == NULL) return pdl_fail_memory(error, problem.n * sizeof(double), "L1 weights");
        problem.l1 = penalty;
        if (pdl_active_set_fits(&work->objective)) {
            status = pdl_active_set_open(&work->set, &work->objective, penalty, options->max_iterations, error);
            problem.active_set = &work->set;
        }
    }
    start(work, model);
    if (status != PDL_OK)
        ; /* said already */
    else if (l1 == 0 && pdl_span_pays(&work->objective, options->max_iterations) && options->initial == NULL)
        status = minimize_in_span(work, &problem, model, error);
    else
        status = pdl_minimize(&problem, model->values, &model->history, error);
    pdl_active_set_close(&work->set);
    pdl_free(penalty);
    return status;
}

/* ---- the certified optimum --------------------------------------------------------------------------- */

static pdl_optimum optimum_of(fit *work)
{
    const pdl_logistic_options *options = work->options;
    return (pdl_optimum){.objective = &work->objective,
                         .l1 = options->elastic_net * options->reg_param,
                         .mean = work->statistics->mean,
                         .class_weight = work->class_weight,
                         .classes = options->classes};
}

static pdl_status check_interrupted(void *context, pdl_error *error)
{
    const pdl_logistic_options *options = ((fit *)context)->options;
    return options->interrupted != NULL && options->interrupted(options->context) ? stopped(error) : PDL_OK;
}

/* Keeps an iteration's objective, and tells the caller of it. */
static pdl_status keep_objective(void *context, size_t iteration, double objective, pdl_error *error)
{
    pdl_status status = pdl_history_append(((fit *)context)->history, objective, error);
    return status == PDL_OK ? record(context, iteration, objective, error) : status;
}

static pdl_status train_certified(fit *work, pdl_logistic_model *model, pdl_error *error)
{
    pdl_optimum how = optimum_of(work);
    how.max_iterations = work->options->max_iterations;
    how.tolerance = work->options->tolerance;
    how.record = keep_objective;
    how.check = check_interrupted;
    how.context = work;
    how.started = work->options->initial != NULL;
    if (how.started) start_from(work, work->options->initial, model);
    work->history = &model->history;
    pdl_status status = prepare_objective(work, error);
    if (status == PDL_OK) status = pdl_optimum_find(&how, model->values, &model->optimality, error);
    return status;
}

/* ---- from the scaled space and back ------------------------------------------------------------------ */

/* Of the finite ones: a class without rows may have an infinite intercept. */
static void subtract_mean(double *value, size_t count, size_t step)
{
    double mean = 0;
    size_t finite = 0;
    for (size_t c = 0; c < count; c++) {
        if (!isfinite(value[c * step])) continue;
        mean += value[c * step];
        finite++;
    }
    mean /= (double)finite;
    for (size_t c = 0; c < count; c++)
        value[c * step] -= mean;
}

/* From the scaled space to the features as they came. */
static void unscale(const fit *work, pdl_logistic_model *model)
{
    size_t sets = model->sets, columns = model->columns;
    double *intercepts = model->values + sets * columns;
    for (size_t c = 0; c < sets; c++) {
        double *b = model->values + c * columns, shift = 0;
        for (size_t j = 0; j < columns; j++) {
            shift += b[j] * work->scaled_mean[j];
            b[j] *= work->inverse_deviation[j];
        }
        intercepts[c] -= shift; /* 0 where nothing is centred */
    }
    if (!work->options->multinomial) return;
    for (size_t j = 0; j < columns && work->options->reg_param == 0; j++)
        subtract_mean(model->values + j, sets, columns);
    if (work->options->fit_intercept) subtract_mean(intercepts, sets, 1);
}

/* One class only, with an intercept. */
static pdl_status settle_constant(const fit *work, pdl_logistic_model *model, pdl_error *error)
{
    double *intercepts = model->values + model->sets * model->columns;
    size_t class = 0;
    while (!(work->class_weight[class] > 0))
        class++;
    if (work->options->multinomial)
        intercepts[class] = INFINITY;
    else
        intercepts[0] = class == 1 ? INFINITY : -INFINITY;
    model->history.value = pdl_alloc_zero(1, sizeof(double));
    if (model->history.value == NULL) return pdl_fail_memory(error, sizeof(double), "the objective history");
    model->history.count = model->history.capacity = 1;
    return PDL_OK;
}

static pdl_status create_model(size_t sets, size_t columns, pdl_logistic_model **out, pdl_error *error)
{
    size_t count;
    pdl_logistic_model *model = pdl_alloc_zero(1, sizeof *model);
    if (model != NULL && pdl_size_mul(sets, columns, &count) && count <= SIZE_MAX - sets)
        model->values = pdl_alloc_zero(count + sets, sizeof(double));
    if (model == NULL || model->values == NULL) {
        pdl_free(model);
        return pdl_fail(error, PDL_ENOMEM, "out of memory: coefficients of %zu sets of %zu features", sets, columns);
    }
    model->sets = sets;
    model->columns = columns;
    *out = model;
    return PDL_OK;
}

pdl_status pdl_logistic_fit(pdl_features *features, const double *labels, const double *weights,
                            const pdl_logistic_options *options, pdl_logistic_model **out, pdl_error *error)
{
    fit work = {.features = features, .options = options, .labels = labels, .weights = weights};
    pdl_logistic_model *model = NULL;
    pdl_status status = open_fit(&work, error);
    if (status == PDL_OK) status = create_model(sets_of(options), features->columns, &model, error);
    if (status != PDL_OK) goto done;
    model->certified = options->certified;
    if (options->fit_intercept && work.classes_present == 1) {
        status = settle_constant(&work, model, error);
    } else {
        status = options->certified ? train_certified(&work, model, error) : train(&work, model, error);
        if (status == PDL_OK) unscale(&work, model);
    }
done:
    close_fit(&work);
    if (status == PDL_OK)
        *out = model;
    else
        pdl_logistic_destroy(model);
    return status;
}

/* ---- rows that lie elsewhere, in parts --------------------------------------------------------------- */

pdl_status pdl_logistic_part(pdl_features *features, const double *labels, const double *weights,
                             const pdl_logistic_options *options, const double *mean, const double *deviation,
                             const double *point, double *value, double *gradient, pdl_error *error)
{
    pdl_logistic_options plain = *options;
    plain.reg_param = 0;
    const pdl_statistics given = {.total_weight = 1, .mean = (double *)mean, .deviation = (double *)deviation};
    fit work = {.features = features, .options = &plain, .labels = labels, .weights = weights};
    pdl_status status = open_rows(&work, error);
    work.statistics = &given;
    if (status == PDL_OK) status = scale_features(&work, error);
    if (status == PDL_OK) status = prepare_objective(&work, error);
    if (status == PDL_OK) pdl_objective_evaluate(&work.objective, point, value, gradient);
    work.statistics = NULL; /* not shared */
    close_fit(&work);
    return status;
}

/* The objective from the sum over the parts: the mean, and the L2 term. */
static pdl_status evaluate_parts(void *context, const double *x, double *value, double *gradient, pdl_error *error)
{
    fit *work = context;
    const pdl_logistic_options *options = work->options;
    size_t columns = work->matrix.columns, sets = work->matrix.sets;
    double l2 = (1 - options->elastic_net) * options->reg_param, square = 0, scale = 1 / work->parts->total_weight;
    if (work->parts->evaluate(work->parts->context, x, value, gradient)) return stopped(error);
    for (size_t k = 0; k < sets * (columns + (options->fit_intercept ? 1 : 0)); k++)
        gradient[k] *= scale;
    for (size_t k = 0; k < sets * columns && l2 != 0; k++) {
        double u = work->inverse_deviation[k % columns], factor = options->standardization ? 1 : u * u;
        square += factor * x[k] * x[k];
        gradient[k] += l2 * factor * x[k];
    }
    *value = *value * scale + l2 / 2 * square;
    return check_interruption(work, error);
}

static pdl_status train_parts(fit *work, pdl_logistic_model *model, pdl_error *error)
{
    const pdl_logistic_options *options = work->options;
    double l1 = options->elastic_net * options->reg_param, *penalty = NULL;
    pdl_problem problem = {.n = model->sets * (model->columns + (options->fit_intercept ? 1 : 0)),
                           .evaluate = evaluate_parts,
                           .record = record,
                           .context = work,
                           .max_iterations = options->max_iterations,
                           .tolerance = options->tolerance,
                           .smooth_window = options->uncentred,
                           .threads = options->threads != 0 ? options->threads : pdl_default_threads()};
    if (l1 != 0) {
        penalty = make_l1(work, problem.n, l1);
        if (penalty == NULL) return pdl_fail_memory(error, problem.n * sizeof(double), "L1 weights");
        problem.l1 = penalty;
    }
    start(work, model);
    pdl_status status = pdl_minimize(&problem, model->values, &model->history, error);
    pdl_free(penalty);
    return status;
}

static pdl_status check_parts(const pdl_logistic_parts *parts, size_t classes, pdl_error *error)
{
    if (!(parts->total_weight > 0) || isinf(parts->total_weight))
        return pdl_fail(error, PDL_EDATA, "the parts' total weight is %g; expected a finite number above 0",
                        parts->total_weight);
    for (size_t c = 0; c < classes; c++)
        if (!(parts->class_weight[c] >= 0) || isinf(parts->class_weight[c]))
            return pdl_fail(error, PDL_EDATA, "class %zu: its weight is %g; expected a finite number >= 0", c,
                            parts->class_weight[c]);
    for (size_t j = 0; j < parts->columns; j++)
        if (!isfinite(parts->mean[j]) || !(parts->deviation[j] >= 0) || isinf(parts->deviation[j]))
            return pdl_fail(error, PDL_EDATA,
                            "feature %zu: mean %g, deviation %g; expected finite numbers, of which the deviation >= 0",
                            j, parts->mean[j], parts->deviation[j]);
    return PDL_OK;
}

static pdl_status open_parts(fit *work, pdl_error *error)
{
    const pdl_logistic_options *options = work->options;
    pdl_status status = check_options(options, error);
    if (status == PDL_OK && options->certified)
        status = pdl_fail(error, PDL_EINVAL, "a certified fit needs the rows themselves, not their parts' sums");
    if (status == PDL_OK) status = check_parts(work->parts, options->classes, error);
    if (status == PDL_OK) status = check_initial(work, work->parts->columns, error);
    if (status != PDL_OK) return status;
    work->class_weight = pdl_alloc(options->classes, sizeof(double));
    if (work->class_weight == NULL) return pdl_fail_memory(error, options->classes * sizeof(double), "class weights");
    for (size_t c = 0; c < options->classes; c++) {
        work->class_weight[c] = work->parts->class_weight[c];
        work->classes_present += work->class_weight[c] > 0;
    }
    work->matrix.columns = work->parts->columns;
    work->matrix.sets = sets_of(options);
    return scale_features(work, error);
}

pdl_status pdl_logistic_fit_parts(const pdl_logistic_parts *parts, const pdl_logistic_options *options,
                                  pdl_logistic_model **out, pdl_error *error)
{
    const pdl_statistics given = {
        .total_weight = parts->total_weight, .mean = (double *)parts->mean, .deviation = (double *)parts->deviation};
    fit work = {.parts = parts, .options = options, .statistics = &given};
    pdl_logistic_model *model = NULL;
    pdl_status status = open_parts(&work, error);
    if (status == PDL_OK) status = create_model(sets_of(options), parts->columns, &model, error);
    if (status == PDL_OK && options->fit_intercept && work.classes_present == 1) {
        status = settle_constant(&work, model, error);
    } else if (status == PDL_OK) {
        status = train_parts(&work, model, error);
        if (status == PDL_OK) unscale(&work, model);
    }
    work.matrix = (pdl_matrix){0};
    work.statistics = NULL; /* not shared */
    close_fit(&work);
    if (status == PDL_OK)
        *out = model;
    else
        pdl_logistic_destroy(model);
    return status;
}

pdl_status pdl_logistic_objective(pdl_features *features, const double *labels, const double *weights,
                                  const pdl_logistic_options *options, const double *point, double *value,
                                  double *gradient, pdl_error *error)
{
    fit work = {.features = features, .options = options, .labels = labels, .weights = weights};
    pdl_status status = open_fit(&work, error);
    if (status == PDL_OK) status = prepare_objective(&work, error);
    if (status == PDL_OK) pdl_objective_evaluate(&work.objective, point, value, gradient);
    close_fit(&work);
    return status;
}

pdl_status pdl_logistic_certify(pdl_features *features, const double *labels, const double *weights,
                                const pdl_logistic_options *options, const double *values, pdl_optimality *out,
                                pdl_error *error)
{
    pdl_logistic_options centred = *options;
    centred.uncentred = 0;
    fit work = {.features = features, .options = &centred, .labels = labels, .weights = weights};
    pdl_logistic_model *model = NULL;
    pdl_optimality found = {.objective = 0};
    pdl_status status = open_fit(&work, error);
    if (status == PDL_OK && !(options->fit_intercept && work.classes_present == 1)) {
        pdl_optimum how = optimum_of(&work);
        status = create_model(sets_of(options), features->columns, &model, error);
        if (status == PDL_OK) start_from(&work, values, model);
        if (status == PDL_OK) status = prepare_objective(&work, error);
        if (status == PDL_OK) status = pdl_optimum_certify(&how, model->values, &found, error);
    }
    if (status == PDL_OK) *out = found;
    pdl_logistic_destroy(model);
    close_fit(&work);
    return status;
}

void pdl_logistic_destroy(pdl_logistic_model *model)
{
    if (model == NULL) return;
    pdl_free(model->values);
    pdl_free(model->history.value);
    pdl_free(model);
}

size_t pdl_logistic_sets(const pdl_logistic_model *model)
{
    return model->sets;
}

const double *pdl_logistic_coefficients(const pdl_logistic_model *model)
{
    return model->values;
}

const double *pdl_logistic_intercepts(const pdl_logistic_model *model)
{
    return model->values + model->sets * model->columns;
}

const double *pdl_logistic_history(const pdl_logistic_model *model, size_t *count)
{
    *count = model->history.count;
    return model->history.value;
}

const pdl_optimality *pdl_logistic_optimality(const pdl_logistic_model *model)
{
    return model->certified ? &model->optimality : NULL;
}

/* Logistic regression. SPDX-License-Identifier: Apache-2.0 */
#include "python/binding.h"

/* What one fit is given. */
typedef struct problem {
    PyObject *matrix, *labels, *weights, *progress, *initial; /* borrowed */
    pdl_features *features;
    size_t rows, columns;
    const double *label, *weight;
    double *start; /* the initial model in one piece; PyMem */
    pdl_logistic_options options;
    PyThreadState *released; /* while the GIL is */
} problem;

/* `expected` float64, or NULL with an exception. */
static const double *read_vector(PyObject *object, const char *name, size_t expected)
{
    PyArrayObject *array = pdl_check_array(object, name, NPY_DOUBLE, 1);
    if (array == NULL) return NULL;
    if ((size_t)PyArray_DIM(array, 0) == expected) return PyArray_DATA(array);
    PyErr_Format(PyExc_ValueError, "%s: expected %zu values, got %zd", name, expected,
                 (Py_ssize_t)PyArray_DIM(array, 0));
    return NULL;
}

/* Features, labels and weights; 0, or -1 with an exception. */
static int read_rows(PyObject *module, problem *on)
{
    on->features = pdl_features_unwrap(module, on->matrix);
    if (on->features == NULL) return -1;
    on->rows = pdl_features_rows(on->features);
    on->columns = pdl_features_columns(on->features);
    if ((on->label = read_vector(on->labels, "labels", on->rows)) == NULL) return -1;
    if (on->weights == Py_None) return 0;
    return (on->weight = read_vector(on->weights, "weights", on->rows)) != NULL ? 0 : -1;
}

/* The initial or otherwise given model, a pair of arrays; 0, or -1 with an exception. */
static int read_initial(problem *on, const char *name)
{
    PyObject *matrix, *vector;
    size_t sets = on->options.multinomial ? on->options.classes : 1, count = sets * on->columns;
    if (on->initial == Py_None) return 0;
    if (!PyTuple_Check(on->initial)) {
        PyErr_Format(PyExc_TypeError, "%s: expected (coefficients, intercepts), got %R", name, Py_TYPE(on->initial));
        return -1;
    }
    if (!PyArg_ParseTuple(on->initial, "OO", &matrix, &vector)) return -1;
    char part[32];
    snprintf(part, sizeof part, "%s coefficients", name);
    PyArrayObject *coefficients = pdl_check_array(matrix, part, NPY_DOUBLE, 2);
    if (coefficients == NULL) return -1;
    snprintf(part, sizeof part, "%s intercepts", name);
    PyArrayObject *intercepts = pdl_check_array(vector, part, NPY_DOUBLE, 1);
    if (intercepts == NULL) return -1;
    if ((size_t)PyArray_DIM(coefficients, 0) != sets || (size_t)PyArray_DIM(coefficients, 1) != on->columns ||
        (size_t)PyArray_DIM(intercepts, 0) != sets) {
        PyErr_Format(PyExc_ValueError, "%s: expected [%zu, %zu] and [%zu], got [%zd, %zd] and [%zd]", name, sets,
                     on->columns, sets, PyArray_DIM(coefficients, 0), PyArray_DIM(coefficients, 1),
                     PyArray_DIM(intercepts, 0));
        return -1;
    }
    if ((on->start = PyMem_Malloc((count + sets) * sizeof(double))) == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    memcpy(on->start, PyArray_DATA(coefficients), count * sizeof(double));
    memcpy(on->start + count, PyArray_DATA(intercepts), sets * sizeof(double));
    on->options.initial = on->start;
    return 0;
}

/* Ctrl-C reaches Python's handlers only while the GIL is held. */
static int check_signals(void *context)
{
    problem *on = context;
    PyEval_RestoreThread(on->released);
    int stop = PyErr_CheckSignals() != 0;
    on->released = PyEval_SaveThread();
    return stop;
}

static int report_progress(void *context, size_t iteration, double objective)
{
    problem *on = context;
    PyEval_RestoreThread(on->released);
    PyObject *answer = PyObject_CallFunction(on->progress, "nd", (Py_ssize_t)iteration, objective);
    int stop = answer == NULL;
    Py_XDECREF(answer);
    on->released = PyEval_SaveThread();
    return stop;
}

static PyObject *vector_of(const double *values, npy_intp count)
{
    PyObject *array = PyArray_SimpleNew(1, &count, NPY_DOUBLE);
    if (array != NULL) memcpy(PyArray_DATA((PyArrayObject *)array), values, (size_t)count * sizeof *values);
    return array;
}

static PyObject *matrix_of(const double *values, npy_intp rows, npy_intp columns)
{
    npy_intp shape[] = {rows, columns};
    PyObject *array = PyArray_SimpleNew(2, shape, NPY_DOUBLE);
    if (array != NULL)
        memcpy(PyArray_DATA((PyArrayObject *)array), values, (size_t)rows * (size_t)columns * sizeof *values);
    return array;
}

static const char *const outcomes[] = {[PDL_CONVERGED] = "converged",
                                       [PDL_ITERATIONS] = "iterations",
                                       [PDL_NO_OPTIMUM] = "no optimum",
                                       [PDL_PRECISION] = "precision"};

static PyObject *model_tuple(const pdl_logistic_model *model, size_t columns)
{
    size_t count;
    npy_intp sets = (npy_intp)pdl_logistic_sets(model);
    const double *history = pdl_logistic_history(model, &count);
    PyObject *coefficients = matrix_of(pdl_logistic_coefficients(model), sets, (npy_intp)columns);
    PyObject *intercepts = vector_of(pdl_logistic_intercepts(model), sets);
    PyObject *objectives = vector_of(history, (npy_intp)count);
    if (coefficients != NULL && intercepts != NULL && objectives != NULL) {
        const pdl_optimality *optimality = pdl_logistic_optimality(model);
        if (optimality == NULL) return Py_BuildValue("NNN", coefficients, intercepts, objectives);
        return Py_BuildValue("NNN(ddds)", coefficients, intercepts, objectives, optimality->objective,
                             optimality->residual, optimality->gap, outcomes[optimality->outcome]);
    }
    Py_XDECREF(coefficients);
    Py_XDECREF(intercepts);
    Py_XDECREF(objectives);
    return NULL;
}

/* The fit itself, its options read but for these. */
static PyObject *train(PyObject *module, problem *on, Py_ssize_t classes, Py_ssize_t max_iterations, Py_ssize_t threads)
{
    pdl_logistic_options *options = &on->options;
    if (classes < 1 || max_iterations < 0 || threads < 0) {
        PyErr_SetString(PyExc_ValueError, "expected classes >= 1, max_iterations >= 0, threads >= 0");
        return NULL;
    }
    options->classes = (size_t)classes;
    options->max_iterations = (size_t)max_iterations;
    options->threads = (size_t)threads;
    options->progress = on->progress != Py_None ? report_progress : NULL;
    options->interrupted = check_signals;
    options->context = on;
    if (read_rows(module, on) < 0 || read_initial(on, "initial") < 0) return NULL;

    pdl_logistic_model *model = NULL;
    pdl_error error = {.code = PDL_OK};
    on->released = PyEval_SaveThread();
    pdl_status status = pdl_logistic_fit(on->features, on->label, on->weight, options, &model, &error);
    PyEval_RestoreThread(on->released);
    pdl_features_settled(on->matrix);
    PyObject *result = status == PDL_OK ? model_tuple(model, on->columns) : pdl_raise(&error);
    pdl_logistic_destroy(model);
    PyMem_Free(on->start);
    return result;
}

PyDoc_STRVAR(fit_doc, "logistic_fit(features, labels, weights, classes, multinomial, max_iterations, reg_param, "
                      "elastic_net, tolerance, fit_intercept, standardization, uncentred, threads, progress=None, "
                      "initial=None)\n--\n\n"
                      "Trains on a FeatureMatrix: (coefficients [sets, features], intercepts [sets], objective "
                      "history).");

static PyObject *logistic_fit(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"features",    "labels",         "weights",         "classes",
                            "multinomial", "max_iterations", "reg_param",       "elastic_net",
                            "tolerance",   "fit_intercept",  "standardization", "uncentred",
                            "threads",     "progress",       "initial",         NULL};
    problem on = {.progress = Py_None, .initial = Py_None};
    pdl_logistic_options *options = &on.options;
    Py_ssize_t classes, max_iterations, threads;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOOnpndddpppn|OO:logistic_fit", names, &on.matrix, &on.labels,
                                     &on.weights, &classes, &options->multinomial, &max_iterations, &options->reg_param,
                                     &options->elastic_net, &options->tolerance, &options->fit_intercept,
                                     &options->standardization, &options->uncentred, &threads, &on.progress,
                                     &on.initial))
        return NULL;
    return train(module, &on, classes, max_iterations, threads);
}

PyDoc_STRVAR(optimum_doc,
             "logistic_optimum(features, labels, weights, classes, multinomial, max_iterations, reg_param, "
             "elastic_net, tolerance, fit_intercept, standardization, threads, progress=None, "
             "initial=None)\n--\n\n"
             "As logistic_fit, but to the optimum: (coefficients, intercepts, objective history, "
             "(objective, KKT residual, duality gap, outcome)).");

static PyObject *logistic_optimum(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"features",        "labels",    "weights",     "classes",   "multinomial",
                            "max_iterations",  "reg_param", "elastic_net", "tolerance", "fit_intercept",
                            "standardization", "threads",   "progress",    "initial",   NULL};
    problem on = {.progress = Py_None, .initial = Py_None, .options = {.certified = 1}};
    pdl_logistic_options *options = &on.options;
    Py_ssize_t classes, max_iterations, threads;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOOnpndddppn|OO:logistic_optimum", names, &on.matrix, &on.labels,
                                     &on.weights, &classes, &options->multinomial, &max_iterations, &options->reg_param,
                                     &options->elastic_net, &options->tolerance, &options->fit_intercept,
                                     &options->standardization, &threads, &on.progress, &on.initial))
        return NULL;
    return train(module, &on, classes, max_iterations, threads);
}

PyDoc_STRVAR(certify_doc, "logistic_certify(features, labels, weights, classes, multinomial, reg_param, elastic_net, "
                          "fit_intercept, standardization, threads, model)\n--\n\n"
                          "(objective, KKT residual, duality gap) of a model (coefficients, intercepts).");

static PyObject *logistic_certify(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"features",    "labels",        "weights",         "classes", "multinomial", "reg_param",
                            "elastic_net", "fit_intercept", "standardization", "threads", "model",       NULL};
    problem on = {0};
    pdl_logistic_options *options = &on.options;
    Py_ssize_t classes, threads;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOOnpddppnO:logistic_certify", names, &on.matrix, &on.labels,
                                     &on.weights, &classes, &options->multinomial, &options->reg_param,
                                     &options->elastic_net, &options->fit_intercept, &options->standardization,
                                     &threads, &on.initial))
        return NULL;
    if (classes < 1 || threads < 0) {
        PyErr_SetString(PyExc_ValueError, "expected classes >= 1, threads >= 0");
        return NULL;
    }
    options->classes = (size_t)classes;
    options->threads = (size_t)threads;
    if (read_rows(module, &on) < 0 || read_initial(&on, "model") < 0) return NULL;
    if (on.start == NULL) return PyErr_Format(PyExc_TypeError, "model: expected (coefficients, intercepts), got None");
    options->initial = NULL;
    pdl_optimality found;
    pdl_error error = {.code = PDL_OK};
    pdl_status status;
    Py_BEGIN_ALLOW_THREADS;
    status = pdl_logistic_certify(on.features, on.label, on.weight, options, on.start, &found, &error);
    Py_END_ALLOW_THREADS;
    pdl_features_settled(on.matrix);
    PyMem_Free(on.start);
    if (status != PDL_OK) return pdl_raise(&error);
    return Py_BuildValue("ddd", found.objective, found.residual, found.gap);
}

PyDoc_STRVAR(objective_doc, "logistic_objective(features, labels, weights, classes, multinomial, reg_param, "
                            "elastic_net, fit_intercept, standardization, uncentred, threads, point)\n--\n\n"
                            "The smooth objective and its gradient at a point of the scaled space: (value, gradient).");

static PyObject *logistic_objective(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"features",    "labels",        "weights",         "classes",   "multinomial", "reg_param",
                            "elastic_net", "fit_intercept", "standardization", "uncentred", "threads",     "point",
                            NULL};
    problem on = {0};
    pdl_logistic_options *options = &on.options;
    PyObject *given;
    Py_ssize_t classes, threads;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOOnpddpppnO:logistic_objective", names, &on.matrix, &on.labels,
                                     &on.weights, &classes, &options->multinomial, &options->reg_param,
                                     &options->elastic_net, &options->fit_intercept, &options->standardization,
                                     &options->uncentred, &threads, &given))
        return NULL;
    if (classes < 1 || threads < 0) {
        PyErr_SetString(PyExc_ValueError, "expected classes >= 1, threads >= 0");
        return NULL;
    }
    options->classes = (size_t)classes;
    options->threads = (size_t)threads;

    PyObject *gradient = NULL;
    const double *point;
    if (read_rows(module, &on) < 0) return NULL;
    size_t sets = options->multinomial ? options->classes : 1;
    npy_intp size = (npy_intp)(sets * (on.columns + (options->fit_intercept ? 1 : 0)));
    if ((point = read_vector(given, "point", (size_t)size)) == NULL) return NULL;
    if ((gradient = PyArray_SimpleNew(1, &size, NPY_DOUBLE)) == NULL) return NULL;

    double value = 0, *slopes = PyArray_DATA((PyArrayObject *)gradient);
    pdl_error error = {.code = PDL_OK};
    pdl_status status;
    Py_BEGIN_ALLOW_THREADS;
    status = pdl_logistic_objective(on.features, on.label, on.weight, options, point, &value, slopes, &error);
    Py_END_ALLOW_THREADS;
    pdl_features_settled(on.matrix);
    PyObject *result = status == PDL_OK ? Py_BuildValue("dO", value, gradient) : pdl_raise(&error);
    Py_DECREF(gradient);
    return result;
}

/* ---- rows that lie elsewhere, in parts ---- */

PyDoc_STRVAR(part_doc, "logistic_part(features, labels, weights, classes, multinomial, fit_intercept, threads, mean, "
                       "deviation, point)\n--\n\n"
                       "A part's sum of losses and its gradient at a point of the scaled space: (value, gradient).");

static PyObject *logistic_part(PyObject *module, PyObject *args)
{
    problem on = {0};
    pdl_logistic_options *options = &on.options;
    PyObject *means, *deviations, *given;
    Py_ssize_t classes, threads;
    if (!PyArg_ParseTuple(args, "OOOnppnOOO:logistic_part", &on.matrix, &on.labels, &on.weights, &classes,
                          &options->multinomial, &options->fit_intercept, &threads, &means, &deviations, &given))
        return NULL;
    if (classes < 1 || threads < 0) {
        PyErr_SetString(PyExc_ValueError, "expected classes >= 1, threads >= 0");
        return NULL;
    }
    options->classes = (size_t)classes;
    options->threads = (size_t)threads;
    if (read_rows(module, &on) < 0) return NULL;
    npy_intp size =
        (npy_intp)((options->multinomial ? options->classes : 1) * (on.columns + (options->fit_intercept ? 1 : 0)));
    const double *mean = read_vector(means, "mean", on.columns), *deviation = NULL, *point = NULL;
    if (mean != NULL) deviation = read_vector(deviations, "deviation", on.columns);
    if (deviation != NULL) point = read_vector(given, "point", (size_t)size);
    if (point == NULL) return NULL;
    PyObject *gradient = PyArray_SimpleNew(1, &size, NPY_DOUBLE);
    if (gradient == NULL) return NULL;
    double value = 0, *slopes = PyArray_DATA((PyArrayObject *)gradient);
    pdl_error error = {.code = PDL_OK};
    pdl_status status;
    Py_BEGIN_ALLOW_THREADS;
    status =
        pdl_logistic_part(on.features, on.label, on.weight, options, mean, deviation, point, &value, slopes, &error);
    Py_END_ALLOW_THREADS;
    pdl_features_settled(on.matrix);
    if (status == PDL_OK) return Py_BuildValue("dN", value, gradient);
    Py_DECREF(gradient);
    return pdl_raise(&error);
}

PyDoc_STRVAR(spread_doc, "features_spread(features, weights, threads)\n--\n\n"
                         "(mean [columns], sum of weighted squares around it [columns]).");

static PyObject *features_spread(PyObject *module, PyObject *args)
{
    problem on = {0};
    Py_ssize_t threads;
    if (!PyArg_ParseTuple(args, "OOn:features_spread", &on.matrix, &on.weights, &threads)) return NULL;
    if (threads < 0) return PyErr_Format(PyExc_ValueError, "expected threads >= 0, got %zd", threads);
    on.features = pdl_features_unwrap(module, on.matrix);
    if (on.features == NULL) return NULL;
    on.rows = pdl_features_rows(on.features);
    npy_intp columns = (npy_intp)pdl_features_columns(on.features);
    if (on.weights != Py_None && (on.weight = read_vector(on.weights, "weights", on.rows)) == NULL) return NULL;
    PyObject *mean = PyArray_SimpleNew(1, &columns, NPY_DOUBLE), *spread = PyArray_SimpleNew(1, &columns, NPY_DOUBLE);
    if (mean == NULL || spread == NULL) {
        Py_XDECREF(mean);
        Py_XDECREF(spread);
        return NULL;
    }
    double *means = PyArray_DATA((PyArrayObject *)mean), *spreads = PyArray_DATA((PyArrayObject *)spread);
    pdl_error error = {.code = PDL_OK};
    pdl_status status;
    Py_BEGIN_ALLOW_THREADS;
    status = pdl_features_spread(on.features, on.weight, (size_t)threads, means, spreads, &error);
    Py_END_ALLOW_THREADS;
    pdl_features_settled(on.matrix);
    if (status == PDL_OK) return Py_BuildValue("NN", mean, spread);
    Py_DECREF(mean);
    Py_DECREF(spread);
    return pdl_raise(&error);
}

/* What evaluate_parts needs to reach Python. */
typedef struct elsewhere {
    problem *on;
    PyObject *evaluate; /* borrowed */
    npy_intp size;
} elsewhere;

/* value and gradient from what Python's evaluate gave; 0, or -1 with an exception. */
static int take_sums(PyObject *answer, npy_intp size, double *value, double *gradient)
{
    PyObject *slopes;
    if (answer == NULL) return -1;
    if (!PyTuple_Check(answer) || PyTuple_GET_SIZE(answer) != 2) {
        PyErr_Format(PyExc_TypeError, "evaluate: expected (value, gradient), got %R", answer);
        return -1;
    }
    if (!PyArg_ParseTuple(answer, "dO:evaluate", value, &slopes)) return -1;
    PyArrayObject *array = pdl_check_array(slopes, "gradient", NPY_DOUBLE, 1);
    if (array == NULL) return -1;
    if (PyArray_DIM(array, 0) != size) {
        PyErr_Format(PyExc_ValueError, "gradient: expected %zd values, got %zd", size, PyArray_DIM(array, 0));
        return -1;
    }
    memcpy(gradient, PyArray_DATA(array), (size_t)size * sizeof *gradient);
    return 0;
}

static int evaluate_parts(void *context, const double *point, double *value, double *gradient)
{
    elsewhere *call = context;
    PyEval_RestoreThread(call->on->released);
    PyObject *array = vector_of(point, call->size);
    PyObject *answer = array != NULL ? PyObject_CallOneArg(call->evaluate, array) : NULL;
    int stop = take_sums(answer, call->size, value, gradient) < 0;
    Py_XDECREF(answer);
    Py_XDECREF(array);
    call->on->released = PyEval_SaveThread();
    return stop;
}

PyDoc_STRVAR(fit_parts_doc, "logistic_fit_parts(evaluate, total_weight, mean, deviation, class_weight, multinomial, "
                            "max_iterations, reg_param, elastic_net, tolerance, fit_intercept, standardization, "
                            "threads, progress=None, initial=None)\n--\n\n"
                            "Trains through evaluate(point), the sum over the parts of logistic_part: (coefficients, "
                            "intercepts, objective history).");

static PyObject *logistic_fit_parts(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"evaluate",     "total_weight", "mean",           "deviation",
                            "class_weight", "multinomial",  "max_iterations", "reg_param",
                            "elastic_net",  "tolerance",    "fit_intercept",  "standardization",
                            "threads",      "progress",     "initial",        NULL};
    (void)module;
    problem on = {.progress = Py_None, .initial = Py_None};
    pdl_logistic_options *options = &on.options;
    elsewhere call = {.on = &on};
    pdl_logistic_parts parts = {.evaluate = evaluate_parts, .context = &call};
    PyObject *means, *deviations, *classes;
    Py_ssize_t max_iterations, threads;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OdOOOpndddppn|OO:logistic_fit_parts", names, &call.evaluate,
                                     &parts.total_weight, &means, &deviations, &classes, &options->multinomial,
                                     &max_iterations, &options->reg_param, &options->elastic_net, &options->tolerance,
                                     &options->fit_intercept, &options->standardization, &threads, &on.progress,
                                     &on.initial))
        return NULL;
    PyArrayObject *weight = pdl_check_array(classes, "class_weight", NPY_DOUBLE, 1);
    PyArrayObject *mean = weight != NULL ? pdl_check_array(means, "mean", NPY_DOUBLE, 1) : NULL;
    if (mean == NULL) return NULL;
    parts.columns = on.columns = (size_t)PyArray_DIM(mean, 0);
    parts.deviation = read_vector(deviations, "deviation", on.columns);
    if (parts.deviation == NULL) return NULL;
    if (max_iterations < 0 || threads < 0) {
        PyErr_SetString(PyExc_ValueError, "expected max_iterations >= 0, threads >= 0");
        return NULL;
    }
    parts.mean = PyArray_DATA(mean);
    parts.class_weight = PyArray_DATA(weight);
    options->classes = (size_t)PyArray_DIM(weight, 0);
    options->max_iterations = (size_t)max_iterations;
    options->threads = (size_t)threads;
    options->progress = on.progress != Py_None ? report_progress : NULL;
    options->interrupted = check_signals;
    options->context = &on;
    if (read_initial(&on, "initial") < 0) return NULL;
    call.size =
        (npy_intp)((options->multinomial ? options->classes : 1) * (on.columns + (options->fit_intercept ? 1 : 0)));

    pdl_logistic_model *model = NULL;
    pdl_error error = {.code = PDL_OK};
    on.released = PyEval_SaveThread();
    pdl_status status = pdl_logistic_fit_parts(&parts, options, &model, &error);
    PyEval_RestoreThread(on.released);
    PyObject *result = status == PDL_OK ? model_tuple(model, on.columns) : pdl_raise(&error);
    pdl_logistic_destroy(model);
    PyMem_Free(on.start);
    return result;
}

PyDoc_STRVAR(margins_doc, "logistic_margins(x, coefficients, intercepts, threads)\n--\n\n"
                          "x [n, features] float32 times coefficients [sets, features] plus intercepts [sets]: "
                          "float64 [n, sets].");

static PyObject *logistic_margins(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *features, *weights, *constants;
    Py_ssize_t threads;
    if (!PyArg_ParseTuple(args, "OOOn:logistic_margins", &features, &weights, &constants, &threads)) return NULL;
    PyArrayObject *x = pdl_check_array(features, "x", NPY_FLOAT, 2);
    PyArrayObject *coefficients = pdl_check_array(weights, "coefficients", NPY_DOUBLE, 2);
    PyArrayObject *intercepts = pdl_check_array(constants, "intercepts", NPY_DOUBLE, 1);
    if (x == NULL || coefficients == NULL || intercepts == NULL) return NULL;
    npy_intp shape[] = {PyArray_DIM(x, 0), PyArray_DIM(coefficients, 0)}, columns = PyArray_DIM(x, 1);
    if (PyArray_DIM(coefficients, 1) != columns || PyArray_DIM(intercepts, 0) != shape[1] || threads < 0)
        return PyErr_Format(PyExc_ValueError, "x [%zd, %zd], coefficients [%zd, %zd] and intercepts [%zd] do not fit",
                            shape[0], columns, shape[1], PyArray_DIM(coefficients, 1), PyArray_DIM(intercepts, 0));
    PyObject *margins = PyArray_SimpleNew(2, shape, NPY_DOUBLE);
    if (margins == NULL) return NULL;
    pdl_error error = {.code = PDL_OK};
    pdl_status status;
    Py_BEGIN_ALLOW_THREADS;
    status = pdl_logistic_margins(PyArray_DATA(x), (size_t)shape[0], (size_t)columns, PyArray_DATA(coefficients),
                                  PyArray_DATA(intercepts), (size_t)shape[1], (size_t)threads,
                                  PyArray_DATA((PyArrayObject *)margins), &error);
    Py_END_ALLOW_THREADS;
    if (status == PDL_OK) return margins;
    Py_DECREF(margins);
    return pdl_raise(&error);
}

PyDoc_STRVAR(margins_csr_doc, "logistic_margins_csr(indptr, indices, values, first_row, coefficients, intercepts, "
                              "threads)\n--\n\n"
                              "The same for compressed rows; first_row is row 0's number in messages.");

static PyObject *logistic_margins_csr(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *indptr, *indices, *values, *weights, *constants;
    Py_ssize_t first_row, threads;
    pdl_csr x;
    if (!PyArg_ParseTuple(args, "OOOnOOn:logistic_margins_csr", &indptr, &indices, &values, &first_row, &weights,
                          &constants, &threads))
        return NULL;
    if (pdl_read_csr(indptr, indices, values, &x) < 0) return NULL;
    PyArrayObject *coefficients = pdl_check_array(weights, "coefficients", NPY_DOUBLE, 2);
    PyArrayObject *intercepts = pdl_check_array(constants, "intercepts", NPY_DOUBLE, 1);
    if (coefficients == NULL || intercepts == NULL) return NULL;
    npy_intp shape[] = {(npy_intp)x.rows, PyArray_DIM(coefficients, 0)};
    if (PyArray_DIM(intercepts, 0) != shape[1] || threads < 0 || first_row < 0)
        return PyErr_Format(PyExc_ValueError, "coefficients [%zd, %zd] and intercepts [%zd] do not fit", shape[1],
                            PyArray_DIM(coefficients, 1), PyArray_DIM(intercepts, 0));
    PyObject *margins = PyArray_SimpleNew(2, shape, NPY_DOUBLE);
    if (margins == NULL) return NULL;
    pdl_error error = {.code = PDL_OK};
    pdl_status status;
    Py_BEGIN_ALLOW_THREADS;
    status = pdl_logistic_margins_csr(&x, (size_t)first_row, (size_t)PyArray_DIM(coefficients, 1),
                                      PyArray_DATA(coefficients), PyArray_DATA(intercepts), (size_t)shape[1],
                                      (size_t)threads, PyArray_DATA((PyArrayObject *)margins), &error);
    Py_END_ALLOW_THREADS;
    if (status == PDL_OK) return margins;
    Py_DECREF(margins);
    return pdl_raise(&error);
}

static PyMethodDef functions[] = {
    {"logistic_fit", (PyCFunction)(void (*)(void))logistic_fit, METH_VARARGS | METH_KEYWORDS, fit_doc},
    {"logistic_optimum", (PyCFunction)(void (*)(void))logistic_optimum, METH_VARARGS | METH_KEYWORDS, optimum_doc},
    {"logistic_certify", (PyCFunction)(void (*)(void))logistic_certify, METH_VARARGS | METH_KEYWORDS, certify_doc},
    {"logistic_objective", (PyCFunction)(void (*)(void))logistic_objective, METH_VARARGS | METH_KEYWORDS,
     objective_doc},
    {"logistic_fit_parts", (PyCFunction)(void (*)(void))logistic_fit_parts, METH_VARARGS | METH_KEYWORDS,
     fit_parts_doc},
    {"logistic_part", logistic_part, METH_VARARGS, part_doc},
    {"features_spread", features_spread, METH_VARARGS, spread_doc},
    {"logistic_margins", logistic_margins, METH_VARARGS, margins_doc},
    {"logistic_margins_csr", logistic_margins_csr, METH_VARARGS, margins_csr_doc},
    {NULL, NULL, 0, NULL},
};

int pdl_bind_linear(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}

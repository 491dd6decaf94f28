/* Logistic regression. SPDX-License-Identifier: Apache-2.0 */
#include "python/binding.h"

/* The caller's arrays for one fit. */
typedef struct problem {
    PyObject *blocks, *labels, *weights, *progress; /* borrowed */
    PyObject *kept; /* a tuple of the blocks: the list may change while the GIL is released or in `progress` */
    pdl_block *block;
    size_t block_count, rows, columns;
    pdl_logistic_options options;
    PyThreadState *released; /* while the GIL is */
} problem;

/* The array itself when C can read it as it lies, with the type and number of dimensions; else NULL and TypeError. */
static PyArrayObject *check_array(PyObject *object, const char *name, int type, int dimensions)
{
    if (PyArray_Check(object)) {
        PyArrayObject *array = (PyArrayObject *)object;
        if (PyArray_TYPE(array) == type && PyArray_NDIM(array) == dimensions && PyArray_ISCARRAY_RO(array))
            return array;
    }
    PyErr_Format(PyExc_TypeError, "%s: expected a C-contiguous, native %s array of %d dimension(s), got %R", name,
                 type == NPY_FLOAT ? "float32" : "float64", dimensions, Py_TYPE(object));
    return NULL;
}

/* Fills block and kept; release_blocks gives them back, also after a failure. */
static int read_blocks(problem *on)
{
    if (!PyList_Check(on->blocks)) {
        PyErr_SetString(PyExc_TypeError, "blocks: expected a list of arrays");
        return -1;
    }
    on->kept = PyList_AsTuple(on->blocks);
    if (on->kept == NULL) return -1;
    on->block_count = (size_t)PyTuple_GET_SIZE(on->kept);
    on->block = PyMem_Calloc(on->block_count + 1, sizeof *on->block);
    if (on->block == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (size_t i = 0; i < on->block_count; i++) {
        PyArrayObject *array = check_array(PyTuple_GET_ITEM(on->kept, (Py_ssize_t)i), "blocks", NPY_FLOAT, 2);
        if (array == NULL) return -1;
        size_t columns = (size_t)PyArray_DIM(array, 1);
        if (i == 0) on->columns = columns;
        if (columns != on->columns) {
            PyErr_Format(PyExc_ValueError, "block %zu has %zu features; the first block has %zu", i, columns,
                         on->columns);
            return -1;
        }
        on->block[i] = (pdl_block){PyArray_DATA(array), (size_t)PyArray_DIM(array, 0)};
        on->rows += on->block[i].rows;
    }
    return 0;
}

static void release_blocks(problem *on)
{
    PyMem_Free(on->block);
    Py_XDECREF(on->kept);
}

/* One float64 per row, or NULL with an exception. */
static const double *read_vector(const problem *on, PyObject *object, const char *name, size_t expected)
{
    PyArrayObject *array = check_array(object, name, NPY_DOUBLE, 1);
    if (array == NULL) return NULL;
    if ((size_t)PyArray_DIM(array, 0) == expected) return PyArray_DATA(array);
    PyErr_Format(PyExc_ValueError, "%s: expected %zu values (%zu rows), got %zd", name, expected, on->rows,
                 (Py_ssize_t)PyArray_DIM(array, 0));
    return NULL;
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

static PyObject *model_tuple(const pdl_logistic_model *model, size_t columns)
{
    size_t count;
    npy_intp sets = (npy_intp)pdl_logistic_sets(model);
    const double *history = pdl_logistic_history(model, &count);
    PyObject *coefficients = matrix_of(pdl_logistic_coefficients(model), sets, (npy_intp)columns);
    PyObject *intercepts = vector_of(pdl_logistic_intercepts(model), sets);
    PyObject *objectives = vector_of(history, (npy_intp)count);
    if (coefficients != NULL && intercepts != NULL && objectives != NULL)
        return Py_BuildValue("NNN", coefficients, intercepts, objectives);
    Py_XDECREF(coefficients);
    Py_XDECREF(intercepts);
    Py_XDECREF(objectives);
    return NULL;
}

PyDoc_STRVAR(fit_doc,
             "logistic_fit(blocks, labels, weights, classes, multinomial, max_iterations, reg_param, "
             "elastic_net, tolerance, fit_intercept, standardization, uncentred, threads, progress=None)\n--\n\n"
             "Trains on float32 [rows, features] blocks: (coefficients [sets, features], intercepts [sets], "
             "objective history).");

static PyObject *logistic_fit(PyObject *module, PyObject *args, PyObject *kwargs)
{
    (void)module;
    static char *names[] = {"blocks",          "labels",    "weights",     "classes",   "multinomial",
                            "max_iterations",  "reg_param", "elastic_net", "tolerance", "fit_intercept",
                            "standardization", "uncentred", "threads",     "progress",  NULL};
    problem on = {.progress = Py_None};
    pdl_logistic_options *options = &on.options;
    Py_ssize_t classes, max_iterations, threads;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOOnpndddpppn|O:logistic_fit", names, &on.blocks, &on.labels,
                                     &on.weights, &classes, &options->multinomial, &max_iterations, &options->reg_param,
                                     &options->elastic_net, &options->tolerance, &options->fit_intercept,
                                     &options->standardization, &options->uncentred, &threads, &on.progress))
        return NULL;
    if (classes < 1 || max_iterations < 0 || threads < 0) {
        PyErr_SetString(PyExc_ValueError, "expected classes >= 1, max_iterations >= 0, threads >= 0");
        return NULL;
    }
    options->classes = (size_t)classes;
    options->max_iterations = (size_t)max_iterations;
    options->threads = (size_t)threads;
    options->progress = on.progress != Py_None ? report_progress : NULL;
    options->interrupted = check_signals;
    options->context = &on;

    PyObject *result = NULL;
    const double *labels, *weights = NULL;
    if (read_blocks(&on) < 0) goto done;
    if ((labels = read_vector(&on, on.labels, "labels", on.rows)) == NULL) goto done;
    if (on.weights != Py_None && (weights = read_vector(&on, on.weights, "weights", on.rows)) == NULL) goto done;

    pdl_logistic_model *model = NULL;
    pdl_error error = {.code = PDL_OK};
    on.released = PyEval_SaveThread();
    pdl_status status =
        pdl_logistic_fit(on.block, on.block_count, on.columns, labels, weights, options, &model, &error);
    PyEval_RestoreThread(on.released);
    result = status == PDL_OK ? model_tuple(model, on.columns) : pdl_raise(&error);
    pdl_logistic_destroy(model);
done:
    release_blocks(&on);
    return result;
}

PyDoc_STRVAR(objective_doc, "logistic_objective(blocks, labels, weights, classes, multinomial, reg_param, elastic_net, "
                            "fit_intercept, standardization, uncentred, threads, point)\n--\n\n"
                            "The smooth objective and its gradient at a point of the scaled space: (value, gradient).");

static PyObject *logistic_objective(PyObject *module, PyObject *args, PyObject *kwargs)
{
    (void)module;
    static char *names[] = {"blocks",      "labels",        "weights",         "classes",   "multinomial", "reg_param",
                            "elastic_net", "fit_intercept", "standardization", "uncentred", "threads",     "point",
                            NULL};
    problem on = {0};
    pdl_logistic_options *options = &on.options;
    PyObject *given;
    Py_ssize_t classes, threads;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOOnpddpppnO:logistic_objective", names, &on.blocks, &on.labels,
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

    PyObject *gradient = NULL, *result = NULL;
    const double *labels, *weights = NULL, *point;
    if (read_blocks(&on) < 0) goto done;
    size_t sets = options->multinomial ? options->classes : 1;
    npy_intp size = (npy_intp)(sets * (on.columns + (options->fit_intercept ? 1 : 0)));
    if ((labels = read_vector(&on, on.labels, "labels", on.rows)) == NULL) goto done;
    if (on.weights != Py_None && (weights = read_vector(&on, on.weights, "weights", on.rows)) == NULL) goto done;
    if ((point = read_vector(&on, given, "point", (size_t)size)) == NULL) goto done;
    if ((gradient = PyArray_SimpleNew(1, &size, NPY_DOUBLE)) == NULL) goto done;

    double value = 0, *slopes = PyArray_DATA((PyArrayObject *)gradient);
    pdl_error error = {.code = PDL_OK};
    pdl_status status;
    Py_BEGIN_ALLOW_THREADS;
    status = pdl_logistic_objective(on.block, on.block_count, on.columns, labels, weights, options, point, &value,
                                    slopes, &error);
    Py_END_ALLOW_THREADS;
    result = status == PDL_OK ? Py_BuildValue("dO", value, gradient) : pdl_raise(&error);
done:
    Py_XDECREF(gradient);
    release_blocks(&on);
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
    PyArrayObject *x = check_array(features, "x", NPY_FLOAT, 2);
    PyArrayObject *coefficients = check_array(weights, "coefficients", NPY_DOUBLE, 2);
    PyArrayObject *intercepts = check_array(constants, "intercepts", NPY_DOUBLE, 1);
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

static PyMethodDef functions[] = {
    {"logistic_fit", (PyCFunction)(void (*)(void))logistic_fit, METH_VARARGS | METH_KEYWORDS, fit_doc},
    {"logistic_objective", (PyCFunction)(void (*)(void))logistic_objective, METH_VARARGS | METH_KEYWORDS,
     objective_doc},
    {"logistic_margins", logistic_margins, METH_VARARGS, margins_doc},
    {NULL, NULL, 0, NULL},
};

int pdl_bind_linear(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}

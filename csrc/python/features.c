/* FeatureMatrix: features that arrive in batches. SPDX-License-Identifier: Apache-2.0 */
#include "python/binding.h"

typedef struct features_object {
    PyObject_HEAD pdl_features *features;
    PyObject *kept; /* a list of the arrays that the core borrows */
} features_object;

/* ---- arrays ---- */

static const char *type_name(int type)
{
    return type == NPY_FLOAT ? "float32" : type == NPY_DOUBLE ? "float64" : "int64";
}

PyArrayObject *pdl_check_array(PyObject *object, const char *name, int type, int dimensions)
{
    if (PyArray_Check(object)) {
        PyArrayObject *array = (PyArrayObject *)object;
        if (PyArray_TYPE(array) == type && PyArray_NDIM(array) == dimensions && PyArray_ISCARRAY_RO(array))
            return array;
    }
    PyErr_Format(PyExc_TypeError, "%s: expected a C-contiguous, native %s array of %d dimension(s), got %R", name,
                 type_name(type), dimensions, Py_TYPE(object));
    return NULL;
}

/* The array with one of two types. */
static PyArrayObject *check_either(PyObject *object, const char *name, int narrow, int wide, const char *expected,
                                   int *is_wide)
{
    if (PyArray_Check(object)) {
        PyArrayObject *array = (PyArrayObject *)object;
        *is_wide = PyArray_EquivTypenums(PyArray_TYPE(array), wide);
        if ((*is_wide || PyArray_EquivTypenums(PyArray_TYPE(array), narrow)) && PyArray_NDIM(array) == 1 &&
            PyArray_ISCARRAY_RO(array))
            return array;
    }
    PyErr_Format(PyExc_TypeError, "%s: expected a C-contiguous, native %s array of 1 dimension, got %R", name, expected,
                 Py_TYPE(object));
    return NULL;
}

int pdl_read_csr(PyObject *indptr, PyObject *indices, PyObject *values, pdl_csr *csr)
{
    *csr = (pdl_csr){0};
    int wide_start;
    PyArrayObject *start = check_either(indptr, "indptr", NPY_INT64, NPY_INT64, "int64", &wide_start);
    if (start == NULL) return -1;
    PyArrayObject *index = check_either(indices, "indices", NPY_INT32, NPY_INT64, "int32 or int64", &csr->wide_index);
    if (index == NULL) return -1;
    PyArrayObject *value =
        check_either(values, "values", NPY_FLOAT, NPY_DOUBLE, "float32 or float64", &csr->wide_value);
    if (value == NULL) return -1;
    npy_intp starts = PyArray_DIM(start, 0), count = PyArray_DIM(value, 0);
    if (starts == 0 || PyArray_DIM(index, 0) != count) {
        PyErr_Format(PyExc_ValueError,
                     "expected indptr [rows + 1], and as many indices as values; got %zd, %zd and %zd", starts,
                     PyArray_DIM(index, 0), count);
        return -1;
    }
    csr->rows = (size_t)(starts - 1);
    csr->count = (size_t)count;
    csr->start = PyArray_DATA(start);
    csr->index = PyArray_DATA(index);
    csr->value = PyArray_DATA(value);
    return 0;
}

/* ---- life ---- */

static PyObject *features_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"columns", "threads", NULL};
    Py_ssize_t columns, threads = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "n|n:FeatureMatrix", names, &columns, &threads)) return NULL;
    if (columns < 0 || threads < 0) {
        PyErr_SetString(PyExc_ValueError, "expected columns >= 0 and threads >= 0");
        return NULL;
    }
    features_object *self = (features_object *)type->tp_alloc(type, 0);
    if (self == NULL) return NULL;
    pdl_error error = {.code = PDL_OK};
    self->kept = PyList_New(0);
    if (self->kept != NULL && pdl_features_create((size_t)columns, (size_t)threads, &self->features, &error) == PDL_OK)
        return (PyObject *)self;
    if (self->kept != NULL) pdl_raise(&error);
    Py_DECREF(self);
    return NULL;
}

static void features_dealloc(features_object *self)
{
    PyTypeObject *type = Py_TYPE(self);
    pdl_features_destroy(self->features);
    Py_XDECREF(self->kept);
    type->tp_free(self);
    Py_DECREF(type);
}

pdl_features *pdl_features_unwrap(PyObject *module, PyObject *object)
{
    pdl_module_state *state = PyModule_GetState(module);
    if (Py_TYPE(object) == state->features_type) return ((features_object *)object)->features;
    PyErr_Format(PyExc_TypeError, "features: expected a FeatureMatrix, got %R", Py_TYPE(object));
    return NULL;
}

void pdl_features_settled(PyObject *object)
{
    features_object *self = (features_object *)object;
    if (!pdl_features_is_sparse(self->features)) return;
    PyObject *kept = PyList_New(0);
    if (kept == NULL)
        PyErr_Clear(); /* no harm: the arrays stay until the matrix goes */
    else
        Py_SETREF(self->kept, kept);
}

/* ---- methods ---- */

static PyObject *append(features_object *self, PyObject *block)
{
    PyArrayObject *array = pdl_check_array(block, "block", NPY_FLOAT, 2);
    if (array == NULL) return NULL;
    size_t columns = pdl_features_columns(self->features);
    if ((size_t)PyArray_DIM(array, 1) != columns)
        return PyErr_Format(PyExc_ValueError, "block: expected %zu features, found %zd", columns,
                            PyArray_DIM(array, 1));
    /* Kept from the start: another thread may finish the matrix as soon as the core has the rows. */
    if (PyList_Append(self->kept, block) < 0) return NULL;
    pdl_error error = {.code = PDL_OK};
    pdl_status status;
    int borrowed = 0;
    Py_BEGIN_ALLOW_THREADS;
    status = pdl_features_append(self->features, PyArray_DATA(array), (size_t)PyArray_DIM(array, 0), &borrowed, &error);
    Py_END_ALLOW_THREADS;
    Py_ssize_t place = PyList_GET_SIZE(self->kept);
    while (!borrowed && place > 0 && PyList_GET_ITEM(self->kept, place - 1) != block)
        place--;
    if (!borrowed && place > 0 && PySequence_DelItem(self->kept, place - 1) < 0) return NULL;
    return status == PDL_OK ? PyBool_FromLong(borrowed) : pdl_raise(&error);
}

static PyObject *append_csr(features_object *self, PyObject *args)
{
    PyObject *indptr, *indices, *values;
    pdl_csr rows;
    if (!PyArg_ParseTuple(args, "OOO:append_csr", &indptr, &indices, &values)) return NULL;
    if (pdl_read_csr(indptr, indices, values, &rows) < 0) return NULL;
    pdl_error error = {.code = PDL_OK};
    pdl_status status;
    Py_BEGIN_ALLOW_THREADS;
    status = pdl_features_append_csr(self->features, &rows, &error);
    Py_END_ALLOW_THREADS;
    if (status != PDL_OK) return pdl_raise(&error);
    Py_RETURN_NONE;
}

static PyObject *finish(features_object *self, PyObject *unused)
{
    (void)unused;
    pdl_error error = {.code = PDL_OK};
    pdl_status status;
    Py_BEGIN_ALLOW_THREADS;
    status = pdl_features_finish(self->features, &error);
    Py_END_ALLOW_THREADS;
    if (status != PDL_OK) return pdl_raise(&error);
    pdl_features_settled((PyObject *)self);
    Py_RETURN_NONE;
}

static PyObject *rows(const features_object *self, void *unused)
{
    (void)unused;
    return PyLong_FromSize_t(pdl_features_rows(self->features));
}

static PyObject *columns(const features_object *self, void *unused)
{
    (void)unused;
    return PyLong_FromSize_t(pdl_features_columns(self->features));
}

static PyObject *density(const features_object *self, void *unused)
{
    (void)unused;
    return PyFloat_FromDouble(pdl_features_density(self->features));
}

static PyObject *is_sparse(const features_object *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(pdl_features_is_sparse(self->features));
}

static PyObject *own_bytes(const features_object *self, void *unused)
{
    (void)unused;
    return PyLong_FromSize_t(pdl_features_bytes(self->features));
}

/* ---- the type ---- */

static PyMethodDef methods[] = {
    {"append", (PyCFunction)append, METH_O,
     "append(block)\n--\n\nAppends float32 [rows, columns]; True when the matrix keeps the array itself."},
    {"append_csr", (PyCFunction)append_csr, METH_VARARGS,
     "append_csr(indptr, indices, values)\n--\n\nAppends compressed rows, which are copied."},
    {"finish", (PyCFunction)finish, METH_NOARGS,
     "finish()\n--\n\nDecides how the rows lie; no row can be appended afterwards."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef properties[] = {
    {"rows", (getter)rows, NULL, "Rows so far.", NULL},
    {"columns", (getter)columns, NULL, "Features of a row.", NULL},
    {"density", (getter)density, NULL, "Share of the values that are not 0.", NULL},
    {"is_sparse", (getter)is_sparse, NULL, "Whether the matrix is finished and holds its non-zeros alone.", NULL},
    {"nbytes", (getter)own_bytes, NULL, "Bytes of its own that hold features; borrowed arrays are not counted.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Features that arrive in batches and that many fits share. Safe to use from several threads."},
    {Py_tp_new, features_new},
    {Py_tp_dealloc, features_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "pydeepl._core.FeatureMatrix",
    .basicsize = sizeof(features_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};

int pdl_bind_features(PyObject *module)
{
    pdl_module_state *state = PyModule_GetState(module);
    state->features_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &spec, NULL);
    if (state->features_type == NULL) return -1;
    return PyModule_AddType(module, state->features_type);
}

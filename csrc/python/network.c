/* Network: weights bound to a graph, and runs. SPDX-License-Identifier: Apache-2.0 */
#include "python/binding.h"

typedef struct network_object {
    PyObject_HEAD pdl_network *network;
} network_object;

/* ---- parameters ---- */

static int same_shape(PyArrayObject *array, const size_t *shape, size_t rank)
{
    int same = (size_t)PyArray_NDIM(array) == rank;
    for (size_t i = 0; same && i < rank; i++)
        same = (size_t)PyArray_DIM(array, (int)i) == shape[i];
    return same;
}

static int is_float32(PyObject *object)
{
    return PyArray_Check(object) && PyArray_TYPE((PyArrayObject *)object) == NPY_FLOAT32 &&
           PyArray_ISCARRAY_RO((PyArrayObject *)object);
}

/* The values of one parameter, None as NULL; 0, or -1 with an exception set. */
static int borrow_param(PyObject *object, const char *layer, const pdl_param_info *param, const float **values)
{
    *values = NULL;
    if (object == Py_None) return 0;
    if (!is_float32(object)) {
        PyErr_Format(PyExc_TypeError, "%s: its %s must be a C-contiguous float32 array", layer, param->name);
        return -1;
    }
    if (!same_shape((PyArrayObject *)object, param->shape, param->rank)) {
        PyObject *expected = pdl_size_tuple(param->shape, param->rank);
        PyObject *found = PyObject_GetAttrString(object, "shape");
        if (expected != NULL && found != NULL)
            PyErr_Format(PyExc_ValueError, "%s: its %s has shape %R, expected %R", layer, param->name, found, expected);
        Py_XDECREF(expected);
        Py_XDECREF(found);
        return -1;
    }
    *values = PyArray_DATA((PyArrayObject *)object);
    return 0;
}

/* All parameters as the core wants them (to be freed with PyMem_Free), borrowed from the tuple. */
static const float **borrow_params(const pdl_graph *graph, PyObject *tuple)
{
    size_t layers = pdl_graph_layer_count(graph), given = (size_t)PyTuple_GET_SIZE(tuple), next = 0;
    const float **params = PyMem_Calloc(given + 1, sizeof *params);
    if (params == NULL) PyErr_NoMemory();
    for (size_t i = 0; params != NULL && i < layers; i++) {
        pdl_layer_info info;
        pdl_graph_layer(graph, (pdl_node)i, &info, NULL); /* i is in the graph: cannot fail */
        for (size_t j = 0; j < info.params; j++, next++)
            if (next < given &&
                borrow_param(PyTuple_GET_ITEM(tuple, (Py_ssize_t)next), info.name, &info.param[j], &params[next]) < 0)
                goto failed;
    }
    if (params != NULL && next != given) {
        PyErr_Format(PyExc_ValueError, "expected %zu parameters, got %zu", next, given);
        goto failed;
    }
    return params;
failed:
    PyMem_Free(params);
    return NULL;
}

static PyObject *network_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"graph",     "output",    "params",    "preprocess", "threads",
                            "algorithm", "precision", "decisions", "streams",    NULL};
    PyObject *graph_object, *given, *decisions = Py_None, *path = NULL, *module = PyType_GetModule(type);
    int output, preprocess, algorithm = PDL_ALGORITHM_AUTO, precision = PDL_PRECISION_FLOAT32;
    Py_ssize_t threads = 0, streams = 0;
    if (module == NULL) return NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OiOi|niiOn:Network", names, &graph_object, &output, &given,
                                     &preprocess, &threads, &algorithm, &precision, &decisions, &streams))
        return NULL;
    pdl_graph *graph = pdl_graph_unwrap(module, graph_object);
    if (graph == NULL) return NULL;
    if (threads < 0 || threads > 1024)
        return PyErr_Format(PyExc_ValueError, "threads is %zd, expected 0 to 1024", threads);
    if (streams < 0) return PyErr_Format(PyExc_ValueError, "streams is %zd, expected 0 or more", streams);
    network_object *self = NULL;
    const float **params = NULL;
    PyObject *tuple = PySequence_Tuple(given); /* keeps the arrays alive and the list unchanged */
    if (tuple == NULL) return NULL;
    params = borrow_params(graph, tuple);
    if (params == NULL) goto exit;
    if (decisions != Py_None && !PyUnicode_FSConverter(decisions, &path)) goto exit;
    self = (network_object *)type->tp_alloc(type, 0);
    if (self == NULL) goto exit;
    pdl_network_options options = {.threads = (size_t)threads,
                                   .streams = (size_t)streams,
                                   .preprocess = (pdl_preprocess)preprocess,
                                   .algorithm = (pdl_algorithm)algorithm,
                                   .precision = (pdl_precision)precision,
                                   .decisions = path == NULL ? NULL : PyBytes_AS_STRING(path)};
    pdl_error error = {0};
    pdl_status status;
    Py_BEGIN_ALLOW_THREADS status = pdl_network_create(graph, output, params, &options, &self->network, &error);
    Py_END_ALLOW_THREADS if (status != PDL_OK)
    {
        Py_CLEAR(self);
        pdl_raise(&error);
    }
exit:
    Py_XDECREF(path);
    PyMem_Free(params);
    Py_DECREF(tuple);
    return (PyObject *)self;
}

static void network_dealloc(network_object *self)
{
    PyTypeObject *type = Py_TYPE(self);
    pdl_network_destroy(self->network);
    type->tp_free(self);
    Py_DECREF(type);
}

/* ---- runs ---- */

static PyObject *prepare(network_object *self, PyObject *object)
{
    Py_ssize_t batch = PyNumber_AsSsize_t(object, PyExc_OverflowError);
    if (batch == -1 && PyErr_Occurred() != NULL) return NULL;
    if (batch < 1) return PyErr_Format(PyExc_ValueError, "a batch of %zd images, expected at least 1", batch);
    pdl_error error = {0};
    pdl_status status;
    Py_BEGIN_ALLOW_THREADS status = pdl_network_prepare(self->network, (size_t)batch, &error);
    Py_END_ALLOW_THREADS if (status != PDL_OK) return pdl_raise(&error);
    Py_RETURN_NONE;
}

/* A new output array, or the caller's after a check. */
static PyObject *output_array(const network_object *self, npy_intp n, PyObject *given)
{
    pdl_shape input, shape;
    npy_intp dims[PDL_MAX_RANK + 1] = {n};
    pdl_network_shapes(self->network, &input, &shape);
    int rank = (int)shape.rank;
    for (int i = 0; i < rank; i++)
        dims[i + 1] = (npy_intp)shape.extent[i];
    if (given == Py_None) return PyArray_SimpleNew(rank + 1, dims, NPY_FLOAT32);
    PyArrayObject *array = (PyArrayObject *)given;
    int fits = is_float32(given) && PyArray_ISWRITEABLE(array) && PyArray_NDIM(array) == rank + 1 &&
               PyArray_CompareLists(PyArray_DIMS(array), dims, rank + 1);
    if (fits) return Py_NewRef(given);
    PyErr_SetString(PyExc_ValueError, "out must be a writable C-contiguous float32 array of the output's shape");
    return NULL;
}

static int check_input(const network_object *self, PyArrayObject *array)
{
    pdl_shape input, output;
    pdl_network_shapes(self->network, &input, &output);
    int type = PyArray_TYPE(array), fits = PyArray_NDIM(array) == (int)input.rank + 1 && PyArray_ISCARRAY_RO(array);
    fits = fits && (type == NPY_UINT8 || type == NPY_FLOAT32);
    for (int i = 0; fits && i < (int)input.rank; i++)
        fits = (size_t)PyArray_DIM(array, i + 1) == input.extent[i];
    if (fits) return 1;
    PyObject *expected = pdl_size_tuple(input.extent, input.rank),
             *found = PyObject_GetAttrString((PyObject *)array, "shape");
    if (expected != NULL && found != NULL)
        PyErr_Format(PyExc_ValueError, "input must be a C-contiguous uint8 or float32 array of n samples %R, got %R %R",
                     expected, PyArray_DESCR(array), found);
    Py_XDECREF(expected);
    Py_XDECREF(found);
    return 0;
}

/* Whether two C-contiguous arrays share memory: a run writes its output while it still reads the input. */
static int overlap(PyArrayObject *a, PyArrayObject *b)
{
    uintptr_t a_start = (uintptr_t)PyArray_DATA(a), b_start = (uintptr_t)PyArray_DATA(b);
    return a_start < b_start + (uintptr_t)PyArray_NBYTES(b) && b_start < a_start + (uintptr_t)PyArray_NBYTES(a);
}

static PyObject *run(network_object *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"images", "out", NULL};
    PyArrayObject *images;
    PyObject *given = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!|O:run", names, &PyArray_Type, &images, &given)) return NULL;
    if (!check_input(self, images)) return NULL;
    npy_intp n = PyArray_DIM(images, 0);
    PyObject *output = output_array(self, n, given);
    if (output == NULL || n == 0) return output;
    if (overlap(images, (PyArrayObject *)output)) {
        Py_DECREF(output);
        return PyErr_Format(PyExc_ValueError, "out must not share memory with the input");
    }
    const void *data = PyArray_DATA(images);
    float *out = PyArray_DATA((PyArrayObject *)output);
    int bytes = PyArray_TYPE(images) == NPY_UINT8;
    pdl_error error = {0};
    pdl_status status;
    Py_BEGIN_ALLOW_THREADS if (bytes) status = pdl_network_run_u8(self->network, data, (size_t)n, out, &error);
    else status = pdl_network_run_f32(self->network, data, (size_t)n, out, &error);
    Py_END_ALLOW_THREADS if (status == PDL_OK) return output;
    Py_DECREF(output);
    return pdl_raise(&error);
}

static PyObject *steps(network_object *self, PyObject *object)
{
    PyObject *ready = prepare(self, object);
    if (ready == NULL) return NULL;
    Py_DECREF(ready);
    size_t batch = (size_t)PyNumber_AsSsize_t(object, NULL);
    size_t count = pdl_network_step_count(self->network, batch);
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < count; i++) {
        pdl_step_info info;
        pdl_error error = {0};
        PyObject *item = NULL;
        if (pdl_network_step(self->network, batch, i, &info, &error) != PDL_OK)
            pdl_raise(&error);
        else
            item = Py_BuildValue("(sssd)", info.layer, info.kind, info.implementation, info.flops);
        if (item == NULL || PyList_Append(list, item) < 0) Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

static PyObject *seconds(network_object *self, PyObject *object)
{
    Py_ssize_t batch = PyNumber_AsSsize_t(object, PyExc_OverflowError);
    if (batch == -1 && PyErr_Occurred() != NULL) return NULL;
    size_t count = batch < 1 ? 0 : pdl_network_step_count(self->network, (size_t)batch);
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < count; i++) {
        pdl_step_info info;
        pdl_error error = {0};
        PyObject *item = NULL;
        if (pdl_network_step(self->network, (size_t)batch, i, &info, &error) != PDL_OK)
            pdl_raise(&error);
        else
            item = PyFloat_FromDouble(info.seconds);
        if (item == NULL || PyList_Append(list, item) < 0) Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

static PyObject *streams(network_object *self, PyObject *object)
{
    PyObject *ready = prepare(self, object);
    if (ready == NULL) return NULL;
    Py_DECREF(ready);
    return PyLong_FromSize_t(pdl_network_streams(self->network, (size_t)PyNumber_AsSsize_t(object, NULL)));
}

static PyObject *input_shape(const network_object *self, void *unused)
{
    (void)unused;
    pdl_shape input, output;
    pdl_network_shapes(self->network, &input, &output);
    return pdl_size_tuple(input.extent, input.rank);
}

static PyObject *output_shape(const network_object *self, void *unused)
{
    (void)unused;
    pdl_shape input, output;
    pdl_network_shapes(self->network, &input, &output);
    return pdl_size_tuple(output.extent, output.rank);
}

/* ---- the module's function ---- */

static PyObject *check_precision(PyObject *module, PyObject *object)
{
    (void)module;
    long precision = PyLong_AsLong(object);
    if (precision == -1 && PyErr_Occurred() != NULL) return NULL;
    pdl_error error = {0};
    if (pdl_precision_check((pdl_precision)precision, &error) != PDL_OK) return pdl_raise(&error);
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"check_precision", check_precision, METH_O, "Raises an error where this processor does not compute so."},
    {NULL, NULL, 0, NULL},
};

/* ---- the type ---- */

static PyMethodDef methods[] = {
    {"prepare", (PyCFunction)prepare, METH_O, "Makes the network ready for batches of exactly this many images."},
    {"run", (PyCFunction)(void (*)(void))run, METH_VARARGS | METH_KEYWORDS,
     "uint8 BGR [n, height, width, 3] or float32 [n, input...] -> float32 [n, output...]."},
    {"steps", (PyCFunction)steps, METH_O, "(layer, kind, implementation, flops) of every step for this batch size."},
    {"seconds", (PyCFunction)seconds, METH_O, "Every step's fastest run so far for this batch size."},
    {"streams", (PyCFunction)streams, METH_O, "How many parts of a batch of this size run side by side."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef properties[] = {
    {"input_shape", (getter)input_shape, NULL,
     "One sample's input: (height, width, channels), (length, channels) or (channels,).", NULL},
    {"output_shape", (getter)output_shape, NULL, "One sample's output.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "A graph with its weights, ready to run. Safe to use from several threads and after fork."},
    {Py_tp_new, network_new},
    {Py_tp_dealloc, network_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "pydeepl._core.Network",
    .basicsize = sizeof(network_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};

int pdl_bind_network(PyObject *module)
{
    pdl_module_state *state = PyModule_GetState(module);
    if (PyModule_AddFunctions(module, functions) < 0) return -1;
    state->network_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &spec, NULL);
    if (state->network_type == NULL) return -1;
    return PyModule_AddType(module, state->network_type);
}

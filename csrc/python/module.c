/* pydeepl._core: multi-phase initialisation and module state. SPDX-License-Identifier: Apache-2.0 */
#define PDL_IMPORT_NUMPY
#include "python/binding.h"

PyObject *pdl_raise(const pdl_error *error)
{
    PyObject *type = PyExc_ValueError;
    if (error->code == PDL_ENOMEM) type = PyExc_MemoryError;
    if (error->code == PDL_EUNSUPPORTED) type = PyExc_NotImplementedError;
    if (error->code == PDL_EINTERNAL) type = PyExc_RuntimeError;
    if (error->code == PDL_EINTERRUPTED) {
        if (PyErr_Occurred() != NULL) return NULL; /* the callback's own exception goes on */
        type = PyExc_KeyboardInterrupt;
    }
    PyErr_SetString(type, error->message);
    return NULL;
}

PyObject *pdl_size_tuple(const size_t *values, size_t count)
{
    PyObject *tuple = PyTuple_New((Py_ssize_t)count);
    for (size_t i = 0; tuple != NULL && i < count; i++) {
        PyObject *item = PyLong_FromSize_t(values[i]);
        if (item == NULL)
            Py_CLEAR(tuple);
        else
            PyTuple_SET_ITEM(tuple, (Py_ssize_t)i, item);
    }
    return tuple;
}

static PyObject *default_threads(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return PyLong_FromSize_t(pdl_default_threads());
}

static PyMethodDef functions[] = {
    {"default_threads", default_threads, METH_NOARGS, "Threads used where none are asked for."},
    {NULL, NULL, 0, NULL},
};

static int execute(PyObject *module)
{
    if (PyArray_ImportNumPyAPI() < 0) return -1;
    if (pdl_bind_files(module) < 0) return -1;
    if (pdl_bind_image(module) < 0 || pdl_bind_graph(module) < 0 || pdl_bind_network(module) < 0) return -1;
    if (pdl_bind_zoo(module) < 0 || pdl_bind_features(module) < 0 || pdl_bind_linear(module) < 0) return -1;
    return 0;
}

static int traverse(PyObject *module, visitproc visit, void *arg)
{
    pdl_module_state *state = PyModule_GetState(module);
    Py_VISIT(state->graph_type);
    Py_VISIT(state->network_type);
    Py_VISIT(state->features_type);
    return 0;
}

static int clear(PyObject *module)
{
    pdl_module_state *state = PyModule_GetState(module);
    Py_CLEAR(state->graph_type);
    Py_CLEAR(state->network_type);
    Py_CLEAR(state->features_type);
    return 0;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, execute},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED}, /* NumPy's API is per process */
#endif
    {0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "pydeepl._core",
    .m_doc = "The C core: images, networks, logistic regression.",
    .m_size = sizeof(pdl_module_state),
    .m_methods = functions,
    .m_slots = slots,
    .m_traverse = traverse,
    .m_clear = clear,
};

PyMODINIT_FUNC PyInit__core(void)
{
    return PyModuleDef_Init(&definition);
}

/* The binding of the known networks. SPDX-License-Identifier: Apache-2.0 */
#include "python/binding.h"

#include <string.h>

PyDoc_STRVAR(names_doc, "zoo_names() -> the names of the known networks.");

static PyObject *zoo_names(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    size_t count = pdl_zoo_count();
    PyObject *names = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; names != NULL && i < count; i++) {
        PyObject *name = PyUnicode_FromString(pdl_zoo_spec_at(i)->name);
        if (name == NULL)
            Py_CLEAR(names);
        else
            PyList_SET_ITEM(names, (Py_ssize_t)i, name);
    }
    return names;
}

PyDoc_STRVAR(spec_doc, "zoo_spec(name) -> (name, height, width, preprocess, features layer) of a known network.");

static PyObject *zoo_spec(PyObject *module, PyObject *argument)
{
    (void)module;
    const char *name = PyUnicode_AsUTF8(argument);
    if (name == NULL) return NULL;
    for (size_t i = 0; i < pdl_zoo_count(); i++) {
        const pdl_zoo_spec *spec = pdl_zoo_spec_at(i);
        if (strcmp(spec->name, name) != 0) continue;
        return Py_BuildValue("snnis", spec->name, (Py_ssize_t)spec->height, (Py_ssize_t)spec->width,
                             (int)spec->preprocess, spec->features);
    }
    return PyErr_Format(PyExc_ValueError, "unknown network \"%U\": zoo_names() lists the known ones", argument);
}

PyDoc_STRVAR(graph_doc, "zoo_graph(name, include_top) -> the Graph of a known network, with Keras' layer names.");

static PyObject *zoo_graph(PyObject *module, PyObject *args)
{
    const char *name;
    int include_top;
    if (!PyArg_ParseTuple(args, "sp:zoo_graph", &name, &include_top)) return NULL;
    pdl_graph *graph = NULL;
    pdl_error error = {0};
    if (pdl_zoo_graph(name, include_top, &graph, &error) != PDL_OK) return pdl_raise(&error);
    return pdl_graph_wrap(module, graph);
}

static PyMethodDef functions[] = {
    {"zoo_names", zoo_names, METH_NOARGS, names_doc},
    {"zoo_spec", zoo_spec, METH_O, spec_doc},
    {"zoo_graph", zoo_graph, METH_VARARGS, graph_doc},
    {NULL, NULL, 0, NULL},
};

int pdl_bind_zoo(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}

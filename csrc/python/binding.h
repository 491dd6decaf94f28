/* What the binding's files share. SPDX-License-Identifier: Apache-2.0
 *
 * Every file of this room binds one handle: it parses arguments, borrows arrays, releases the GIL, calls the core
 * and maps the status to an exception; nothing else. Defaults, dtype and contiguity are Python's. */
#ifndef PDL_PYTHON_BINDING_H
#define PDL_PYTHON_BINDING_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#define NPY_TARGET_VERSION NPY_2_0_API_VERSION
#define PY_ARRAY_UNIQUE_SYMBOL pdl_numpy_api
#ifndef PDL_IMPORT_NUMPY
#define NO_IMPORT_ARRAY
#endif
#include <numpy/arrayobject.h>

#include "pydeepl.h"

typedef struct pdl_module_state {
    PyTypeObject *graph_type;
    PyTypeObject *network_type;
    PyTypeObject *features_type;
} pdl_module_state;

/* Each adds its functions and types to the module: 0, or -1 with an exception set. */
int pdl_bind_files(PyObject *module);
int pdl_bind_image(PyObject *module);
int pdl_bind_graph(PyObject *module);
int pdl_bind_network(PyObject *module);
int pdl_bind_zoo(PyObject *module);
int pdl_bind_features(PyObject *module);
int pdl_bind_linear(PyObject *module);

/* A Graph that owns `graph`, which is destroyed when NULL is returned (with an exception set). */
PyObject *pdl_graph_wrap(PyObject *module, pdl_graph *graph);
/* The graph of a Graph object; NULL with TypeError set when the object is none. Borrowed from the object. */
pdl_graph *pdl_graph_unwrap(PyObject *module, PyObject *object);

/* The features of a FeatureMatrix object; NULL with TypeError set when the object is none. Borrowed from the object. */
pdl_features *pdl_features_unwrap(PyObject *module, PyObject *object);
/* Lets go of the arrays that the matrix borrows no more. */
void pdl_features_settled(PyObject *object);

/* The array itself when C can read it as it lies, with the type (NPY_FLOAT or NPY_DOUBLE) and number of dimensions;
 * else NULL and TypeError. */
PyArrayObject *pdl_check_array(PyObject *object, const char *name, int type, int dimensions);

/* Compressed rows: indptr int64, indices int32 or int64, values float32 or float64, all of one dimension and as they
 * lie; 0, or -1 with an exception. */
int pdl_read_csr(PyObject *indptr, PyObject *indices, PyObject *values, pdl_csr *csr);

/* Raises what the error's code stands for (ENOMEM: MemoryError, EUNSUPPORTED: NotImplementedError,
 * EINTERNAL: RuntimeError, EINTERRUPTED: KeyboardInterrupt unless one is set, others: ValueError); returns NULL. */
PyObject *pdl_raise(const pdl_error *error);

/* A new tuple of ints, or NULL with an exception set: a shape. */
PyObject *pdl_size_tuple(const size_t *values, size_t count);

#endif

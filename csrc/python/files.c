/* Arrays from files. SPDX-License-Identifier: Apache-2.0 */
#include "python/binding.h"

/* One array and where it lies; 0, or -1 with an exception set. */
static int describe(PyObject *offset, PyObject *object, pdl_stored_floats *stored)
{
    stored->offset = PyLong_AsLongLong(offset);
    if (stored->offset == -1 && PyErr_Occurred() != NULL) return -1;
    if (!PyArray_Check(object) || PyArray_TYPE((PyArrayObject *)object) != NPY_FLOAT32 ||
        !PyArray_ISCARRAY((PyArrayObject *)object)) {
        PyErr_SetString(PyExc_TypeError, "arrays: expected writable C-contiguous float32 arrays");
        return -1;
    }
    stored->values = PyArray_DATA((PyArrayObject *)object);
    stored->count = (size_t)PyArray_SIZE((PyArrayObject *)object);
    return 0;
}

/* The numbers of the arrays that are not sound. */
static PyObject *list_failed(const pdl_stored_floats *stored, Py_ssize_t n)
{
    PyObject *failed = PyList_New(0);
    for (Py_ssize_t i = 0; failed != NULL && i < n; i++) {
        if (stored[i].sound) continue;
        PyObject *number = PyLong_FromSsize_t(i);
        if (number == NULL || PyList_Append(failed, number) < 0) Py_CLEAR(failed);
        Py_XDECREF(number);
    }
    return failed;
}

static PyObject *read_floats(PyObject *module, PyObject *args)
{
    (void)module;
    int file;
    PyObject *offsets, *arrays, *result = NULL;
    if (!PyArg_ParseTuple(args, "iO!O!:read_floats", &file, &PyTuple_Type, &offsets, &PyTuple_Type, &arrays))
        return NULL;
    Py_ssize_t n = PyTuple_GET_SIZE(arrays);
    if (PyTuple_GET_SIZE(offsets) != n)
        return PyErr_Format(PyExc_ValueError, "%zd offsets for %zd arrays", PyTuple_GET_SIZE(offsets), n);
    pdl_stored_floats *stored = PyMem_Calloc((size_t)n + 1, sizeof *stored);
    if (stored == NULL) return PyErr_NoMemory();
    for (Py_ssize_t i = 0; i < n; i++)
        if (describe(PyTuple_GET_ITEM(offsets, i), PyTuple_GET_ITEM(arrays, i), &stored[i]) < 0) goto exit;
    pdl_error error = {0};
    pdl_status status;
    Py_BEGIN_ALLOW_THREADS status = pdl_read_floats(file, stored, (size_t)n, 0, &error);
    Py_END_ALLOW_THREADS result = status == PDL_OK ? list_failed(stored, n) : pdl_raise(&error);
exit:
    PyMem_Free(stored);
    return result;
}

static PyMethodDef functions[] = {
    {"read_floats", read_floats, METH_VARARGS,
     "Fills float32 arrays from an open file's descriptor; the numbers of those that cannot be read or are not "
     "finite."},
    {NULL, NULL, 0, NULL},
};

int pdl_bind_files(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}

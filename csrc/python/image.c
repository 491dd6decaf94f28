/* Binds image: jpeg_info, jpeg_decode, resize, resize_paths, load_images. SPDX-License-Identifier: Apache-2.0 */
#include "python/binding.h"

#include "image/resize.h"

static PyObject *jpeg_info(PyObject *module, PyObject *args)
{
    (void)module;
    Py_buffer data;
    Py_ssize_t max_pixels;
    if (!PyArg_ParseTuple(args, "y*n:jpeg_info", &data, &max_pixels)) return NULL;
    pdl_image_info info = {0};
    pdl_error error = {0};
    pdl_status status;
    Py_BEGIN_ALLOW_THREADS status = pdl_jpeg_info(data.buf, (size_t)data.len, (size_t)max_pixels, &info, &error);
    Py_END_ALLOW_THREADS PyBuffer_Release(&data);
    if (status != PDL_OK) return pdl_raise(&error);
    return Py_BuildValue("(nnn)", (Py_ssize_t)info.height, (Py_ssize_t)info.width, (Py_ssize_t)info.channels);
}

static PyObject *jpeg_decode(PyObject *module, PyObject *args)
{
    (void)module;
    Py_buffer data;
    Py_ssize_t max_pixels, height = 0, width = 0;
    if (!PyArg_ParseTuple(args, "y*n|nn:jpeg_decode", &data, &max_pixels, &height, &width)) return NULL;
    PyObject *pixels = NULL;
    pdl_image_info info = {0};
    pdl_error error = {0};
    pdl_status status;
    Py_BEGIN_ALLOW_THREADS status = pdl_jpeg_info(data.buf, (size_t)data.len, (size_t)max_pixels, &info, &error);
    Py_END_ALLOW_THREADS if (status != PDL_OK) goto exit;
    if (height > 0 && width > 0) info = pdl_jpeg_reduced(&info, (size_t)height, (size_t)width);
    npy_intp shape[3] = {(npy_intp)info.height, (npy_intp)info.width, (npy_intp)info.channels};
    pixels = PyArray_SimpleNew(3, shape, NPY_UINT8);
    if (pixels == NULL) goto exit;
    uint8_t *out = PyArray_DATA((PyArrayObject *)pixels);
    Py_BEGIN_ALLOW_THREADS status = pdl_jpeg_decode(data.buf, (size_t)data.len, &info, out, &error);
    Py_END_ALLOW_THREADS if (status != PDL_OK) Py_CLEAR(pixels);
exit:
    PyBuffer_Release(&data);
    return status == PDL_OK ? pixels : pdl_raise(&error);
}

/* Whether the object is a uint8 [h, w, c] array that C may read as it lies. */
static int is_image(PyObject *object)
{
    if (!PyArray_Check(object)) return 0;
    PyArrayObject *array = (PyArrayObject *)object;
    return PyArray_NDIM(array) == 3 && PyArray_TYPE(array) == NPY_UINT8 && PyArray_IS_C_CONTIGUOUS(array);
}

static pdl_image_info image_info(PyArrayObject *image)
{
    const npy_intp *shape = PyArray_DIMS(image);
    return (pdl_image_info){(size_t)shape[0], (size_t)shape[1], (size_t)shape[2]};
}

/* The path of that name, or the best one for NULL; -1 with an exception set. */
static int path_of(const char *name)
{
    for (int path = PDL_PATH_COUNT - 1; path >= 0; path--)
        if (pdl_resize_path_available(path) && (name == NULL || strcmp(name, pdl_resize_path_name(path)) == 0))
            return path;
    PyErr_Format(PyExc_ValueError, "this machine has no resize path '%s'", name);
    return -1;
}

static PyObject *resize(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *image;
    Py_ssize_t height, width;
    int hint;
    const char *name = NULL;
    if (!PyArg_ParseTuple(args, "Onni|z:resize", &image, &height, &width, &hint, &name)) return NULL;
    if (!is_image(image))
        return PyErr_Format(PyExc_TypeError, "expected a C-contiguous uint8 [height, width, channels] array");
    int path = path_of(name);
    if (path < 0) return NULL;
    npy_intp shape[3] = {height, width, 3};
    PyObject *resized = PyArray_SimpleNew(3, shape, NPY_UINT8);
    if (resized == NULL) return NULL;
    const uint8_t *pixels = PyArray_DATA((PyArrayObject *)image);
    uint8_t *out = PyArray_DATA((PyArrayObject *)resized);
    pdl_image_info info = image_info((PyArrayObject *)image);
    pdl_error error = {0};
    pdl_status status;
    Py_BEGIN_ALLOW_THREADS status =
        pdl_resize_on(path, pixels, &info, (size_t)height, (size_t)width, (pdl_scale_hint)hint, out, &error);
    Py_END_ALLOW_THREADS if (status == PDL_OK) return resized;
    Py_DECREF(resized);
    return pdl_raise(&error);
}

static PyObject *resize_paths(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    PyObject *names = PyList_New(0);
    for (int path = 0; names != NULL && path < PDL_PATH_COUNT; path++) {
        if (!pdl_resize_path_available(path)) continue;
        PyObject *name = PyUnicode_FromString(pdl_resize_path_name(path));
        if (name == NULL || PyList_Append(names, name) < 0) Py_CLEAR(names);
        Py_XDECREF(name);
    }
    return names;
}

/* What load_images borrows for the time of the call. */
typedef struct borrowed {
    PyObject *list; /* a tuple of our own: nobody can change it while the GIL is released */
    Py_ssize_t count, buffers;
    Py_buffer *buffer;
    pdl_image_source *source;
    pdl_error *error;
} borrowed;

static void give_back(borrowed *b)
{
    for (Py_ssize_t i = 0; i < b->buffers; i++)
        PyBuffer_Release(&b->buffer[i]);
    PyMem_Free(b->error);
    PyMem_Free(b->source);
    PyMem_Free(b->buffer);
    Py_XDECREF(b->list);
}

static int borrow(borrowed *b, PyObject *sources)
{
    b->list = PySequence_Tuple(sources);
    if (b->list == NULL) return -1;
    b->count = PyTuple_GET_SIZE(b->list);
    b->buffer = PyMem_Calloc((size_t)b->count + 1, sizeof *b->buffer);
    b->source = PyMem_Calloc((size_t)b->count + 1, sizeof *b->source);
    b->error = PyMem_Calloc((size_t)b->count + 1, sizeof *b->error);
    if (b->buffer == NULL || b->source == NULL || b->error == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < b->count; i++) {
        PyObject *item = PyTuple_GET_ITEM(b->list, i);
        Py_buffer *view = &b->buffer[b->buffers];
        if (PyObject_GetBuffer(item, view, PyBUF_C_CONTIGUOUS) < 0) return -1;
        b->buffers++;
        b->source[i] = (pdl_image_source){view->buf, (size_t)view->len, {0}};
        if (is_image(item)) b->source[i].info = image_info((PyArrayObject *)item);
    }
    return 0;
}

/* A new array, or the caller's after a check. */
static PyObject *output_array(PyObject *given, const npy_intp shape[4])
{
    if (given == Py_None) return PyArray_SimpleNew(4, shape, NPY_UINT8);
    PyArrayObject *array = (PyArrayObject *)given;
    if (!PyArray_Check(given) || PyArray_NDIM(array) != 4 || PyArray_TYPE(array) != NPY_UINT8 ||
        !PyArray_ISCARRAY(array) || !PyArray_CompareLists(PyArray_DIMS(array), shape, 4))
        return PyErr_Format(PyExc_ValueError, "out is not a writable C-contiguous uint8 [%zd, %zd, %zd, 3] array",
                            (Py_ssize_t)shape[0], (Py_ssize_t)shape[1], (Py_ssize_t)shape[2]);
    Py_INCREF(given);
    return given;
}

static PyObject *error_list(const pdl_error *errors, Py_ssize_t count)
{
    PyObject *list = PyList_New(count);
    for (Py_ssize_t i = 0; list != NULL && i < count; i++) {
        PyObject *text = errors[i].code == PDL_OK ? Py_NewRef(Py_None) : PyUnicode_FromString(errors[i].message);
        if (text == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, i, text);
    }
    return list;
}

static PyObject *load_images(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *sources, *out = Py_None, *array = NULL, *errors = NULL;
    Py_ssize_t height, width, max_pixels, threads;
    int hint, reduce = 0;
    if (!PyArg_ParseTuple(args, "Onninn|Op:load_images", &sources, &height, &width, &hint, &max_pixels, &threads, &out,
                          &reduce))
        return NULL;
    borrowed b = {0};
    if (borrow(&b, sources) < 0) goto exit;
    const npy_intp shape[4] = {b.count, height, width, 3};
    array = output_array(out, shape);
    if (array == NULL) goto exit;
    uint8_t *pixels = PyArray_DATA((PyArrayObject *)array);
    const pdl_load_options options = {.height = (size_t)height,
                                      .width = (size_t)width,
                                      .hint = (pdl_scale_hint)hint,
                                      .max_pixels = (size_t)max_pixels,
                                      .threads = (size_t)threads,
                                      .reduce = reduce};
    pdl_error error = {0};
    pdl_status status;
    Py_BEGIN_ALLOW_THREADS status = pdl_images_load(b.source, (size_t)b.count, &options, pixels, b.error, &error);
    Py_END_ALLOW_THREADS if (status == PDL_OK) errors = error_list(b.error, b.count);
    else pdl_raise(&error);
exit:
    give_back(&b);
    if (errors == NULL) {
        Py_XDECREF(array);
        return NULL;
    }
    return Py_BuildValue("(NN)", array, errors);
}

static PyMethodDef functions[] = {
    {"jpeg_info", jpeg_info, METH_VARARGS, "(data, max_pixels) -> (height, width, channels) of a JPEG."},
    {"jpeg_decode", jpeg_decode, METH_VARARGS,
     "(data, max_pixels, height=0, width=0) -> uint8 [h, w, 1 | 3], gray or BGR; reduced to no less than these."},
    {"resize", resize, METH_VARARGS, "(pixels, height, width, hint, path=None) -> uint8 [height, width, 3]."},
    {"resize_paths", resize_paths, METH_NOARGS, "Names of the code paths that resize can take on this machine."},
    {"load_images", load_images, METH_VARARGS,
     "(sources, height, width, hint, max_pixels, threads, out=None, reduce=False) -> (uint8 [n, height, width, 3], "
     "errors)."},
    {NULL, NULL, 0, NULL},
};

int pdl_bind_image(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}

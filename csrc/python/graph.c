/* Graph: the builder and its layer table. SPDX-License-Identifier: Apache-2.0 */
#include "python/binding.h"

#include <stdbool.h>
#include <string.h>

typedef struct graph_object {
    PyObject_HEAD pdl_graph *graph;
} graph_object;

/* ---- argument converters ("O&") ---- */

static int to_size(PyObject *object, void *out)
{
    Py_ssize_t value = PyNumber_AsSsize_t(object, PyExc_OverflowError);
    if (value == -1 && PyErr_Occurred() != NULL) return 0;
    if (value < 0) {
        PyErr_Format(PyExc_ValueError, "expected a number >= 0, got %zd", value);
        return 0;
    }
    *(size_t *)out = (size_t)value;
    return 1;
}

/* (height, width) */
static int to_pair(PyObject *object, void *out)
{
    if (!PyTuple_Check(object) || PyTuple_GET_SIZE(object) != 2) {
        PyErr_Format(PyExc_TypeError, "expected a tuple (height, width), got %R", object);
        return 0;
    }
    size_t *pair = out;
    return to_size(PyTuple_GET_ITEM(object, 0), &pair[0]) && to_size(PyTuple_GET_ITEM(object, 1), &pair[1]);
}

static int to_choice(PyObject *object, const char *const *names, int count, const char *what)
{
    const char *text = PyUnicode_Check(object) ? PyUnicode_AsUTF8(object) : NULL;
    for (int i = 0; text != NULL && i < count; i++)
        if (strcmp(text, names[i]) == 0) return i;
    if (PyErr_Occurred() == NULL) PyErr_Format(PyExc_ValueError, "unknown %s %R", what, object);
    return -1;
}

static int to_padding(PyObject *object, void *out)
{
    static const char *const names[] = {"valid", "same", "causal"}; /* in the order of pdl_padding */
    int choice = to_choice(object, names, 3, "padding");
    if (choice >= 0) *(pdl_padding *)out = (pdl_padding)choice;
    return choice >= 0;
}

static int to_activation(PyObject *object, void *out)
{
    const char *names[PDL_ACTIVATIONS];
    for (int i = 0; i < PDL_ACTIVATIONS; i++)
        names[i] = pdl_activation_at((pdl_activation)i)->name;
    int choice = object == Py_None ? PDL_ACTIVATION_LINEAR : to_choice(object, names, PDL_ACTIVATIONS, "activation");
    if (choice >= 0) *(pdl_activation *)out = (pdl_activation)choice;
    return choice >= 0;
}

static int to_merge(PyObject *object, void *out)
{
    /* in the order of pdl_merge */
    static const char *const names[] = {"add", "multiply", "subtract", "divide", "average", "maximum", "minimum"};
    int choice = to_choice(object, names, PDL_MERGES, "way to merge");
    if (choice >= 0) *(pdl_merge *)out = (pdl_merge)choice;
    return choice >= 0;
}

static int to_norm(PyObject *object, void *out)
{
    static const char *const names[] = {"layer", "rms", "variance", "unit"}; /* in the order of pdl_norm */
    int choice = to_choice(object, names, PDL_NORMS, "norm");
    if (choice >= 0) *(pdl_norm *)out = (pdl_norm)choice;
    return choice >= 0;
}

typedef struct number_list {
    double *numbers;
    size_t count;
} number_list;

static int to_numbers(PyObject *object, void *out)
{
    number_list *list = out;
    PyObject *items = PySequence_Fast(object, "expected a list of numbers");
    if (items == NULL) return 0;
    size_t count = (size_t)PySequence_Fast_GET_SIZE(items);
    list->numbers = PyMem_Calloc(count + 1, sizeof *list->numbers);
    if (list->numbers == NULL) PyErr_NoMemory();
    for (list->count = 0; list->numbers != NULL && list->count < count; list->count++) {
        double number = PyFloat_AsDouble(PySequence_Fast_GET_ITEM(items, (Py_ssize_t)list->count));
        if (number == -1.0 && PyErr_Occurred() != NULL) break;
        list->numbers[list->count] = number;
    }
    Py_DECREF(items);
    if (list->numbers != NULL && PyErr_Occurred() == NULL) return 1;
    PyMem_Free(list->numbers);
    list->numbers = NULL;
    return 0;
}

typedef struct node_list {
    pdl_node *nodes;
    size_t count;
} node_list;

static int to_nodes(PyObject *object, void *out)
{
    node_list *list = out;
    PyObject *items = PySequence_Fast(object, "expected a list of nodes");
    if (items == NULL) return 0;
    size_t count = (size_t)PySequence_Fast_GET_SIZE(items);
    list->nodes = PyMem_Calloc(count + 1, sizeof *list->nodes);
    if (list->nodes == NULL) PyErr_NoMemory();
    for (list->count = 0; list->nodes != NULL && list->count < count; list->count++) {
        long node = PyLong_AsLong(PySequence_Fast_GET_ITEM(items, (Py_ssize_t)list->count));
        if (node == -1 && PyErr_Occurred() != NULL) break;
        list->nodes[list->count] = node >= 0 && node <= INT32_MAX ? (pdl_node)node : PDL_NO_NODE;
    }
    Py_DECREF(items);
    if (list->nodes != NULL && PyErr_Occurred() == NULL) return 1;
    PyMem_Free(list->nodes);
    return 0;
}

/* ---- builder methods ---- */

static PyObject *new_node(const graph_object *self, pdl_node node)
{
    if (node != PDL_NO_NODE) return PyLong_FromLong(node);
    pdl_error error = {0};
    pdl_graph_status(self->graph, &error);
    return pdl_raise(&error);
}

/* input(name, *shape) */
static PyObject *build_input(graph_object *self, PyObject *args)
{
    Py_ssize_t rank = PyTuple_GET_SIZE(args) - 1;
    size_t shape[PDL_MAX_RANK];
    if (rank < 1 || rank > PDL_MAX_RANK || !PyUnicode_Check(PyTuple_GET_ITEM(args, 0)))
        return PyErr_Format(PyExc_TypeError, "expected a name and 1 to 3 extents, got %R", args);
    const char *name = PyUnicode_AsUTF8(PyTuple_GET_ITEM(args, 0));
    if (name == NULL) return NULL;
    for (Py_ssize_t i = 0; i < rank; i++)
        if (!to_size(PyTuple_GET_ITEM(args, i + 1), &shape[i])) return NULL;
    return new_node(self, pdl_graph_input(self->graph, name, (size_t)rank, shape));
}

typedef pdl_node (*conv_builder)(pdl_graph *, const char *, pdl_node, const pdl_conv2d_spec *);

static PyObject *build_conv(graph_object *self, PyObject *args, PyObject *kwargs, char **names, conv_builder build)
{
    const char *name;
    pdl_node x;
    pdl_conv2d_spec spec = {.use_bias = 1};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "siO&O&|$O&O&O&O&pO&O&", names, &name, &x, to_size, &spec.filters,
                                     to_pair, spec.kernel, to_pair, spec.stride, to_pair, spec.dilation, to_padding,
                                     &spec.padding, to_size, &spec.multiplier, &spec.use_bias, to_activation,
                                     &spec.activation, to_size, &spec.groups))
        return NULL;
    return new_node(self, build(self->graph, name, x, &spec));
}

static char *conv_names[] = {"name",    "x",          "filters",  "kernel",     "stride", "dilation",
                             "padding", "multiplier", "use_bias", "activation", "groups", NULL};

static PyObject *build_conv2d(graph_object *self, PyObject *args, PyObject *kwargs)
{
    return build_conv(self, args, kwargs, conv_names, pdl_graph_conv2d);
}

static PyObject *build_separable_conv2d(graph_object *self, PyObject *args, PyObject *kwargs)
{
    return build_conv(self, args, kwargs, conv_names, pdl_graph_separable_conv2d);
}

static PyObject *build_depthwise_conv2d(graph_object *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"name",    "x",          "kernel",   "stride",     "dilation",
                            "padding", "multiplier", "use_bias", "activation", NULL};
    const char *name;
    pdl_node x;
    pdl_conv2d_spec spec = {.filters = 1, .use_bias = 1};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "siO&|$O&O&O&O&pO&", names, &name, &x, to_pair, spec.kernel, to_pair,
                                     spec.stride, to_pair, spec.dilation, to_padding, &spec.padding, to_size,
                                     &spec.filters, &spec.use_bias, to_activation, &spec.activation))
        return NULL;
    return new_node(self, pdl_graph_depthwise_conv2d(self->graph, name, x, &spec));
}

/* output_padding: None, or (height, width). */
static PyObject *build_conv2d_transpose(graph_object *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"name",           "x",        "filters",    "kernel", "stride", "dilation", "padding",
                            "output_padding", "use_bias", "activation", NULL};
    const char *name;
    pdl_node x;
    pdl_conv2d_spec spec = {.use_bias = 1};
    PyObject *given = Py_None;
    size_t added[2];
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "siO&O&|$O&O&O&OpO&", names, &name, &x, to_size, &spec.filters,
                                     to_pair, spec.kernel, to_pair, spec.stride, to_pair, spec.dilation, to_padding,
                                     &spec.padding, &given, &spec.use_bias, to_activation, &spec.activation))
        return NULL;
    if (given != Py_None && !to_pair(given, added)) return NULL;
    return new_node(self, pdl_graph_conv2d_transpose(self->graph, name, x, &spec, given == Py_None ? NULL : added));
}

static PyObject *build_batch_norm(graph_object *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"name", "x", "epsilon", "scale", "center", NULL};
    const char *name;
    pdl_node x;
    double epsilon = 1e-3;
    int scale = 1, center = 1;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "si|$dpp", names, &name, &x, &epsilon, &scale, &center)) return NULL;
    return new_node(self, pdl_graph_batch_norm(self->graph, name, x, epsilon, scale, center));
}

static PyObject *build_activation(graph_object *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"name", "x", "activation", "parameters", NULL};
    const char *name;
    pdl_node x;
    pdl_activation activation;
    number_list parameters = {0};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "siO&|O&", names, &name, &x, to_activation, &activation, to_numbers,
                                     &parameters))
        return NULL;
    size_t expected = pdl_activation_at(activation)->parameters;
    PyObject *node = NULL;
    if (parameters.count != 0 && parameters.count != expected)
        PyErr_Format(PyExc_ValueError, "%zu parameters of activation %s, expected %zu", parameters.count,
                     pdl_activation_at(activation)->name, expected);
    else
        node = new_node(self, pdl_graph_activation(self->graph, name, x, activation,
                                                   parameters.count != 0 ? parameters.numbers : NULL));
    PyMem_Free(parameters.numbers);
    return node;
}

static PyObject *build_prelu(graph_object *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"name", "x", "shared", NULL};
    const char *name;
    pdl_node x;
    int shared[3];
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "si(ppp)", names, &name, &x, &shared[0], &shared[1], &shared[2]))
        return NULL;
    return new_node(self, pdl_graph_prelu(self->graph, name, x, shared));
}

static PyObject *build_layer_norm(graph_object *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"name", "x", "norm", "epsilon", "scale", "center", NULL};
    const char *name;
    pdl_node x;
    pdl_norm norm = PDL_NORM_LAYER;
    double epsilon = 1e-3;
    int scale = 1, center = 1;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "si|$O&dpp", names, &name, &x, to_norm, &norm, &epsilon, &scale,
                                     &center))
        return NULL;
    return new_node(self, pdl_graph_layer_norm(self->graph, name, x, norm, epsilon, scale, center));
}

static PyObject *build_rescale(graph_object *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"name", "x", "scale", "offset", NULL};
    const char *name;
    pdl_node x;
    number_list scale = {0}, offset = {0};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "siO&O&", names, &name, &x, to_numbers, &scale, to_numbers,
                                     &offset)) {
        PyMem_Free(scale.numbers);
        return NULL;
    }
    PyObject *node = NULL;
    if (scale.count != offset.count)
        PyErr_Format(PyExc_ValueError, "%zu scales and %zu offsets", scale.count, offset.count);
    else
        node = new_node(self, pdl_graph_rescale(self->graph, name, x, scale.count, scale.numbers, offset.numbers));
    PyMem_Free(scale.numbers);
    PyMem_Free(offset.numbers);
    return node;
}

static PyObject *build_normalization(graph_object *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"name", "x", "invert", NULL};
    const char *name;
    pdl_node x;
    int invert = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "si|$p", names, &name, &x, &invert)) return NULL;
    return new_node(self, pdl_graph_normalization(self->graph, name, x, invert));
}

typedef pdl_node (*pool_builder)(pdl_graph *, const char *, pdl_node, const pdl_pool2d_spec *);

static PyObject *build_pool(graph_object *self, PyObject *args, PyObject *kwargs, pool_builder build)
{
    static char *names[] = {"name", "x", "size", "stride", "padding", NULL};
    const char *name;
    pdl_node x;
    pdl_pool2d_spec spec = {0};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "siO&|$O&O&", names, &name, &x, to_pair, spec.size, to_pair,
                                     spec.stride, to_padding, &spec.padding))
        return NULL;
    return new_node(self, build(self->graph, name, x, &spec));
}

static PyObject *build_max_pool2d(graph_object *self, PyObject *args, PyObject *kwargs)
{
    return build_pool(self, args, kwargs, pdl_graph_max_pool2d);
}

static PyObject *build_avg_pool2d(graph_object *self, PyObject *args, PyObject *kwargs)
{
    return build_pool(self, args, kwargs, pdl_graph_avg_pool2d);
}

typedef pdl_node (*plain_builder)(pdl_graph *, const char *, pdl_node);

static PyObject *build_plain(graph_object *self, PyObject *args, PyObject *kwargs, plain_builder build)
{
    static char *names[] = {"name", "x", NULL};
    const char *name;
    pdl_node x;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "si", names, &name, &x)) return NULL;
    return new_node(self, build(self->graph, name, x));
}

typedef pdl_node (*global_pool_builder)(pdl_graph *, const char *, pdl_node, int);

static PyObject *build_global_pool(graph_object *self, PyObject *args, PyObject *kwargs, global_pool_builder build)
{
    static char *names[] = {"name", "x", "keepdims", NULL};
    const char *name;
    pdl_node x;
    int keepdims = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "si|$p", names, &name, &x, &keepdims)) return NULL;
    return new_node(self, build(self->graph, name, x, keepdims));
}

static PyObject *build_global_avg_pool(graph_object *self, PyObject *args, PyObject *kwargs)
{
    return build_global_pool(self, args, kwargs, pdl_graph_global_avg_pool);
}

static PyObject *build_global_max_pool(graph_object *self, PyObject *args, PyObject *kwargs)
{
    return build_global_pool(self, args, kwargs, pdl_graph_global_max_pool);
}

static PyObject *build_layer_scale(graph_object *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"name", "x", "scale", "center", NULL};
    const char *name;
    pdl_node x;
    int scale = 1, center = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "si|$pp", names, &name, &x, &scale, &center)) return NULL;
    return new_node(self, pdl_graph_layer_scale(self->graph, name, x, scale, center));
}

static PyObject *build_flatten(graph_object *self, PyObject *args, PyObject *kwargs)
{
    return build_plain(self, args, kwargs, pdl_graph_flatten);
}

static PyObject *build_add(graph_object *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"name", "x", NULL};
    const char *name;
    node_list x = {0};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "sO&", names, &name, to_nodes, &x)) return NULL;
    PyObject *node = new_node(self, pdl_graph_add(self->graph, name, x.nodes, x.count));
    PyMem_Free(x.nodes);
    return node;
}

static PyObject *build_merge(graph_object *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"name", "how", "x", NULL};
    const char *name;
    pdl_merge how;
    node_list x = {0};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "sO&O&", names, &name, to_merge, &how, to_nodes, &x)) return NULL;
    PyObject *node = new_node(self, pdl_graph_merge(self->graph, name, how, x.nodes, x.count));
    PyMem_Free(x.nodes);
    return node;
}

/* axis: of one sample's shape, None for the last. */
static PyObject *build_concat(graph_object *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"name", "x", "axis", NULL};
    const char *name;
    node_list x = {0};
    PyObject *given = Py_None, *node = NULL;
    size_t axis = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "sO&|$O", names, &name, to_nodes, &x, &given)) return NULL;
    if (given == Py_None)
        node = new_node(self, pdl_graph_concat(self->graph, name, x.nodes, x.count));
    else if (to_size(given, &axis))
        node = new_node(self, pdl_graph_concat_axis(self->graph, name, x.nodes, x.count, axis));
    PyMem_Free(x.nodes);
    return node;
}

/* ---- what moves values ---- */

typedef struct size_list {
    size_t values[PDL_MAX_RANK], count;
} size_list;

/* A number for each axis of one sample. */
static int to_sizes(PyObject *object, void *out)
{
    size_list *list = out;
    if (!PyTuple_Check(object) || PyTuple_GET_SIZE(object) > PDL_MAX_RANK) {
        PyErr_Format(PyExc_TypeError, "expected a tuple of at most %d numbers, got %R", PDL_MAX_RANK, object);
        return 0;
    }
    list->count = (size_t)PyTuple_GET_SIZE(object);
    for (size_t i = 0; i < list->count; i++)
        if (!to_size(PyTuple_GET_ITEM(object, (Py_ssize_t)i), &list->values[i])) return 0;
    return 1;
}

typedef pdl_node (*list_builder)(pdl_graph *, const char *, pdl_node, size_t, const size_t *);

static PyObject *build_by_list(graph_object *self, PyObject *args, PyObject *kwargs, char **names, list_builder build)
{
    const char *name;
    pdl_node x;
    size_list list;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "siO&", names, &name, &x, to_sizes, &list)) return NULL;
    return new_node(self, build(self->graph, name, x, list.count, list.values));
}

static PyObject *build_reshape(graph_object *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"name", "x", "shape", NULL};
    return build_by_list(self, args, kwargs, names, pdl_graph_reshape);
}

static PyObject *build_permute(graph_object *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"name", "x", "order", NULL};
    return build_by_list(self, args, kwargs, names, pdl_graph_permute);
}

static PyObject *build_crop(graph_object *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"name", "x", "first", "extent", NULL};
    const char *name;
    pdl_node x;
    size_list first, extent;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "siO&O&", names, &name, &x, to_sizes, &first, to_sizes, &extent))
        return NULL;
    if (first.count != extent.count)
        return PyErr_Format(PyExc_ValueError, "%zu first elements and %zu extents", first.count, extent.count);
    return new_node(self, pdl_graph_crop(self->graph, name, x, first.count, first.values, extent.values));
}

static PyObject *build_repeat(graph_object *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"name", "x", "n", NULL};
    const char *name;
    pdl_node x;
    size_t n;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "siO&", names, &name, &x, to_size, &n)) return NULL;
    return new_node(self, pdl_graph_repeat(self->graph, name, x, n));
}

static PyObject *build_upsample(graph_object *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"name", "x", "factor", NULL};
    const char *name;
    pdl_node x;
    size_t factor[2];
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "siO&", names, &name, &x, to_pair, factor)) return NULL;
    return new_node(self, pdl_graph_upsample(self->graph, name, x, factor));
}

static int to_interpolation(PyObject *object, void *out)
{
    static const char *const names[] = {"nearest", "bilinear"}; /* in the order of pdl_interpolation */
    int choice = to_choice(object, names, 2, "interpolation");
    if (choice >= 0) *(pdl_interpolation *)out = (pdl_interpolation)choice;
    return choice >= 0;
}

static PyObject *build_resize(graph_object *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"name", "x", "size", "interpolation", NULL};
    const char *name;
    pdl_node x;
    size_t size[2];
    pdl_interpolation interpolation;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "siO&O&", names, &name, &x, to_pair, size, to_interpolation,
                                     &interpolation))
        return NULL;
    return new_node(self, pdl_graph_resize(self->graph, name, x, size[0], size[1], interpolation));
}

static PyObject *build_zero_pad(graph_object *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"name", "x", "top", "bottom", "left", "right", NULL};
    const char *name;
    pdl_node x;
    size_t top, bottom, left, right;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "siO&O&O&O&", names, &name, &x, to_size, &top, to_size, &bottom,
                                     to_size, &left, to_size, &right))
        return NULL;
    return new_node(self, pdl_graph_zero_pad(self->graph, name, x, top, bottom, left, right));
}

static PyObject *build_dense(graph_object *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"name", "x", "units", "use_bias", "activation", NULL};
    const char *name;
    pdl_node x;
    size_t units;
    int use_bias = 1;
    pdl_activation activation = PDL_ACTIVATION_LINEAR;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "siO&|$pO&", names, &name, &x, to_size, &units, &use_bias,
                                     to_activation, &activation))
        return NULL;
    return new_node(self, pdl_graph_dense(self->graph, name, x, units, use_bias, activation));
}

/* ---- the layer table ---- */

static PyObject *param_list(const pdl_layer_info *info)
{
    PyObject *list = PyList_New((Py_ssize_t)info->params);
    for (size_t i = 0; list != NULL && i < info->params; i++) {
        const pdl_param_info *param = &info->param[i];
        PyObject *item = Py_BuildValue("(sN)", param->name, pdl_size_tuple(param->shape, param->rank));
        if (item == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, (Py_ssize_t)i, item);
    }
    return list;
}

static PyObject *node_list_object(const pdl_layer_info *info)
{
    PyObject *list = PyList_New((Py_ssize_t)info->inputs);
    for (size_t i = 0; list != NULL && i < info->inputs; i++) {
        PyObject *item = PyLong_FromLong(info->input[i]);
        if (item == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, (Py_ssize_t)i, item);
    }
    return list;
}

static PyObject *layers(const graph_object *self, void *unused)
{
    (void)unused;
    size_t count = pdl_graph_layer_count(self->graph);
    PyObject *list = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; list != NULL && i < count; i++) {
        pdl_layer_info info;
        pdl_graph_layer(self->graph, (pdl_node)i, &info, NULL); /* i is in the graph: cannot fail */
        PyObject *item = Py_BuildValue("(ssNNN)", info.name, info.kind, node_list_object(&info),
                                       pdl_size_tuple(info.shape, info.rank), param_list(&info));
        if (item == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, (Py_ssize_t)i, item);
    }
    return list;
}

static PyObject *shape(const graph_object *self, PyObject *object)
{
    long node = PyLong_AsLong(object);
    if (node == -1 && PyErr_Occurred() != NULL) return NULL;
    pdl_layer_info info;
    pdl_error error = {0};
    bool found = node >= 0 && node <= INT32_MAX;
    if (pdl_graph_layer(self->graph, found ? (pdl_node)node : PDL_NO_NODE, &info, &error) != PDL_OK)
        return pdl_raise(&error);
    return pdl_size_tuple(info.shape, info.rank);
}

static PyObject *find(const graph_object *self, PyObject *name)
{
    const char *text = PyUnicode_AsUTF8(name);
    if (text == NULL) return NULL;
    pdl_node node = pdl_graph_find(self->graph, text);
    if (node == PDL_NO_NODE) return PyErr_Format(PyExc_KeyError, "no layer is named %R", name);
    return PyLong_FromLong(node);
}

/* ---- the type ---- */

static PyObject *graph_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {NULL};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, ":Graph", names)) return NULL;
    graph_object *self = (graph_object *)type->tp_alloc(type, 0);
    if (self == NULL) return NULL;
    pdl_error error = {0};
    if (pdl_graph_create(&self->graph, &error) == PDL_OK) return (PyObject *)self;
    Py_DECREF(self);
    return pdl_raise(&error);
}

static void graph_dealloc(graph_object *self)
{
    PyTypeObject *type = Py_TYPE(self);
    pdl_graph_destroy(self->graph);
    type->tp_free(self);
    Py_DECREF(type);
}

#define BUILDER(name, text) {#name, (PyCFunction)(void (*)(void))build_##name, METH_VARARGS | METH_KEYWORDS, text}

static PyMethodDef methods[] = {
    {"input", (PyCFunction)build_input, METH_VARARGS, "The graph's input, its first layer: input(name, *shape)."},
    BUILDER(conv2d, "Keras' Conv2D."),
    BUILDER(depthwise_conv2d, "Keras' DepthwiseConv2D."),
    BUILDER(separable_conv2d, "Keras' SeparableConv2D."),
    BUILDER(batch_norm, "Keras' BatchNormalization at inference."),
    BUILDER(activation, "Keras' Activation, with the parameters that it has."),
    BUILDER(prelu, "Keras' PReLU, with the axes that share their slopes."),
    BUILDER(layer_norm, "Keras' normalizations of rows over the last axis."),
    BUILDER(rescale, "Keras' Rescaling: scale x + offset, lists of one number or of one a channel."),
    BUILDER(normalization, "Keras' Normalization over the last axis, with parameters."),
    BUILDER(layer_scale, "Parameters of channels times x, and added."),
    BUILDER(max_pool2d, "Keras' MaxPooling2D."),
    BUILDER(avg_pool2d, "Keras' AveragePooling2D."),
    BUILDER(global_avg_pool, "Keras' GlobalAveragePooling2D."),
    BUILDER(global_max_pool, "Keras' GlobalMaxPooling2D."),
    BUILDER(add, "Keras' Add: inputs of one shape, or with extents of 1."),
    BUILDER(merge, "Keras' merging layers: add, multiply, subtract, divide, average, maximum or minimum."),
    BUILDER(concat, "Keras' Concatenate, along channels or another axis of one sample."),
    BUILDER(conv2d_transpose, "Keras' Conv2DTranspose."),
    BUILDER(reshape, "Keras' Reshape to a tuple of extents."),
    BUILDER(permute, "Axis i of one sample's output is axis order[i] of its input, from 0."),
    BUILDER(crop, "Elements [first, first + extent) of every axis."),
    BUILDER(repeat, "Keras' RepeatVector."),
    BUILDER(upsample, "Every pixel factor[0] times down and factor[1] times across."),
    BUILDER(resize, "To (height, width) by the pixels' centres: nearest or bilinear."),
    BUILDER(zero_pad, "Keras' ZeroPadding2D."),
    BUILDER(flatten, "Keras' Flatten."),
    BUILDER(dense, "Keras' Dense, over the last axis."),
    {"shape", (PyCFunction)shape, METH_O, "One sample's shape at the output of a node."},
    {"find", (PyCFunction)find, METH_O, "The node of the layer with this name; KeyError when there is none."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef properties[] = {
    {"layers", (getter)layers, NULL, "(name, kind, inputs, shape, [(parameter, shape)]) of every layer.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "A network as layers and shapes, without weights. Builder methods append a layer and return its node."},
    {Py_tp_new, graph_new},
    {Py_tp_dealloc, graph_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "pydeepl._core.Graph",
    .basicsize = sizeof(graph_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};

PyObject *pdl_graph_wrap(PyObject *module, pdl_graph *graph)
{
    pdl_module_state *state = PyModule_GetState(module);
    graph_object *self = (graph_object *)state->graph_type->tp_alloc(state->graph_type, 0);
    if (self != NULL)
        self->graph = graph;
    else
        pdl_graph_destroy(graph);
    return (PyObject *)self;
}

pdl_graph *pdl_graph_unwrap(PyObject *module, PyObject *object)
{
    pdl_module_state *state = PyModule_GetState(module);
    if (PyObject_TypeCheck(object, state->graph_type)) return ((graph_object *)object)->graph;
    PyErr_Format(PyExc_TypeError, "expected a Graph, got %.100s", Py_TYPE(object)->tp_name);
    return NULL;
}

int pdl_bind_graph(PyObject *module)
{
    pdl_module_state *state = PyModule_GetState(module);
    state->graph_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &spec, NULL);
    if (state->graph_type == NULL) return -1;
    return PyModule_AddType(module, state->graph_type);
}

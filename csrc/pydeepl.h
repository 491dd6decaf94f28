/* pydeepl: the core's public C API.
 *
 * images -> uint8 pixels -> features of a pretrained network -> multinomial logistic regression.
 *
 * Conventions
 *   - A fallible function returns a pdl_status (0 = PDL_OK) and fills the caller's pdl_error, which may be
 *     NULL. Results go through out-parameters, which are untouched on failure unless said otherwise.
 *   - Who allocates frees: every pdl_x_create has a pdl_x_destroy, which accepts NULL.
 *   - Inputs are borrowed and const, and stay unchanged while the call runs; outputs are the caller's buffers, sized
 *     by the query that comes first, and overlap no input.
 *   - Images are uint8 [height, width, channels] with channels in the order B, G, R (A); feature maps are
 *     float32 [n, height, width, channels].
 *   - Nothing here prints, aborts or exits, and nothing knows of Python.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PYDEEPL_H
#define PYDEEPL_H

#include <stddef.h>
#include <stdint.h>

/* ---- base: status ------------------------------------------------------------------------------------ */

typedef enum pdl_status {
    PDL_OK = 0,
    PDL_ENOMEM,       /* an allocation failed */
    PDL_EINVAL,       /* an argument has a value it may not have */
    PDL_ESHAPE,       /* shapes or counts do not fit together */
    PDL_EDATA,        /* input data is damaged (a truncated image, a NaN) */
    PDL_ELIMIT,       /* input exceeds a limit that protects memory */
    PDL_EUNSUPPORTED, /* a valid request that this build or format support cannot serve */
    PDL_EINTERRUPTED, /* the caller's progress callback asked to stop */
    PDL_EINTERNAL     /* a library below failed in a way that is not the caller's doing */
} pdl_status;

typedef struct pdl_error {
    pdl_status code;
    char message[512]; /* holds the offending value and what was expected; UTF-8, NUL-terminated */
} pdl_error;

/* ---- base: threads ----------------------------------------------------------------------------------- */

/* Threads to use when the caller gives 0: OMP_NUM_THREADS when it holds a positive number, else the CPUs
 * this process may run on. At least 1. */
size_t pdl_default_threads(void);

/* ---- base: files ------------------------------------------------------------------------------------- */

/* Floats that lie in a file as they do in memory. */
typedef struct pdl_stored_floats {
    int64_t offset; /* bytes before them in the file */
    float *values;  /* where they are to be */
    size_t count;
    int sound; /* set to 1 when all of them were read and are finite numbers, else to 0 */
} pdl_stored_floats;

/* Reads n arrays from an open file's descriptor on up to `threads` threads (0: default). Fails when memory is out. */
pdl_status pdl_read_floats(int file, pdl_stored_floats *arrays, size_t n, size_t threads, pdl_error *error);

/* ---- image ------------------------------------------------------------------------------------------- */

typedef struct pdl_image_info {
    size_t height, width; /* pixels */
    size_t channels;      /* 1 gray, 3 BGR, 4 BGRA with straight alpha */
} pdl_image_info;

/* java.awt.Image's scaling hints; AREA_AVERAGING = SMOOTH and DEFAULT = FAST = REPLICATE in effect. */
typedef enum pdl_scale_hint {
    PDL_SCALE_DEFAULT = 1,
    PDL_SCALE_FAST = 2,
    PDL_SCALE_SMOOTH = 4,
    PDL_SCALE_REPLICATE = 8,
    PDL_SCALE_AREA_AVERAGING = 16
} pdl_scale_hint;

/* Reads a JPEG's header: the shape pdl_jpeg_decode will give (1 channel for gray, else 3).
 * PDL_EDATA: not a JPEG, or cut in its header. PDL_ELIMIT: more than max_pixels pixels (0 = no limit). */
pdl_status pdl_jpeg_info(const uint8_t *data, size_t size, size_t max_pixels, pdl_image_info *info, pdl_error *error);

/* The smallest of an eighth, a quarter and a half of both sides (rounded up) that is at least height x width; the
 * image's own size where none is. libjpeg decodes to other eighths, too, but slower than to these and less well. */
pdl_image_info pdl_jpeg_reduced(const pdl_image_info *info, size_t height, size_t width);

/* Decodes a whole JPEG to uint8 [height, width, channels], gray or BGR, with libjpeg-turbo's slow integer DCT
 * and fancy upsampling (byte-equal to Pillow and to Java's ImageIO). `info` is what pdl_jpeg_info or pdl_jpeg_reduced
 * said, and `pixels` has room for it. A reduced size drops a block's high frequencies, which is nearly the average of
 * its pixels. A file that ends early is PDL_EDATA; one that decodes with warnings only is kept. */
pdl_status pdl_jpeg_decode(const uint8_t *data, size_t size, const pdl_image_info *info, uint8_t *pixels,
                           pdl_error *error);

/* java.awt.Image.getScaledInstance drawn into a BGR image, byte for byte:
 * uint8 [info.height, info.width, info.channels] -> uint8 [height, width, 3]. Alpha is drawn on black. */
pdl_status pdl_resize(const uint8_t *pixels, const pdl_image_info *info, size_t height, size_t width,
                      pdl_scale_hint hint, uint8_t *out, pdl_error *error);

/* One image to load: an encoded JPEG (info.channels == 0, size bytes), or pixels (info tells their shape). */
typedef struct pdl_image_source {
    const uint8_t *data;
    size_t size; /* bytes */
    pdl_image_info info;
} pdl_image_source;

typedef struct pdl_load_options {
    size_t height, width; /* of the result, in pixels */
    pdl_scale_hint hint;
    size_t max_pixels; /* most pixels an encoded image may have; 0 = no limit */
    size_t threads;    /* 0 = default */
    int reduce;        /* 1: decode JPEGs no larger than averaging to height x width needs, see pdl_jpeg_reduced */
} pdl_load_options;

/* Decodes and resizes n images in parallel into uint8 [n, height, width, 3]. errors[i].code tells image i's fate; a
 * failed image's pixels are zeros. Returns PDL_OK even when images failed: only a failure of the call as a whole is
 * returned. */
pdl_status pdl_images_load(const pdl_image_source *sources, size_t n, const pdl_load_options *options, uint8_t *out,
                           pdl_error *errors, pdl_error *error);

/* ---- net: the graph of a network --------------------------------------------------------------------- */

/* A network as layers and shapes, without weights. Builder calls append a layer and return its node; names
 * and semantics are Keras'. The first mistake sticks: later calls do nothing and return PDL_NO_NODE, and
 * pdl_graph_status tells it. A graph is not thread-safe while it is being built. */
typedef struct pdl_graph pdl_graph;
typedef int32_t pdl_node; /* index of a layer, in the order of building */
#define PDL_NO_NODE ((pdl_node) - 1)

/* Keras' rules; CAUSAL is for lines. */
typedef enum pdl_padding { PDL_PADDING_VALID, PDL_PADDING_SAME, PDL_PADDING_CAUSAL } pdl_padding;

/* Keras' activations (https://keras.io/api/layers/activations); their parameters, in order, are beside them.
 * net/elementwise/activations.c defines each in a line. */
typedef enum pdl_activation {
    PDL_ACTIVATION_LINEAR,
    PDL_ACTIVATION_RELU,
    PDL_ACTIVATION_BOUNDED_RELU, /* negative_slope, max_value, threshold: Keras' relu with any of them, relu6 */
    PDL_ACTIVATION_LEAKY_RELU,   /* negative_slope */
    PDL_ACTIVATION_ELU,          /* alpha */
    PDL_ACTIVATION_SELU,
    PDL_ACTIVATION_CELU, /* alpha */
    PDL_ACTIVATION_GELU,
    PDL_ACTIVATION_GELU_TANH, /* Keras' gelu with approximate=True */
    PDL_ACTIVATION_SIGMOID,
    PDL_ACTIVATION_TANH,
    PDL_ACTIVATION_SILU,
    PDL_ACTIVATION_HARD_SIGMOID, /* slope, offset: 1/6 and 1/2, in Keras 1 and 2 1/5 and 1/2 */
    PDL_ACTIVATION_HARD_SILU,
    PDL_ACTIVATION_SOFTPLUS,
    PDL_ACTIVATION_SOFTSIGN,
    PDL_ACTIVATION_EXPONENTIAL,
    PDL_ACTIVATION_MISH,
    PDL_ACTIVATION_LOG_SIGMOID,
    PDL_ACTIVATION_TANH_SHRINK,
    PDL_ACTIVATION_SOFT_SHRINK, /* threshold */
    PDL_ACTIVATION_HARD_SHRINK, /* threshold */
    PDL_ACTIVATION_SQUAREPLUS,  /* b */
    PDL_ACTIVATION_SPARSE_PLUS,
    PDL_ACTIVATION_SPARSE_SIGMOID,
    PDL_ACTIVATION_THRESHOLD, /* threshold, default_value */
    PDL_ACTIVATION_HARD_TANH,
    PDL_ACTIVATION_SOFTMAX, /* over the last axis, as are the next */
    PDL_ACTIVATION_LOG_SOFTMAX,
    PDL_ACTIVATION_SPARSEMAX,
    PDL_ACTIVATIONS
} pdl_activation;

#define PDL_MAX_ACTIVATION_PARAMETERS 3

typedef struct pdl_activation_info {
    const char *name; /* Keras' */
    size_t parameters;
    double defaults[PDL_MAX_ACTIVATION_PARAMETERS];
} pdl_activation_info;

/* NULL for a number that is none. */
const pdl_activation_info *pdl_activation_at(pdl_activation activation);

/* How a merging layer joins its inputs, element by element. */
typedef enum pdl_merge {
    PDL_MERGE_ADD,
    PDL_MERGE_MULTIPLY,
    PDL_MERGE_SUBTRACT, /* two inputs */
    PDL_MERGE_DIVIDE,   /* two inputs */
    PDL_MERGE_AVERAGE,
    PDL_MERGE_MAXIMUM,
    PDL_MERGE_MINIMUM,
    PDL_MERGES
} pdl_merge;

/* How a row x of numbers is normalized. */
typedef enum pdl_norm {
    PDL_NORM_LAYER,    /* (x - mean) / sqrt(variance + epsilon) */
    PDL_NORM_RMS,      /* x / sqrt(mean of x^2 + epsilon) */
    PDL_NORM_VARIANCE, /* x / sqrt(variance + epsilon): what Keras' rms_scaling does */
    PDL_NORM_UNIT,     /* x / sqrt(max(sum of x^2, epsilon)) */
    PDL_NORMS
} pdl_norm;

typedef struct pdl_conv2d_spec {
    size_t filters;     /* output channels; for depthwise the multiplier (outputs per input channel) */
    size_t multiplier;  /* separable: outputs of its depthwise part per input channel; 0 = 1 */
    size_t kernel[2];   /* height, width */
    size_t stride[2];   /* 0 = 1 */
    size_t dilation[2]; /* 0 = 1 */
    size_t groups;      /* Conv2D: parts of the channels that do not mix; 0 = 1 */
    pdl_padding padding;
    int use_bias;
    pdl_activation activation;
} pdl_conv2d_spec;

typedef enum pdl_interpolation { PDL_INTERPOLATION_NEAREST, PDL_INTERPOLATION_BILINEAR } pdl_interpolation;

typedef struct pdl_pool2d_spec {
    size_t size[2];   /* height, width */
    size_t stride[2]; /* 0 = size */
    pdl_padding padding;
} pdl_pool2d_spec;

pdl_status pdl_graph_create(pdl_graph **out, pdl_error *error);
void pdl_graph_destroy(pdl_graph *graph);
pdl_status pdl_graph_status(const pdl_graph *graph, pdl_error *error);

/* One sample is a feature map [h, w, c], a line [length, c] or a vector [c]: 1 <= rank <= 3. */
pdl_node pdl_graph_input(pdl_graph *graph, const char *name, size_t rank, const size_t *shape);

/* Convolutions, pools and zero padding take feature maps [h, w, c], and lines [length, c] as maps of one row: kernel,
 * stride and dilation are then {1, along the line}, and layers and parameters are those of Keras' Conv1D, ... */
pdl_node pdl_graph_conv2d(pdl_graph *graph, const char *name, pdl_node x, const pdl_conv2d_spec *spec);
pdl_node pdl_graph_depthwise_conv2d(pdl_graph *graph, const char *name, pdl_node x, const pdl_conv2d_spec *spec);
pdl_node pdl_graph_separable_conv2d(pdl_graph *graph, const char *name, pdl_node x, const pdl_conv2d_spec *spec);
/* y = gamma (x - mean) / sqrt(variance + epsilon) + beta; scale = has gamma, center = has beta. */
pdl_node pdl_graph_batch_norm(pdl_graph *graph, const char *name, pdl_node x, double epsilon, int scale, int center);
/* parameters: the activation's, or NULL for their defaults. */
pdl_node pdl_graph_activation(pdl_graph *graph, const char *name, pdl_node x, pdl_activation activation,
                              const double *parameters);
/* y = x where x > 0, else alpha x; alpha has the shape of x, but 1 on the axes (0 height, ...) that share it. */
pdl_node pdl_graph_prelu(pdl_graph *graph, const char *name, pdl_node x, const int shared[3]);
/* Over the last axis, y = gamma z + beta with z of `norm`; scale = has gamma, center = has beta. */
pdl_node pdl_graph_layer_norm(pdl_graph *graph, const char *name, pdl_node x, pdl_norm norm, double epsilon, int scale,
                              int center);
/* y = scale x + offset, by channel or, where count is 1, for all. */
pdl_node pdl_graph_rescale(pdl_graph *graph, const char *name, pdl_node x, size_t count, const double *scale,
                           const double *offset);
/* y = (x - mean) / max(sqrt(variance), 1e-7), or with `invert` the inverse, with parameters of a layer. */
pdl_node pdl_graph_normalization(pdl_graph *graph, const char *name, pdl_node x, int invert);
/* y = gamma x + beta, by channel; scale = has gamma, center = has beta. */
pdl_node pdl_graph_layer_scale(pdl_graph *graph, const char *name, pdl_node x, int scale, int center);
pdl_node pdl_graph_max_pool2d(pdl_graph *graph, const char *name, pdl_node x, const pdl_pool2d_spec *spec);
pdl_node pdl_graph_avg_pool2d(pdl_graph *graph, const char *name, pdl_node x, const pdl_pool2d_spec *spec);
/* To a vector [c], or with keepdims to [1, 1, c]. */
pdl_node pdl_graph_global_avg_pool(pdl_graph *graph, const char *name, pdl_node x, int keepdims);
pdl_node pdl_graph_global_max_pool(pdl_graph *graph, const char *name, pdl_node x, int keepdims);
/* Inputs of one shape, or with extents of 1 that are repeated; a vector is [1, 1, c] beside maps. */
pdl_node pdl_graph_merge(pdl_graph *graph, const char *name, pdl_merge how, const pdl_node *x, size_t count);
pdl_node pdl_graph_add(pdl_graph *graph, const char *name, const pdl_node *x, size_t count);
pdl_node pdl_graph_concat(pdl_graph *graph, const char *name, const pdl_node *x, size_t count); /* channels */
/* Along another axis of one sample's shape: 0 = the first. */
pdl_node pdl_graph_concat_axis(pdl_graph *graph, const char *name, const pdl_node *x, size_t count, size_t axis);
pdl_node pdl_graph_zero_pad(pdl_graph *graph, const char *name, pdl_node x, size_t top, size_t bottom, size_t left,
                            size_t right);
/* Keras' Conv2DTranspose; its kernel is [kh, kw, filters, in]. output_padding: NULL as a rule, or what is added to the
 * smallest possible size of each axis. */
pdl_node pdl_graph_conv2d_transpose(pdl_graph *graph, const char *name, pdl_node x, const pdl_conv2d_spec *spec,
                                    const size_t *output_padding);
/* Of one sample's shape, with as many elements. */
pdl_node pdl_graph_reshape(pdl_graph *graph, const char *name, pdl_node x, size_t rank, const size_t *shape);
/* Axis i of one sample's output is axis order[i] of its input; both count from 0. */
pdl_node pdl_graph_permute(pdl_graph *graph, const char *name, pdl_node x, size_t rank, const size_t *order);
/* Elements [first, first + extent) of every axis. */
pdl_node pdl_graph_crop(pdl_graph *graph, const char *name, pdl_node x, size_t rank, const size_t *first,
                        const size_t *extent);
/* A vector, n times: [n, c]. */
pdl_node pdl_graph_repeat(pdl_graph *graph, const char *name, pdl_node x, size_t n);
/* Every pixel factor[0] times down and factor[1] times across. */
pdl_node pdl_graph_upsample(pdl_graph *graph, const char *name, pdl_node x, const size_t factor[2]);
/* To height x width, as TensorFlow resizes without antialiasing: pixels are known by their centres. */
pdl_node pdl_graph_resize(pdl_graph *graph, const char *name, pdl_node x, size_t height, size_t width,
                          pdl_interpolation interpolation);
pdl_node pdl_graph_flatten(pdl_graph *graph, const char *name, pdl_node x);
/* Over the last axis, as Keras' Dense. */
pdl_node pdl_graph_dense(pdl_graph *graph, const char *name, pdl_node x, size_t units, int use_bias,
                         pdl_activation activation);

#define PDL_MAX_RANK 4

/* A layer's parameter, in Keras' layout: conv kernel [kh, kw, in, out], depthwise [kh, kw, in, multiplier],
 * dense [in, out], vectors [channels]; of the layers on lines [k, in, out], [k, in, multiplier]. */
typedef struct pdl_param_info {
    const char *name; /* Keras': kernel, bias, depthwise_kernel, pointwise_kernel, gamma, beta, moving_mean, ... */
    size_t rank, shape[PDL_MAX_RANK];
} pdl_param_info;

typedef struct pdl_layer_info {
    const char *name;
    const char *kind; /* Keras' class name: "Conv2D", "BatchNormalization", ... */
    size_t inputs;
    const pdl_node *input;
    size_t rank, shape[PDL_MAX_RANK]; /* of one sample's output: [h, w, c], [length, c] or [c] */
    size_t params;
    const pdl_param_info *param; /* in the order of Keras' get_weights() */
} pdl_layer_info;

size_t pdl_graph_layer_count(const pdl_graph *graph);
/* Borrowed from the graph, valid until it is changed or destroyed. */
pdl_status pdl_graph_layer(const pdl_graph *graph, pdl_node node, pdl_layer_info *info, pdl_error *error);
/* PDL_NO_NODE when no layer has the name. */
pdl_node pdl_graph_find(const pdl_graph *graph, const char *name);

/* ---- net: a network with weights, ready to run ------------------------------------------------------- */

typedef enum pdl_preprocess {
    PDL_PREPROCESS_NONE,  /* uint8 value as float32, channels stay B, G, R */
    PDL_PREPROCESS_TF,    /* R, G, B; x / 127.5 - 1 */
    PDL_PREPROCESS_CAFFE, /* B, G, R minus (103.939, 116.779, 123.68) */
    PDL_PREPROCESS_RGB,   /* R, G, B; uint8 value as float32 */
    PDL_PREPROCESS_UNIT,  /* R, G, B; x / 255 */
    PDL_PREPROCESS_TORCH  /* R, G, B; (x / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225) */
} pdl_preprocess;

/* How convolutions are computed. Winograd's minimal filtering needs fewer multiplications and has the larger error:
 * relative L2 some 1e-6 with small tiles, up to 1e-5 with large ones, where the direct sum has 4e-7. */
typedef enum pdl_algorithm {
    PDL_ALGORITHM_AUTO,           /* what is fastest by an estimate, layer by layer and batch by batch */
    PDL_ALGORITHM_DIRECT,         /* the direct sum everywhere */
    PDL_ALGORITHM_WINOGRAD_SMALL, /* Winograd with the small tiles wherever the layer allows it */
    PDL_ALGORITHM_WINOGRAD_LARGE  /* the same with the large ones */
} pdl_algorithm;

/* What activations and weights are between and inside of layers; sums are float32 always. */
typedef enum pdl_precision {
    PDL_PRECISION_FLOAT32,
    PDL_PRECISION_BFLOAT16 /* on processors with AVX512_BF16 or AMX-BF16; with PYDEEPL_EMULATE_BF16=1 on those with
                              AVX-512 too, slowly: PDL_EUNSUPPORTED elsewhere */
} pdl_precision;

typedef struct pdl_network_options {
    size_t threads; /* 0 = default */
    size_t streams; /* parts of a batch that run side by side on a part of the threads each, at most; as many as divide
                       batch and threads. They change no result. 0: from 8 threads on, those that divide both are timed
                       at preparation, where what is decided can be kept; else 1 */
    pdl_preprocess preprocess;
    pdl_algorithm algorithm;
    pdl_precision precision;
    const char *decisions; /* NULL, or the path of a file: with PDL_ALGORITHM_AUTO, layers whose algorithms are close by
                              the estimate are timed at preparation, and what is decided is read from there and kept
                              there; copied. Where it cannot be written, the estimate decides */
} pdl_network_options;

/* PDL_OK where this processor computes so, else PDL_EUNSUPPORTED with what was found and expected. */
pdl_status pdl_precision_check(pdl_precision precision, pdl_error *error);

/* Weights are copied or folded at creation; preparation for a batch size makes every primitive, weight
 * layout and buffer; a run then allocates nothing. Safe to call from several threads (runs take turns) and
 * in a child process after fork. */
typedef struct pdl_network pdl_network;

/* params[i] points to parameter i's float32 values, numbered over all layers in order of building; those of layers
 * that `output` does not need may be NULL. They are borrowed for the call. */
pdl_status pdl_network_create(const pdl_graph *graph, pdl_node output, const float *const *params,
                              const pdl_network_options *options, pdl_network **out, pdl_error *error);
void pdl_network_destroy(pdl_network *network);

/* One sample's shape. */
typedef struct pdl_shape {
    size_t rank, extent[PDL_MAX_RANK];
} pdl_shape;

/* One sample's shape at the network's input and at its output. */
void pdl_network_shapes(const pdl_network *network, pdl_shape *input, pdl_shape *output);

/* Makes the network ready for batches of exactly `batch` >= 1 images; later calls for the same batch are free. */
pdl_status pdl_network_prepare(pdl_network *network, size_t batch, pdl_error *error);

/* Runs one batch of n images (prepared first if it is not): uint8 BGR [n, h, w, 3], preprocessed as the options say,
 * or float32 [n, input...] as the network takes it -> float32 [n, output...]. With bfloat16 both ends are rounded. */
pdl_status pdl_network_run_u8(pdl_network *network, const uint8_t *images, size_t n, float *out, pdl_error *error);
pdl_status pdl_network_run_f32(pdl_network *network, const float *input, size_t n, float *out, pdl_error *error);

/* One step of a prepared network, for profiles and for the test that nothing runs a reference implementation. */
typedef struct pdl_step_info {
    const char *layer;          /* the layer whose output the step gives */
    const char *kind;           /* "convolution", "pooling", "concat", ... */
    const char *implementation; /* oneDNN's name for its implementation, or "pdl:..." for our own kernels */
    double flops;               /* multiplications and additions of one run */
    double seconds;             /* its fastest run so far; 0 before the first */
} pdl_step_info;
/* 0 for a batch size that is not prepared (any more: a network keeps the four that were used last). */
size_t pdl_network_step_count(const pdl_network *network, size_t batch);
/* How many streams it is prepared as; 0 as above. */
size_t pdl_network_streams(const pdl_network *network, size_t batch);
/* The strings live until the network prepares another batch size. */
pdl_status pdl_network_step(const pdl_network *network, size_t batch, size_t index, pdl_step_info *info,
                            pdl_error *error);

/* ---- zoo: the known networks ------------------------------------------------------------------------- */

typedef struct pdl_zoo_spec {
    const char *name;          /* "InceptionV3" */
    size_t height, width;      /* input size in pixels */
    pdl_preprocess preprocess; /* what its weights were trained with */
    const char *features;      /* layer whose flattened output sparkdl calls the features */
} pdl_zoo_spec;

size_t pdl_zoo_count(void);
const pdl_zoo_spec *pdl_zoo_spec_at(size_t index);
/* Builds the graph with Keras' layer names; PDL_EINVAL for an unknown name. */
pdl_status pdl_zoo_graph(const char *name, int include_top, pdl_graph **out, pdl_error *error);

/* ---- linear: features -------------------------------------------------------------------------------- */

/* Rows of a feature matrix as the caller has them, compressed: row i holds the values k with start[i] <= k <
 * start[i + 1], at strictly rising indices. */
typedef struct pdl_csr {
    size_t rows, count;   /* rows; elements of index and of value */
    const int64_t *start; /* [rows + 1] */
    const void *index;    /* [count] int32, or int64 where wide_index */
    const void *value;    /* [count] float32, or float64 where wide_value */
    int wide_index, wide_value;
} pdl_csr;

/* A feature matrix that arrives in batches and that many fits share. It keeps float32. Where few values are not 0
 * (after a ReLU, some 6 %) it keeps those alone, 6 bytes each, and passes over the data read nothing else. How rows
 * were cut into batches never changes a result. */
typedef struct pdl_features pdl_features;

/* threads: 0 = default; for appending and finishing. */
pdl_status pdl_features_create(size_t columns, size_t threads, pdl_features **out, pdl_error *error);
void pdl_features_destroy(pdl_features *features);

/* Appends x, float32 [rows, columns]. *borrowed becomes 1 when x is borrowed until the handle is destroyed, or is
 * finished without borrowing; 0 when what it needs of x is copied. PDL_EDATA names the first row and feature that are
 * not finite; after an error the handle is as it was before. */
pdl_status pdl_features_append(pdl_features *features, const float *x, size_t rows, int *borrowed, pdl_error *error);

/* Appends compressed rows, which are copied. PDL_EDATA names the first row that is not as pdl_csr says, or holds a
 * value that is not finite in float32. */
pdl_status pdl_features_append_csr(pdl_features *features, const pdl_csr *rows, pdl_error *error);

/* Decides how the rows lie, by the share of non-zeros in all; no row can be appended afterwards. Whatever reads the
 * features does it first where it was not done: safe from several threads. PDL_ESHAPE without rows or columns. */
pdl_status pdl_features_finish(pdl_features *features, pdl_error *error);

size_t pdl_features_rows(const pdl_features *features);
size_t pdl_features_columns(const pdl_features *features);
double pdl_features_density(const pdl_features *features); /* share of values other than 0; 0 without values */
int pdl_features_is_sparse(const pdl_features *features);  /* 1 when finished, and kept as non-zeros: borrows nothing */
size_t pdl_features_bytes(const pdl_features *features);   /* memory of its own that holds features */

/* ---- linear: logistic regression --------------------------------------------------------------------- */

/* See linear/logistic.c's maths block; Spark MLlib's algorithm, number for number. */
typedef struct pdl_logistic_options {
    size_t classes;        /* K >= 1: labels are 0 .. K-1 */
    int multinomial;       /* 0: one coefficient row (binomial), 1: K rows */
    size_t max_iterations; /* >= 0 */
    double reg_param;      /* lambda >= 0 */
    double elastic_net;    /* alpha in [0, 1]: share of L1 */
    double tolerance;      /* >= 0 */
    int fit_intercept, standardization;
    int uncentred;  /* 1: the objective of Spark <= 3.1 */
    int certified;  /* 1: to the optimum (linear/certified.h) instead of along Spark's path; not when uncentred */
    size_t threads; /* 0 = default; the result does not depend on it */
    /* Where to start, or NULL: [C, columns] coefficients of the features as they came, then [C] intercepts, which count
     * only with fit_intercept. */
    const double *initial;
    /* Either may be NULL; nonzero stops (PDL_EINTERRUPTED). Both are called on the calling thread. */
    int (*progress)(void *context, size_t iteration, double objective); /* after every recorded state */
    int (*interrupted)(void *context);                                  /* after every pass over the data */
    void *context;
} pdl_logistic_options;

typedef struct pdl_logistic_model pdl_logistic_model; /* coefficients, intercepts, objective history */

/* labels: float64 [rows]; weights: float64 [rows] or NULL (all 1). A row of weight 0 is as if it were not there, and
 * costs next to nothing: folds of a cross-validation share one handle. Means and deviations are computed once for the
 * same weights. Safe from several threads on one handle. */
pdl_status pdl_logistic_fit(pdl_features *features, const double *labels, const double *weights,
                            const pdl_logistic_options *options, pdl_logistic_model **out, pdl_error *error);
void pdl_logistic_destroy(pdl_logistic_model *model);
size_t pdl_logistic_sets(const pdl_logistic_model *model);                /* C: 1 or K */
const double *pdl_logistic_coefficients(const pdl_logistic_model *model); /* [C, columns] */
const double *pdl_logistic_intercepts(const pdl_logistic_model *model);   /* [C] */
const double *pdl_logistic_history(const pdl_logistic_model *model, size_t *count);

/* How a certified fit ended. */
typedef enum pdl_outcome {
    PDL_CONVERGED = 0, /* within the tolerance */
    PDL_ITERATIONS,    /* max_iterations came first */
    PDL_NO_OPTIMUM,    /* without penalty the objective falls for ever, as where the classes are separable */
    PDL_PRECISION      /* rounding hides any further decrease */
} pdl_outcome;

/* How near to the optimum a point is; see linear/certificate.h's maths block. */
typedef struct pdl_optimality {
    double objective; /* with the penalty */
    double residual;  /* the largest violation of the optimality (KKT) conditions, in the scaled space */
    double gap;       /* the objective less a lower bound of the optimum; NaN without penalty */
    pdl_outcome outcome;
} pdl_optimality;

/* NULL unless the fit was certified. */
const pdl_optimality *pdl_logistic_optimality(const pdl_logistic_model *model);

/* The optimality of any model: [C, columns] coefficients of the features as they came, then [C] intercepts. Its outcome
 * means nothing. An infinite intercept stands for a class without rows, or for the only class that has any. */
pdl_status pdl_logistic_certify(pdl_features *features, const double *labels, const double *weights,
                                const pdl_logistic_options *options, const double *values, pdl_optimality *out,
                                pdl_error *error);

/* The smooth objective (without the L1 term) and its gradient at a point of the solver's scaled space, for derivative
 * and optimality checks. point, gradient: [C, columns] coefficients, then [C] intercepts if fit_intercept. */
pdl_status pdl_logistic_objective(pdl_features *features, const double *labels, const double *weights,
                                  const pdl_logistic_options *options, const double *point, double *value,
                                  double *gradient, pdl_error *error);

/* ---- linear: logistic regression on rows that lie elsewhere, in parts ---- */

/* What a fit knows of rows that it does not see. Sums over parts add up to it; nothing depends on how the rows are cut,
 * but for rounding. */
typedef struct pdl_logistic_parts {
    size_t columns;
    double total_weight;            /* sum of w_i */
    const double *mean, *deviation; /* [columns], of all rows */
    const double *class_weight;     /* [classes]: sum of w_i of each class */
    /* The sum over the parts of what pdl_logistic_part gives; on the calling thread; nonzero stops (PDL_EINTERRUPTED).
     */
    int (*evaluate)(void *context, const double *point, double *value, double *gradient);
    void *context;
} pdl_logistic_parts;

/* As pdl_logistic_fit, through the parts' sums alone: the same path. Not certified. */
pdl_status pdl_logistic_fit_parts(const pdl_logistic_parts *parts, const pdl_logistic_options *options,
                                  pdl_logistic_model **out, pdl_error *error);

/* A part's *value = sum_i w_i loss_i and its gradient, without penalty, at a point of the solver's scaled space that
 * the mean and deviation [columns] of all rows define. point, gradient: as for pdl_logistic_objective. */
pdl_status pdl_logistic_part(pdl_features *features, const double *labels, const double *weights,
                             const pdl_logistic_options *options, const double *mean, const double *deviation,
                             const double *point, double *value, double *gradient, pdl_error *error);

/* A part's own mean [columns] and spread [columns], sum_i w_i (x_ij - mean_j)^2: exactly 0 for a constant column.
 * weights: float64 [rows] > 0, or NULL (all 1). */
pdl_status pdl_features_spread(pdl_features *features, const double *weights, size_t threads, double *mean,
                               double *spread, pdl_error *error);

/* margins[i, c] = x[i] . coefficients[c] + intercepts[c]: float32 [rows, columns] -> float64 [rows, sets]. */
pdl_status pdl_logistic_margins(const float *x, size_t rows, size_t columns, const double *coefficients,
                                const double *intercepts, size_t sets, size_t threads, double *margins,
                                pdl_error *error);

/* The same for compressed rows; values of float64 are not rounded. PDL_EDATA names the first row (counted from
 * first_row) that is not as pdl_csr says or not finite. */
pdl_status pdl_logistic_margins_csr(const pdl_csr *x, size_t first_row, size_t columns, const double *coefficients,
                                    const double *intercepts, size_t sets, size_t threads, double *margins,
                                    pdl_error *error);

#endif

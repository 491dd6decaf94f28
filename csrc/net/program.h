/* A program: the operations a network runs, with their weights. SPDX-License-Identifier: Apache-2.0
 *
 *     pdl_graph ──lower──► one operation or two a layer ──fuse──► fewer operations ──plan──► memory ──► steps
 *
 * Values are the tensors between operations; every value is made by one operation (or is the network's input) and
 * operations stand in an order in which they can run. */
#ifndef PDL_NET_PROGRAM_H
#define PDL_NET_PROGRAM_H

#include "net/elementwise/activations.h"
#include "net/graph_impl.h"

typedef enum pdl_op_kind {
    PDL_OP_NONE, /* was fused into another */
    PDL_OP_CONV,
    PDL_OP_GROUP_CONV, /* of more than one group */
    PDL_OP_DECONV,     /* the convolution backwards: window is that of the convolution from output to input */
    PDL_OP_DEPTHWISE,
    PDL_OP_DENSE,
    PDL_OP_MAX_POOL,
    PDL_OP_AVG_POOL, /* the mean of the window's elements that are inside the image */
    PDL_OP_GLOBAL_MAX,
    PDL_OP_GLOBAL_AVG,
    PDL_OP_AFFINE, /* y = scale x + shift by channel: a batch norm or an activation that found no partner */
    PDL_OP_ADD,
    PDL_OP_CONCAT,
    PDL_OP_PAD,
    PDL_OP_SOFTMAX, /* or what else is over rows: as activation says */
    PDL_OP_MERGE,   /* element by element of inputs that repeat where their extents are 1: as merge says */
    PDL_OP_PRELU,
    PDL_OP_LAYER_NORM,
    PDL_OP_COPY,
    PDL_OP_VIEW,   /* element by element from where op->view says */
    PDL_OP_RESIZE, /* to the output's size by its pixels' centres, nearest or bilinear */
} pdl_op_kind;

/* One sample's tensor [height, width, channels]; lines are [1, length, channels], vectors [1, 1, channels]. */
typedef struct pdl_value {
    size_t height, width, channels;
    size_t uses;  /* operations that read it, and 1 for the network's output */
    int producer; /* its operation; -1 for the network's input */
} pdl_value;

#define PDL_VIEW_RANK 5

/* Element [i, j, ...] of a sample's output is element first + i stride[0] + j stride[1] + ... of its input. */
typedef struct pdl_view {
    size_t first, extent[PDL_VIEW_RANK], stride[PDL_VIEW_RANK];
} pdl_view;

struct pdl_packed;       /* weights in a layout of oneDNN's choice: packed.h */
struct pdl_tile_weights; /* weights transformed for Winograd: winograd/winograd.h */

typedef struct pdl_op {
    pdl_op_kind kind;
    char *layer; /* the layer whose output this gives, with all that was fused */
    int *input;
    size_t inputs;
    int output;
    pdl_window window;
    size_t multiplier; /* depthwise: outputs per input channel */
    size_t groups;     /* grouped convolution */
    pdl_view view;
    bool bilinear;             /* resize */
    bool relu;                 /* max(0, y) at the end, or else: */
    pdl_function function;     /* of y at the end */
    bool relu_first;           /* depthwise of one output a channel: of max(0, x) */
    bool residual;             /* conv: input[1] is added before the relu, in place: the output takes its memory */
    pdl_merge merge;           /* PDL_MERGES for a prelu */
    pdl_norm norm;             /* of a layer norm */
    pdl_activation activation; /* of rows */
    double epsilon;            /* of a layer norm */
    size_t extents[3];         /* of a prelu's weights */
    const float *given;        /* the caller's weights, until pdl_take_weights copies them */
    float *weight;  /* conv [kh, kw, in, out] (in of one group), depthwise [kh, kw, in, multiplier], dense [in, out],
                       layer norm [channels] or NULL, prelu [extents], in bfloat16 where activations are; NULL
                       once packed */
    size_t weights; /* elements of weight */
    double *scale, *shift; /* [out channels]; NULL = 1, 0. An affine's; a convolution's scale is of its weights until
                              they are taken, its shift is its bias */
    float *factor, *bias;  /* [out channels] or NULL: scale and shift as the kernels read them */
    bool keep_weight;      /* a prepared batch's kernel reads weight: it is not dropped when packed */
    struct pdl_packed *packed;             /* list of the layouts that prepared batches use */
    struct pdl_tile_weights *tile_weights; /* the same for Winograd */
    double *tap_products;                  /* what Winograd's error is estimated from, or NULL: winograd/error.h */
} pdl_op;

typedef struct pdl_program {
    pdl_value *values;
    size_t value_count;
    pdl_op *ops;
    size_t op_count;
    int input, output;
    pdl_precision precision; /* of all values; what comes in and goes out is converted */
    pdl_shape input_shape, output_shape;
} pdl_program;

/* Turns what `output` needs of the graph into operations that borrow their weights; see pdl_network_create. */
pdl_status pdl_lower(const pdl_graph *graph, pdl_node output, const float *const *params, pdl_program *program,
                     pdl_error *error);

/* Makes the program shorter without changing what it computes, but for rounding, and copies the weights; see fuse.c. */
pdl_status pdl_fuse(pdl_program *program, size_t threads, pdl_error *error);

void pdl_program_clear(pdl_program *program);

/* Elements of one sample. */
static inline size_t pdl_value_size(const pdl_value *value)
{
    return value->height * value->width * value->channels;
}

/* The operation that makes the value; NULL for the network's input. */
static inline pdl_op *pdl_producer(const pdl_program *program, int value)
{
    int op = program->values[value].producer;
    return op < 0 ? NULL : &program->ops[op];
}

/* Whether the operation adds its results into the value's memory. */
static inline bool pdl_adds_into(const pdl_op *op, int value)
{
    return op->residual && op->input[1] == value;
}

#endif

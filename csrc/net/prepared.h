/* A program prepared for one batch size: a list of steps that run without allocating. SPDX-License-Identifier:
 * Apache-2.0 */
#ifndef PDL_NET_PREPARED_H
#define PDL_NET_PREPARED_H

#include "net/engine.h"
#include "net/kernels.h"
#include "net/packed.h"
#include "net/plan.h"
#include "net/pointwise/expanded.h"
#include "net/pointwise/pointwise.h"

/* One operation, as a primitive of oneDNN or as a kernel of ours. */
typedef struct pdl_step {
    pdl_op *op;
    const char *layer; /* whose output this gives */
    int input;         /* the value it reads first: the operation's, or what the operation done on the way reads */
    int factors;       /* the value with the factors of a product done on the way, or -1 */
    int output;        /* the value it makes: the operation's, or what its pooling makes of that */
    pdl_kernel kernel; /* NULL: a convolution of ours, or the primitive */
    pdl_map *maps;     /* the inputs, the output, and the factors; data is set before every run */
    dnnl_primitive_t primitive;
    dnnl_memory_t source, target, bias, scratch;
    dnnl_exec_arg_t args[5];
    int arg_count;
    pdl_packed *packed;
    const pdl_tile_weights *tile_weights; /* of our own convolutions; NULL: another kind of step */
    pdl_op *tile_op;                      /* whose they are */
    pdl_winograd winograd;
    pdl_pointwise pointwise; /* of a 1x1, in the place of that */
    pdl_expanded expanded;   /* of a depthwise with a 1x1 before it */
    size_t scratch_bytes;
    bool function_after; /* the primitive lacks the operation's function: it follows in a pass of its own */
    const char *kind, *implementation;
    double flops, seconds; /* as in pdl_step_info */
} pdl_step;

/* Where a run finds the three places of plan.h, and working memory for the primitives. */
typedef struct pdl_bases {
    void *arena;
    const void *input;
    void *output;
    void *scratch;
} pdl_bases;

typedef struct pdl_prepared {
    pdl_setting setting;
    pdl_plan plan;
    pdl_step *steps;
    size_t step_count;
    size_t scratch; /* bytes that the hungriest primitive wants */
} pdl_prepared;

/* On the engine's thread. */
pdl_status pdl_prepared_create_as(const pdl_engine *engine, pdl_program *program, const pdl_setting *setting,
                                  const pdl_choice *choices, pdl_prepared **out, pdl_error *error);
void pdl_prepared_destroy(pdl_prepared *prepared);
pdl_status pdl_prepared_run(const pdl_engine *engine, pdl_prepared *prepared, const pdl_bases *bases, pdl_error *error);

/* dnnl_ops.c: has a convolution's op->weight there, and kept from now on. */
pdl_status pdl_step_keep_weight(const pdl_engine *engine, const pdl_program *program, pdl_step *step, pdl_error *error);

/* dnnl_ops.c: makes step->primitive and its memories for an operation with weights. Where oneDNN has only
 * its reference code for the shape, step->primitive stays NULL and the weights are kept for a kernel of ours;
 * PDL_EUNSUPPORTED for a dense operation and a grouped convolution, which have none. */
pdl_status pdl_step_make_primitive(const pdl_engine *engine, const pdl_program *program, const pdl_setting *setting,
                                   pdl_step *step, pdl_error *error);

#endif

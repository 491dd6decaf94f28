/* Convolutions by Winograd's minimal filtering: fewer multiplications than the direct sum. SPDX-License-Identifier:
 * Apache-2.0
 *
 *     chunk of tiles ──input──► v ──multiply by u, product by product──► m ──output──► pixels
 *
 * Apart: every thread takes chunks of tiles through all three steps, v and m staying in its cache.
 * Together: where tiles are few and weights many, all threads share each step of one large chunk, so that every weight
 * is read once. */
#ifndef PDL_NET_WINOGRAD_H
#define PDL_NET_WINOGRAD_H

#include "net/winograd/kernels.h"

/* Transformed weights of a convolution, shared by the batches that use them. */
typedef struct pdl_tile_weights {
    pdl_tile_kind tile;
    pdl_simd simd; /* whose kernels read them */
    void *u;       /* as in winograd/kernels.h; float32 or bfloat16 */
    size_t channels, outputs;
    size_t users;
    struct pdl_tile_weights *next;
} pdl_tile_weights;

/* How a convolution of a batch is run. */
typedef struct pdl_winograd {
    const pdl_winograd_kernels *kernels;
    pdl_tile_kind tile;
    pdl_tile_grid grid;
    size_t tiles, channels, outputs;
    size_t chunk;  /* most tiles at once */
    size_t chunks; /* apart: a number that the threads share evenly */
    size_t panels; /* of 2 L outputs at once */
    bool together, stream;
    bool pool;               /* the largest of every 2 x 2 outputs is what is written */
    size_t element;          /* bytes of an activation or weight */
    size_t v_step, m_step;   /* elements from a vector of channels to the next */
    size_t v_plane, m_plane; /* from a product to the next: bytes of v, floats of m */
    size_t v_bytes, share;   /* bytes of v, and of v and m: of one thread, or of all together */
    size_t scratch;          /* bytes, for all threads */
} pdl_winograd;

/* Whether the operation can run with this tile: a convolution of that window, stride 1, whole vectors of channels. */
bool pdl_winograd_fits(const pdl_op *op, pdl_tile_kind tile, size_t channels, size_t outputs, pdl_simd simd);

/* How to run it on maps of these shapes, by `threads` threads. plan->pool may be set afterwards, where the tile's
 * kernels have a pool: out is then what a max pool of 2 x 2, stride 2, without padding makes of it. */
void pdl_winograd_plan(pdl_winograd *plan, pdl_tile_kind tile, const pdl_op *op, const pdl_map *in, const pdl_map *out,
                       size_t threads, pdl_simd simd);

/* The operation's weights for the tile, counted as used once more, or NULL: they are still to be made. */
const pdl_tile_weights *pdl_tile_weights_find(pdl_op *op, pdl_tile_kind tile, pdl_simd simd);
/* Makes those that were not found, with one use; op->weight must be there. */
pdl_status pdl_tile_weights_make(pdl_op *op, pdl_tile_kind tile, size_t channels, size_t outputs, pdl_simd simd,
                                 const pdl_tile_weights **out, pdl_error *error);
/* Has op->weight there again after it was dropped, from a 1x1's weights, which hold it in another order. Does nothing
 * where there are none. */
pdl_status pdl_tile_weights_restore(pdl_op *op, pdl_error *error);
/* G of a line: [inputs, taps]. */
typedef struct pdl_filter_rows {
    double g[PDL_WINOGRAD_EXTENT][PDL_WINOGRAD_TAPS];
} pdl_filter_rows;
void pdl_filter_rows_make(const pdl_line *line, pdl_filter_rows *rows);

/* Gives one use back; weights without users are freed unless the operation has no others. */
void pdl_tile_weights_release(pdl_op *op, const pdl_tile_weights *weights);
void pdl_tile_weights_destroy(pdl_tile_weights *list);

/* scratch: plan->scratch bytes, aligned to 64. */
void pdl_winograd_run(const pdl_winograd *plan, const pdl_tile_weights *weights, const pdl_kernel_call *call,
                      void *scratch);

#endif

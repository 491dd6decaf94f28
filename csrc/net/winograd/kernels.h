/* Winograd's inner loops, one set a vector extension. SPDX-License-Identifier: Apache-2.0
 *
 * L: floats in a vector. A chunk of tiles is worked on in three steps:
 *
 *     input      x [pixels, channels]            ->  v [product][channels / L][tile][L]
 *     multiply   v times u, product by product   ->  m [product][outputs / L][tile][L]
 *     output     m                               ->  y [pixels, outputs], with bias, residual and relu
 *
 *     u          [product][outputs / 2 L, rounded up][channels / P][2 L][P]      P: channels of a pack, simd/float32.h
 *
 * x, v, u and y are float32 or bfloat16, m is float32.
 *
 * Every output is summed in one order, whatever the chunk: results do not depend on threads or batch. */
#ifndef PDL_NET_WINOGRAD_KERNELS_H
#define PDL_NET_WINOGRAD_KERNELS_H

#include "net/kernels.h"
#include "net/simd/simd.h"
#include "net/winograd/lines.h"

#include <stdbool.h>

/* Where the tiles of a map are: tile t is number t % along in line t / along of the image's `down` lines. */
typedef struct pdl_tile_grid {
    size_t down, along; /* tiles of an image */
    size_t before[2];   /* padding: top, left */
} pdl_tile_grid;

/* One side of a transform: tiles first .. last - 1 of the map, as vectors of L channels. */
typedef struct pdl_tile_run {
    const pdl_tile_grid *grid;
    size_t first, last;
    size_t begin, end; /* vectors of channels */
    size_t step;       /* elements from a vector of channels to the next: tiles of a chunk times L */
    size_t plane;      /* elements from a product to the next */
} pdl_tile_run;

typedef struct pdl_tile_finish {
    const float *bias; /* [outputs] or NULL */
    bool residual, relu;
    bool stream; /* the map is too large for the caches: write past them */
} pdl_tile_finish;

/* One product of a chunk: m[o][t] = sum_c v[c][t] u[c][o] for tiles [0, tiles) and panels [begin, end) of 2 L
 * outputs. */
typedef struct pdl_tile_product {
    const void *v, *u;
    const void *next; /* weights that are read after these, or NULL */
    float *m;
    size_t tiles, channels, begin, end;
    size_t v_step, m_step; /* elements from a vector of channels to the next */
} pdl_tile_product;

typedef struct pdl_winograd_kernels {
    size_t lanes; /* L */
    size_t pack;  /* P */
    void (*multiply)(const pdl_tile_product *product);
    /* By tile; NULL for tiles of the other precision. */
    void (*input[PDL_TILE_FILTERS])(const pdl_tile_run *run, const pdl_map *x, void *v);
    void (*output[PDL_TILE_FILTERS])(const pdl_tile_run *run, const float *m, const pdl_tile_finish *finish,
                                     const pdl_map *y);
    /* The same with the largest of every 2 x 2 outputs as result; NULL for tiles of one direction too. */
    void (*pool[PDL_TILE_FILTERS])(const pdl_tile_run *run, const float *m, const pdl_tile_finish *finish,
                                   const pdl_map *y);
} pdl_winograd_kernels;

extern const pdl_winograd_kernels pdl_winograd_portable, pdl_winograd_bf16_portable;
#ifdef PDL_SIMD_X86
extern const pdl_winograd_kernels pdl_winograd_avx2, pdl_winograd_bf16_avx2;
extern const pdl_winograd_kernels pdl_winograd_avx512, pdl_winograd_bf16_avx512;
extern const pdl_winograd_kernels pdl_winograd_bf16_native; /* AVX512_BF16's instructions */
#endif

const pdl_winograd_kernels *pdl_winograd_kernels_for(pdl_simd simd);

#endif

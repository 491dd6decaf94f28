/* How the features of pdl_features lie. SPDX-License-Identifier: Apache-2.0
 *
 *              tile 0      tile 1      tile 2
 *            ┌──────────┬───────────┬─────┐
 *   part 0   │          │           │     │     parts: runs of rows in one piece, in order
 *            ├──────────┼───────────┼─────┤     tiles: of a sparse matrix alone, `width` columns each; the last
 *   part 1   │          │           │     │            may be narrower
 *            └──────────┴───────────┴─────┘
 *
 * A part goes through up to three forms:
 *
 *   dense    float32 [rows, columns], the caller's memory as a rule
 *   arrived  non-zeros row by row, with columns of 32 bits: made while the rows arrive
 *   tiled    non-zeros tile by tile, row by row within a tile, with columns of 16 bits: made when the last row is in
 *
 * After pdl_features_finish all parts are dense, or all are tiled: the total density decides. Nothing changes then, so
 * many threads may read. */
#ifndef PDL_LINEAR_FEATURES_H
#define PDL_LINEAR_FEATURES_H

#include "pydeepl.h"

#include <pthread.h>
#include <stdbool.h>

#define PDL_KEPT_STATISTICS 16 /* a search over ten folds fits in */

typedef struct pdl_part {
    size_t rows, nonzeros;
    const float *x;  /* dense: [rows, columns]; else NULL */
    float *owned;    /* x where it is the part's own, else NULL */
    float *value;    /* arrived, tiled: [nonzeros] */
    uint32_t *start; /* arrived: [rows + 1]; tiled: [tiles * rows + 1], where tile t's row i begins at [t * rows + i] */
    uint32_t *column;      /* arrived: [nonzeros] */
    uint16_t *index;       /* tiled: [nonzeros] column within the tile */
    size_t room, row_room; /* arrived: capacities of value and column, and of start */
} pdl_part;

struct pdl_statistics;

struct pdl_features {
    pthread_mutex_t lock; /* of everything below, until `finished` */
    size_t columns, rows, nonzeros, threads;
    pdl_part *part;
    size_t parts, room;
    bool finished, sparse;
    pdl_status failed;   /* why finishing failed, which leaves nothing to go on with */
    size_t width, tiles; /* of a sparse matrix */

    pthread_mutex_t statistics_lock; /* of what follows (statistics.h) */
    struct pdl_statistics *kept[PDL_KEPT_STATISTICS];
    size_t next_kept;
};

#endif

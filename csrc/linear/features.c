/* Features as they arrive. SPDX-License-Identifier: Apache-2.0 */
#include "linear/features.h"

#include "base/memory.h"
#include "base/status.h"
#include "base/threads.h"
#include "linear/csr.h"
#include "linear/nonzeros.h"
#include "linear/part.h"
#include "linear/statistics.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

/* A non-zero costs about five times what an element of a dense row costs. */
#define SPARSE_DENSITY 0.2
#define GIVE_UP_DENSITY 0.4                 /* a piece denser than that is counted, and no more packed */
#define PIECE_ELEMENTS ((size_t)4 << 20)    /* of a dense block, for one thread to pack */
#define PIECE_NONZEROS ((size_t)1 << 20)    /* of a CSR block */
#define MERGED_NONZEROS ((size_t)256 << 10) /* smaller parts grow together */
#define MIN_WIDTH ((size_t)1024)            /* ten sets' coefficients of a tile: 128 KB of a core's cache */
#define MAX_WIDTH ((size_t)65536)           /* a column within a tile fits in 16 bits */
#define TILE_NONZEROS 16                    /* a row has as many in a tile, or tiles grow: their starts cost too */
#define MIN_TILES 8                         /* where tiles grow, so many are left: threads share them */
#define MAX_PART_ROWS ((size_t)1 << 20)

static bool is_sparse(double nonzeros, double elements)
{
    return nonzeros <= SPARSE_DENSITY * elements;
}

pdl_status pdl_features_create(size_t columns, size_t threads, pdl_features **out, pdl_error *error)
{
    if (columns > UINT32_MAX)
        return pdl_fail(error, PDL_ELIMIT, "%zu features; expected at most %u", columns, UINT32_MAX);
    pdl_features *features = pdl_alloc_zero(1, sizeof *features);
    if (features == NULL) return pdl_fail_memory(error, sizeof *features, "a feature matrix");
    features->columns = columns;
    features->threads = threads;
    pthread_mutex_init(&features->lock, NULL);
    pthread_mutex_init(&features->statistics_lock, NULL);
    *out = features;
    return PDL_OK;
}

void pdl_features_destroy(pdl_features *features)
{
    if (features == NULL) return;
    for (size_t i = 0; i < features->parts; i++)
        pdl_part_free(&features->part[i]);
    pdl_free(features->part);
    for (size_t i = 0; i < PDL_KEPT_STATISTICS; i++)
        pdl_statistics_release(features->kept[i]);
    pthread_mutex_destroy(&features->statistics_lock);
    pthread_mutex_destroy(&features->lock);
    pdl_free(features);
}

size_t pdl_features_rows(const pdl_features *features)
{
    return features->rows;
}

size_t pdl_features_columns(const pdl_features *features)
{
    return features->columns;
}

double pdl_features_density(const pdl_features *features)
{
    double elements = (double)features->rows * (double)features->columns;
    return elements > 0 ? (double)features->nonzeros / elements : 0;
}

int pdl_features_is_sparse(const pdl_features *features)
{
    return features->finished && features->sparse;
}

size_t pdl_features_bytes(const pdl_features *features)
{
    size_t bytes = 0;
    for (size_t i = 0; i < features->parts; i++) {
        const pdl_part *part = &features->part[i];
        size_t starts = part->index != NULL ? features->tiles * part->rows + 1 : part->row_room;
        if (part->owned != NULL) bytes += part->rows * features->columns * sizeof(float);
        if (part->value == NULL) continue;
        bytes += starts * sizeof *part->start;
        bytes += part->index != NULL ? part->nonzeros * (sizeof(float) + sizeof *part->index)
                                     : part->room * (sizeof(float) + sizeof *part->column);
    }
    return bytes;
}

/* ---- parts of a block -------------------------------------------------------------------------------- */

/* The parts that a block is cut into while it is read; they join the handle when all of it is good. */
typedef struct arrival {
    const float *x;     /* the block: dense, */
    const pdl_csr *csr; /* or compressed */
    size_t rows, columns, piece_rows, pieces;
    pdl_part *part; /* [pieces]; where given up, nonzeros alone is set */
    bool all;       /* pack whatever the density */
    atomic_bool failed;
    atomic_size_t broken; /* the first row that is not good, or SIZE_MAX */
} arrival;

/* Pieces start in order, so that every row before a broken one is read, too. */
static void note_broken(arrival *work, size_t row)
{
    size_t known = atomic_load(&work->broken);
    while (row < known && !atomic_compare_exchange_weak(&work->broken, &known, row))
        continue;
}

static size_t piece_rows_of(const arrival *work, size_t piece)
{
    size_t left = work->rows - piece * work->piece_rows;
    return left < work->piece_rows ? left : work->piece_rows;
}

static void read_dense_piece(void *context, size_t piece, size_t worker)
{
    (void)worker;
    arrival *work = context;
    pdl_part *part = &work->part[piece];
    if (part->value != NULL) return; /* packed the first time */
    size_t columns = work->columns, rows = piece_rows_of(work, piece), nonzeros = 0;
    const float *x = work->x + piece * work->piece_rows * columns;
    bool finite = true, packing = true;
    for (size_t i = 0; i < rows; i++, x += columns) {
        if (packing && !pdl_part_reserve(part, columns + PDL_NONZEROS_SLACK, 1)) {
            atomic_store(&work->failed, true);
            return;
        }
        if (packing) {
            size_t used = part->nonzeros;
            used += pdl_nonzeros_pack(x, columns, part->value + used, part->column + used, &finite);
            part->nonzeros = nonzeros = used;
            part->start[++part->rows] = (uint32_t)used;
        } else {
            nonzeros += pdl_nonzeros_count(x, columns, &finite);
        }
        if (!finite) {
            note_broken(work, piece * work->piece_rows + i);
            return;
        }
        if (packing && !work->all && (double)nonzeros > GIVE_UP_DENSITY * (double)(i + 1) * (double)columns) {
            packing = false;
            pdl_part_free(part);
        }
    }
    part->nonzeros = nonzeros;
}

static void read_csr_piece(void *context, size_t piece, size_t worker)
{
    (void)worker;
    arrival *work = context;
    const pdl_csr *csr = work->csr;
    pdl_part *part = &work->part[piece];
    size_t first = piece * work->piece_rows, last = first + piece_rows_of(work, piece), used = 0;
    if (!pdl_part_reserve(part, (size_t)(csr->start[last] - csr->start[first]) + 1, last - first)) {
        atomic_store(&work->failed, true);
        return;
    }
    for (size_t i = first; i < last; i++) {
        if (!pdl_csr_row_is_good(csr, i, work->columns, true)) {
            note_broken(work, i);
            return;
        }
        for (size_t k = (size_t)csr->start[i]; k < (size_t)csr->start[i + 1]; k++) {
            part->value[used] = (float)pdl_csr_value(csr, k);
            part->column[used] = (uint32_t)pdl_csr_column(csr, k);
            used += part->value[used] != 0;
        }
        part->start[++part->rows] = (uint32_t)used;
    }
    part->nonzeros = used;
}

static pdl_status explain_broken(const pdl_features *features, const arrival *work, pdl_error *error)
{
    size_t row = work->broken;
    if (work->csr != NULL) return pdl_csr_explain(work->csr, row, work->columns, true, features->rows, error);
    for (size_t j = 0; j < work->columns; j++) {
        double value = work->x[row * work->columns + j];
        if (!isfinite(value))
            return pdl_fail(error, PDL_EDATA, "row %zu: feature %zu is %g; features must be finite",
                            features->rows + row, j, value);
    }
    return pdl_fail(error, PDL_EINTERNAL, "a feature of row %zu was not finite, but is now", features->rows + row);
}

static pdl_status run_arrival(pdl_features *features, arrival *work, pdl_body body, pdl_error *error)
{
    work->broken = SIZE_MAX;
    pdl_parallel_for(features->threads, work->pieces, body, work);
    if (work->broken != SIZE_MAX) return explain_broken(features, work, error);
    if (work->failed) return pdl_fail(error, PDL_ENOMEM, "out of memory: the non-zeros of %zu rows", work->rows);
    return PDL_OK;
}

static pdl_status open_arrival(arrival *work, pdl_error *error)
{
    if (work->piece_rows == 0) work->piece_rows = 1;
    if (work->piece_rows > MAX_PART_ROWS) work->piece_rows = MAX_PART_ROWS;
    work->pieces = (work->rows + work->piece_rows - 1) / work->piece_rows;
    work->part = pdl_alloc_zero(work->pieces, sizeof *work->part);
    return work->part != NULL ? PDL_OK : pdl_fail_memory(error, work->pieces * sizeof *work->part, "parts of a block");
}

static void close_arrival(arrival *work)
{
    for (size_t i = 0; work->part != NULL && i < work->pieces; i++)
        pdl_part_free(&work->part[i]);
    pdl_free(work->part);
}

/* ---- appending --------------------------------------------------------------------------------------- */

static pdl_status reserve_parts(pdl_features *features, size_t more, pdl_error *error)
{
    if (features->room - features->parts >= more) return PDL_OK;
    size_t room = 2 * (features->parts + more);
    pdl_part *part = pdl_alloc(room, sizeof *part);
    if (part == NULL) return pdl_fail_memory(error, room * sizeof *part, "parts of a feature matrix");
    if (features->parts != 0) memcpy(part, features->part, features->parts * sizeof *part);
    pdl_free(features->part);
    features->part = part;
    features->room = room;
    return PDL_OK;
}

/* The last part takes in a small one: rows that arrive one by one must not lie one by one. */
static bool join_last(pdl_features *features, const pdl_part *part)
{
    if (features->parts == 0) return false;
    pdl_part *last = &features->part[features->parts - 1];
    if (last->value == NULL || last->nonzeros + part->nonzeros > MERGED_NONZEROS) return false;
    if (last->rows + part->rows > MAX_PART_ROWS || !pdl_part_reserve(last, part->nonzeros, part->rows)) return false;
    memcpy(last->value + last->nonzeros, part->value, part->nonzeros * sizeof *part->value);
    memcpy(last->column + last->nonzeros, part->column, part->nonzeros * sizeof *part->column);
    for (size_t i = 1; i <= part->rows; i++)
        last->start[last->rows + i] = last->start[last->rows] + part->start[i];
    last->nonzeros += part->nonzeros;
    last->rows += part->rows;
    return true;
}

/* Moves the parts of a packed block to the end of the matrix. */
static pdl_status take_parts(pdl_features *features, arrival *work, pdl_error *error)
{
    pdl_status status = reserve_parts(features, work->pieces, error);
    if (status != PDL_OK) return status;
    for (size_t i = 0; i < work->pieces; i++) {
        pdl_part *part = &work->part[i];
        features->rows += part->rows;
        features->nonzeros += part->nonzeros;
        if (join_last(features, part)) continue;
        pdl_part_trim(part);
        if (features->parts != 0) pdl_part_trim(&features->part[features->parts - 1]); /* it grows no more */
        features->part[features->parts++] = *part;
        *part = (pdl_part){0};
    }
    return PDL_OK;
}

static pdl_status check_open(const pdl_features *features, size_t rows, pdl_error *error)
{
    if (features->failed != PDL_OK) return pdl_fail(error, features->failed, "the features could not be finished");
    if (features->finished)
        return pdl_fail(error, PDL_EINVAL, "no rows can be appended to features that are finished, or were read");
    size_t elements;
    if (rows > SIZE_MAX / 2 - features->rows || !pdl_size_mul(rows, features->columns, &elements))
        return pdl_fail(error, PDL_ELIMIT, "%zu rows of %zu features are too many", rows, features->columns);
    return PDL_OK;
}

static pdl_status append_dense(pdl_features *features, const float *x, size_t rows, int *borrowed, pdl_error *error)
{
    size_t columns = features->columns;
    arrival work = {.x = x, .rows = rows, .columns = columns, .piece_rows = PIECE_ELEMENTS / (columns + 1)};
    pdl_status status = open_arrival(&work, error);
    if (status == PDL_OK) status = run_arrival(features, &work, read_dense_piece, error);
    if (status != PDL_OK) goto done;
    size_t nonzeros = 0;
    for (size_t i = 0; i < work.pieces; i++)
        nonzeros += work.part[i].nonzeros;
    double elements = ((double)features->rows + (double)rows) * (double)columns;
    if (is_sparse((double)(features->nonzeros + nonzeros), elements)) {
        work.all = true;
        for (size_t i = 0; i < work.pieces; i++)
            if (work.part[i].value == NULL) work.part[i] = (pdl_part){0};
        status = run_arrival(features, &work, read_dense_piece, error);
        if (status == PDL_OK) status = take_parts(features, &work, error);
        if (status == PDL_OK) *borrowed = 0;
        goto done;
    }
    status = reserve_parts(features, 1, error);
    if (status != PDL_OK) goto done;
    features->part[features->parts++] = (pdl_part){.rows = rows, .nonzeros = nonzeros, .x = x};
    features->rows += rows;
    features->nonzeros += nonzeros;
    *borrowed = 1;
done:
    close_arrival(&work);
    return status;
}

pdl_status pdl_features_append(pdl_features *features, const float *x, size_t rows, int *borrowed, pdl_error *error)
{
    pthread_mutex_lock(&features->lock);
    pdl_status status = check_open(features, rows, error);
    if (status == PDL_OK && rows != 0) status = append_dense(features, x, rows, borrowed, error);
    if (status == PDL_OK && rows == 0) *borrowed = 0;
    pthread_mutex_unlock(&features->lock);
    return status;
}

pdl_status pdl_features_append_csr(pdl_features *features, const pdl_csr *rows, pdl_error *error)
{
    pthread_mutex_lock(&features->lock);
    arrival work = {.csr = rows, .rows = rows->rows, .columns = features->columns};
    pdl_status status = check_open(features, rows->rows, error);
    if (status == PDL_OK) status = pdl_csr_check_starts(rows, features->rows, error);
    if (status == PDL_OK && rows->rows != 0) {
        size_t row = rows->count / rows->rows + 1; /* values of a row, on average */
        work.piece_rows = row < PIECE_NONZEROS ? PIECE_NONZEROS / row : 1;
        status = open_arrival(&work, error);
        if (status == PDL_OK) status = run_arrival(features, &work, read_csr_piece, error);
        if (status == PDL_OK) status = take_parts(features, &work, error);
        close_arrival(&work);
    }
    pthread_mutex_unlock(&features->lock);
    return status;
}

/* ---- finishing --------------------------------------------------------------------------------------- */

static size_t tile_width(const pdl_features *features)
{
    size_t width = MIN_WIDTH, all = (features->columns + 63) / 64 * 64;
    while (width < MAX_WIDTH && 2 * width * MIN_TILES <= all &&
           pdl_features_density(features) * (double)width < TILE_NONZEROS)
        width *= 2;
    return width < all ? width : all;
}

/* Dense parts become arrived ones, cut to the usual size. */
static pdl_status pack_dense_parts(pdl_features *features, pdl_error *error)
{
    pdl_part *old = features->part;
    size_t count = features->parts, i = 0;
    pdl_status status = PDL_OK;
    features->part = NULL;
    features->parts = features->room = features->rows = features->nonzeros = 0;
    for (; i < count && status == PDL_OK; i++) {
        size_t columns = features->columns;
        bool dense = old[i].x != NULL;
        arrival work = {.x = old[i].x, .rows = old[i].rows, .columns = columns, .all = true};
        work.piece_rows = dense ? PIECE_ELEMENTS / (columns + 1) : old[i].rows;
        status = open_arrival(&work, error);
        if (status == PDL_OK && dense) status = run_arrival(features, &work, read_dense_piece, error);
        if (status == PDL_OK && !dense) {
            work.part[0] = old[i];
            old[i] = (pdl_part){0};
        }
        if (status == PDL_OK) status = take_parts(features, &work, error);
        close_arrival(&work);
        pdl_part_free(&old[i]);
    }
    for (; i < count; i++)
        pdl_part_free(&old[i]);
    pdl_free(old);
    return status;
}

typedef struct settling {
    pdl_features *features;
    atomic_bool failed;
} settling;

static void settle_part(void *context, size_t i, size_t worker)
{
    (void)worker;
    settling *work = context;
    pdl_features *features = work->features;
    pdl_part *part = &features->part[i];
    bool done = features->sparse ? pdl_part_tile(part, features->width, features->tiles)
                                 : pdl_part_expand(part, features->columns);
    if (!done) atomic_store(&work->failed, true);
}

static pdl_status finish(pdl_features *features, pdl_error *error)
{
    if (features->rows == 0 || features->columns == 0)
        return pdl_fail(error, PDL_ESHAPE, "features are [%zu, %zu]; expected at least one row and one column",
                        features->rows, features->columns);
    features->sparse = is_sparse((double)features->nonzeros, (double)features->rows * (double)features->columns);
    pdl_status status = PDL_OK;
    if (features->sparse) {
        features->width = tile_width(features);
        features->tiles = (features->columns + features->width - 1) / features->width;
        bool dense = false;
        for (size_t i = 0; i < features->parts; i++)
            dense |= features->part[i].x != NULL;
        if (dense) status = pack_dense_parts(features, error);
    }
    settling work = {.features = features};
    if (status == PDL_OK) pdl_parallel_for(features->threads, features->parts, settle_part, &work);
    if (work.failed)
        status = pdl_fail(error, PDL_ENOMEM, "out of memory: %zu features that are not 0", features->nonzeros);
    features->failed = status;
    features->finished = status == PDL_OK;
    return status;
}

pdl_status pdl_features_finish(pdl_features *features, pdl_error *error)
{
    pthread_mutex_lock(&features->lock);
    pdl_status status = PDL_OK;
    if (features->failed != PDL_OK)
        status = pdl_fail(error, features->failed, "the features could not be finished");
    else if (!features->finished)
        status = finish(features, error);
    pthread_mutex_unlock(&features->lock);
    return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "linear/select.h"

#include "base/memory.h"
#include "base/status.h"
#include "base/threads.h"

#define CHUNK_ROWS 8
#define CHUNK_SPARSE_ROWS 64

typedef struct copying {
    const pdl_matrix *source;
    const uint32_t *column, *place;
    pdl_selection *to;
} copying;

static size_t chunks_of(size_t rows, size_t chunk)
{
    return (rows + chunk - 1) / chunk;
}

/* ---- dense ------------------------------------------------------------------------------------------- */

static void copy_rows(void *context, size_t chunk, size_t worker)
{
    (void)worker;
    copying *work = context;
    size_t count = work->to->matrix.columns, rows = work->to->matrix.rows, run;
    size_t last = (chunk + 1) * CHUNK_ROWS < rows ? (chunk + 1) * CHUNK_ROWS : rows;
    for (size_t row = chunk * CHUNK_ROWS; row < last; row++) {
        const float *restrict x = pdl_matrix_run(work->source, row, 1, &run);
        float *restrict out = work->to->part.owned + row * count;
        for (size_t k = 0; k < count; k++)
            out[k] = x[work->column[k]];
    }
}

static bool copy_dense(copying *work, size_t threads)
{
    pdl_part *part = &work->to->part;
    size_t rows = work->to->matrix.rows, size;
    if (pdl_size_mul(rows, work->to->matrix.columns, &size)) part->owned = pdl_alloc(size, sizeof(float));
    part->x = part->owned;
    if (part->owned == NULL) return false;
    pdl_parallel_for(threads, chunks_of(rows, CHUNK_ROWS), copy_rows, work);
    return true;
}

/* ---- sparse ------------------------------------------------------------------------------------------ */

/* The non-zeros of `row` within one of the source's tiles. */
static pdl_sparse_tile find_row(const pdl_matrix *source, size_t tile, const pdl_run *run, size_t row, size_t *first,
                                size_t *last)
{
    pdl_sparse_tile x = pdl_part_tile_of(&source->part[run->part], tile);
    size_t place = run->row + (row - run->first);
    *first = x.start[place];
    *last = x.start[place + 1];
    return x;
}

/* Goes through the source's tiles that hold the columns of one tile of the selection, for a chunk of rows. Counts a
 * row's chosen non-zeros in start[row + 1]; or, when `fill`, copies them to where start[row] says. */
static void walk_tile(const copying *work, size_t index, bool fill)
{
    const pdl_matrix *source = work->source, *to = &work->to->matrix;
    size_t chunks = chunks_of(to->rows, CHUNK_SPARSE_ROWS), tile = index / chunks;
    size_t row = index % chunks * CHUNK_SPARSE_ROWS;
    size_t last_row = row + CHUNK_SPARSE_ROWS < to->rows ? row + CHUNK_SPARSE_ROWS : to->rows;
    uint32_t *start = work->to->part.start + tile * to->rows;
    size_t low = tile * to->width, high = low + pdl_matrix_tile_width(to, tile);
    size_t from = work->column[low] / source->width, until = work->column[high - 1] / source->width + 1;
    const pdl_run *run = source->run + pdl_matrix_find_run(source, row);
    for (; row < last_row; row++) {
        while (row >= run[1].first)
            run++;
        size_t at = fill ? start[row] : 0, first, last;
        for (size_t t = from; t < until; t++) {
            pdl_sparse_tile x = find_row(source, t, run, row, &first, &last);
            const uint32_t *place = work->place + t * source->width;
            for (size_t k = first; k < last; k++) {
                uint32_t j = place[x.index[k]];
                if (j < low || j >= high) continue; /* PDL_NO_PLACE is beyond all */
                if (fill) {
                    work->to->part.value[at] = x.value[k];
                    work->to->part.index[at] = (uint16_t)(j - low);
                }
                at++;
            }
        }
        if (!fill) start[row + 1] = (uint32_t)at;
    }
}

static void count_tile(void *context, size_t index, size_t worker)
{
    (void)worker;
    walk_tile(context, index, false);
}

static void fill_tile(void *context, size_t index, size_t worker)
{
    (void)worker;
    walk_tile(context, index, true);
}

static bool copy_sparse(copying *work, size_t threads)
{
    const pdl_matrix *to = &work->to->matrix;
    pdl_part *part = &work->to->part;
    size_t starts = to->tiles * to->rows, tasks = to->tiles * chunks_of(to->rows, CHUNK_SPARSE_ROWS);
    part->start = pdl_alloc_zero(starts + 1, sizeof *part->start);
    if (part->start == NULL) return false;
    pdl_parallel_for(threads, tasks, count_tile, work);
    for (size_t i = 0; i < starts; i++)
        part->start[i + 1] += part->start[i];
    part->nonzeros = part->start[starts];
    part->value = pdl_alloc(part->nonzeros, sizeof *part->value);
    part->index = pdl_alloc(part->nonzeros, sizeof *part->index);
    if (part->value == NULL || part->index == NULL) return false;
    pdl_parallel_for(threads, tasks, fill_tile, work);
    return true;
}

/* ------------------------------------------------------------------------------------------------------ */

pdl_status pdl_selection_open(pdl_selection *selection, const pdl_matrix *source, const uint32_t *column, size_t count,
                              const uint32_t *place, size_t threads, pdl_error *error)
{
    *selection = (pdl_selection){.matrix = *source, .part = {.rows = source->rows}, .run = {{0}, {source->rows, 1, 0}}};
    pdl_matrix *matrix = &selection->matrix;
    matrix->part = &selection->part;
    matrix->sparse = source->sparse != NULL ? matrix->part : NULL;
    matrix->run = selection->run;
    matrix->runs = 1;
    matrix->columns = count;
    matrix->tiles = (count + matrix->width - 1) / matrix->width;
    copying work = {source, column, place, selection};
    if (source->sparse != NULL ? copy_sparse(&work, threads) : copy_dense(&work, threads)) return PDL_OK;
    return pdl_fail(error, PDL_ENOMEM, "out of memory: %zu of %zu features", count, source->columns);
}

void pdl_selection_close(pdl_selection *selection)
{
    pdl_free(selection->part.owned);
    pdl_free(selection->part.value);
    pdl_free(selection->part.start);
    pdl_free(selection->part.index);
    *selection = (pdl_selection){0};
}

/* Margins of new rows under given coefficients. SPDX-License-Identifier: Apache-2.0 */
#include "base/status.h"
#include "base/threads.h"
#include "linear/kernels.h"
#include "pydeepl.h"

#define CHUNK_ROWS 16
#define TILE_COLUMNS 1024 /* ten sets of coefficients take 80 KB: they stay in the cache for a chunk's rows */

typedef struct prediction {
    const pdl_kernels *kernels;
    const float *x;
    const double *coefficients, *intercepts;
    size_t rows, columns, sets;
    double *margins;
} prediction;

static void predict_chunk(void *context, size_t chunk, size_t worker)
{
    (void)worker;
    const prediction *work = context;
    size_t first = chunk * CHUNK_ROWS, sets = work->sets, columns = work->columns;
    size_t rows = work->rows - first < CHUNK_ROWS ? work->rows - first : CHUNK_ROWS;
    double *margins = work->margins + first * sets;
    for (size_t i = 0; i < rows; i++)
        for (size_t c = 0; c < sets; c++)
            margins[i * sets + c] = 0;
    for (size_t j = 0; j < columns; j += TILE_COLUMNS) {
        size_t width = columns - j < TILE_COLUMNS ? columns - j : TILE_COLUMNS;
        work->kernels->dense_margins(work->x + first * columns + j, columns, rows, width, work->coefficients + j,
                                     columns, sets, margins, sets);
    }
    for (size_t i = 0; i < rows; i++)
        for (size_t c = 0; c < sets; c++)
            margins[i * sets + c] += work->intercepts[c];
}

pdl_status pdl_logistic_margins(const float *x, size_t rows, size_t columns, const double *coefficients,
                                const double *intercepts, size_t sets, size_t threads, double *margins,
                                pdl_error *error)
{
    if (sets == 0) return pdl_fail(error, PDL_EINVAL, "sets is 0; expected at least 1");
    prediction work = {.kernels = pdl_kernels_choose(),
                       .x = x,
                       .coefficients = coefficients,
                       .intercepts = intercepts,
                       .rows = rows,
                       .columns = columns,
                       .sets = sets,
                       .margins = margins};
    pdl_parallel_for(threads, (rows + CHUNK_ROWS - 1) / CHUNK_ROWS, predict_chunk, &work);
    return PDL_OK;
}

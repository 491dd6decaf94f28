/* Margins of new rows under given coefficients. SPDX-License-Identifier: Apache-2.0 */
#include "base/status.h"
#include "base/threads.h"
#include "linear/csr.h"
#include "linear/kernels.h"
#include "pydeepl.h"

#include <stdatomic.h>

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

/* ---- compressed rows --------------------------------------------------------------------------------- */

typedef struct csr_prediction {
    const pdl_csr *x;
    const double *coefficients, *intercepts;
    size_t columns, sets;
    double *margins;
    atomic_size_t broken; /* the first row that is not good */
} csr_prediction;

static double csr_dot(const pdl_csr *x, size_t first, size_t last, const double *b)
{
    double sum = 0;
    for (size_t k = first; k < last; k++)
        sum += pdl_csr_value(x, k) * b[pdl_csr_column(x, k)];
    return sum;
}

static void note_broken(csr_prediction *work, size_t row)
{
    size_t known = atomic_load(&work->broken);
    while (row < known && !atomic_compare_exchange_weak(&work->broken, &known, row))
        continue;
}

/* Set after set, so that one set's coefficients stay in the cache for a chunk's rows. */
static void predict_csr_chunk(void *context, size_t chunk, size_t worker)
{
    (void)worker;
    csr_prediction *work = context;
    const pdl_csr *x = work->x;
    size_t first = chunk * CHUNK_ROWS, last = x->rows - first < CHUNK_ROWS ? x->rows : first + CHUNK_ROWS;
    for (size_t i = first; i < last; i++)
        if (!pdl_csr_row_is_good(x, i, work->columns, false)) {
            note_broken(work, i);
            return;
        }
    for (size_t c = 0; c < work->sets; c++) {
        const double *b = work->coefficients + c * work->columns;
        for (size_t i = first; i < last; i++)
            work->margins[i * work->sets + c] =
                csr_dot(x, (size_t)x->start[i], (size_t)x->start[i + 1], b) + work->intercepts[c];
    }
}

pdl_status pdl_logistic_margins_csr(const pdl_csr *x, size_t first_row, size_t columns, const double *coefficients,
                                    const double *intercepts, size_t sets, size_t threads, double *margins,
                                    pdl_error *error)
{
    if (sets == 0) return pdl_fail(error, PDL_EINVAL, "sets is 0; expected at least 1");
    pdl_status status = pdl_csr_check_starts(x, first_row, error);
    if (status != PDL_OK) return status;
    csr_prediction work = {.x = x,
                           .coefficients = coefficients,
                           .intercepts = intercepts,
                           .columns = columns,
                           .sets = sets,
                           .margins = margins,
                           .broken = SIZE_MAX};
    pdl_parallel_for(threads, (x->rows + CHUNK_ROWS - 1) / CHUNK_ROWS, predict_csr_chunk, &work);
    if (work.broken == SIZE_MAX) return PDL_OK;
    return pdl_csr_explain(x, work.broken, columns, false, first_row, error);
}

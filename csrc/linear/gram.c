/* SPDX-License-Identifier: Apache-2.0 */
#include "linear/gram.h"

#include "base/memory.h"
#include "base/status.h"
#include "base/threads.h"
#include "linear/vector.h"

#include <string.h>

#define MAX_PARTS 16
#define STRIP 256          /* columns: a block of scaled rows stays in an L1 cache, all rows in an L2 cache */
#define BLOCK_ROWS 20      /* rows of the factor that is scaled: four panels of the margin kernel */
#define LARGE_MEAN 8.0     /* in deviations: beyond it a sparse column is centred first */
#define SPARSE_PRODUCT 4.0 /* cost of a scattered product beside one of a dense panel */

typedef struct gram {
    const pdl_objective *objective;
    size_t rows, parts, size; /* size: rows^2 */
    double *sums;             /* [parts, rows, rows] the lower triangle; part 0 becomes the result */
    double *factor;           /* [threads, rows, STRIP]: u z of a strip of columns */
    double *shift;            /* [threads, rows]: m . z of a strip; sparse: unused */
    struct columns *columns;  /* [threads]: sparse tiles by columns */
    double *mean_products;    /* [parts, rows + 1]: sparse: h, and m . m */
} gram;

/* One sparse tile turned: the non-zeros of each column, row after row. */
typedef struct columns {
    uint32_t *row;
    double *value;
    size_t *start; /* [width + 1] */
    size_t capacity;
} columns;

static double density(const pdl_matrix *matrix)
{
    if (matrix->sparse == NULL) return 1;
    double nonzeros = 0;
    for (size_t t = 0; t < matrix->tiles; t++)
        nonzeros += (double)pdl_matrix_tile_nonzeros(matrix, t);
    return nonzeros / (double)matrix->rows / (double)matrix->columns;
}

double pdl_gram_cost(const pdl_matrix *matrix)
{
    double share = density(matrix), rows = (double)matrix->rows;
    return rows * rows / 2 * (matrix->sparse == NULL ? 1 : SPARSE_PRODUCT * share * share);
}

/* ---- dense ------------------------------------------------------------------------------------------- */

/* factor = u z of columns first .. first + width - 1 for all rows, shift = m . z */
static void scale_strip(const gram *work, size_t first, size_t width, double *factor, double *shift)
{
    const pdl_objective *objective = work->objective;
    const double *restrict u = objective->inverse_deviation + first, *restrict m = objective->scaled_mean + first;
    size_t run;
    for (size_t row = 0; row < work->rows; row += run) {
        const float *x = pdl_matrix_run(objective->matrix, row, work->rows - row, &run) + first;
        for (size_t i = row; i < row + run; i++, x += objective->matrix->columns) {
            double *restrict out = factor + i * STRIP, along = 0;
            for (size_t j = 0; j < width; j++) {
                double z = (double)x[j] * u[j] - m[j];
                out[j] = u[j] * z;
                along += m[j] * z;
            }
            shift[i] = along;
        }
    }
}

/* Adds one strip's products to the lower triangle. */
static void add_strip(const gram *work, size_t first, size_t width, const double *factor, const double *shift,
                      double *sums)
{
    const pdl_matrix *matrix = work->objective->matrix;
    size_t rows = work->rows, run;
    for (size_t k = 0; k < rows; k += BLOCK_ROWS) {
        size_t count = pdl_size_min(BLOCK_ROWS, rows - k);
        for (size_t row = k; row < rows; row += run) {
            const float *x = pdl_matrix_run(matrix, row, rows - row, &run) + first;
            matrix->kernels->dense_margins(x, matrix->columns, run, width, factor + k * STRIP, STRIP, count,
                                           sums + row * rows + k, rows);
        }
        for (size_t i = k; i < rows; i++)
            for (size_t c = 0; c < count; c++)
                sums[i * rows + k + c] -= shift[k + c];
    }
}

static void run_dense(void *context, size_t part, size_t worker)
{
    gram *work = context;
    size_t all = work->objective->matrix->columns, strips = (all + STRIP - 1) / STRIP;
    double *sums = work->sums + part * work->size, *factor = work->factor + worker * work->rows * STRIP;
    double *shift = work->shift + worker * work->rows;
    memset(sums, 0, work->size * sizeof *sums);
    size_t last = (part + 1) * strips / work->parts;
    for (size_t strip = part * strips / work->parts; strip < last; strip++) {
        size_t first = strip * STRIP, width = pdl_size_min(STRIP, all - first);
        scale_strip(work, first, width, factor, shift);
        add_strip(work, first, width, factor, shift, sums);
    }
}

/* ---- sparse ------------------------------------------------------------------------------------------ */

/* start[j + 1] = number of column j's non-zeros. */
static void count_columns(const pdl_matrix *matrix, size_t tile, size_t *start)
{
    memset(start, 0, (pdl_matrix_tile_width(matrix, tile) + 1) * sizeof *start);
    for (const pdl_run *run = matrix->run; run < matrix->run + matrix->runs; run++) {
        pdl_sparse_tile x = pdl_part_tile_of(&matrix->part[run->part], tile);
        for (size_t k = x.start[run->row]; k < x.start[run->row + (run[1].first - run->first)]; k++)
            start[x.index[k] + 1]++;
    }
}

static void turn_tile(const pdl_matrix *matrix, size_t tile, columns *out)
{
    size_t width = pdl_matrix_tile_width(matrix, tile);
    count_columns(matrix, tile, out->start);
    for (size_t j = 0; j < width; j++)
        out->start[j + 1] += out->start[j];
    for (const pdl_run *run = matrix->run; run < matrix->run + matrix->runs; run++) {
        pdl_sparse_tile x = pdl_part_tile_of(&matrix->part[run->part], tile);
        size_t place = run->row;
        for (size_t i = run->first; i < run[1].first; i++, place++)
            for (size_t k = x.start[place]; k < x.start[place + 1]; k++) {
                size_t at = out->start[x.index[k]]++; /* start[j] moves to where column j + 1 starts, */
                out->row[at] = (uint32_t)i;
                out->value[at] = (double)x.value[k];
            }
    }
    memmove(out->start + 1, out->start, width * sizeof *out->start); /* and all move back */
    out->start[0] = 0;
}

/* sums += the products of one column's non-zeros, scaled */
static void add_column(const uint32_t *row, const double *value, size_t count, double u, double *sums, size_t rows)
{
    for (size_t a = 0; a < count; a++) {
        double scaled = value[a] * u * u, *out = sums + row[a] * rows;
        for (size_t b = 0; b <= a; b++)
            out[row[b]] += scaled * value[b];
    }
}

/* The same for a column that is centred first; z: [rows] scratch. */
static void add_centred_column(const uint32_t *row, const double *value, size_t count, double u, double m, double *z,
                               double *sums, size_t rows)
{
    for (size_t i = 0; i < rows; i++)
        z[i] = -m;
    for (size_t a = 0; a < count; a++)
        z[row[a]] = value[a] * u - m;
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k <= i; k++)
            sums[i * rows + k] += z[i] * z[k];
}

static void run_sparse(void *context, size_t part, size_t worker)
{
    gram *work = context;
    const pdl_objective *objective = work->objective;
    const pdl_matrix *matrix = objective->matrix;
    size_t rows = work->rows;
    double *sums = work->sums + part * work->size, *products = work->mean_products + part * (rows + 1);
    double *z = work->shift + worker * rows;
    columns *turned = &work->columns[worker];
    memset(sums, 0, work->size * sizeof *sums);
    memset(products, 0, (rows + 1) * sizeof *products);
    size_t last = (part + 1) * matrix->tiles / work->parts;
    for (size_t t = part * matrix->tiles / work->parts; t < last; t++) {
        turn_tile(matrix, t, turned);
        for (size_t j = 0; j < pdl_matrix_tile_width(matrix, t); j++) {
            size_t start = turned->start[j], count = turned->start[j + 1] - start;
            const uint32_t *row = turned->row + start;
            const double *value = turned->value + start;
            double u = objective->inverse_deviation[t * matrix->width + j];
            double m = objective->scaled_mean[t * matrix->width + j];
            if (m > LARGE_MEAN || m < -LARGE_MEAN) {
                add_centred_column(row, value, count, u, m, z, sums, rows);
                continue;
            }
            add_column(row, value, count, u, sums, rows);
            for (size_t a = 0; a < count; a++)
                products[row[a]] += value[a] * u * m;
            products[rows] += m * m;
        }
    }
}

/* ---- together ---------------------------------------------------------------------------------------- */

/* Adds the parts in order, centres what is not centred yet, and mirrors the triangle: one row. */
static void finish_row(void *context, size_t i, size_t worker)
{
    (void)worker;
    gram *work = context;
    size_t rows = work->rows;
    double *out = work->sums + i * rows;
    for (size_t part = 1; part < work->parts; part++)
        for (size_t k = 0; k <= i; k++)
            out[k] += out[part * work->size + k];
    const double *h = work->mean_products;
    for (size_t k = 0; h != NULL && k <= i; k++)
        out[k] += h[rows] - h[i] - h[k];
}

static void finish(gram *work, size_t threads)
{
    size_t rows = work->rows;
    for (size_t part = 1; part < work->parts && work->mean_products != NULL; part++)
        for (size_t k = 0; k <= rows; k++)
            work->mean_products[k] += work->mean_products[part * (rows + 1) + k];
    pdl_parallel_for(threads, rows, finish_row, work);
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < i; k++)
            work->sums[k * rows + i] = work->sums[i * rows + k];
}

static bool open_columns(gram *work, size_t threads)
{
    const pdl_matrix *matrix = work->objective->matrix;
    size_t most = 0;
    for (size_t t = 0; t < matrix->tiles; t++) {
        size_t count = pdl_matrix_tile_nonzeros(matrix, t);
        most = count > most ? count : most;
    }
    bool made = true;
    for (size_t i = 0; i < threads; i++) {
        columns *turned = &work->columns[i];
        turned->row = pdl_alloc(most, sizeof *turned->row);
        turned->value = pdl_alloc(most, sizeof *turned->value);
        turned->start = pdl_alloc(matrix->width + 1, sizeof *turned->start);
        made = made && turned->row != NULL && turned->value != NULL && turned->start != NULL;
    }
    return made;
}

static bool open_gram(gram *work, size_t threads)
{
    size_t rows = work->rows;
    work->sums = pdl_alloc(work->parts * work->size, sizeof(double));
    work->shift = pdl_alloc(threads * rows, sizeof(double));
    if (work->sums == NULL || work->shift == NULL) return false;
    if (work->objective->matrix->sparse == NULL) {
        work->factor = pdl_alloc(threads * rows * STRIP, sizeof(double));
        return work->factor != NULL;
    }
    work->mean_products = pdl_alloc(work->parts * (rows + 1), sizeof(double));
    work->columns = pdl_alloc_zero(threads, sizeof *work->columns);
    return work->mean_products != NULL && work->columns != NULL && open_columns(work, threads);
}

static void close_gram(gram *work, size_t threads)
{
    for (size_t i = 0; work->columns != NULL && i < threads; i++) {
        pdl_free(work->columns[i].row);
        pdl_free(work->columns[i].value);
        pdl_free(work->columns[i].start);
    }
    pdl_free(work->columns);
    pdl_free(work->mean_products);
    pdl_free(work->factor);
    pdl_free(work->shift);
    pdl_free(work->sums);
}

/* Parts add up side by side; all of them take no more than two vectors of coefficients or a few tables. */
static size_t parts_of(const pdl_matrix *matrix)
{
    size_t fit = 2 * matrix->sets * matrix->columns / (matrix->rows * matrix->rows);
    return fit < 2 ? 2 : pdl_size_min(fit, MAX_PARTS);
}

pdl_status pdl_gram_compute(const pdl_objective *objective, double **out, pdl_error *error)
{
    size_t threads = objective->threads, rows = objective->matrix->rows;
    gram work = {.objective = objective, .rows = rows, .parts = parts_of(objective->matrix), .size = rows * rows};
    pdl_status status = PDL_OK;
    if (!open_gram(&work, threads)) {
        status = pdl_fail(error, PDL_ENOMEM, "out of memory: inner products of %zu samples", rows);
    } else {
        pdl_parallel_for(threads, work.parts, work.mean_products != NULL ? run_sparse : run_dense, &work);
        finish(&work, threads);
        *out = pdl_alloc(work.size, sizeof(double)); /* the parts' memory is not kept */
        if (*out == NULL)
            status = pdl_fail_memory(error, work.size * sizeof(double), "inner products of the samples");
        else
            memcpy(*out, work.sums, work.size * sizeof(double));
    }
    close_gram(&work, threads);
    return status;
}

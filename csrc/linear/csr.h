/* Checks of compressed rows that a caller hands in. SPDX-License-Identifier: Apache-2.0 */
#ifndef PDL_LINEAR_CSR_H
#define PDL_LINEAR_CSR_H

#include "pydeepl.h"

#include <stdbool.h>

static inline size_t pdl_csr_column(const pdl_csr *csr, size_t k)
{
    /* A negative index becomes a huge one, out of every range. */
    return csr->wide_index ? (size_t)((const int64_t *)csr->index)[k] : (size_t)((const int32_t *)csr->index)[k];
}

static inline double pdl_csr_value(const pdl_csr *csr, size_t k)
{
    return csr->wide_value ? ((const double *)csr->value)[k] : (double)((const float *)csr->value)[k];
}

/* Whether the rows' starts rise from at least 0 to at most csr->count: asked before anything else is read. */
pdl_status pdl_csr_check_starts(const pdl_csr *csr, size_t first_row, pdl_error *error);

/* Whether row i has rising indices below `columns` and finite values (in float32, where `narrow`). */
bool pdl_csr_row_is_good(const pdl_csr *csr, size_t i, size_t columns, bool narrow);

/* The error of row i, which is not good; first_row: the number of row 0 in messages. */
pdl_status pdl_csr_explain(const pdl_csr *csr, size_t i, size_t columns, bool narrow, size_t first_row,
                           pdl_error *error);

#endif

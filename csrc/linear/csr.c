/* SPDX-License-Identifier: Apache-2.0 */
#include "linear/csr.h"

#include "base/status.h"

#include <inttypes.h>
#include <math.h>

pdl_status pdl_csr_check_starts(const pdl_csr *csr, size_t first_row, pdl_error *error)
{
    int64_t before = 0;
    for (size_t i = 0; i <= csr->rows; i++) {
        int64_t start = csr->start[i];
        if (start < before || (uint64_t)start > csr->count)
            return pdl_fail(error, PDL_EDATA,
                            "row %zu: its start is %" PRId64 "; starts must rise from %" PRId64 " to at most %zu, "
                            "the number of values",
                            first_row + i, start, before, csr->count);
        before = start;
    }
    return PDL_OK;
}

static bool is_finite(double value, bool narrow)
{
    return narrow ? isfinite((float)value) : isfinite(value);
}

bool pdl_csr_row_is_good(const pdl_csr *csr, size_t i, size_t columns, bool narrow)
{
    bool good = true;
    size_t least = 0;
    for (size_t k = (size_t)csr->start[i]; k < (size_t)csr->start[i + 1]; k++) {
        size_t column = pdl_csr_column(csr, k);
        good &= column >= least && column < columns && is_finite(pdl_csr_value(csr, k), narrow);
        least = column + 1;
    }
    return good;
}

pdl_status pdl_csr_explain(const pdl_csr *csr, size_t i, size_t columns, bool narrow, size_t first_row,
                           pdl_error *error)
{
    size_t row = first_row + i, start = (size_t)csr->start[i];
    for (size_t k = start; k < (size_t)csr->start[i + 1]; k++) {
        size_t column = pdl_csr_column(csr, k);
        double value = pdl_csr_value(csr, k);
        if (column >= columns)
            return pdl_fail(error, PDL_EDATA, "row %zu: index %" PRId64 " is outside [0, %zu)", row, (int64_t)column,
                            columns);
        if (k > start && column <= pdl_csr_column(csr, k - 1))
            return pdl_fail(error, PDL_EDATA, "row %zu: index %zu follows %zu; indices must rise within a row", row,
                            column, pdl_csr_column(csr, k - 1));
        if (!is_finite(value, narrow))
            return pdl_fail(error, PDL_EDATA, "row %zu: feature %zu is %g; features must be finite%s", row, column,
                            value, narrow ? " in float32" : "");
    }
    return pdl_fail(error, PDL_EINTERNAL, "row %zu was broken, but is not now", row);
}

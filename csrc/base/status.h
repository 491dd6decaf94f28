/* Status codes with a message. SPDX-License-Identifier: Apache-2.0 */
#ifndef PDL_BASE_STATUS_H
#define PDL_BASE_STATUS_H

#include "pydeepl.h"

/* Fills *error (which may be NULL) with the code and the formatted message; returns the code. */
pdl_status pdl_fail(pdl_error *error, pdl_status code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The message for a failed allocation of `size` bytes for `what`. */
pdl_status pdl_fail_memory(pdl_error *error, size_t size, const char *what);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>

pdl_status pdl_fail(pdl_error *error, pdl_status code, const char *format, ...)
{
    if (error != NULL) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(error->message, sizeof error->message, format, arguments);
        va_end(arguments);
        error->code = code;
    }
    return code;
}

pdl_status pdl_fail_memory(pdl_error *error, size_t size, const char *what)
{
    return pdl_fail(error, PDL_ENOMEM, "out of memory: %zu bytes for %s", size, what);
}

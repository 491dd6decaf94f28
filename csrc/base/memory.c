/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void *pdl_alloc(size_t count, size_t size)
{
    size_t bytes;
    if (!pdl_size_mul(count, size, &bytes) || bytes > SIZE_MAX - PDL_ALIGNMENT) return NULL;
    /* aligned_alloc wants a multiple of the alignment; whole vectors may then be loaded at the end, too. */
    bytes = (bytes + PDL_ALIGNMENT) / PDL_ALIGNMENT * PDL_ALIGNMENT;
    return aligned_alloc(PDL_ALIGNMENT, bytes);
}

void *pdl_alloc_zero(size_t count, size_t size)
{
    void *memory = pdl_alloc(count, size);
    if (memory != NULL) memset(memory, 0, count * size);
    return memory;
}

void pdl_free(void *memory)
{
    free(memory);
}

/* SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE /* madvise */
#include "base/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

#define HUGE_PAGE ((size_t)2 << 20)
#define LARGE (2 * HUGE_PAGE)

/* Memory that is worth pages of 2 MB: one page fault in place of 512, and fewer misses of the address cache. */
static void *alloc_large(size_t bytes)
{
    bytes = (bytes + HUGE_PAGE) / HUGE_PAGE * HUGE_PAGE;
    void *memory = aligned_alloc(HUGE_PAGE, bytes);
#ifdef MADV_HUGEPAGE
    if (memory != NULL) (void)madvise(memory, bytes, MADV_HUGEPAGE); /* a wish: refusal does no harm */
#endif
    return memory;
}

void *pdl_alloc(size_t count, size_t size)
{
    size_t bytes;
    if (!pdl_size_mul(count, size, &bytes) || bytes > SIZE_MAX - LARGE) return NULL;
    if (bytes >= LARGE) return alloc_large(bytes);
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

double *pdl_alloc_doubles(size_t a, size_t b, size_t c)
{
    size_t count;
    return pdl_size_mul(a, b, &count) && pdl_size_mul(count, c, &count) ? pdl_alloc(count, sizeof(double)) : NULL;
}

void pdl_free(void *memory)
{
    free(memory);
}

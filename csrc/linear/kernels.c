/* SPDX-License-Identifier: Apache-2.0 */
#include "linear/kernels.h"

#include <stdlib.h>
#include <string.h>

const pdl_kernels *pdl_kernels_choose(void)
{
    const pdl_kernels *able[3] = {&pdl_kernels_portable};
    size_t count = 1;
#ifdef PDL_KERNELS_X86
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) able[count++] = &pdl_kernels_avx2;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
        able[count++] = &pdl_kernels_avx512;
#endif
    const char *asked = getenv("PYDEEPL_KERNELS");
    for (size_t i = 0; asked != NULL && i < count; i++)
        if (strcmp(asked, able[i]->name) == 0) return able[i];
    return able[count - 1];
}

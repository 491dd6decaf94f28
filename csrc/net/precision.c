/* SPDX-License-Identifier: Apache-2.0 */
#include "net/precision.h"

#include "base/status.h"
#include "net/kernels.h"

#include <dnnl.h>
#include <stdlib.h>

#define RUN 8192 /* elements that a thread takes at a time */

/* What oneDNN would use: the processor's instructions unless ONEDNN_MAX_CPU_ISA allows less. */
static bool has(dnnl_cpu_isa_t isa)
{
    return (dnnl_get_effective_cpu_isa() & isa) == isa;
}

bool pdl_has_bf16(void)
{
    return has(dnnl_cpu_isa_avx512_core_bf16);
}

bool pdl_has_amx(void)
{
    return has(dnnl_cpu_isa_avx512_core_amx);
}

pdl_status pdl_precision_check(pdl_precision precision, pdl_error *error)
{
    if (precision < PDL_PRECISION_FLOAT32 || precision > PDL_PRECISION_BFLOAT16)
        return pdl_fail(error, PDL_EINVAL, "unknown precision %d", (int)precision);
    if (precision != PDL_PRECISION_BFLOAT16 || pdl_has_bf16()) return PDL_OK;
    const char *emulate = getenv("PYDEEPL_EMULATE_BF16");
    bool able = has(dnnl_cpu_isa_avx512_core);
    if (able && emulate != NULL && strcmp(emulate, "1") == 0) return PDL_OK;
    return pdl_fail(error, PDL_EUNSUPPORTED,
                    "precision 'bfloat16' needs a processor with AVX512_BF16 or AMX-BF16; found one with %s: use "
                    "'float32'%s",
                    able                      ? "AVX-512 alone"
                    : has(dnnl_cpu_isa_avx2)  ? "AVX2 alone"
                    : has(dnnl_cpu_isa_sse41) ? "SSE4.1 alone"
                                              : "neither",
                    able ? " (PYDEEPL_EMULATE_BF16=1 computes it slowly, for tests)" : "");
}

PDL_VECTOR_CLONES void pdl_bf16_round_run(const float *restrict x, size_t count, pdl_bf16 *restrict y)
{
    for (size_t i = 0; i < count; i++)
        y[i] = pdl_bf16_round(x[i]);
}

PDL_VECTOR_CLONES void pdl_bf16_widen_run(const pdl_bf16 *restrict x, size_t count, float *restrict y)
{
    for (size_t i = 0; i < count; i++)
        y[i] = pdl_bf16_widen(x[i]);
}

void pdl_bf16_round_all(const float *x, size_t count, pdl_bf16 *y)
{
#pragma omp parallel for schedule(static)
    for (size_t first = 0; first < count; first += RUN)
        pdl_bf16_round_run(x + first, count - first < RUN ? count - first : RUN, y + first);
}

void pdl_bf16_widen_all(const pdl_bf16 *x, size_t count, float *y)
{
#pragma omp parallel for schedule(static)
    for (size_t first = 0; first < count; first += RUN)
        pdl_bf16_widen_run(x + first, count - first < RUN ? count - first : RUN, y + first);
}

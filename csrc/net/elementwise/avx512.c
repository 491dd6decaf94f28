/* Elementwise operations with avx512. SPDX-License-Identifier: Apache-2.0 */
#include "net/elementwise/kernels.h"

#ifdef PDL_SIMD_X86
#include "net/simd/avx512.h"
#include "net/simd/float32.h"

#define NAME pdl_elementwise_avx512

#include "net/elementwise/body.h"
#else
typedef int pdl_no_avx512; /* a translation unit may not be empty */
#endif

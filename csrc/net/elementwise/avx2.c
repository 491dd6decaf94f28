/* Elementwise operations with avx2. SPDX-License-Identifier: Apache-2.0 */
#include "net/elementwise/kernels.h"

#ifdef PDL_SIMD_X86
#include "net/simd/avx2.h"
#include "net/simd/float32.h"

#define NAME pdl_elementwise_avx2

#include "net/elementwise/body.h"
#else
typedef int pdl_no_avx2; /* a translation unit may not be empty */
#endif

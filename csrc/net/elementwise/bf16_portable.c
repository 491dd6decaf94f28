/* Kernels for any processor in bfloat16. SPDX-License-Identifier: Apache-2.0 */
#include "net/simd/portable.h"

#include "net/simd/bfloat16.h"

#define NAME pdl_elementwise_bf16_portable

#include "net/elementwise/body.h"

/* 1x1 convolutions in bfloat16 for any processor. SPDX-License-Identifier: Apache-2.0 */
#include "net/simd/portable.h"

#include "net/simd/bfloat16.h"

#define NAME pdl_pointwise_bf16_portable

#include "net/pointwise/body.h"

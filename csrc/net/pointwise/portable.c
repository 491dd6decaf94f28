/* Kernels for any processor. SPDX-License-Identifier: Apache-2.0 */
#include "net/simd/portable.h"

#include "net/simd/float32.h"

#define NAME pdl_pointwise_portable

#include "net/pointwise/body.h"

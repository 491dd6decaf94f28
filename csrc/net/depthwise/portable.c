/* Kernels for any processor. SPDX-License-Identifier: Apache-2.0 */
#include "net/simd/portable.h"

#include "net/simd/float32.h"

#define NAME pdl_depthwise_portable

#include "net/depthwise/body.h"

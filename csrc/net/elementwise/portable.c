/* Kernels for any processor. SPDX-License-Identifier: Apache-2.0 */
#include "net/simd/portable.h"

#include "net/simd/float32.h"

#define NAME pdl_elementwise_portable

#include "net/elementwise/body.h"

/* Area averaging in plain vectors of four lanes, which every compiler target has or emulates.
 * SPDX-License-Identifier: Apache-2.0 */
#define LANES 4
#define TARGET
#define NAME pdl_area_portable
#include "image/area_kernel.h"

INLINE vint gather(const uint8_t *base, vint offset)
{
    vint bytes;
    for (int lane = 0; lane < LANES; lane++) {
        const uint8_t *p = base + offset[lane];
        bytes[lane] = (int32_t)(p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
    }
    return bytes;
}

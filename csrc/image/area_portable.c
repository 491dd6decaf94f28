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

INLINE vint load_bytes(const uint8_t *from)
{
    return (vint){from[0], from[1], from[2], from[3]};
}

INLINE void store_bytes(vint values, uint8_t *to)
{
    for (int lane = 0; lane < LANES; lane++)
        to[lane] = (uint8_t)values[lane];
}

INLINE vfloat multiply_add(vfloat a, vfloat b, vfloat c)
{
    return a * b + c;
}

INLINE quad multiply_add_quad(quad a, quad b, quad c)
{
    return a * b + c;
}

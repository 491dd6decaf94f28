/* What Java does to one pixel on the way from a decoded image to an opaque BGR one. SPDX-License-Identifier: Apache-2.0
 */
#ifndef PDL_IMAGE_PIXELS_H
#define PDL_IMAGE_PIXELS_H

#include <stdint.h>

/* Java takes gray samples as linear light and encodes them for display when they become colours:
 * s = v / 255;  e = s <= 0.0031308 ? 12.92 s : 1.055 s^(1/2.4) - 0.055;  table[v] = floor(255 e + 1/2). */
extern const uint8_t pdl_gray_to_srgb[256];

/* The same encoding of linear light in [0, 1]. */
uint8_t pdl_linear_to_srgb(float linear);

/* A straight-alpha colour drawn on black: floor((2 alpha colour + 255) / 510), Java2D's 8-bit product. */
static inline uint8_t pdl_over_black(uint32_t alpha, uint32_t colour)
{
    return (uint8_t)((alpha * colour * 0x10101u + 0x800000u) >> 24);
}

#endif

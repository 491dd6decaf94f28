/* java.awt's replicating scaler. SPDX-License-Identifier: Apache-2.0 */
#ifndef PDL_IMAGE_REPLICATE_H
#define PDL_IMAGE_REPLICATE_H

#include "pydeepl.h"

/* Picks the source pixel under the centre of each destination pixel:
 * uint8 [info.height, info.width, info.channels] -> uint8 [height, width, 3]. */
pdl_status pdl_replicate(const uint8_t *pixels, const pdl_image_info *info, size_t height, size_t width, uint8_t *out,
                         pdl_error *error);

#endif

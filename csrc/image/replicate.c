/* SPDX-License-Identifier: Apache-2.0 */
#include "image/replicate.h"

#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "image/axis.h"
#include "image/pixels.h"

static void pick_gray(const uint8_t *row, const size_t *offsets, size_t width, uint8_t *out)
{
    for (size_t x = 0; x < width; x++, out += 3)
        out[0] = out[1] = out[2] = pdl_gray_to_srgb[row[offsets[x]]];
}

static void pick_bgr(const uint8_t *row, const size_t *offsets, size_t width, uint8_t *out)
{
    for (size_t x = 0; x < width; x++, out += 3)
        memcpy(out, row + offsets[x], 3);
}

static void pick_bgra(const uint8_t *row, const size_t *offsets, size_t width, uint8_t *out)
{
    for (size_t x = 0; x < width; x++, out += 3) {
        const uint8_t *pixel = row + offsets[x];
        for (size_t c = 0; c < 3; c++)
            out[c] = pdl_over_black(pixel[3], pixel[c]);
    }
}

pdl_status pdl_replicate(const uint8_t *pixels, const pdl_image_info *info, size_t height, size_t width, uint8_t *out,
                         pdl_error *error)
{
    const pdl_axis across = {info->width, width}, down = {info->height, height};
    const size_t row_bytes = info->width * info->channels, out_bytes = width * 3;
    size_t *offsets = pdl_alloc(width, sizeof *offsets);
    if (offsets == NULL) return pdl_fail_memory(error, width * sizeof *offsets, "resize table");
    for (size_t x = 0; x < width; x++)
        offsets[x] = pdl_axis_centre(across, x) * info->channels;

    for (size_t y = 0; y < height; y++, out += out_bytes) {
        const size_t source = pdl_axis_centre(down, y);
        const uint8_t *row = pixels + source * row_bytes;
        if (y > 0 && source == pdl_axis_centre(down, y - 1))
            memcpy(out, out - out_bytes, out_bytes);
        else if (info->channels == 1)
            pick_gray(row, offsets, width, out);
        else if (info->channels == 3)
            pick_bgr(row, offsets, width, out);
        else
            pick_bgra(row, offsets, width, out);
    }
    pdl_free(offsets);
    return PDL_OK;
}

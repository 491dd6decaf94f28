/* java.awt.Image.getScaledInstance drawn into a BGR image, byte for byte. SPDX-License-Identifier: Apache-2.0 */
#include "image/resize.h"

#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "image/area.h"
#include "image/axis.h"
#include "image/pixels.h"
#include "image/replicate.h"

const char *pdl_resize_path_name(pdl_resize_path path)
{
    static const char *const names[PDL_PATH_COUNT] = {"portable", "avx2", "avx512"};
    return names[path];
}

int pdl_resize_path_available(pdl_resize_path path)
{
    if (path == PDL_PATH_PORTABLE) return 1;
#ifdef PDL_X86_PATHS
    if (path == PDL_PATH_AVX2) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (path == PDL_PATH_AVX512)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
#endif
    return 0;
}

static pdl_resize_path best_path(void)
{
    if (pdl_resize_path_available(PDL_PATH_AVX512)) return PDL_PATH_AVX512;
    return pdl_resize_path_available(PDL_PATH_AVX2) ? PDL_PATH_AVX2 : PDL_PATH_PORTABLE;
}

static const pdl_area_kernels *kernels_of(pdl_resize_path path)
{
#ifdef PDL_X86_PATHS
    if (path == PDL_PATH_AVX2) return &pdl_area_avx2;
    if (path == PDL_PATH_AVX512) return &pdl_area_avx512;
#endif
    (void)path;
    return &pdl_area_portable;
}

static pdl_status check(const pdl_image_info *info, size_t height, size_t width, pdl_scale_hint hint, pdl_error *error)
{
    const size_t sides[4] = {info->height, info->width, height, width};
    static const char *const names[4] = {"image height", "image width", "target height", "target width"};
    for (int i = 0; i < 4; i++)
        if (sides[i] == 0 || sides[i] > PDL_MAX_SIDE)
            return pdl_fail(error, PDL_EINVAL, "%s is %zu pixels, expected 1 to %zu", names[i], sides[i], PDL_MAX_SIDE);
    if (info->channels != 1 && info->channels != 3 && info->channels != 4)
        return pdl_fail(error, PDL_ESHAPE, "image has %zu channels, expected 1 (gray), 3 (BGR) or 4 (BGRA)",
                        info->channels);
    switch (hint) {
    case PDL_SCALE_DEFAULT:
    case PDL_SCALE_FAST:
    case PDL_SCALE_SMOOTH:
    case PDL_SCALE_REPLICATE:
    case PDL_SCALE_AREA_AVERAGING:
        return PDL_OK;
    }
    return pdl_fail(error, PDL_EINVAL, "scale hint is %d, expected 1, 2, 4, 8 or 16", (int)hint);
}

/* Gray is encoded for display first, in a copy. */
static pdl_status average_gray(const uint8_t *pixels, const pdl_image_info *info, size_t height, size_t width,
                               const pdl_area_kernels *kernels, uint8_t *out, pdl_error *error)
{
    const size_t count = info->height * info->width; /* both below 2^24 */
    uint8_t *encoded = pdl_alloc(count + PDL_AREA_PADDING, 1);
    if (encoded == NULL) return pdl_fail_memory(error, count, "a gray image's display values");
    for (size_t i = 0; i < count; i++)
        encoded[i] = pdl_gray_to_srgb[pixels[i]];
    memset(encoded + count, 0, PDL_AREA_PADDING);
    pdl_status status = pdl_area_average(encoded, info, height, width, kernels, out, error);
    pdl_free(encoded);
    return status;
}

pdl_status pdl_resize_on(pdl_resize_path path, const uint8_t *pixels, const pdl_image_info *info, size_t height,
                         size_t width, pdl_scale_hint hint, uint8_t *out, pdl_error *error)
{
    pdl_status status = check(info, height, width, hint, error);
    if (status != PDL_OK) return status;
    if (info->channels == 3 && info->height == height && info->width == width) {
        memcpy(out, pixels, height * width * 3);
        return PDL_OK;
    }
    if (hint != PDL_SCALE_AREA_AVERAGING && hint != PDL_SCALE_SMOOTH)
        return pdl_replicate(pixels, info, height, width, out, error);
    if (info->channels == 1) return average_gray(pixels, info, height, width, kernels_of(path), out, error);
    return pdl_area_average(pixels, info, height, width, kernels_of(path), out, error);
}

pdl_status pdl_resize(const uint8_t *pixels, const pdl_image_info *info, size_t height, size_t width,
                      pdl_scale_hint hint, uint8_t *out, pdl_error *error)
{
    return pdl_resize_on(best_path(), pixels, info, height, width, hint, out, error);
}

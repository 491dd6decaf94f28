/* Resizing on a chosen code path: for tests and benchmarks. SPDX-License-Identifier: Apache-2.0 */
#ifndef PDL_IMAGE_RESIZE_H
#define PDL_IMAGE_RESIZE_H

#include "pydeepl.h"

#if (defined(__x86_64__) || defined(__i386__)) && defined(__GNUC__)
#define PDL_X86_PATHS 1
#endif

typedef enum pdl_resize_path { PDL_PATH_PORTABLE, PDL_PATH_AVX2, PDL_PATH_AVX512, PDL_PATH_COUNT } pdl_resize_path;

const char *pdl_resize_path_name(pdl_resize_path path);

/* Whether this build and this machine have the path. */
int pdl_resize_path_available(pdl_resize_path path);

/* pdl_resize on the given path; all give the same bytes. */
pdl_status pdl_resize_on(pdl_resize_path path, const uint8_t *pixels, const pdl_image_info *info, size_t height,
                         size_t width, pdl_scale_hint hint, uint8_t *out, pdl_error *error);

#endif

/* Pixels to network input in one pass. SPDX-License-Identifier: Apache-2.0
 *
 * The arithmetic of keras.applications' preprocess_input, mode "tf", "caffe" and "torch". */
#include "net/kernels.h"

#define RUN 2048 /* pixels a thread takes at a time: 6 KB in, 24 KB out */

PDL_VECTOR_CLONES static void widen(const uint8_t *restrict x, size_t pixels, float *restrict y)
{
    for (size_t i = 0; i < 3 * pixels; i++)
        y[i] = (float)x[i];
}

PDL_VECTOR_CLONES static void to_tf(const uint8_t *restrict x, size_t pixels, float *restrict y)
{
    for (size_t i = 0; i < pixels; i++) {
        y[3 * i] = (float)x[3 * i + 2] / 127.5f - 1.0f;
        y[3 * i + 1] = (float)x[3 * i + 1] / 127.5f - 1.0f;
        y[3 * i + 2] = (float)x[3 * i] / 127.5f - 1.0f;
    }
}

PDL_VECTOR_CLONES static void to_caffe(const uint8_t *restrict x, size_t pixels, float *restrict y)
{
    for (size_t i = 0; i < pixels; i++) {
        y[3 * i] = (float)x[3 * i] - 103.939f;
        y[3 * i + 1] = (float)x[3 * i + 1] - 116.779f;
        y[3 * i + 2] = (float)x[3 * i + 2] - 123.68f;
    }
}

PDL_VECTOR_CLONES static void to_rgb(const uint8_t *restrict x, size_t pixels, float *restrict y)
{
    for (size_t i = 0; i < pixels; i++) {
        y[3 * i] = (float)x[3 * i + 2];
        y[3 * i + 1] = (float)x[3 * i + 1];
        y[3 * i + 2] = (float)x[3 * i];
    }
}

PDL_VECTOR_CLONES static void to_unit(const uint8_t *restrict x, size_t pixels, float *restrict y)
{
    for (size_t i = 0; i < pixels; i++) {
        y[3 * i] = (float)x[3 * i + 2] / 255.0f;
        y[3 * i + 1] = (float)x[3 * i + 1] / 255.0f;
        y[3 * i + 2] = (float)x[3 * i] / 255.0f;
    }
}

PDL_VECTOR_CLONES static void to_torch(const uint8_t *restrict x, size_t pixels, float *restrict y)
{
    for (size_t i = 0; i < pixels; i++) {
        y[3 * i] = ((float)x[3 * i + 2] / 255.0f - 0.485f) / 0.229f;
        y[3 * i + 1] = ((float)x[3 * i + 1] / 255.0f - 0.456f) / 0.224f;
        y[3 * i + 2] = ((float)x[3 * i] / 255.0f - 0.406f) / 0.225f;
    }
}

static void convert(pdl_preprocess how, const uint8_t *x, size_t pixels, float *y)
{
    switch (how) {
    case PDL_PREPROCESS_NONE:
        widen(x, pixels, y);
        break;
    case PDL_PREPROCESS_TF:
        to_tf(x, pixels, y);
        break;
    case PDL_PREPROCESS_CAFFE:
        to_caffe(x, pixels, y);
        break;
    case PDL_PREPROCESS_RGB:
        to_rgb(x, pixels, y);
        break;
    case PDL_PREPROCESS_UNIT:
        to_unit(x, pixels, y);
        break;
    case PDL_PREPROCESS_TORCH:
        to_torch(x, pixels, y);
        break;
    }
}

void pdl_preprocess_pixels(pdl_preprocess how, const uint8_t *images, size_t pixels, pdl_precision precision, void *out)
{
    size_t runs = (pixels + RUN - 1) / RUN;
#pragma omp parallel for schedule(static)
    for (size_t run = 0; run < runs; run++) {
        size_t first = run * RUN, count = pixels - first < RUN ? pixels - first : RUN;
        float values[3 * RUN], *y = (float *)out + 3 * first;
        bool bf16 = precision == PDL_PRECISION_BFLOAT16;
        convert(how, images + 3 * first, count, bf16 ? values : y);
        if (bf16) pdl_bf16_round_run(values, 3 * count, (pdl_bf16 *)out + 3 * first);
    }
}

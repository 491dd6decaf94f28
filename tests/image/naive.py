"""java.awt's scalers, pixel by pixel from their formulas: the slow twin of csrc/image."""

import math

import numpy as np

F = np.float32


def to_bgra(image):
    """Four channels of Python ints: gray is encoded for display as if it were linear light."""
    if image.shape[2] == 1:
        light = image[..., 0] / 255.0
        encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
        image = np.repeat(np.floor(255 * encoded + 0.5).astype(int)[..., None], 3, 2)
    if image.shape[2] == 3:
        image = np.dstack([image, np.full(image.shape[:2], 255)])
    return image.astype(int)


def overlap(source, target, sources, targets):
    """Length that a source and a destination pixel share, in units of 1 / (sources * targets) of the axis."""
    start = max(source * targets, target * sources)
    return max(0, min((source + 1) * targets, (target + 1) * sources) - start)


def rounded(value):
    """The nearest byte, ties up."""
    return min(255, max(0, math.floor(float(value) + 0.5)))


def area_pixel(bgra, y, x, height, width):
    """One destination pixel, straight BGRA: every step rounded to float32, in Java's order."""
    sums = [F(0)] * 4
    for j in range(bgra.shape[0]):
        for i in range(bgra.shape[1]):
            m = F(overlap(i, x, bgra.shape[1], width)) * F(overlap(j, y, bgra.shape[0], height))
            if m == 0:
                continue
            alpha = F(bgra[j, i, 3])
            colours = [F(c) if alpha == 255 else F(c) * (alpha / F(255)) for c in bgra[j, i, :3]]
            sums = [total + m * value for total, value in zip(sums, [*colours, alpha], strict=True)]
    total = F(bgra.shape[1]) * F(bgra.shape[0])
    alpha = rounded(sums[3] / total)
    divisor = sums[3] / F(255) if 0 < alpha < 255 else total
    return [*(rounded(value / divisor) for value in sums[:3]), alpha]


def resize(image, height, width, average):
    """uint8 [h, w, 1 | 3 | 4] -> uint8 [height, width, 3]."""
    if image.shape == (height, width, 3):
        return image
    bgra, out = to_bgra(image), np.zeros((height, width, 3), np.uint8)
    for y in range(height):
        for x in range(width):
            if average:
                *colours, alpha = area_pixel(bgra, y, x, height, width)
            else:
                j = ((2 * y + 1) * bgra.shape[0]) // (2 * height)
                *colours, alpha = bgra[j, ((2 * x + 1) * bgra.shape[1]) // (2 * width)]
            out[y, x] = [(2 * int(alpha) * int(c) + 255) // 510 for c in colours]
    return out

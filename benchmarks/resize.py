"""Resizing by area averages: pydeepl, with Java's bytes, beside OpenCV's INTER_AREA, which is not exact."""

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.harness import Report, interleave, machine_facts, paired_ratio, table

PACKAGES = ("numpy", "opencv-python-headless")
SIZES = [  # height, width, target
    (768, 1024, 299),
    (768, 1024, 224),
    (3000, 4000, 299),
    (480, 640, 224),
    (500, 375, 299),
    (180, 180, 224),
    (100, 150, 299),
]
AREA = 16


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--pixels", type=float, default=100e6, help="pixels of the sources in a measurement")


def picture(height: int, width: int) -> np.ndarray:
    """Smooth noise: what areas average to is not always the same."""
    import cv2

    noise = np.random.default_rng(height).integers(0, 256, (height, width, 3), np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 2))


def milliseconds(work: Callable[[], Any], images: int) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) / images * 1e3


def compare(size: tuple[int, int, int], threads: int, pixels: float, rounds: int) -> list[str]:
    """One row: pydeepl works on several images at a time, OpenCV with several threads inside each."""
    import cv2

    from pydeepl import _core

    height, width, target = size
    images = [picture(height, width)] * max(4, round(pixels / (height * width)))
    out = np.empty((len(images), target, target, 3), np.uint8)
    cv2.setNumThreads(threads)

    def pydeepl() -> None:
        _core.load_images(images, target, target, AREA, 0, threads, out)

    def opencv() -> None:
        for image, result in zip(images, out, strict=True):
            cv2.resize(image, (target, target), result, interpolation=cv2.INTER_AREA)

    opencv()
    theirs = out[0].astype(int)
    pydeepl()
    differing = np.mean(out[0] != theirs)
    contestants = {
        name: lambda work=work: milliseconds(work, len(images))
        for name, work in (("pydeepl", pydeepl), ("OpenCV", opencv))
    }
    ours, peer = interleave(rounds, contestants, f"ms at {threads} threads, {width} x {height} to {target}")
    speed = height * width * 3 / ours.median / 1e6
    words = [f"{ours.median:.3f}", f"{peer.median:.3f}", f"{paired_ratio(peer, ours):.2f}", f"{speed:.1f}"]
    return [f"{width} x {height} to {target}", str(threads), *words, f"{differing:.2%}"]


def run(options: argparse.Namespace, rounds: int) -> Report:
    facts = machine_facts(max(options.threads), PACKAGES)
    rows = [compare(size, threads, options.pixels, rounds) for threads in options.threads for size in SIZES]
    header = ["", "threads", "pydeepl ms", "OpenCV ms", "OpenCV / pydeepl", "GB/s read", "bytes that differ"]
    body = [
        f"Milliseconds an image, uint8, 3 channels, medians of {rounds} interleaved rounds; ratios above 1 "
        "mean that pydeepl is faster. GB/s: the source's bytes by pydeepl's time. OpenCV's upscaling by "
        "INTER_AREA is no area average but a form of linear interpolation.",
        "",
        *table(header, rows),
    ]
    return Report("resize: area averages", facts, body)

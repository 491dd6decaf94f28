"""Spark's optimisers step by step in NumPy, from their published description: slow and plain."""

import math

import numpy as np
from linear.reference import objective, scaled

PAIRS, WINDOW = 10, 20


class _FailedError(Exception):
    """The direction or the search failed."""


def _direction(v, pairs):
    q, factors = v.copy(), []
    if pairs and not pairs[0][0] @ pairs[0][1] >= 0:
        raise _FailedError
    for s, y in pairs:
        factors.append((s @ q) / (s @ y))
        if math.isnan(factors[-1]):
            raise _FailedError
        q -= factors[-1] * y
    if pairs:
        q *= (pairs[0][0] @ pairs[0][1]) / (pairs[0][1] @ pairs[0][1])
    for (s, y), a in reversed(list(zip(pairs, factors, strict=True))):
        q += (a - (y @ q) / (s @ y)) * s
    return -q


def _pseudo_gradient(x, g, p):
    at_zero = np.where(g - p > 0, g - p, np.where(g + p < 0, g + p, 0))
    return np.where(x == 0, at_zero, g + np.sign(x) * p)


def _cubic(low, high):
    left, right = sorted((low, high))
    d1 = left[2] + right[2] - 3 * (left[1] - right[1]) / (left[0] - right[0])
    square = d1 * d1 - left[2] * right[2]
    d2 = math.sqrt(square) if square >= 0 else math.nan
    width = right[0] - left[0]
    t = right[0] - width * (right[2] + d2 - d1) / (right[2] - left[2] + 2 * d2)
    return min(max(t, left[0] + 0.1 * width), left[0] + 0.9 * width) if not math.isnan(t) else t


def _wolfe(phi, start, t):
    def low_enough(c):
        return c[1] <= start[1] + 1e-4 * c[0] * start[2]

    def flat_enough(c):
        return abs(c[2]) <= 0.9 * abs(start[2])

    def zoom(low, high):
        for _ in range(10):
            t = _cubic(low, high)
            c = (t, *phi(t))
            if math.isnan(c[1]):
                raise _FailedError
            if not low_enough(c) or c[1] >= low[1]:
                high = c
                continue
            if flat_enough(c):
                return c[0]
            if c[2] * (high[0] - low[0]) >= 0:
                high = low
            low = c
        raise _FailedError

    if start[2] > 0:
        raise _FailedError
    low = start
    for step in range(10):
        c = (t, *phi(t))
        if not math.isfinite(c[1]):
            t /= 2
            continue
        if not low_enough(c) or (c[1] >= low[1] and step > 0):
            return zoom(low, c)
        if flat_enough(c):
            return t
        if c[2] >= 0:
            return zoom(c, low)
        low = c
        t *= 1.5
    raise _FailedError


def _backtrack(phi, value, slope, first, t, shrink):
    """first: the value that the first trial is taken to have."""
    at, at_slope = first, phi(t)[1]
    for round_ in range(1, 21):
        if at > value + t * slope * 1e-4:
            by = shrink
        elif at_slope < 0.9 * slope:
            by = 2.1
        elif at_slope > -0.9 * slope:
            by = shrink
        else:
            return t
        if not 1e-10 <= t * by <= 1e10:
            raise _FailedError
        if round_ == 20:
            return t
        t *= by
        at, at_slope = phi(t)
    raise AssertionError


def minimise(f, x, p, max_iterations, tolerance):
    """(x, history of F, failures); f(x) gives (value, gradient); p: L1 weights, or None for L-BFGS."""
    weights = np.zeros_like(x) if p is None else p

    def total(at):
        return f(at)[0] + weights @ abs(at)

    def project(at, t, d, v):
        if p is None:
            return at + t * d
        new, orthant = at + t * d, np.where(at != 0, np.sign(at), np.sign(-v))
        return np.where(np.sign(new) == orthant, new, 0)

    def step(x, v, pairs, iteration):
        value, g = f(x)
        d = _direction(v, pairs)
        if p is not None:
            d = np.where(d * v < 0, d, 0)

        def phi(t):
            at = project(x, t, d, v)
            return total(at), _pseudo_gradient(at, f(at)[1], weights) @ d

        if p is None:
            t = _wolfe(phi, (0.0, value, g @ d), 1 / np.linalg.norm(d) if iteration == 0 else 1.0)
            if t * np.linalg.norm(g) < 1e-10:
                raise _FailedError
        else:
            first = 0.5 / np.linalg.norm(g) if iteration == 0 else 1.0
            t = _backtrack(phi, total(x), v @ d, value, first, 0.1 if iteration == 0 else 0.5)
        return project(x, t, d, v)

    history, window, pairs = [], [math.inf], []
    iteration, in_a_row, failures = 0, 0, 0
    while True:
        g = f(x)[1]
        v = _pseudo_gradient(x, g, weights)
        history.append(total(x))
        if iteration >= max_iterations or in_a_row == 2:
            break
        if len(window) >= 2 and abs(history[-1] - max(window)) <= tolerance * abs(history[0]):
            break
        if np.linalg.norm(v) <= max(tolerance * abs(history[-1]), 1e-8):
            break
        try:
            new = step(x, v, pairs, iteration)
        except _FailedError:
            in_a_row, failures, pairs = in_a_row + 1, failures + 1, []
            continue
        pairs = [(new - x, f(new)[1] - g), *pairs][:PAIRS]
        x, in_a_row, iteration = new, 0, iteration + 1
        window = [*window, total(x)][-WINDOW:]
    return x, np.array(history), failures


def train(x, y, w, classes, multinomial, reg, net, tol, max_iterations, intercept, standardization):
    """(coefficients [sets, features], intercepts [sets], history, failures) of Spark's fit."""
    sets = classes if multinomial else 1
    w = np.ones(len(y)) if w is None else w
    inverse = scaled(x, w, intercept)[1]
    h = np.bincount(y.astype(int), weights=w, minlength=classes)
    point = np.zeros(sets * x.shape[1] + (sets if intercept else 0))
    if intercept:
        start = np.log1p(h) - np.log1p(h).mean() if multinomial else np.log(h[1] / h[0])
        point[-sets:] = start
    penalty = net * reg * np.tile(np.ones_like(inverse) if standardization else inverse, sets)
    p = np.concatenate([penalty, np.zeros(point.size - penalty.size)]) if net * reg else None

    def f(at):
        return objective(
            x, y, w, at, classes, multinomial, (1 - net) * reg, intercept, standardization, intercept
        )

    point, history, failures = minimise(f, point, p, max_iterations, tol)
    b = point[: penalty.size].reshape(sets, -1)
    intercepts = point[penalty.size :].copy() if intercept else np.zeros(sets)
    if intercept:
        intercepts -= b @ (w @ x.astype(np.float64) / w.sum() * inverse)
    b = b * inverse
    if multinomial and reg == 0:
        b = b - b.mean(axis=0)
    if multinomial and intercept:
        intercepts -= intercepts.mean()
    return b, intercepts, history, failures

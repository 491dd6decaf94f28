"""The objective by its definition, in NumPy, without any of the core's shortcuts."""

import numpy as np


def scaled(x, w, centred):
    """(scaled features, 1 / deviation): the deviation has the denominator W - sum w^2 / W."""
    x = x.astype(np.float64)
    mean = w @ x / w.sum()
    variance = w @ (x - mean) ** 2 / (w.sum() - (w**2).sum() / w.sum())
    variance[np.ptp(x[w > 0], axis=0) == 0] = 0
    with np.errstate(divide="ignore"):
        inverse = np.where(variance > 0, 1 / np.sqrt(variance), 0)
    return (x - mean * centred) * inverse, inverse


def objective(x, y, w, point, classes, multinomial, l2, intercept, standardization, centred):
    """(f, df/dpoint) with the coefficients [sets, features] before the intercepts [sets]."""
    sets = classes if multinomial else 1
    z, inverse = scaled(x, w, centred)
    b = point[: sets * x.shape[1]].reshape(sets, -1)
    t = z @ b.T + (point[b.size :] if intercept else 0)
    if multinomial:
        odds = np.exp(t - t.max(axis=1, keepdims=True))
        p = odds / odds.sum(axis=1, keepdims=True)
        target = np.eye(classes)[y.astype(int)]
        loss = np.log(odds.sum(axis=1)) + t.max(axis=1) - (t * target).sum(axis=1)
    else:
        p = 1 / (1 + np.exp(-t))
        target = y[:, None]
        loss = np.logaddexp(0, t[:, 0]) - y * t[:, 0]
    q = 1 if standardization else inverse**2
    r = (p - target) * w[:, None] / w.sum()
    gradient = r.T @ z + l2 * q * b
    value = (w * loss).sum() / w.sum() + l2 / 2 * (q * b**2).sum()
    return value, np.concatenate([gradient.ravel(), r.sum(axis=0) if intercept else []])

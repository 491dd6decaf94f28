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


def optimality(
    x, y, w, coefficients, intercepts, classes, multinomial,
    regParam, elasticNetParam=0.0, fitIntercept=True, standardization=True,
):  # fmt: skip
    """(objective, KKT residual, duality gap) of a model, the dual point made as certificate.h says."""
    z, inverse = scaled(x, w, fitIntercept)
    live, y = inverse > 0, y.astype(int)
    deviation = np.divide(1, inverse, out=np.zeros_like(inverse), where=live)
    b = coefficients * deviation
    mean = w @ x.astype(np.float64) / w.sum() * fitIntercept
    b0 = intercepts + coefficients @ (mean * live)
    q = np.ones_like(inverse) if standardization else inverse**2
    l1, l2 = regParam * elasticNetParam, regParam * (1 - elasticNetParam)
    p = l1 * np.sqrt(q)

    t = z @ b.T + b0
    t = t if multinomial else np.hstack([np.zeros_like(t), t])
    odds = np.exp(t - t.max(axis=1, keepdims=True))
    predicted = odds / odds.sum(axis=1, keepdims=True)
    target = np.eye(t.shape[1])[y]
    shares = w / w.sum()
    loss = np.log(odds.sum(axis=1)) + t.max(axis=1) - t[np.arange(len(y)), y]
    objective = shares @ loss + (l2 / 2 * q * b**2).sum() + (p * abs(b)).sum()

    def gradient(distribution):
        g = (distribution - target).T @ (shares[:, None] * z)
        return g if multinomial else g[1:]

    g = gradient(predicted)
    violation = np.where(b != 0, abs(g + l2 * q * b + p * np.sign(b)), np.maximum(abs(g) - p, 0)) * live
    residual = violation.max()
    if fitIntercept:
        residual = max(residual, abs(shares @ (predicted - target)).max())

    dual = predicted
    if fitIntercept:
        found, wanted = shares @ predicted, shares @ target
        amount = max(0, (1 - wanted[found > 0] / found[found > 0]).max())
        if amount > 0:
            dual = (1 - amount) * predicted + amount * (found + (wanted - found) / amount)

    def bound(distribution):
        logs = np.log(distribution, out=np.zeros_like(distribution), where=distribution > 0)
        beyond = (np.maximum(abs(gradient(distribution)) - p, 0) * live)[:, live]
        entropy = -shares @ (distribution * logs).sum(axis=1)
        if l2 == 0:
            return entropy if beyond.max(initial=0) < 1e-12 else -np.inf
        return entropy - (beyond**2 / (2 * l2 * q[live])).sum()

    if regParam == 0:
        return objective, residual, np.nan
    bounds = [bound(dual)]
    if l1 > 0:
        steep = abs(gradient(dual)) * live
        shrink = np.divide(p, steep, out=np.full_like(steep, np.inf), where=steep > 0).min()
        bounds.append(bound(target + min(1, shrink) * (dual - target)))
    return objective, residual, objective - max(bounds)

"""The two questions to a peer: the same path, and the same optimum.

same path     Spark's algorithm is pydeepl's: equal iterations from equal settings, and the objectives of the
              models must agree to 1e-6.
same optimum  scikit-learn's lbfgs takes other steps: each contestant gets as few iterations as bring its
              objective to within 1e-6 of the optimum, and is timed with those.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks.harness import paired_ratio
from benchmarks.logistic.contestants import OURS, SKLEARN, Contestant, Fit, race

AGREE = 1e-6  # relative difference up to which two objectives are the same
REACHED = 1 + 0.99 * AGREE  # times the optimum: what iterations have to come down to
REG_PARAM = 0.03
ELASTIC_NET = {"regParam": REG_PARAM, "elasticNetParam": 0.5}
RIDGE = {"regParam": REG_PARAM, "elasticNetParam": 0.0}
LONGEST = 3000  # iterations to the optimum that all are held against
MOST_ITERATIONS = 800  # scikit-learn's, to come within 1e-6 of it


def difference(a: float, b: float) -> float:
    return abs(a - b) / abs(b)


def seconds(value: float) -> str:
    return f"{value:.3f}" if value < 10 else f"{value:.1f}"


# ---- the same path

PATH_HEADER = [
    "features",
    "given as",
    "iterations",
    "rounds",
    "pydeepl, s",
    "Spark, s",
    "Spark / pydeepl",
    "objective",
    "objectives differ by",
]


def same_path(
    label: str,
    given: str,
    contestants: tuple[Contestant, Contestant],
    iterations: int,
    rounds: int,
    failures: list[str],
) -> list[str]:
    """A row: elastic net, the same iterations, pydeepl's and Spark's."""
    settings = {"maxIter": iterations, **ELASTIC_NET}
    what = f"{label}, {given}, elastic net, {iterations} iterations"
    print(what, flush=True)
    runs = race(rounds, {each.name: partial(each.fit, **settings) for each in contestants})
    (ours, my_fit), (spark, their_fit) = runs.values()
    apart = difference(my_fit.objective, their_fit.objective)
    found = " and ".join(f"{fit.iterations} to {fit.objective:.9f}" for fit in (my_fit, their_fit))
    print(f"  iterations and objectives: {found}, differ by {apart:.1e}", flush=True)
    if my_fit.iterations != their_fit.iterations or not apart <= AGREE:
        failures.append(f"{what}: not Spark's path: {found}")
    times = [seconds(ours.median), seconds(spark.median), f"{paired_ratio(spark, ours):.1f}"]
    outcome = [f"{my_fit.objective:.7f}", f"{apart:.0e}"]
    return [label, given, str(my_fit.iterations), str(rounds), *times, *outcome]


# ---- the same optimum

OPTIMUM_HEADER = [
    "features",
    "given to pydeepl as",
    "given to scikit-learn as",
    "pydeepl, s",
    "iterations",
    "scikit-learn, s",
    "iterations",
    "scikit-learn / pydeepl",
    "optimum",
    "above it",
]


@dataclass
class Found:
    """A contestant with as many iterations as it needs, and a fit with those."""

    contestant: Contestant
    iterations: int
    fit: Fit


def fit_ridge(contestant: Contestant, iterations: int) -> Fit:
    return contestant.fit(maxIter=iterations, tol=0.0, **RIDGE)


def fewest_iterations(contestant: Contestant, optimum: float, long: Fit) -> Found:
    """As few iterations as reach the optimum to 1e-6, by the long fit's history; else all of them."""
    reached = np.flatnonzero(long.history <= REACHED * optimum)
    iterations = max(1, int(reached[0]) if len(reached) else long.iterations)
    return Found(contestant, iterations, fit_ridge(contestant, iterations))


def soonest(contestants: list[Contestant], optimum: float) -> Found:
    """Whoever reaches the optimum first; if none does, who comes closest."""
    found = []
    for each in contestants:
        target = REACHED * optimum
        long = each.fit(maxIter=MOST_ITERATIONS, tol=0.0, target=target, **RIDGE)
        found.append(fewest_iterations(each, optimum, long))
        gap = difference(found[-1].fit.objective, optimum)
        told = f"{found[-1].iterations} iterations, {found[-1].fit.seconds:.3f} s"
        print(f"  {each.name}: {told}, {gap:.1e} above the optimum", flush=True)
    gaps = [max(AGREE, difference(one.fit.objective, optimum)) for one in found]
    return min(zip(found, gaps, strict=True), key=lambda each: (each[1], each[0].fit.seconds))[0]


def same_optimum(
    label: str, ours: dict[str, Contestant], theirs: list[Contestant], rounds: int, failures: list[str]
) -> list[list[str]]:
    """Rows, one for each form that pydeepl is given: ridge, each with as few iterations as reach the optimum.

    The fastest of theirs counts, whatever it is given.
    """
    print(f"{label}, ridge", flush=True)
    long = {form: each.fit(maxIter=LONGEST, tol=0.0, **RIDGE) for form, each in ours.items()}
    optimum = min(fit.objective for fit in long.values())
    found = {form: fewest_iterations(each, optimum, long[form]) for form, each in ours.items()}
    peer = soonest(theirs, optimum)
    fits = {
        f"{OURS} {form}": partial(fit_ridge, one.contestant, one.iterations) for form, one in found.items()
    }
    fits[SKLEARN] = partial(fit_ridge, peer.contestant, peer.iterations)
    *runs, (other, other_fit) = race(rounds, fits).values()
    rows = []
    for form, (mine, my_fit) in zip(ours, runs, strict=True):
        gaps = [(fit.objective - optimum) / optimum for fit in (my_fit, other_fit)]
        if max(map(abs, gaps)) > AGREE:
            failures.append(f"{label}, {form}, ridge: not the same optimum: {gaps} from {optimum:.9f}")
        times = [
            seconds(mine.median),
            str(my_fit.iterations),
            seconds(other.median),
            str(other_fit.iterations),
        ]
        outcome = [
            f"{paired_ratio(other, mine):.2f}",
            f"{optimum:.7f}",
            " and ".join(f"{gap:.0e}" for gap in gaps),
        ]
        rows.append([label, form, peer.contestant.name.removeprefix(f"{SKLEARN} "), *times, *outcome])
    return rows


def sklearn_forms(contestant: Contestant, forms: tuple[str, ...], wanted: list[str]) -> list[Contestant]:
    """lbfgs on each form of the features, in float32 and in float64; those that start with a wanted one."""
    wanted = wanted or [""]
    return [
        contestant.such(f"{contestant.name} {form}, {dtype}", form=form, dtype=dtype, solver="lbfgs")
        for form in forms
        for dtype in ("float32", "float64")
        if any(f"{form}, {dtype}".startswith(each) for each in wanted)
    ]

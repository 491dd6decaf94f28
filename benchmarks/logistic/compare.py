"""The two questions to a peer: the same path, and the same optimum.

same path     Spark's algorithm is pydeepl's: equal iterations from equal settings, and the objectives of the
              models must agree to 1e-6.
same optimum  scikit-learn's lbfgs takes other steps: each contestant gets as few iterations as bring its
              objective to within 1e-6 of the optimum, and is timed with those.
"""

from dataclasses import dataclass

import numpy as np

from benchmarks.harness import paired_ratio
from benchmarks.logistic.contestants import SKLEARN, Contestant, Fit, race

AGREE = 1e-6  # relative difference up to which two objectives are the same
REG_PARAM = 0.03
ELASTIC_NET = {"regParam": REG_PARAM, "elasticNetParam": 0.5}
RIDGE = {"regParam": REG_PARAM, "elasticNetParam": 0.0}
MOST_ITERATIONS = 400


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
    label: str, given: str, ours: Contestant, spark: Contestant, iterations: int, rounds: int
) -> list[str]:
    """A row: elastic net, the same iterations."""
    settings = {"maxIter": iterations, **ELASTIC_NET}
    print(f"{label}, {given}, elastic net, {iterations} iterations", flush=True)
    runs = race(rounds, {each.name: lambda each=each: each.fit(**settings) for each in (ours, spark)})
    (mine, my_fit), (theirs, their_fit) = runs[ours.name], runs[spark.name]
    apart = difference(my_fit.objective, their_fit.objective)
    print(f"  objectives {my_fit.objective:.9f} {their_fit.objective:.9f}, differ by {apart:.1e}", flush=True)
    if my_fit.iterations != their_fit.iterations or not apart <= AGREE:
        raise SystemExit(
            f"not the same path: {my_fit.iterations} iterations to {my_fit.objective:.9f}, Spark "
            f"{their_fit.iterations} to {their_fit.objective:.9f}"
        )
    times = [seconds(mine.median), seconds(theirs.median), f"{paired_ratio(theirs, mine):.1f}"]
    return [
        label,
        given,
        str(my_fit.iterations),
        str(rounds),
        *times,
        f"{my_fit.objective:.7f}",
        f"{apart:.0e}",
    ]


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
    "above the optimum",
]


@dataclass
class Found:
    """A contestant with as many iterations as it needs, and a fit with those."""

    contestant: Contestant
    iterations: int
    fit: Fit


def fit_ridge(contestant: Contestant, iterations: int) -> Fit:
    return contestant.fit(maxIter=iterations, tol=0.0, **RIDGE)


def fewest_iterations(contestant: Contestant, optimum: float, long: Fit) -> Found | None:
    """As few iterations as reach the optimum to 1e-6, by the long fit's history; None where it does not."""
    reached = np.flatnonzero(long.history <= optimum * (1 + AGREE))
    if len(reached) == 0:
        return None
    iterations = max(1, int(reached[0]))
    fit = fit_ridge(contestant, iterations)
    # In float32, a solver's own figure may be a little too good.
    return Found(contestant, iterations, fit) if difference(fit.objective, optimum) <= AGREE else None


def fastest(contestants: list[Contestant], optimum: float) -> Found:
    """Whoever reaches the optimum soonest."""
    found = []
    for each in contestants:
        target = optimum * (1 + AGREE)
        long = each.fit(maxIter=MOST_ITERATIONS, tol=0.0, target=target, **RIDGE)
        one = fewest_iterations(each, optimum, long)
        found.append(one)
        outcome = f"{one.iterations} iterations, {one.fit.seconds:.3f} s" if one else "does not get there"
        print(f"  {each.name}: {outcome}", flush=True)
    return min((one for one in found if one), key=lambda one: one.fit.seconds)


def same_optimum(
    label: str, given: str, ours: Contestant, theirs: list[Contestant], rounds: int
) -> list[str]:
    """A row: ridge, each with as few iterations as reach the optimum; the fastest of theirs counts."""
    print(f"{label}, {given}, ridge", flush=True)
    long = ours.fit(maxIter=MOST_ITERATIONS, tol=1e-12, **RIDGE)
    optimum = long.objective
    mine_found = fewest_iterations(ours, optimum, long)
    assert mine_found is not None
    found = [mine_found, fastest(theirs, optimum)]
    print(f"  pydeepl: {found[0].iterations} iterations, {found[0].fit.seconds:.3f} s", flush=True)
    runs = race(
        rounds,
        {one.contestant.name: lambda one=one: fit_ridge(one.contestant, one.iterations) for one in found},
    )
    (mine, my_fit), (other, other_fit) = (runs[one.contestant.name] for one in found)
    gaps = [difference(each.objective, optimum) for each in (my_fit, other_fit)]
    assert max(gaps) <= AGREE
    return [
        label,
        given,
        found[1].contestant.name.removeprefix(f"{SKLEARN} "),
        seconds(mine.median),
        str(found[0].iterations),
        seconds(other.median),
        str(found[1].iterations),
        f"{paired_ratio(other, mine):.2f}",
        " and ".join(f"{gap:.0e}" for gap in gaps),
    ]


def sklearn_forms(contestant: Contestant, forms: tuple[str, ...]) -> list[Contestant]:
    """lbfgs on each form of the features, in float32 and in float64."""
    return [
        contestant.such(f"{contestant.name} {form}, {dtype}", form=form, dtype=dtype, solver="lbfgs")
        for form in forms
        for dtype in ("float32", "float64")
    ]

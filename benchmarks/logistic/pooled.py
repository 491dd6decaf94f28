"""More rows than features: averaged InceptionV3 maps, 2,048 features, and growth in rows."""

import argparse
import statistics

from benchmarks.harness import CACHE, Report, interleave, machine_facts, table
from benchmarks.logistic import compare
from benchmarks.logistic.contestants import stage
from benchmarks.logistic.data import Data, add_shared, bootstrapped, pooled

PACKAGES = ("numpy", "scipy", "pyarrow", "pyspark", "scikit-learn")
GROWTH_ITERATIONS = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_shared(parser)
    parser.add_argument("--peers", nargs="*", choices=("spark", "sklearn"), default=["spark", "sklearn"])
    parser.add_argument("--rows", nargs="*", type=int, default=[5000, 20000, 60000])
    parser.add_argument("--iterations", nargs="+", type=int, default=[5, 100])


def label_of(data: Data) -> str:
    rows, columns = data.load()[0].shape
    return f"{rows:,} x {columns:,}"


def beside_spark(
    data: Data, options: argparse.Namespace, rounds: int, failures: list[str]
) -> list[list[str]]:
    with stage(data, options.threads) as on:
        pair = on.ours("dense"), on.spark("dense")
        return [
            compare.same_path(label_of(data), "dense", pair, iterations, rounds, failures)
            for iterations in options.iterations
        ]


def beside_sklearn(
    data: Data, options: argparse.Namespace, rounds: int, failures: list[str]
) -> list[list[str]]:
    with stage(data, options.threads) as on:
        theirs = compare.sklearn_forms(on.sklearn(), ("dense", "centred"), options.sklearn)
        ours = {"dense": on.ours("dense")}
        return compare.same_optimum(label_of(data), ours, theirs, rounds, failures)


def growth(options: argparse.Namespace, rounds: int) -> list[list[str]]:
    """Seconds for more and more rows: an iteration's, from fits of few and of many iterations."""
    rows = []
    for count in options.rows:
        data = bootstrapped(options.shared, count)
        with stage(data, options.threads) as on:
            ours = on.ours("dense")

            def fit(iterations: int, ours=ours) -> float:
                return ours.fit(maxIter=iterations, tol=0.0, **compare.RIDGE).seconds

            print(f"{count} rows", flush=True)
            few, many = interleave(
                rounds, {f"{n} iterations": lambda n=n: fit(n) for n in (1, 1 + GROWTH_ITERATIONS)}, "s"
            )
        each = statistics.median(b - a for a, b in zip(few.values, many.values, strict=True))
        each /= GROWTH_ITERATIONS
        figures = [
            f"{few.median:.3f}",
            f"{many.median:.3f}",
            f"{1e3 * each:.1f}",
            f"{1e6 * each / count:.2f}",
        ]
        rows.append([f"{count:,}", *figures])
    return rows


def run(options: argparse.Namespace, rounds: int) -> Report:
    CACHE.mkdir(exist_ok=True)
    facts = machine_facts(options.threads, PACKAGES)
    real = pooled(options.shared)
    failures: list[str] = []
    path = beside_spark(real, options, rounds, failures) if "spark" in options.peers else []
    optimum = []
    if "sklearn" in options.peers:
        largest = [bootstrapped(options.shared, max(options.rows))] if options.rows else []
        for data in (real, *largest):
            optimum += beside_sklearn(data, options, rounds, failures)
    grown = growth(options, rounds)
    body = [
        f"The fit call alone, ten classes, data in memory on both sides; medians of {rounds} interleaved "
        "rounds. 4,000 rows: mixed10 of InceptionV3 with trained weights, averaged over height and width, of "
        "4,000 handwritten digits. Other sizes are drawn from these: 0.7 of a row and 0.3 of another of its "
        "class, normal noise of a fifth of each feature's standard deviation, negative values cut to 0. "
        "Settings, forms and objectives as in logistic.wide.",
        "",
        "Spark MLlib, the same path (elastic net):",
        "",
        *table(compare.PATH_HEADER, path),
        "",
        "scikit-learn's lbfgs, the same optimum (L2):",
        "",
        *table(compare.OPTIMUM_HEADER, optimum),
        "",
        f"Growth in rows (L2): fits of 1 and of {1 + GROWTH_ITERATIONS} iterations, and an iteration's time "
        "from their difference.",
        "",
        *table(
            [
                "rows",
                "1 iteration, s",
                f"{1 + GROWTH_ITERATIONS} iterations, s",
                "an iteration, ms",
                "an iteration, us a row",
            ],
            grown,
        ),
    ]
    return Report("logistic.pooled: 2,048 features", facts, body, failures)

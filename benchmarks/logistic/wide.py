"""Fewer rows than features: 393 flattened InceptionV3 maps, with zeros and without."""

import argparse

from benchmarks.harness import CACHE, Report, machine_facts, table
from benchmarks.logistic import compare
from benchmarks.logistic.contestants import Contestant, Stage, stage
from benchmarks.logistic.data import add_shared, cropped, wide

PACKAGES = ("numpy", "scipy", "pyarrow", "pyspark", "scikit-learn")
SAGA_EPOCHS = 5
NET_HEADER = ["features", "given as", "solver", "iterations", "seconds", "objective", "above the least"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_shared(parser)
    parser.add_argument("--features", nargs="+", choices=FEATURES, default=list(FEATURES))
    parser.add_argument("--peers", nargs="*", choices=("spark", "sklearn"), default=["spark", "sklearn"])
    parser.add_argument("--iterations", nargs="+", type=int, default=[5, 100])
    parser.add_argument("--long-rounds", type=int, default=1, help="rounds of more than 10 iterations (1)")
    parser.add_argument("--rows", type=int, help="only so many rows, to try it out")
    parser.add_argument("--columns", type=int, help="only so many columns, to try it out")


FEATURES = {"rectified": "mixed10", "unrectified": "mixed10 before its ReLUs"}
FORMS = {"rectified": ("dense", "sparse"), "unrectified": ("dense",)}


class Tables:
    """The rows, as they are measured."""

    def __init__(self, options: argparse.Namespace, rounds: int) -> None:
        self.options, self.rounds = options, rounds
        self.described: list[str] = []
        self.path: list[list[str]] = []
        self.optimum: list[list[str]] = []
        self.nets: list[list[str]] = []
        self.failures: list[str] = []

    def measure(self, name: str) -> None:
        options, forms = self.options, FORMS[name]
        data = cropped(wide(options.shared, name == "rectified"), options.rows, options.columns)
        self.described.append(f"{FEATURES[name]}: {data.describe()}")
        # One after the other: together the processes would need more memory.
        if "spark" in options.peers:
            for form in forms:
                with stage(data, options.threads) as on:
                    self.beside_spark(FEATURES[name], form, on)
        if "sklearn" in options.peers:
            with stage(data, options.threads) as on:
                self.beside_sklearn(FEATURES[name], forms, on)

    def beside_spark(self, label: str, form: str, on: Stage) -> None:
        pair = on.ours(form), on.spark(form)
        for iterations in self.options.iterations:
            rounds = self.rounds if iterations <= 10 else self.options.long_rounds
            self.path.append(compare.same_path(label, form, pair, iterations, rounds, self.failures))

    def beside_sklearn(self, label: str, forms: tuple[str, ...], on: Stage) -> None:
        sklearn = on.sklearn()
        contestants = compare.sklearn_forms(sklearn, (*forms, "centred"), self.options.sklearn)
        ours = {form: on.ours(form) for form in forms}
        self.optimum += compare.same_optimum(label, ours, contestants, self.rounds, self.failures)
        self.elastic_net_optimum(label, forms[-1], ours[forms[-1]], sklearn)

    def elastic_net_optimum(self, label: str, form: str, ours: Contestant, sklearn: Contestant) -> None:
        """Rows: how near to the elastic net's optimum each solver is, and after what time."""
        saga = sklearn.such("saga", form=form, dtype="float32", solver="saga")
        runs = {
            "pydeepl newton-cg": ours.fit(maxIter=100, tol=1e-6, solver="newton-cg", **compare.ELASTIC_NET),
            "pydeepl l-bfgs (OWL-QN)": ours.fit(maxIter=100, tol=1e-6, **compare.ELASTIC_NET),
            "scikit-learn saga": saga.fit(maxIter=SAGA_EPOCHS, tol=1e-6, **compare.ELASTIC_NET),
        }
        least = min(fit.objective for fit in runs.values())
        for name, fit in runs.items():
            figures = [str(fit.iterations), compare.seconds(fit.seconds), f"{fit.objective:.7f}"]
            row = [label, form, name, *figures, f"{fit.objective / least - 1:.0e}"]
            print(" ", *row, flush=True)
            self.nets.append(row)


def run(options: argparse.Namespace, rounds: int) -> Report:
    CACHE.mkdir(exist_ok=True)
    facts = machine_facts(options.threads, PACKAGES)
    tables = Tables(options, rounds)
    for name in options.features:
        tables.measure(name)
    body = [
        "The fit call alone, ten classes, data in memory on both sides (Spark: cached and counted; local"
        f"[{options.threads}]). Features of handwritten digits by InceptionV3 with trained weights: "
        f"{'; '.join(tables.described)}. Medians of interleaved rounds. Objectives are computed from the "
        "coefficients, in float64, by the same lines for all.",
        "",
        f"Spark MLlib, the same path: elastic net 0.5, regParam {compare.REG_PARAM}, standardized. The run "
        "asserts equal iterations and objectives equal to 1e-6.",
        "",
        *table(compare.PATH_HEADER, tables.path),
        "",
        f"scikit-learn's lbfgs, the same optimum: L2 with regParam {compare.REG_PARAM}. scikit-learn gets "
        "C = 1 / (n regParam) and features over their standard deviations, as they are or centred, computed "
        "beforehand (pydeepl does this inside its time). Each has as many iterations as bring its objective "
        "to within 1e-6 of the optimum; the fastest of scikit-learn's forms (dense, centred, CSR; float32, "
        "float64) is shown.",
        "",
        *table(compare.OPTIMUM_HEADER, tables.optimum),
        "",
        "The elastic net's optimum, once: pydeepl's newton-cg stops where its duality gap is 1e-6 of the "
        f"objective, l-bfgs after Spark's 100 iterations at most, saga after {SAGA_EPOCHS} epochs.",
        "",
        *table(NET_HEADER, tables.nets),
    ]
    return Report("logistic.wide: 393 x 131,072", facts, body, tables.failures)

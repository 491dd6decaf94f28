"""The runner: `python -m benchmarks NAME [--save] [options of the benchmark]`."""

import argparse
import importlib
import shlex
import sys

from benchmarks import harness

NAMES = {
    "features": "images/s of the five networks, beside OpenVINO, ONNX Runtime and TensorFlow",
    "families": "keras.applications through load_model: images/s beside OpenVINO, difference to Keras",
    "accuracy": "what precisions and fast algorithms cost in features and accuracy, on real images",
    "quantized": "eight-bit integers (OpenVINO, ONNX Runtime) beside our floats: images/s and accuracy",
    "article_job": "the article's job as whole processes, beside PySpark with Keras; peak memory",
    "startup": "weights file to the first feature, beside Keras; the time of the import",
    "pipeline": "JPEG files to features, beside the network alone; resident memory",
    "resize": "resizing by area averages, beside OpenCV",
    "scaling": "a bound for many cores and streams, modelled from each layer's tasks",
    "spark": "features on PySpark, beside Keras in a pandas UDF",
    "logistic.wide": "the classifier's fit on 393 x 131,072, beside Spark MLlib and scikit-learn",
    "logistic.pooled": "the classifier's fit on 4,000 and 60,000 x 2,048, and growth in rows",
    "logistic.memory": "the memory of a fit beyond its data; 10,000 wide rows streamed from a file",
    "logistic.bad_input": "how soon bad input gets its message",
    "logistic.search": "cross-validation, beside the same fits one by one and Spark's",
}


def run_and_save(name: str, rest: list[str], rounds: int, save: bool) -> list[str]:
    """Returns what should have been equal and is not."""
    benchmark = importlib.import_module(f"benchmarks.{name}")
    options = argparse.ArgumentParser(prog=f"python -m benchmarks {name}")
    benchmark.add_arguments(options)
    report = benchmark.run(options.parse_args(rest), rounds)

    words = [name, "--rounds", str(rounds), *rest]
    text = report.markdown("python -m benchmarks " + shlex.join(words))
    print(f"\n{text}", flush=True)
    if save:
        harness.save(f"{name}.{report.variant}" if report.variant else name, text)
    return report.failures


def main() -> None:
    listing = "\n".join(f"  {name:<18} {text}" for name, text in NAMES.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=f"Measures pydeepl beside its peers.\n\n{listing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    groups = {name.partition(".")[0] for name in NAMES}
    parser.add_argument(
        "name", choices=groups | set(NAMES), metavar="NAME", help="one, or `logistic` for all of its"
    )
    parser.add_argument("--save", action="store_true", help="put the figures into benchmarks/RESULTS.md")
    parser.add_argument("--rounds", type=int, default=5, help="rounds; figures are their medians (5)")
    chosen, rest = parser.parse_known_args()
    failures = []
    for name in NAMES:
        if name == chosen.name or name.startswith(f"{chosen.name}."):
            failures += run_and_save(name, rest, chosen.rounds, chosen.save)
    if failures:
        sys.exit("\n".join(failures))


if __name__ == "__main__":
    main()

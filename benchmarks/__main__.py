"""The runner: `python -m benchmarks NAME [--save] [options of the benchmark]`."""

import argparse
import importlib
import shlex
import sys

from benchmarks import harness

NAMES = {
    "features": "images/s of the five networks, beside OpenVINO, ONNX Runtime and TensorFlow",
    "article_job": "the article's job as whole processes, beside PySpark with Keras; peak memory",
    "startup": "weights file to the first feature, beside Keras; the time of the import",
    "logistic": "the classifier's fit, beside Spark MLlib",
}


def main() -> None:
    listing = "\n".join(f"  {name:<12} {text}" for name, text in NAMES.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=f"Measures pydeepl beside its peers.\n\n{listing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", choices=NAMES, metavar="NAME")
    parser.add_argument("--save", action="store_true", help="put the figures into benchmarks/RESULTS.md")
    parser.add_argument("--rounds", type=int, default=5, help="rounds; figures are their medians (5)")
    chosen, rest = parser.parse_known_args()

    benchmark = importlib.import_module(f"benchmarks.{chosen.name}")
    options = argparse.ArgumentParser(prog=f"python -m benchmarks {chosen.name}")
    benchmark.add_arguments(options)
    report = benchmark.run(options.parse_args(rest), chosen.rounds)

    command = "python -m benchmarks " + shlex.join(word for word in sys.argv[1:] if word != "--save")
    text = report.markdown(command)
    print(f"\n{text}")
    if chosen.save:
        harness.save(chosen.name, text)


if __name__ == "__main__":
    main()

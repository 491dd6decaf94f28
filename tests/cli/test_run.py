"""`pydeepl run`: stand-ins for PySpark and sparkdl, in one process only."""

import subprocess
import sys
import textwrap

import pytest


@pytest.fixture
def run(tmp_path, environment):
    """run(code, *arguments): a script with that code, run in tmp_path."""

    def run(code, *arguments):
        script = tmp_path / "a script.py"
        script.write_text(textwrap.dedent(code))
        command = [sys.executable, "-m", "pydeepl.cli", "run", str(script), *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
        )

    return run


def test_a_script_sees_pydeepl_under_sparks_names(run):
    done = run(
        """
        import pyspark, pyspark.sql
        from pyspark.sql import SparkSession, functions as F
        from pyspark.sql.types import *
        from pyspark.ml.linalg import Vectors
        from sparkdl.image.imageIO import imageArrayToStruct
        import pydeepl

        assert SparkSession is pydeepl.SparkSession is pyspark.sql.SparkSession
        assert F.lit is pydeepl.lit and Vectors is pydeepl.Vectors
        spark = SparkSession.builder.appName("a").getOrCreate()
        frame = spark.createDataFrame([(1, "a"), (2, "b")], ["x", "y"])
        print(frame.filter(F.col("x") > 1).collect()[0].y, StructType.__name__)
        """,
    )
    assert (done.stdout, done.stderr) == ("b StructType\n", "")


def test_arguments_name_and_folder_are_those_of_a_script(run, tmp_path):
    (tmp_path / "beside.py").write_text("VALUE = 7")
    done = run(
        """
        import sys
        from beside import VALUE
        print(__name__, sys.argv[1:], VALUE)
        sys.exit(3)
        """,
        "--flag", "-x", "file.txt",
    )  # fmt: skip
    assert done.stdout == "__main__ ['--flag', '-x', 'file.txt'] 7\n"
    assert done.returncode == 3


def test_a_scripts_error_shows_its_own_lines_only(run):
    done = run("def fail():\n    raise KeyError('mine')\nfail()\n")
    assert done.returncode == 1
    assert "a script.py" in done.stderr and "KeyError: 'mine'" in done.stderr
    assert "runpy" not in done.stderr and "cli" not in done.stderr


@pytest.mark.parametrize(
    "line, texts",
    [
        (
            "from pyspark.ml.clustering import KMeans",
            ["does not provide pyspark.ml.clustering", "pyspark.ml.linalg"],
        ),
        ("from pyspark.sql import HiveContext", ["pyspark.sql.HiveContext", "SparkSession"]),
        ("import pyspark.mllib.linalg", ["does not provide pyspark.mllib", "pyspark.ml"]),
        ("import sparkdl; sparkdl.xgboost", ["sparkdl.xgboost", "DeepImageFeaturizer"]),
    ],
)
def test_what_is_not_there_is_said_with_what_is(run, line, texts):
    done = run(line)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.partition(":")[0] in ("ImportError", "ModuleNotFoundError")
    assert all(text in last for text in texts)


def test_a_missing_script(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "pydeepl.cli", "run", "nowhere.py"], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (1, "pydeepl run: no such script: nowhere.py\n")


def test_other_processes_keep_the_real_names(run):
    """Nothing is written anywhere: plain Python afterwards does not find stand-ins."""
    run("import sparkdl")
    done = subprocess.run(
        [sys.executable, "-c", "import sparkdl"], capture_output=True, text=True, timeout=60
    )
    assert "ModuleNotFoundError" in done.stderr

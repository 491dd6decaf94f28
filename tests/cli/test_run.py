"""`pydeepl run`: stand-ins for PySpark and sparkdl, in one process only."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from pydeepl.cli import main


@pytest.fixture
def run(tmp_path, environment):
    """run(code, *arguments): a script with that code, run in tmp_path."""

    def run(code, *arguments):
        script = tmp_path / "a script.py"
        if isinstance(code, str):
            code = textwrap.dedent(code).encode()
        script.write_bytes(code)
        command = [sys.executable, "-m", "pydeepl", "run", str(script), *arguments]
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


def test_a_script_that_changes_its_folder_is_still_found(run, tmp_path):
    """__file__ is the whole path, as Python has made it since 3.9; sys.argv is as given."""
    done = run("import os, sys; os.chdir('/'); print(__file__ == sys.argv[0], open(__file__).name)\n1 / 0\n")
    assert done.stdout == f"True {tmp_path / 'a script.py'}\n"
    assert "    1 / 0" in done.stderr


def test_a_script_from_a_pipe(tmp_path, environment):
    command = [sys.executable, "-m", "pydeepl", "run", "/dev/stdin"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=environment,
        input="print(__name__)",
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.stdout, done.stderr) == ("__main__\n", "")


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


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("nowhere.py", None, "no such script: nowhere.py"),
        (".", None, ".: expected a Python script, found a folder"),
        ("model.keras", b"PK\3\4\0\0", "model.keras: expected a Python script, found a binary file"),
    ],
)
def test_what_is_no_script(tmp_path, monkeypatch, capsys, name, content, message):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path(name).write_bytes(content)
    assert main(["run", name]) == 1
    assert capsys.readouterr().err == f"pydeepl run: {message}\n"


@pytest.mark.parametrize(
    "content, lines",
    [
        (b"x = 1\ndef f(:\n", ['script.py", line 2', "SyntaxError"]),
        (b'x = "\xe9"\n', ['script.py", line 1', "SyntaxError: (unicode error)"]),
    ],
)
def test_a_script_that_does_not_parse_shows_its_own_line_only(run, content, lines):
    done = run(content)
    assert (done.returncode, done.stdout) == (1, "")
    assert all(line in done.stderr for line in lines) and "cli" not in done.stderr


def test_a_script_is_the_main_module_as_for_python(run):
    """Classes are pickled by it, and processes of the spawn kind import it."""
    done = run(
        """
        # coding: latin-1
        import __main__, multiprocessing, pickle

        class A:
            pass

        def double(x):
            return 2 * x

        if __name__ == "__main__":
            assert __main__.A is A is type(pickle.loads(pickle.dumps(A()))) and __doc__ is None
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                print(pool.map(double, [1, 2]), __file__.endswith("a script.py"), "\xe9" == "\\xe9")
        """
    )
    assert (done.stdout, done.stderr) == ("[2, 4] True False\n", "")


def test_the_doors_to_a_session_before_spark_2(run):
    done = run(
        """
        import pyspark
        from pyspark import SparkConf, SparkContext, StorageLevel
        from pyspark.sql import SQLContext, SparkSession

        assert tuple(map(int, pyspark.__version__.split(".")[:2])) >= (2, 3)
        conf = SparkConf().setAppName("digits").setMaster("local[2]").set("spark.x", True)
        sc = SparkContext(conf=conf)
        sc.setLogLevel("ERROR")
        assert (sc.appName, sc.master) == ("digits", "local[2]") and sc.getConf().get("spark.x") == "true"
        assert SparkContext.getOrCreate().appName == "digits"
        sql = SQLContext(sc)
        frame = sql.createDataFrame([(1,), (2,)], ["x"]).persist(StorageLevel.MEMORY_AND_DISK)
        sql.registerDataFrameAsTable(frame, "t")
        assert SparkSession(sc).sql("SELECT sum(x) AS s FROM t").first().s == 3
        spark = SparkSession.builder.config(conf=conf).config(map={"spark.y": 1}).getOrCreate()
        assert spark.table("t").count() == 2 and spark.conf.get("spark.y") == "1"
        assert spark.version == sc.version == pyspark.__version__
        sql.setConf("spark.z", "3")
        assert sql.getConf("spark.z") == spark.conf.get("spark.z") == "3"
        sc.parallelize([1])
        """
    )
    assert done.stderr.splitlines()[-1] == (
        "AttributeError: pydeepl does not provide SparkContext.parallelize: there is no cluster here, and "
        "there are no RDDs; SparkSession.createDataFrame makes a frame of rows, "
        "and SparkSession.read reads files"
    )
    assert "line 21" in done.stderr


def test_other_processes_keep_the_real_names(run):
    """Nothing is written anywhere: plain Python afterwards does not find stand-ins."""
    run("import sparkdl")
    done = subprocess.run(
        [sys.executable, "-c", "import sparkdl"], capture_output=True, text=True, timeout=60
    )
    assert "ModuleNotFoundError" in done.stderr

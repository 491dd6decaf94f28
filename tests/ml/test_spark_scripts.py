"""The same ml code on pydeepl and on a live PySpark gives the same values: pytest -m spark.

Each script takes an engine `e` with the names of pyspark.ml, and a session to make frames with.
"""

import importlib
import itertools
import math
from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.spark

MODULES = ("", ".classification", ".evaluation", ".feature", ".tuning", ".param", ".param.shared", ".linalg")
SCRIPTS = []


def script(function):
    SCRIPTS.append(function)
    return function


@pytest.fixture(scope="module")
def engines(spark):
    """(pydeepl, PySpark)"""
    from pyspark import keyword_only

    from pydeepl.frame import SparkSession
    from pydeepl.ml import keyword_only as our_keyword_only

    spaces = []
    for package in ("pydeepl.ml", "pyspark.ml"):
        names = {}
        for module in MODULES:
            found = importlib.import_module(package + module)
            names |= {name: getattr(found, name) for name in dir(found) if name[0].isupper()}
        spaces.append(names)
    ours = SimpleNamespace(
        **spaces[0], spark=SparkSession.builder.getOrCreate(), keyword_only=our_keyword_only
    )
    return ours, SimpleNamespace(**spaces[1], spark=spark, keyword_only=keyword_only)


def frame(e):
    """Three classes in 24 rows: a text, a class number, a weight, a fold, two numbers, and their vector."""
    rows = []
    for i in range(24):
        a, b, c = (7 * i % 17) / 4, (5 * i * i % 23) / 8, i % 3
        x = e.Vectors.dense([a + c, b]) if i % 2 else e.Vectors.sparse(2, {0: a + c, 1: b or 1.0})
        rows.append(("abc"[c] if i % 5 else "a", float(c), 0.5 + i % 2, i % 2, a, b, x))
    return e.spark.createDataFrame(rows, ["text", "label", "weight", "fold", "a", "b", "features"])


def refused(call, *args, **kwargs):
    """Whether a call raises."""
    try:
        call(*args, **kwargs)
    except Exception:
        return True
    return False


def cells(dataset, *names):
    return [[cell(row[name]) for name in names] for row in dataset.select(*names).collect()]


def cell(value):
    return value.toArray().tolist() if hasattr(value, "toArray") else value


# ---- params


@script
def params_of_a_classifier(e):
    lr = e.LogisticRegression(regParam=0.5)
    names = [
        p.name for p in lr.params if "Bounds" not in p.name and p.name != "solver"
    ]  # docs/conformance.md
    defaults = {name: lr.getOrDefault(name) for name in names if lr.hasDefault(name)}
    ends = [lr.explainParam(name).rpartition("(")[2] for name in ("regParam", "maxIter", "weightCol")]
    return names, defaults, ends, lr.uid.rpartition("_")[0], len(lr.uid.rpartition("_")[2])


@script
def values_defaults_and_clear(e):
    lr = e.LogisticRegression(maxIter=3)
    before = [lr.isSet("maxIter"), lr.hasDefault("maxIter"), lr.isDefined(lr.weightCol), lr.isSet(lr.tol)]
    lr.clear(lr.maxIter)
    return before, lr.isSet(lr.maxIter), lr.getMaxIter(), refused(lr.getWeightCol), lr.hasParam("nonsense")


@script
def values_are_converted(e):
    lr = e.LogisticRegression(maxIter=5.0, tol=1, thresholds=range(1, 3))
    kept = [(value, type(value).__name__) for value in (lr.getMaxIter(), lr.getTol(), lr.getThresholds())]
    wrong = ({"maxIter": 5.1}, {"tol": "x"}, {"fitIntercept": 1}, {"featuresCol": 2.3}, {"thresholds": ["a"]})
    return kept, [refused(e.LogisticRegression, **values) for values in wrong]


@script
def params_belong_to_their_stage(e):
    one, two = e.LogisticRegression(), e.LogisticRegression()
    return (
        one.maxIter == one.getParam("maxIter"),
        one.maxIter == two.maxIter,
        one.maxIter.parent == one.uid,
        refused(one.set, two.maxIter, 3),
        refused(one.getOrDefault, two.maxIter),
        refused(one.getParam, "nonsense"),
        refused(e.LogisticRegression, "features"),
        refused(e.LogisticRegression, nonsense=1),
    )


@script
def extracting_and_copying(e):
    lr = e.LogisticRegression(maxIter=3, tol=0.1)
    extra = {lr.maxIter: 7, lr.regParam: 0.2}
    names = {param.name: value for param, value in lr.extractParamMap(extra).items()}
    copy = lr.copy(extra)
    return (
        names["maxIter"],
        names["regParam"],
        names["tol"],
        names["family"],
        copy.uid == lr.uid,
        [copy.getMaxIter(), copy.getRegParam(), lr.getMaxIter(), lr.isSet("regParam")],
        refused(lr.copy, {"maxIter": 7}),
    )


@script
def thresholds_of_a_classifier(e):
    two = e.LogisticRegression(thresholds=[0.3, 0.7])
    one = e.LogisticRegression(threshold=0.2)
    three = e.LogisticRegression(thresholds=[0.3, 0.3, 0.4])
    set_again = e.LogisticRegression(thresholds=[0.3, 0.7]).setThreshold(0.1)
    return (
        two.getThreshold(),
        one.getThresholds(),
        e.LogisticRegression(threshold=0.5, thresholds=[0.5, 0.5]).getThreshold(),
        refused(e.LogisticRegression, threshold=0.42, thresholds=[0.5, 0.5]),
        refused(three.getThreshold),
        set_again.isSet("thresholds"),
        refused(e.LogisticRegression().getThresholds),
    )


@script
def a_users_own_stage(e):
    class Shift(e.Transformer, e.HasInputCol, e.HasOutputCol):
        amount = e.Param(e.Params._dummy(), "amount", "what is added", e.TypeConverters.toFloat)

        @e.keyword_only
        def __init__(self, *, inputCol=None, outputCol=None, amount=1.0):
            super().__init__()
            self._setDefault(amount=1.0)
            self._set(**self._input_kwargs)

        def _transform(self, dataset):
            column = dataset[self.getInputCol()] + self.getOrDefault(self.amount)
            return dataset.withColumn(self.getOutputCol(), column)

    shift = Shift(inputCol="a", outputCol="shifted")
    names = [param.name for param in shift.params]
    plain, more = shift.transform(frame(e)), shift.transform(frame(e), {shift.amount: 5})
    return names, cells(plain, "a", "shifted"), cells(more, "shifted"), shift.isSet("amount")


# ---- pipelines


@script
def a_pipeline_of_all_stages(e):
    indexer = e.StringIndexer(inputCol="text", outputCol="index")
    together = e.VectorAssembler(inputCols=["a", "b"], outputCol="together")
    scaler = e.StandardScaler(inputCol="together", outputCol="scaled", withMean=True)
    lr = e.LogisticRegression(featuresCol="scaled", labelCol="index", maxIter=8, regParam=0.1)
    names = e.IndexToString(inputCol="prediction", outputCol="name", labels=["a", "b", "c"])
    pipeline = e.Pipeline(stages=[indexer, together, scaler, lr, names])
    model = pipeline.fit(frame(e))
    out = model.transform(frame(e))
    return (
        [type(stage).__name__ for stage in model.stages],
        [stage.uid == given.uid for stage, given in zip(model.stages, pipeline.getStages(), strict=True)],
        out.columns[7:],
        cells(out, "index", "scaled", "probability", "prediction"),
        cells(out, "name"),
        model.stages[0].labels,
    )


@script
def param_maps_reach_a_pipelines_stages(e):
    lr = e.LogisticRegression(maxIter=3)
    pipeline = e.Pipeline(stages=[lr])
    model = pipeline.fit(frame(e), {lr.maxIter: 1})
    copy = pipeline.copy({lr.maxIter: 9})
    return (
        model.stages[0].summary.totalIterations,
        copy.getStages()[0].getMaxIter(),
        lr.getMaxIter(),
        copy.uid == pipeline.uid,
        [model.stages[0].summary.totalIterations for model in pipeline.fit(frame(e), [{lr.maxIter: 2}, {}])],
    )


@script
def pipelines_nest_and_may_be_empty(e):
    lr = e.LogisticRegression(maxIter=3)
    inner = e.Pipeline(stages=[lr])
    outer = e.Pipeline(stages=[inner]).fit(frame(e))
    empty = e.Pipeline(stages=[]).fit(frame(e))
    return (
        [type(stage).__name__ for stage in outer.stages],
        cells(outer.transform(frame(e)), "prediction"),
        empty.transform(frame(e)).columns,
        refused(e.Pipeline(stages=[3]).fit, frame(e)),
        refused(e.Pipeline().fit, frame(e)),
    )


# ---- classification


@script
def a_model(e):
    lr = e.LogisticRegression(maxIter=4, regParam=0.05, weightCol="weight")
    model = lr.fit(frame(e))
    row = e.Vectors.dense([1.5, 0.25])
    return (
        model.uid == lr.uid,
        str(model).replace(model.uid, "uid"),
        [model.getMaxIter(), model.getRegParam(), model.getWeightCol()],
        [model.numClasses, model.numFeatures, model.hasSummary],
        [model.predict(row), cell(model.predictRaw(row)), cell(model.predictProbability(row))],
        cell(model.predictRaw(e.Vectors.sparse(2, [0], [1.5]))),
        model.transform(frame(e)).columns,
        [
            hasattr(model, f"set{name}")
            for name in ("MaxIter", "RegParam", "Family", "Threshold", "FeaturesCol")
        ],
        refused(lambda: model.coefficients),
        refused(lambda: model.intercept),
        refused(model.predict, e.Vectors.dense([1.0])),
    )


@script
def several_models_at_once(e):
    lr = e.LogisticRegression(maxIter=2)
    maps = [{lr.maxIter: 1}, {lr.regParam: 0.5}, {}]
    fitted = [(m.getMaxIter(), m.getRegParam(), m.summary.objectiveHistory) for m in lr.fit(frame(e), maps)]
    drawn = {index: model.getMaxIter() for index, model in lr.fitMultiple(frame(e), maps)}
    return fitted, drawn


@script
def columns_by_name(e):
    lr = e.LogisticRegression(maxIter=2, predictionCol="p", probabilityCol="", rawPredictionCol="r")
    model = lr.fit(frame(e))
    out = model.transform(frame(e), {model.predictionCol: "q"})
    summary = model.evaluate(frame(e))
    return (
        out.columns,
        [summary.predictionCol, summary.labelCol, summary.featuresCol],
        summary.probabilityCol.startswith("probability_"),
        refused(model.transform, model.transform(frame(e))),
        refused(e.LogisticRegression(featuresCol="nonsense").fit, frame(e)),
        refused(e.LogisticRegression(labelCol="text").fit, frame(e)),
        refused(model.evaluate, 3),
    )


@script
def thresholds_of_a_model(e):
    two = e.LogisticRegression(maxIter=5).fit(frame(e).filter("label < 2"))
    results = [cells(two.setThreshold(value).transform(frame(e)), "prediction") for value in (0.0, 0.3, 1.0)]
    three = e.LogisticRegression(maxIter=5).fit(frame(e))
    for thresholds in ([0.1, 0.8, 0.3], [0.0, 0.5, 0.5]):
        results.append(cells(three.setThresholds(thresholds).transform(frame(e)), "prediction"))
    return results, refused(lambda: three.setThresholds([0.5, 0.5]).transform(frame(e)).collect())


@script
def one_against_the_rest(e):
    rest = e.OneVsRest(classifier=e.LogisticRegression(maxIter=6, regParam=0.1))
    model = rest.fit(frame(e))
    return [m.summary.objectiveHistory for m in model.models], cells(model.transform(frame(e)), "prediction")


# ---- evaluators and tuning


@script
def evaluators(e):
    predictions = e.LogisticRegression(maxIter=1).fit(frame(e)).transform(frame(e))
    evaluator = e.MulticlassClassificationEvaluator()
    larger, values = [], []
    for name in ("f1", "accuracy", "weightedPrecision", "weightedRecall", "weightedFMeasure",
                 "precisionByLabel", "weightedFalsePositiveRate", "falsePositiveRateByLabel", "logLoss",
                 "hammingLoss"):  # fmt: skip
        larger.append(evaluator.setMetricName(name).isLargerBetter())
        values.append(evaluator.evaluate(predictions))
    weighted = evaluator.evaluate(
        predictions, {evaluator.metricName: "accuracy", evaluator.weightCol: "weight"}
    )
    two = frame(e).filter("label < 2")
    scored = e.LogisticRegression(maxIter=2).fit(two).transform(two)
    binary = e.BinaryClassificationEvaluator(weightCol="weight")
    areas = [binary.evaluate(scored), binary.evaluate(scored, {binary.metricName: "areaUnderPR"})]
    kept = evaluator.getMetricName(), binary.getMetricName(), binary.isLargerBetter(), binary.getNumBins()
    return larger, values, weighted, areas, kept, refused(evaluator.evaluate, predictions, "f1")


@script
def grids(e):
    lr = e.LogisticRegression()
    builder = e.ParamGridBuilder().addGrid(lr.maxIter, [1, 2]).baseOn({lr.tol: 0.5})
    grid = builder.addGrid(lr.regParam, [0.1, 0.2, 0.3]).build()
    found = [{param.name: value for param, value in point.items()} for point in grid]
    return found, e.ParamGridBuilder().build(), refused(e.ParamGridBuilder().addGrid, "maxIter", [1])


@script
def cross_validation_on_given_folds(e):
    lr = e.LogisticRegression(maxIter=6)
    grid = (
        e.ParamGridBuilder().addGrid(lr.regParam, [0.01, 3.0]).addGrid(lr.elasticNetParam, [0.0, 0.5]).build()
    )
    evaluator = e.MulticlassClassificationEvaluator(metricName="logLoss")
    search = e.CrossValidator(
        estimator=lr, estimatorParamMaps=grid, evaluator=evaluator, numFolds=2, foldCol="fold",
        collectSubModels=True,
    )  # fmt: skip
    model = search.fit(frame(e))
    return (
        model.uid == search.uid,
        model.avgMetrics,
        model.stdMetrics,
        [model.bestModel.getRegParam(), model.bestModel.getElasticNetParam()],
        [[m.summary.objectiveHistory for m in models] for models in model.subModels],
        cells(model.transform(frame(e)), "prediction"),
        [search.getNumFolds(), search.getFoldCol(), search.getParallelism()],
    )


@script
def a_split_holds_out_its_part(e):
    lr = e.LogisticRegression(maxIter=2)
    grid = e.ParamGridBuilder().addGrid(lr.maxIter, [0, 9]).build()
    evaluator = e.MulticlassClassificationEvaluator(metricName="accuracy")
    search = e.TrainValidationSplit(estimator=lr, estimatorParamMaps=grid, evaluator=evaluator, seed=5)
    model = search.fit(frame(e))
    return (
        search.getTrainRatio(),
        len(model.validationMetrics),
        type(model.bestModel).__name__,
        model.subModels,
    )


# ---- feature stages


@script
def labels_of_texts(e):
    results = []
    for order in ("frequencyDesc", "frequencyAsc", "alphabetDesc", "alphabetAsc"):
        model = e.StringIndexer(inputCol="text", outputCol="index", stringOrderType=order).fit(frame(e))
        results.append((model.labels, cells(model.transform(frame(e)), "index")))
    fitted = e.StringIndexer(inputCol="text", outputCol="index").fit(frame(e).filter("text != 'c'"))
    kept = cells(fitted.setHandleInvalid("keep").transform(frame(e)), "index")
    skipped = cells(fitted.setHandleInvalid("skip").transform(frame(e)), "index")
    wrong = refused(lambda: fitted.setHandleInvalid("error").transform(frame(e)).collect())
    back = e.IndexToString(inputCol="label", outputCol="name", labels=["x", "y", "z"]).transform(frame(e))
    return results, kept, skipped, wrong, cells(back, "name")


@script
def vectors_are_assembled_and_scaled(e):
    together = e.VectorAssembler(inputCols=["a", "features", "b"], outputCol="v").transform(frame(e))
    results = [cells(together, "v")]
    for mean, std in itertools.product((False, True), repeat=2):
        scaler = e.StandardScaler(inputCol="v", outputCol="s", withMean=mean, withStd=std)
        model = scaler.fit(together)
        results.append((cell(model.mean), cell(model.std), cells(model.transform(together), "s")))
    return results


@script
def principal_components_up_to_their_sign(e):
    together = e.VectorAssembler(inputCols=["a", "features", "b"], outputCol="v").transform(frame(e))
    model = e.PCA(k=2, inputCol="v", outputCol="p").fit(together)
    size = [[abs(x) for x in row] for row in cell(model.pc)]
    projected = [[abs(x) for x in row[0]] for row in cells(model.transform(together), "p")]
    return cell(model.explainedVariance), size, projected


# ---- vectors


@script
def arithmetic_of_vectors(e):
    one, two = e.Vectors.dense([1.0, 2.0, 4.0]), e.Vectors.dense(3, 5, 8)
    sparse = e.Vectors.sparse(3, [(0, 1.0), (2, 4.0)])
    made = [one + two, one - two, one * 2, 2 - one, one / two, two % 2, -one]
    numbers = [
        one.dot(two),
        one.dot(sparse),
        sparse.dot(one),
        one.norm(1),
        sparse.norm(2),
        one.sum(),
        one.max(),
    ]
    numbers += [one.squared_distance(two), sparse.squared_distance(one), sparse.numNonzeros(), len(sparse)]
    equal = [one == two, sparse == e.Vectors.dense([1.0, 0.0, 4.0]), sparse != one, one[1], sparse[1]]
    return [repr(vector) for vector in made], [float(x) for x in numbers], equal, cell(e.Vectors.zeros(2))


# ---- files


def saved(stage, folder):
    """The stage as it comes back from a file."""
    path = f"file://{folder}/{type(stage).__name__}"
    stage.save(path)
    again = refused(stage.save, path)
    stage.write().overwrite().save(path)
    return type(stage).load(path), again


@script
def stages_come_back_from_files(e):
    lr = e.LogisticRegression(maxIter=3, regParam=0.25, thresholds=[0.2, 0.3, 0.5])
    model = lr.fit(frame(e))
    evaluator = e.MulticlassClassificationEvaluator(metricName="logLoss", eps=1e-9)
    results = []
    for stage in (lr, model, evaluator, e.Pipeline(stages=[lr]), e.Pipeline(stages=[lr]).fit(frame(e))):
        loaded, again = saved(stage, e.folder)
        values = {param.name: loaded.getOrDefault(param) for param in loaded.params if loaded.isSet(param)}
        values.pop("stages", None)
        results.append(
            (loaded.uid == stage.uid, again, values, all(p.parent == loaded.uid for p in loaded.params))
        )
    loaded = e.LogisticRegressionModel.load(f"file://{e.folder}/LogisticRegressionModel")
    wrong = refused(e.LogisticRegressionModel.load, f"file://{e.folder}/Pipeline")
    nothing = refused(e.LogisticRegression.load, f"file://{e.folder}/nothing")
    return results, cells(loaded.transform(frame(e)), "probability"), loaded.hasSummary, wrong, nothing


# ---- the comparison


def assert_same(ours, theirs, where=""):
    """Values equal, numbers to 1e-8."""
    if isinstance(theirs, list | tuple):
        assert len(ours) == len(theirs), f"{where}: {ours} {theirs}"
        for index, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
            assert_same(mine, other, f"{where}[{index}]")
    elif isinstance(theirs, dict):
        assert set(ours) == set(theirs), where
        for key in theirs:
            assert_same(ours[key], theirs[key], f"{where}[{key!r}]")
    elif isinstance(theirs, float) and not isinstance(ours, bool | str):
        same = math.isclose(ours, theirs, rel_tol=1e-8, abs_tol=1e-8) or (
            math.isnan(ours) and math.isnan(theirs)
        )
        assert same, f"{where}: {ours} {theirs}"
    else:
        assert ours == theirs, f"{where}: {ours} {theirs}"


@pytest.mark.parametrize("code", SCRIPTS, ids=lambda code: code.__name__)
def test_the_same_values(engines, code, tmp_path):
    results = []
    for name, e in zip(("ours", "theirs"), engines, strict=True):
        e.folder = tmp_path / name
        results.append(code(e))
    assert_same(*results)

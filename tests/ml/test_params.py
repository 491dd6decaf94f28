"""Params and type converters: PySpark's semantics, by hand and beside PySpark itself."""

import array
import copy
import math
import re

import numpy as np
import pytest

from pydeepl.ml import Transformer, keyword_only
from pydeepl.ml.evaluation import BinaryClassificationEvaluator, MulticlassClassificationEvaluator
from pydeepl.ml.param import Param, Params, TypeConverters, UndefinedParamError, shared
from pydeepl.ml.param.shared import HasInputCol, HasOutputCol


class Shift(Transformer, HasInputCol, HasOutputCol):
    """A stage with params of its own and shared ones."""

    amount: Param = Param(Params._dummy(), "amount", "what is added", TypeConverters.toFloat)

    @keyword_only
    def __init__(self, *, inputCol=None, outputCol=None, amount=1.0):
        super().__init__()
        self._setDefault(amount=1.0)
        self._set(**self._input_kwargs)

    def getAmount(self):
        return self.getOrDefault(self.amount)

    def _transform(self, dataset):
        return dataset


def test_uid_is_the_class_name_and_twelve_hex_digits():
    first, second = Shift(), Shift()
    assert re.fullmatch(r"Shift_[0-9a-f]{12}", first.uid)
    assert first.uid != second.uid
    assert repr(first) == first.uid


def test_each_instance_owns_its_params():
    first, second = Shift(), Shift()
    assert first.amount.parent == first.uid
    assert first.amount != second.amount
    assert Shift.amount.parent == "undefined"
    assert str(first.amount) == f"{first.uid}__amount"
    assert {first.amount: 1}[first.copy().amount] == 1, "a copy's params are the same keys"


def test_params_are_ordered_by_name():
    assert [param.name for param in Shift().params] == ["amount", "inputCol", "outputCol"]


def test_values_defaults_and_clear():
    shift = Shift(amount=3)
    assert (shift.isSet("amount"), shift.hasDefault("amount"), shift.getAmount()) == (True, True, 3.0)
    assert isinstance(shift.getAmount(), float)
    shift.clear(shift.amount)
    assert (shift.isSet(shift.amount), shift.isDefined("amount"), shift.getAmount()) == (False, True, 1.0)
    assert not shift.isDefined("inputCol")
    shift.set(shift.inputCol, "x")
    assert (shift.getInputCol(), shift.getOrDefault("inputCol")) == ("x", "x")
    assert shift.getOutputCol() == f"{shift.uid}__output"


def test_an_undefined_param_is_named():
    with pytest.raises(UndefinedParamError, match=r"^Shift_\w+: param inputCol .*set it first$") as caught:
        Shift().getInputCol()
    assert isinstance(caught.value, KeyError)


def test_explain_params():
    shift = Shift(inputCol="a", amount=2.0)
    assert shift.explainParam("amount") == "amount: what is added (default: 1.0, current: 2.0)"
    assert shift.explainParams() == "\n".join(
        [
            "amount: what is added (default: 1.0, current: 2.0)",
            "inputCol: name of the input column (current: a)",
            f"outputCol: name of the output column (default: {shift.uid}__output)",
        ]
    )
    assert Shift().explainParam("inputCol") == "inputCol: name of the input column (undefined)"


def test_has_and_get_param():
    shift = Shift()
    assert shift.hasParam("amount")
    assert not shift.hasParam("transform")
    assert shift.getParam("amount") is shift.amount
    with pytest.raises(TypeError, match="param's name"):
        shift.hasParam(shift.amount)
    with pytest.raises(ValueError, match="Cannot find param with name transform"):
        shift.getParam("transform")
    with pytest.raises(AttributeError, match="Shift has no param 'amuont'; did you mean 'amount'"):
        shift.getParam("amuont")
    with pytest.raises(AttributeError, match="its params are amount, inputCol, outputCol"):
        shift.getOrDefault("zzz")


def test_params_of_others_are_refused():
    shift, other = Shift(), Shift()
    for ask in (
        shift.isSet,
        shift.getOrDefault,
        shift.clear,
        shift.explainParam,
        lambda p: shift.set(p, 1.0),
    ):
        with pytest.raises(ValueError, match="does not belong to"):
            ask(other.amount)
    with pytest.raises(TypeError, match="Cannot resolve 3 as a param"):
        shift.isSet(3)


def test_extract_param_map_puts_extra_before_values_before_defaults():
    shift = Shift(inputCol="a")
    found = shift.extractParamMap({shift.inputCol: "b"})
    assert found == {shift.amount: 1.0, shift.inputCol: "b", shift.outputCol: f"{shift.uid}__output"}
    assert shift.extractParamMap()[shift.inputCol] == "a"


def test_copy_has_the_same_uid_and_values_of_its_own():
    shift, other = Shift(inputCol="a"), Shift()
    that = shift.copy({shift.amount: 5, other.inputCol: "not mine"})
    assert (that.uid, that.getAmount(), that.getInputCol()) == (shift.uid, 5.0, "a")
    assert not shift.isSet("amount")
    that.set(that.inputCol, "c")
    assert shift.getInputCol() == "a"


@pytest.mark.parametrize(
    ("extra", "message"), [({"amount": 1}, "received: amount"), ([1], "Expecting a dict")]
)
def test_copy_takes_param_maps_alone(extra, message):
    with pytest.raises(TypeError, match=message):
        Shift().copy(extra)


def test_copy_checks_values():
    shift = Shift()
    with pytest.raises(TypeError, match='Invalid param value given for param "amount"'):
        shift.copy({shift.amount: "much"})


def test_reset_uid_takes_values_along():
    shift = Shift(inputCol="a")
    old = shift.amount
    shift._resetUid("Shift_other")
    assert (shift.uid, shift.amount.parent, shift.getInputCol(), shift.getAmount()) == (
        "Shift_other",
        "Shift_other",
        "a",
        1.0,
    )
    with pytest.raises(ValueError, match="does not belong"):
        shift.isSet(old)


def test_copy_values_goes_by_name():
    shift, evaluator = Shift(inputCol="a"), MulticlassClassificationEvaluator()
    assert shift._copyValues(evaluator) is evaluator
    other = Shift(amount=7)
    shift._copyValues(other, {shift.outputCol: "o"})
    assert (other.getInputCol(), other.getOutputCol(), other.getAmount()) == ("a", "o", 7.0)


def test_deep_copies_and_pickled_params_keep_their_identity():
    shift = Shift(inputCol="a")
    that = copy.deepcopy(shift)
    assert that.getInputCol() == "a"
    assert that.amount == shift.amount


def test_none_is_kept():
    """As in PySpark: weightCol=None sets the param, to nothing."""
    evaluator = MulticlassClassificationEvaluator(weightCol=None)
    assert evaluator.isSet("weightCol")
    assert evaluator.getWeightCol() is None
    assert not MulticlassClassificationEvaluator().isDefined("weightCol")


def test_keyword_only():
    with pytest.raises(TypeError, match="Method __init__ of Shift forces keyword arguments"):
        Shift("a")
    with pytest.raises(TypeError, match="unexpected keyword argument 'size'"):
        Shift(size=3)


@pytest.mark.parametrize(
    ("name", "value", "kind", "message"),
    [
        ("metricName", "F1", ValueError, "expected one of f1, accuracy, .*, got 'F1'"),
        ("metricName", 1, TypeError, "to string type"),
        ("beta", 0, ValueError, "expected a finite number > 0, got 0.0"),
        ("beta", "2", TypeError, "Could not convert 2 to float"),
        ("eps", 0.5, ValueError, r"expected a number in \(0, 0.5\)"),
        ("metricLabel", math.nan, ValueError, "expected a number >= 0, got nan"),
    ],
)
def test_values_outside_the_domain_are_refused_when_set(name, value, kind, message):
    evaluator = MulticlassClassificationEvaluator()
    match = f'{evaluator.uid}: Invalid param value given for param "{name}". .*{message}'
    with pytest.raises(kind, match=match):
        evaluator._set(**{name: value})
    with pytest.raises(kind, match=match):
        evaluator.set(evaluator.getParam(name), value)
    assert not evaluator.isSet(name)


def test_number_of_bins():
    with pytest.raises(ValueError, match=r"numBins.*expected a whole number >= 0, got -1"):
        BinaryClassificationEvaluator(numBins=-1)
    assert BinaryClassificationEvaluator(numBins=5.0).getNumBins() == 5


def test_a_defaults_domain_is_checked_too():
    with pytest.raises(TypeError, match='Invalid default param value given for param "amount"'):
        Shift()._setDefault(amount="x")


def test_a_param_is_declared_under_its_own_name():
    class Wrong(Params):
        size: Param = Param(Params._dummy(), "length", "")

    with pytest.raises(
        ValueError, match=r"Wrong.size: expected a param of that name, got one named 'length'"
    ):
        Wrong()


def test_a_param_needs_a_parent():
    with pytest.raises(TypeError, match="expected a stage as parent, got str"):
        Param("Shift", "amount", "")
    with pytest.raises(ValueError, match="owns"):
        Shift().amount._copy_new_parent(Shift())


MIXINS = [getattr(shared, name) for name in shared.__all__]
SAMPLES = {
    "str": "c", "int": 3, "float": 0.5, "bool": False, "list[float]": [0.25, 0.5], "list[str]": ["a", "b"],
    "handleInvalid": "keep",
}  # fmt: skip


# What only training reads: the setter is the estimator's alone.
TRAINING = {
    "maxIter", "regParam", "elasticNetParam", "tol", "fitIntercept", "standardization", "aggregationDepth",
    "maxBlockSizeInMB", "collectSubModels", "seed",
}  # fmt: skip


@pytest.mark.parametrize("mixin", MIXINS)
def test_shared_params_have_getters_and_setters(mixin):
    stage = mixin()
    (param,) = stage.params
    kind = str(mixin.__annotations__[param.name]).removeprefix("Param[")[:-1]
    sample = SAMPLES.get(param.name, SAMPLES[kind])
    title = param.name[0].upper() + param.name[1:]
    assert mixin.__name__ == f"Has{title}"
    assert hasattr(stage, f"set{title}") == (param.name not in TRAINING)
    setter = getattr(stage, f"set{title}", lambda value: stage._set(**{param.name: value}))
    assert setter(sample) is stage
    assert getattr(stage, f"get{title}")() == sample
    with pytest.raises((TypeError, ValueError), match=f'param "{param.name}"'):
        stage._set(**{param.name: object()})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("maxIter", -1),
        ("regParam", -0.1),
        ("regParam", math.nan),
        ("elasticNetParam", 1.5),
        ("tol", -1),
        ("threshold", 2),
        ("thresholds", [0, 0, 1]),
        ("thresholds", [-1, 1]),
        ("aggregationDepth", 1),
        ("parallelism", 0),
        ("handleInvalid", "drop"),
        ("maxBlockSizeInMB", -1),
    ],
)
def test_shared_params_have_sparks_domains(name, value):
    mixin = getattr(shared, f"Has{name[0].upper()}{name[1:]}")
    with pytest.raises(ValueError, match=f'param "{name}". expected'):
        mixin()._set(**{name: value})


# ---- type converters

CONVERSIONS = [
    ("toInt", 3, 3),
    ("toInt", 3.0, 3),
    ("toInt", np.float64(3), 3),
    ("toInt", np.int64(3), 3),
    ("toFloat", 3, 3.0),
    ("toFloat", np.int64(3), 3.0),
    ("toFloat", math.inf, math.inf),
    ("toBoolean", True, True),
    ("toString", "a", "a"),
    ("toString", np.str_("a"), "a"),
    ("toList", (1, 2), [1, 2]),
    ("toList", range(2), [0, 1]),
    ("toList", np.arange(2.0), [0.0, 1.0]),
    ("toListFloat", [1, 2.5], [1.0, 2.5]),
    ("toListFloat", np.array([1.0, 2.0]), [1.0, 2.0]),
    ("toListFloat", array.array("d", [1.0, 2.0]), [1.0, 2.0]),
    ("toListFloat", [], []),
    ("toListListFloat", [[1], (2, 3)], [[1.0], [2.0, 3.0]]),
    ("toListInt", [1, 2.0], [1, 2]),
    ("toListInt", np.arange(3), [0, 1, 2]),
    ("toListString", ["a", np.str_("b")], ["a", "b"]),
    ("identity", [None], [None]),
]
REFUSALS = [
    ("toInt", 3.5),
    ("toInt", "3"),
    ("toInt", True),
    ("toInt", math.nan),
    ("toInt", None),
    ("toFloat", "3"),
    ("toFloat", False),
    ("toFloat", 1j),
    ("toBoolean", 1),
    ("toBoolean", "True"),
    ("toString", 1),
    ("toString", b"a"),
    ("toList", "ab"),
    ("toList", 3),
    ("toList", {1}),
    ("toListFloat", [1, "2"]),
    ("toListFloat", ["1"]),
    ("toListFloat", [True]),
    ("toListListFloat", [1, 2]),
    ("toListInt", [1.5]),
    ("toListString", [1]),
    ("toListString", "ab"),
]


@pytest.mark.parametrize(("converter", "value", "expected"), CONVERSIONS)
def test_conversions(converter, value, expected):
    found = getattr(TypeConverters, converter)(value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(("converter", "value"), REFUSALS)
def test_refusals(converter, value):
    with pytest.raises(TypeError, match=r"Could not convert|requires value of type bool"):
        getattr(TypeConverters, converter)(value)


@pytest.mark.parametrize("value", [np.float32(2), np.int32(2), np.uint8(2)])
def test_every_numpy_number_is_a_number(value):
    """Beyond PySpark, which takes float64 and int64 alone."""
    assert TypeConverters.toFloat(value) == 2.0
    assert TypeConverters.toInt(value) == 2


@pytest.mark.spark
def test_pyspark_converts_the_same():
    from pyspark.ml.param import TypeConverters as Theirs

    for converter, value, _ in CONVERSIONS:
        expected = getattr(Theirs, converter)(value)
        assert getattr(TypeConverters, converter)(value) == expected, (converter, value)
    for converter, value in REFUSALS:
        with pytest.raises(TypeError) as theirs:
            getattr(Theirs, converter)(value)
        with pytest.raises(TypeError) as ours:
            getattr(TypeConverters, converter)(value)
        if converter != "toListListFloat":  # PySpark's message names the inner value alone
            assert str(ours.value) == str(theirs.value), (converter, value)


@pytest.mark.spark
@pytest.mark.parametrize("name", ["MulticlassClassificationEvaluator", "BinaryClassificationEvaluator"])
def test_evaluators_have_pysparks_params_and_defaults(spark, name):
    import pyspark.ml.evaluation as theirs

    import pydeepl.ml.evaluation as ours

    their, our = getattr(theirs, name)(), getattr(ours, name)()
    assert [param.name for param in our.params] == [param.name for param in their.params]
    for param in their.params:
        assert our.hasDefault(param.name) == their.hasDefault(param.name), param.name
        if their.hasDefault(param.name):
            assert our.getOrDefault(param.name) == their.getOrDefault(param.name), param.name
        title = param.name[0].upper() + param.name[1:]
        assert hasattr(our, f"get{title}")
        assert hasattr(our, f"set{title}")


@pytest.mark.spark
@pytest.mark.parametrize("mixin", MIXINS)
def test_shared_params_have_pysparks_defaults(mixin):
    import pyspark.ml.param.shared as theirs

    their, our = getattr(theirs, mixin.__name__)(), mixin()
    (param,) = our.params
    assert [p.name for p in their.params] == [param.name]
    assert their.hasDefault(param.name) == our.hasDefault(param.name)
    # outputCol has the uid in it; PySpark's seed is Python's hash of a name, another in every process.
    if our.hasDefault(param.name) and param.name not in ("outputCol", "seed"):
        assert their.getOrDefault(param.name) == our.getOrDefault(param.name)

"""Saving and loading: what is kept, that it is atomic, and that damage is refused with its place named."""

import errno
import hashlib
import json
import math
import os

import numpy as np
import pytest
from ml.stages import Center, CenterModel, Shift

from pydeepl.ml import (
    BinaryClassificationEvaluator,
    MLReadable,
    MulticlassClassificationEvaluator,
    Param,
    Params,
    Pipeline,
    PipelineModel,
    Transformer,
    load_stage,
    persistence,
)
from pydeepl.ml.persistence import DamagedStageError, MLWritable


@pytest.fixture
def model():
    return CenterModel(np.array([1.5, -2.0]))._set(inputCol="x", outputCol="y")


@pytest.fixture
def saved(model, tmp_path):
    model.save(tmp_path / "model")
    return tmp_path / "model"


def same(first, second):
    """Whether two stages have the same class, uid, values and defaults."""

    def facts(stage):
        return (
            type(stage),
            stage.uid,
            {param.name: value for param, value in stage._paramMap.items() if param.name != "stages"},
            {param.name: value for param, value in stage._defaultParamMap.items()},
        )

    return facts(first) == facts(second)


# ---- round trips


@pytest.mark.parametrize(
    "stage",
    [
        Shift(inputCol="é ñ 漢", amount=math.pi),
        Shift(amount=math.inf),
        Shift(),
        MulticlassClassificationEvaluator(metricName="logLoss", weightCol=None, eps=1e-300),
        BinaryClassificationEvaluator(numBins=0),
    ],
    ids=lambda stage: type(stage).__name__,
)
def test_params_come_back(stage, tmp_path):
    stage.save(tmp_path / "stage")
    loaded = type(stage).load(tmp_path / "stage")
    assert same(loaded, stage)
    assert loaded.getParam(stage.params[0].name).parent == stage.uid
    assert same(load_stage(tmp_path / "stage"), stage)


def test_nan_comes_back(tmp_path):
    Shift(amount=math.nan).save(tmp_path / "stage")
    assert math.isnan(Shift.load(tmp_path / "stage").getOrDefault("amount"))


def test_arrays_come_back(model, saved):
    loaded = CenterModel.read().load(str(saved))
    assert same(loaded, model)
    np.testing.assert_array_equal(loaded.mean, model.mean)
    loaded.mean[0] = 7  # an array of its own, not a view of the file
    assert sorted(os.listdir(saved)) == ["data.safetensors", "metadata.json"]


@pytest.mark.parametrize("dtype", ["f4", "f8", "i4", "i8", "u1", "?"])
def test_dtypes_shapes_and_order_of_arrays(dtype, tmp_path):
    class Holder(Transformer, MLWritable, MLReadable):
        def __init__(self, array):
            super().__init__()
            self.array = array

        def _transform(self, dataset):
            return dataset

        def _state(self):
            return persistence.StageState(arrays={"array": self.array})

        @classmethod
        def _from_state(cls, state):
            return cls(state.array("array", 2, dtype))

    array = np.asfortranarray(np.arange(6).reshape(2, 3) % 2, dtype)
    Holder(array).save(tmp_path / "holder")
    np.testing.assert_array_equal(Holder.load(tmp_path / "holder").array, array)


def test_pipelines_come_back_nested(tmp_path):
    inner = Pipeline(stages=[Center(inputCol="x", outputCol="y"), Shift(inputCol="y", outputCol="z")])
    outer = Pipeline(stages=[Shift(inputCol="a", outputCol="x"), inner, Shift(inputCol="z", outputCol="w")])
    outer.save(tmp_path / "pipeline")
    loaded = Pipeline.load(tmp_path / "pipeline")
    assert same(loaded, outer)
    pairs = zip(
        [*loaded.getStages(), *loaded.getStages()[1].getStages()],
        [*outer.getStages(), *inner.getStages()],
        strict=True,
    )
    assert all(same(*pair) for pair in pairs)


def test_pipeline_models_come_back(model, tmp_path):
    outer = PipelineModel([PipelineModel([Shift(amount=2), model]), Shift()])
    outer.write().session(None).save(tmp_path / "model")
    loaded = PipelineModel.read().session(None).load(tmp_path / "model")
    assert same(loaded, outer)
    np.testing.assert_array_equal(loaded.stages[0].stages[1].mean, model.mean)


def test_an_empty_pipeline_comes_back(tmp_path):
    Pipeline(stages=[]).save(tmp_path / "pipeline")
    assert Pipeline.load(tmp_path / "pipeline").getStages() == []


def test_files_are_json_and_safetensors_alone(tmp_path, model):
    from safetensors.numpy import load_file

    PipelineModel([model]).save(tmp_path / "model")
    files = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    stage = "model/stages/0_CenterModel"
    assert files == ["model/metadata.json", f"{stage}/data.safetensors", f"{stage}/metadata.json"]
    metadata = json.loads((tmp_path / stage / "metadata.json").read_text())
    assert metadata["params"] == {"inputCol": "x", "outputCol": "y"}
    assert (
        metadata["data"]["sha256"]
        == hashlib.sha256((tmp_path / stage / "data.safetensors").read_bytes()).hexdigest()
    )
    np.testing.assert_array_equal(load_file(tmp_path / stage / "data.safetensors")["mean"], model.mean)


def test_the_same_stage_gives_the_same_bytes(model, tmp_path):
    for name in ("a", "b"):
        model.save(tmp_path / name)
    for file in os.listdir(tmp_path / "a"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_file_urls_and_missing_parents(model, tmp_path):
    model.save(f"file://{tmp_path}/deep/down/model")
    assert same(CenterModel.load(f"file:{tmp_path}/deep/down/model"), model)


# ---- where saving stops


def test_saving_never_replaces_unasked(model, saved):
    before = (saved / "metadata.json").read_bytes()
    with pytest.raises(
        FileExistsError, match=r"model already exists.*write\(\)\.overwrite\(\)\.save\(path\)"
    ):
        Shift().save(saved)
    assert (saved / "metadata.json").read_bytes() == before


def test_overwrite_replaces_whole(saved, tmp_path):
    stage = Shift(amount=3)
    stage.write().overwrite().save(saved)
    assert same(Shift.load(saved), stage)
    assert os.listdir(saved) == ["metadata.json"]
    assert os.listdir(tmp_path) == ["model"]


@pytest.mark.parametrize(
    "make",
    [lambda path: (path.mkdir(), (path / "thesis.txt").write_text("")), lambda path: path.write_text("")],
)
def test_overwrite_spares_what_is_no_stage(make, tmp_path):
    make(tmp_path / "mine")
    with pytest.raises(FileExistsError, match="not a saved stage"):
        Shift().write().overwrite().save(tmp_path / "mine")


def test_overwrite_takes_an_empty_folder(tmp_path):
    Shift().write().overwrite().save(tmp_path)
    Shift.load(tmp_path)


def fail(error):
    def raise_error(*_):
        raise error

    return raise_error


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", ["_write_arrays", "_write_file", "_place"])
def test_a_save_that_fails_leaves_the_old_and_nothing_else(error, step, saved, tmp_path, monkeypatch):
    before = {file.name: file.read_bytes() for file in saved.iterdir()}
    monkeypatch.setattr(persistence, step, fail(error))
    with pytest.raises(type(error)) as caught:
        CenterModel(np.zeros(3)).write().overwrite().save(saved)
    if isinstance(error, OSError):
        assert "cannot save CenterModel_" in str(caught.value)
        assert "No space left" in str(caught.value)
    assert os.listdir(tmp_path) == ["model"]
    assert {file.name: file.read_bytes() for file in saved.iterdir()} == before


def test_the_old_comes_back_when_the_new_cannot_be_placed(model, saved, tmp_path, monkeypatch):
    rename = os.rename

    def fail_for_the_new(source, target):
        if str(source).endswith(".saving"):
            raise OSError(errno.EIO, "Input/output error")
        rename(source, target)

    monkeypatch.setattr("pathlib.Path.rename", lambda self, target: fail_for_the_new(self, target))
    with pytest.raises(OSError, match="Input/output error"):
        Shift().write().overwrite().save(saved)
    assert os.listdir(tmp_path) == ["model"]
    assert same(CenterModel.load(saved), model)


def test_unwritable_output_names_stage_and_path(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match=r"cannot save Shift_\w+: Not a directory: '.*file/model'"):
        Shift().save(tmp_path / "file" / "model")


def test_a_folder_without_write_permission(tmp_path, monkeypatch):
    """By errno, since the tests may run as a user whom no permission stops."""
    monkeypatch.setattr("pathlib.Path.mkdir", fail(PermissionError(errno.EACCES, "Permission denied")))
    with pytest.raises(PermissionError, match=r"cannot save Shift_\w+: Permission denied: '.*model'"):
        Shift().save(tmp_path / "model")


@pytest.mark.parametrize(
    ("path", "kind", "message"),
    [
        (3, TypeError, "path should be a string"),
        ("", ValueError, "empty"),
        ("hdfs://a/b", ValueError, "not to hdfs://"),
    ],
)
def test_paths(path, kind, message):
    with pytest.raises(kind, match=message):
        Shift().save(path)


def test_only_writable_stages_are_saved(tmp_path):
    class Loose(Transformer):
        def _transform(self, dataset):
            return dataset

    with pytest.raises(TypeError, match=r"Loose_\w+ of type Loose cannot be saved: it is not MLWritable"):
        Pipeline(stages=[Shift(), Pipeline(stages=[Loose()])]).save(tmp_path / "pipeline")
    with pytest.raises(ValueError, match="stages are not set"):
        Pipeline().save(tmp_path / "pipeline")
    assert os.listdir(tmp_path) == []


def test_values_without_json_form_are_named(tmp_path):
    class Holder(Shift):
        thing: Param = Param(Params._dummy(), "thing", "")

    with pytest.raises(TypeError, match=r"Holder_\w+.thing holds a set, which cannot be saved"):
        Holder()._set(thing={1}).save(tmp_path / "holder")
    assert os.listdir(tmp_path) == []


# ---- damage


def test_nothing_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no saved stage at .*gone: there is no such folder"):
        Shift.load(tmp_path / "gone")


def test_another_class(saved):
    with pytest.raises(DamagedStageError, match="expected a Pipeline, found a CenterModel"):
        Pipeline.load(saved)


@pytest.mark.parametrize("spark", [False, True])
def test_a_folder_that_holds_no_stage(tmp_path, spark):
    if spark:
        (tmp_path / "metadata").mkdir()
    message = (
        "looks like a model saved by Spark"
        if spark
        else "not a saved pydeepl stage: metadata.json is missing"
    )
    with pytest.raises(DamagedStageError, match=message):
        load_stage(tmp_path)


@pytest.mark.parametrize("file", ["metadata.json", "data.safetensors"])
def test_a_missing_file(saved, file):
    (saved / file).unlink()
    with pytest.raises(DamagedStageError, match=f"{file} is missing"):
        load_stage(saved)


@pytest.mark.parametrize("file", ["metadata.json", "data.safetensors"])
def test_truncated_files(saved, file):
    whole = (saved / file).read_bytes()
    for length in {0, 1, 7, 8, 9, len(whole) // 2, len(whole) - 1}:
        (saved / file).write_bytes(whole[:length])
        with pytest.raises(DamagedStageError, match=str(saved)):
            load_stage(saved)
    (saved / file).write_bytes(whole)
    load_stage(saved)


@pytest.mark.parametrize("file", ["metadata.json", "data.safetensors"])
def test_any_changed_byte_is_noticed(saved, file):
    whole = (saved / file).read_bytes()
    for place in range(0, len(whole), 3):
        changed = bytearray(whole)
        changed[place] ^= 1
        if file == "metadata.json" and json_or_none(changed) == json.loads(whole):
            continue  # white space
        (saved / file).write_bytes(changed)
        with pytest.raises(DamagedStageError):
            load_stage(saved)


def json_or_none(data):
    try:
        return json.loads(data)
    except ValueError:
        return None


def rewrite(folder, **changes):
    """Changes metadata and makes its checksum right again, as a forger would."""
    path = folder / "metadata.json"
    metadata = {**json.loads(path.read_text()), **changes}
    metadata["sha256"] = persistence._metadata_hash(metadata)
    path.write_text(json.dumps(metadata))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"class": "os.path"}, "unknown stage class 'os.path'"),
        ({"class": "pydeepl.Featurizer_"}, "unknown stage class"),
        ({"class": "pydeepl.Row"}, "unknown stage class"),
        (
            {"class": "antigravity.Stage"},
            "only pydeepl's own stages and classes that the program has already",
        ),
        ({"class": "builtins.eval"}, "unknown stage class"),
        ({"class": "subprocess.Popen"}, "unknown stage class"),
        ({"class": ""}, "unknown stage class"),
        ({"class": 3}, "'class' is missing or of the wrong type"),
        ({"params": []}, "'params' is missing or of the wrong type"),
        ({"params": {"inputCol": 3}}, "not a whole CenterModel: .*inputCol"),
        ({"params": {"nope": 3}}, "CenterModel has no param 'nope'"),
        ({"params": {"inputCol": {"float": "x"}}}, "not a whole CenterModel"),
        ({"params": {"inputCol": {"a": "x"}}}, "not a whole CenterModel"),
        ({"defaultParams": {"outputCol": ["x"]}}, "not a whole CenterModel: .*outputCol"),
        ({"values": {}}, "value 'kind': expected str, found None"),
        ({"values": {"kind": "median"}}, "not a whole CenterModel: kind: expected mean"),
        ({"data": None}, "array 'mean' is missing"),
        ({"data": {}}, "expected None bytes"),
        ({"stages": ["../../model"]}, "expected folder names such as 0_Name"),
        ({"stages": ["/etc"]}, "expected folder names such as 0_Name"),
        ({"stages": [3]}, "expected folder names such as 0_Name"),
        ({"stages": ["0_Shift"]}, "0_Shift: not a saved pydeepl stage"),
        ({"format": "pickle"}, "expected the format 'pydeepl-stage'"),
        (
            {"formatVersion": 2, "pydeeplVersion": "9.9"},
            r"written by pydeepl 9.9 in format 2; pydeepl .* reads format 1",
        ),
    ],
)
def test_altered_metadata(saved, changes, message):
    import sys

    rewrite(saved, **changes)
    with pytest.raises(DamagedStageError, match=message):
        load_stage(saved)
    assert "antigravity" not in sys.modules


def test_altered_metadata_without_its_checksum(saved):
    path = saved / "metadata.json"
    path.write_text(path.read_text().replace('"x"', '"q"'))
    with pytest.raises(DamagedStageError, match=r"metadata.json: the checksum does not match"):
        load_stage(saved)


@pytest.mark.parametrize("array", [np.zeros((2, 2)), np.zeros(2, np.float32)])
def test_arrays_of_another_shape_or_dtype(array, tmp_path):
    CenterModel(array).save(tmp_path / "model")
    with pytest.raises(
        DamagedStageError, match=r"array 'mean': expected 1 dimensions of float64, found shape"
    ):
        load_stage(tmp_path / "model")


def test_data_that_is_no_safetensors(saved):
    for data in (b"", b"x" * 100, b"\xff" * 8 + b"{}", (2**40).to_bytes(8, "little") + b"{}"):
        (saved / "data.safetensors").write_bytes(data)
        rewrite(saved, data={"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()})
        with pytest.raises(DamagedStageError, match=r"data.safetensors: not a safetensors file"):
            load_stage(saved)


@pytest.mark.parametrize("text", ["[]", "3", "null", "[" * 100_000, '{"a": ' * 50_000])
def test_metadata_that_is_other_json(saved, text):
    (saved / "metadata.json").write_text(text)
    with pytest.raises(DamagedStageError, match=r"metadata.json: not"):
        load_stage(saved)


def test_metadata_has_a_limit(saved, monkeypatch):
    monkeypatch.setattr(persistence, "MAX_METADATA_BYTES", 100)
    with pytest.raises(DamagedStageError, match="expected at most 100 bytes, found"):
        load_stage(saved)


def test_a_missing_stage_of_a_pipeline(tmp_path):
    import shutil

    Pipeline(stages=[Shift(), Shift()]).save(tmp_path / "pipeline")
    shutil.rmtree(tmp_path / "pipeline" / "stages" / "1_Shift")
    with pytest.raises(DamagedStageError, match=r"1_Shift: not a saved pydeepl stage"):
        Pipeline.load(tmp_path / "pipeline")


def test_an_estimator_in_a_pipeline_model(tmp_path):
    PipelineModel([Shift()]).save(tmp_path / "model")
    Center().write().overwrite().save(tmp_path / "model" / "stages" / "0_Shift")
    with pytest.raises(DamagedStageError, match=r"not a whole PipelineModel: .*expected Transformers"):
        load_stage(tmp_path / "model")

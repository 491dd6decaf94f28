"""Small stages that the ml tests save, load and chain."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pydeepl.ml import (
    Estimator,
    MLReadable,
    MLWritable,
    Model,
    Param,
    Params,
    Transformer,
    TypeConverters,
    keyword_only,
)
from pydeepl.ml.columns import input_column, output_column, read_numbers
from pydeepl.ml.param.shared import HasInputCol, HasOutputCol
from pydeepl.ml.persistence import StageState


class Shift(Transformer, HasInputCol, HasOutputCol, MLWritable, MLReadable):
    """outputCol = inputCol + amount."""

    amount: Param = Param(Params._dummy(), "amount", "what is added", TypeConverters.toFloat)

    @keyword_only
    def __init__(self, *, inputCol=None, outputCol=None, amount=1.0):
        super().__init__()
        self._setDefault(amount=1.0)
        self._set(**self._input_kwargs)

    def _transform(self, dataset):
        source = input_column(self, self.inputCol, dataset)
        target = output_column(self, self.outputCol, dataset)
        amount = self.getOrDefault("amount")

        def shift(batches):
            for batch in batches:
                yield [pc.add(batch.column(0).cast(pa.float64()), amount)]

        return dataset._with_stage(shift, [source], [pa.field(target, pa.float64())])


class Center(Estimator, HasInputCol, HasOutputCol, MLWritable, MLReadable):
    """Fits a CenterModel, that subtracts the mean of inputCol."""

    fits = 0

    @keyword_only
    def __init__(self, *, inputCol=None, outputCol=None):
        super().__init__()
        self._set(**self._input_kwargs)

    def _fit(self, dataset):
        type(self).fits += 1
        (values,) = read_numbers(dataset, [input_column(self, self.inputCol, dataset)])
        return self._copyValues(CenterModel(np.array([values.mean()]))._resetUid(self.uid))


class CenterModel(Model, HasInputCol, HasOutputCol, MLWritable, MLReadable):
    def __init__(self, mean):
        super().__init__()
        self.mean = mean

    def _transform(self, dataset):
        shift = Shift(inputCol=self.getInputCol(), outputCol=self.getOutputCol(), amount=-self.mean[0])
        return shift._transform(dataset)

    def _state(self):
        return StageState(values={"kind": "mean"}, arrays={"mean": self.mean})

    @classmethod
    def _from_state(cls, state):
        if state.value("kind", str) != "mean":
            raise ValueError("kind: expected mean")
        return cls(state.array("mean", ndim=1))

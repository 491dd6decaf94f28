"""The article's script, its imports replaced: run in the folder that holds the folders 0 to 9."""

from functools import reduce

from pydeepl import (
    DeepImageFeaturizer,
    ImageSchema,
    LogisticRegression,
    MulticlassClassificationEvaluator,
    Pipeline,
    lit,
)

digits = [ImageSchema.readImages(str(digit)).withColumn("label", lit(digit)) for digit in range(10)]
df = reduce(lambda first, second: first.union(second), digits)
df = df.repartition(200)
train, test = df.randomSplit([0.8, 0.2], 42)

featurizer = DeepImageFeaturizer(inputCol="image", outputCol="features", modelName="InceptionV3")
lr = LogisticRegression(maxIter=5, regParam=0.03, elasticNetParam=0.5, labelCol="label")
model = Pipeline(stages=[featurizer, lr]).fit(train)

evaluator = MulticlassClassificationEvaluator()
predictions = model.transform(test)
print("F1-Score ", evaluator.evaluate(predictions, {evaluator.metricName: "f1"}))
print("Precision ", evaluator.evaluate(predictions, {evaluator.metricName: "weightedPrecision"}))
print("Recall ", evaluator.evaluate(predictions, {evaluator.metricName: "weightedRecall"}))
print("Accuracy ", evaluator.evaluate(predictions, {evaluator.metricName: "accuracy"}))

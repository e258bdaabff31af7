"""Forecasts series, lines of {"name": "a", "values": [1.5, ...]}: spark-submit spark_pandas.py MODEL IN OUT"""

import functools
import sys

import rnntext

loaded = functools.cache(rnntext.load)  # once in each Python worker, as that imports this file as a module


def answer(model, values):
    try:
        return loaded(model).forecast(values).values[:, 0], None
    except rnntext.DataError as error:
        return None, str(error)  # of this series; the others go on


def forecast(frames, model):
    for frame in frames:
        frame["forecast"], frame["error"] = zip(*(answer(model, values) for values in frame.pop("values")))
        yield frame


if __name__ == "__main__":
    import spark_pandas
    from pyspark.sql import SparkSession

    model, source, target = sys.argv[1:]
    spark = SparkSession.builder.getOrCreate()
    spark.sparkContext.addPyFile(__file__)
    series = spark.read.schema("name string, values array<double>").json(source)
    columns = "name string, forecast array<double>, error string"
    series.mapInPandas(functools.partial(spark_pandas.forecast, model=model), columns).write.json(target)

"""Translates the lines of text files with Spark: spark-submit spark_arrow.py MODEL IN OUT"""

import functools
import sys

import pyarrow as pa

import rnntext

loaded = functools.cache(rnntext.load)  # once in each Python worker, as that imports this file as a module


def translate(batches, model):
    for batch in batches:
        lines = [line.decode("utf-8", "replace") for line in batch["value"].to_pylist()]
        yield pa.record_batch([pa.array(loaded(model).translate(lines, ahead=1536), pa.string())], ["value"])


if __name__ == "__main__":
    import spark_arrow
    from pyspark.sql import SparkSession

    model, source, target = sys.argv[1:]
    spark = SparkSession.builder.getOrCreate()
    spark.sparkContext.addPyFile(__file__)
    # Without lineSep, lines end at a lone \r, too; as strings, invalid bytes would fail in Python.
    lines = spark.read.text(source, lineSep="\n").selectExpr("cast(value as binary)")
    answers = lines.mapInArrow(functools.partial(spark_arrow.translate, model=model), "value string")
    answers.write.text(target, lineSep="\n")

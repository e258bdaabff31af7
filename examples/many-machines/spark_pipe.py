"""Translates the lines of files with Spark, which pipes each partition through the command.

spark-submit spark_pipe.py MODEL IN OUT
"""

import os
import shlex
import sys

from pyspark import SparkContext

model, source, target = sys.argv[1:]
context = SparkContext.getOrCreate()
lines = context.newAPIHadoopFile(
    source,
    "org.apache.hadoop.mapreduce.lib.input.TextInputFormat",
    "org.apache.hadoop.io.LongWritable",
    "org.apache.hadoop.io.Text",
    conf={"textinputformat.record.delimiter": "\n"},  # textFile would end lines at a lone \r, too
).values()
command = f"rnntext translate --quiet --model {shlex.quote(model)}"
# Without checkCode, the lines of a command that has crashed go missing, and the job succeeds.
lines.pipe(command, env=dict(os.environ), checkCode=True).saveAsTextFile(target)

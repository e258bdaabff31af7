"""Forecasts what follows a table of values: python example.py < values.csv.

The table has a line for each step and no heading; its columns are those of the metadata `columns`, then `known`. Lines
at the end, in which all columns that are predicted are empty, have the columns known in advance at the steps to come.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
model = onnxruntime.InferenceSession(Path(__file__).parent / "forecaster.onnx", options)
about = model.get_modelmeta().custom_metadata_map
names = json.loads(about["columns"]) + json.loads(about["known"])
targets = len(json.loads(about["columns"]))
size = model.get_inputs()[0].shape[1]  # of a window
ahead = json.loads(about["ahead"])

# 1. Read the table: values up to now, and what is known of the steps to come.
rows = []
for number, line in enumerate(sys.stdin, 1):
    try:
        rows.append([float(field.strip() or "nan") for field in line.split(",")])
    except ValueError as error:
        sys.exit(f"line {number}: {error}")
    if len(rows[-1]) != len(names):
        sys.exit(f"line {number}: must have {len(names)} fields: {', '.join(names)}")
table = np.array(rows).reshape(-1, len(names))  # [time, columns]
to_come = np.isnan(table[:, :targets]).all(axis=1)
now = len(table)
while now and to_come[now - 1]:
    now -= 1
history, future = table[:now], table[now:, targets:]
for number, row in enumerate([*history, *future], 1):
    if not np.isfinite(row).all():
        sys.exit(f"line {number}: a value is missing; fill it, as the model reads no gaps")
if len(history) < size:
    sys.exit(f"{len(history)} lines of values are too few; the model reads {size}")
if targets < len(names) and not len(future):
    fields = ", ".join(names[targets:])
    sys.exit(f"lines of the steps to come are missing, with nothing in them but what is known in advance: {fields}")
steps = len(future) or json.loads(about["config"])["horizon"]

# 2. Predict `ahead` steps at a time, and append them to the window.
forecasts = np.empty((0, targets))
while len(forecasts) < steps:
    feeds = {"window": history[None, -size:]}
    known = np.empty((ahead, 0))
    if len(model.get_inputs()) > 1:
        known = future[np.minimum(np.arange(ahead) + len(forecasts), len(future) - 1)]  # the last one may be repeated
        feeds["future"] = known[None]
    (predicted,) = model.run(None, feeds)
    forecasts = np.concatenate([forecasts, predicted[0]])
    history = np.concatenate([history, np.concatenate([predicted[0], known], axis=1)])
for row in forecasts[:steps]:
    print(",".join(f"{value:.10g}" for value in row))

"""Forecasts what follows a table of values: python example.py < values.csv.

The table has a line for each step and no heading; its columns are those of the metadata `columns`, then `known`. Lines
after the first empty field of a column that is predicted have the columns known in advance.
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
targets = len(json.loads(about["columns"]))
size = model.get_inputs()[0].shape[1]  # of a window
ahead = json.loads(about["ahead"])

# 1. Read the table: values up to now, and what is known of the steps to come.
rows = [[float(field or "nan") for field in line.strip("\n").split(",")] for line in sys.stdin]
table = np.array(rows)  # [time, columns]
to_come = np.isnan(table[:, :targets]).any(axis=1)
history, future = table[~to_come], table[to_come][:, targets:]
steps = len(future) or json.loads(about["config"])["horizon"]

# 2. Predict `ahead` steps at a time, and append them to the window.
forecasts = np.empty((0, targets))
while len(forecasts) < steps:
    feeds = {"window": history[None, -size:]}
    known = future[len(forecasts) : len(forecasts) + ahead]
    if len(model.get_inputs()) > 1:
        known = np.concatenate([known, np.repeat(known[-1:], ahead - len(known), axis=0)])
        feeds["future"] = known[None]
    else:
        known = np.empty((ahead, 0))
    (predicted,) = model.run(None, feeds)
    forecasts = np.concatenate([forecasts, predicted[0]])
    history = np.concatenate([history, np.concatenate([predicted[0], known], axis=1)])
for row in forecasts[:steps]:
    print(",".join(f"{value:.10g}" for value in row))

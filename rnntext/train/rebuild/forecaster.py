"""Rebuilds a forecaster of rnntext with Keras's own layers, whole: values in, forecasts in the same unit out.

from rebuild import load
model, about = load()
forecast = model([window, future])  # float64; without known columns model(window)
"""

import json
import math
from pathlib import Path
from typing import Any

import keras
from keras import layers, ops

HERE = Path(__file__).parent
CELLS = {"rnn": layers.SimpleRNN, "lstm": layers.LSTM, "gru": layers.GRU}


def build(about: dict[str, Any]) -> keras.Model:
    """The model that `model.json` describes, with weights as Keras begins them."""
    # 1. Scale the columns that are predicted.
    scale = about["scale"]
    ahead, read = about["ahead"], about["read"]
    count, known = len(about["columns"]), len(about["known"])
    length = about["config"]["window"]
    mean, spread = (ops.array(scale[name], "float64") for name in ("mean", "spread"))
    window = keras.Input((length, count + known), dtype="float64")
    future = keras.Input((ahead, known), dtype="float64")
    targets = window[:, :, :count]
    if scale["least"] is not None:
        targets = ops.log(ops.maximum(targets, scale["least"]))
    targets = (targets - mean[:count]) / spread[:count]

    # 2. Make the network's input.
    parts = [targets[:, length - read :]]
    if scale["relative"]:
        parts = [parts[0] - parts[0][:, :1]]
    if known:
        columns = ops.concatenate([window[:, length - read :, count:], future], axis=1)
        columns = (columns - mean[count:]) / spread[count:]
        parts += [columns[:, later : later + read] for later in range(1, ahead + 1)]
    features = ops.cast(ops.concatenate(parts, axis=2), "float32")  # [batch, read, features]

    # 3. Add its answer to the forecast that it corrects.
    forecast = base(about, targets)
    answer = network(about, features)
    if answer is not None:
        forecast = forecast + ops.cast(ops.reshape(answer, (-1, ahead, count)), "float64")
    forecast = forecast * spread[:count] + mean[:count]
    if scale["least"] is not None:
        forecast = ops.exp(forecast)
    if scale["floor"] is not None:
        forecast = ops.maximum(forecast, scale["floor"])
    return keras.Model([window, future] if known else window, forecast)


def base(about: dict[str, Any], targets: Any) -> Any:
    """The scaled forecast that the network corrects: exponential smoothing, the (seasonal) naive one, or zero."""
    scale, ahead = about["scale"], about["ahead"]
    if not scale["relative"]:
        return ops.zeros_like(targets[:, :1])
    if scale["smoothing"] is not None:
        smoothed = []
        for column in range(len(about["columns"])):
            options = {"use_bias": False, "trainable": False, "dtype": "float64", "name": f"smoothing.{column}"}
            smoothed.append(layers.Dense(ahead, **options)(targets[:, :, column]))
        return ops.stack(smoothed, axis=-1)
    last = about["config"]["window"] - 1
    before = [last + k - scale["season"] * math.ceil(k / scale["season"]) for k in range(1, ahead + 1)]
    return ops.take(targets, [last if step < 0 else step for step in before], axis=1)


def network(about: dict[str, Any], x: Any) -> Any:
    """The network's answer, `[batch, ahead * columns]`; None of a naive forecaster, which has none."""
    # 1. Read the window.
    outputs = about["ahead"] * len(about["columns"])
    flat = h = layers.Flatten()(x)
    layer_units = about["layer_units"]
    if about["config"]["architecture"] == "conv-gru":
        x = x[:, about["read"] % 2 :]
        x = layers.Conv1D(layer_units[0], 4, strides=2, name="convolution")(x)
    for number, units in enumerate(layer_units):
        is_last = number == len(layer_units) - 1
        h = x = CELLS[about["cell"]](units, return_sequences=not is_last, name=f"layer{number}")(x)

    # 2. Answer.
    if about["output"]:
        h = layers.Dense(outputs, name="output")(h)
    if about["linear"]:
        h = h + layers.Dense(outputs, use_bias=False, name="linear")(flat)
    return h if layer_units or about["output"] else None


def load() -> tuple[keras.Model, dict[str, Any]]:
    """The trained model, and what `model.json` says."""
    about = json.loads((HERE / "model.json").read_text(encoding="utf-8"))
    model = build(about)
    model.load_weights(HERE / "model.weights.h5")
    return model, about

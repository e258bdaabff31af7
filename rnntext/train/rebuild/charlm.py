"""Rebuilds a character model of rnntext with Keras's own layers.

from rebuild import load
model, about = load()
logits = model(ids)  # [batch, time] to [batch, time, vocabulary]
"""

import json
from pathlib import Path
from typing import Any

import keras

HERE = Path(__file__).parent
CELLS = {"rnn": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM, "gru": keras.layers.GRU}


def build(about: dict[str, Any]) -> keras.Model:
    """The model that `model.json` describes, with weights as Keras begins them."""
    config = about["config"]
    size = len(about["vocabulary"])
    ids = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(size, config["embedding"], name="embedding")(ids)
    for layer in range(config["layers"]):
        x = CELLS[config["cell"]](config["units"], return_sequences=True, name=f"layer{layer}")(x)
    return keras.Model(ids, keras.layers.Dense(size, name="logits")(x))


def load() -> tuple[keras.Model, dict[str, Any]]:
    """The trained model, and what `model.json` says."""
    about = json.loads((HERE / "model.json").read_text(encoding="utf-8"))
    model = build(about)
    model.load_weights(HERE / "model.weights.h5")
    return model, about

"""Rebuilds a GRU translator of rnntext with Keras's own layers (Bahdanau, Cho, Bengio 2015).

from rebuild import load
model, about = load()
logits = model([source, target])  # [batch, source] and [batch, target] to [batch, target, vocabulary]
"""

import json
from pathlib import Path
from typing import Any

import keras
from keras import layers, ops

HERE = Path(__file__).parent


def build(about: dict[str, Any]) -> keras.Model:
    """The model that `model.json` describes, with weights as Keras begins them."""
    # 1. Embed both sides.
    config = about["config"]
    units, size, attention = config["units"], config["embedding"], config["attention"]
    source = keras.Input((None,), dtype="int32")
    target = keras.Input((None,), dtype="int32")
    mask = ops.not_equal(source, about["padding"])
    words = about.get("vocabulary") or about["source_vocabulary"]
    target_words = about.get("vocabulary") or about["target_vocabulary"]
    source_embedding = target_embedding = layers.Embedding(len(words), size, name="source.embedding")
    if not (config["tied"] and config["joint"]):
        target_embedding = layers.Embedding(len(target_words), size, name="target.embedding")
    x = source_embedding(source) * size**0.5
    y = target_embedding(target) * size**0.5

    # 2. Read the source in both directions.
    for layer in range(config["layers"]):
        forward = layers.GRU(units, return_sequences=True, return_state=True)
        backward = layers.GRU(units, return_sequences=True, return_state=True, go_backwards=True)
        both = layers.Bidirectional(forward, backward_layer=backward, name=f"encoder.{layer}")
        x, *last = both(x, mask=mask)
    final = layers.Concatenate()(last)
    states = [layers.Dense(units, "tanh", name=f"bridge.{layer}")(final) for layer in range(config["layers"])]

    # 3. Read the target. The first layer's outputs look at the source.
    context = []
    for layer, state in enumerate(states):
        gru = layers.GRU(units, return_sequences=True, name=f"decoder.{layer}")
        h = gru(y, initial_state=state)
        if layer == 0 and attention != "none":
            keys = layers.Dense(units, use_bias=False, name="attention.keys")(x)
            if attention == "additive":
                queries = layers.Dense(units, name="attention.query")(h)
                context = [layers.AdditiveAttention(name="attention")([queries, x, keys], mask=[None, mask])]
            else:
                context = [layers.Attention(name="attention")([h, x, keys], mask=[None, mask])]
        y = layers.Concatenate()([h, *context]) if context else h
    output = layers.Dense(size, "tanh", name="output")(y)
    return keras.Model([source, target], layers.Dense(len(target_words), name="logits")(output))


def load() -> tuple[keras.Model, dict[str, Any]]:
    """The trained model, and what `model.json` says."""
    about = json.loads((HERE / "model.json").read_text(encoding="utf-8"))
    model = build(about)
    model.load_weights(HERE / "model.weights.h5")
    return model, about

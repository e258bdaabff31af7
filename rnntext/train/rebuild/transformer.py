"""Rebuilds a Transformer or a hybrid of rnntext with Keras's own layers (Vaswani et al. 2017, pre-norm).

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
    units = config["units"]
    is_hybrid = config["architecture"] == "hybrid"
    source = keras.Input((None,), dtype="int32")
    target = keras.Input((None,), dtype="int32")
    visible = ops.expand_dims(ops.not_equal(source, about["padding"]), 1)  # [batch, 1, source]
    words = about.get("vocabulary") or about["source_vocabulary"]
    target_words = about.get("vocabulary") or about["target_vocabulary"]
    source_embedding = target_embedding = layers.Embedding(len(words), units, name="source.embedding")
    if not (config["tied"] and config["joint"]):
        target_embedding = layers.Embedding(len(target_words), units, name="target.embedding")
    x = source_embedding(source) * units**0.5 + positions(about, source, "source")
    y = target_embedding(target) * units**0.5
    if not is_hybrid:
        y = y + positions(about, target, "target")

    # 2. Read the source.
    for layer in range(config["layers"]):
        name = f"encoder.{layer}"
        x = x + attention(config, f"{name}.itself", norm(f"{name}.itself", x), attention_mask=visible)
        x = x + feedforward(config, f"{name}.feedforward", x)
    memory = norm("encoder", x)

    # 3. Read the target.
    for layer in range(config["decoder_layers"] if is_hybrid else config["layers"]):
        name = f"decoder.{layer}"
        if is_hybrid:
            normed = norm(f"{name}.recurrent", y)
            h = layers.GRU(units, return_sequences=True, name=f"{name}.recurrent.gru")(normed)
            y = y + layers.Dense(units, name=f"{name}.recurrent.output")(h)
        else:
            y = y + attention(config, f"{name}.itself", norm(f"{name}.itself", y), use_causal_mask=True)
        normed = norm(f"{name}.source", y)
        y = y + attention(config, f"{name}.source", normed, memory, attention_mask=visible)
        y = y + feedforward(config, f"{name}.feedforward", y)
    logits = layers.Dense(len(target_words), name="logits")(norm("decoder", y))
    return keras.Model([source, target], logits)


def positions(about: dict[str, Any], ids: Any, side: str) -> Any:
    """Positional encodings, a table of rows: `[batch, time]` to `[batch, time, units]`."""
    table = layers.Embedding(about["positions"], about["config"]["units"], name=f"{side}.positions")
    table.trainable = about["config"]["positions"] == "learned"
    return table(ops.cumsum(ops.ones_like(ids), axis=1) - 1)


def norm(name: str, x: Any) -> Any:
    """Layer normalisation."""
    return layers.LayerNormalization(epsilon=1e-6, name=f"{name}.norm")(x)


def attention(config: dict[str, Any], name: str, queries: Any, memory: Any = None, **masks: Any) -> Any:
    """Attention to the memory, or to the sequence itself."""
    width = config["units"] // config["heads"]
    layer = layers.MultiHeadAttention(config["heads"], width, name=name)
    return layer(queries, queries if memory is None else memory, **masks)


def feedforward(config: dict[str, Any], name: str, x: Any) -> Any:
    """Two layers with a rectifier between them."""
    inner = layers.Dense(config["feedforward"], "relu", name=f"{name}.inner")(norm(name, x))
    return layers.Dense(config["units"], name=f"{name}.output")(inner)


def load() -> tuple[keras.Model, dict[str, Any]]:
    """The trained model, and what `model.json` says."""
    about = json.loads((HERE / "model.json").read_text(encoding="utf-8"))
    model = build(about)
    model.load_weights(HERE / "model.weights.h5")
    return model, about

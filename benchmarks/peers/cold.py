"""Processes that do one small thing with one of our models, written with TensorFlow or with PyTorch.

python -m benchmarks.peers.cold tensorflow|torch generate|translate MODEL [graph|eager]
"""

from __future__ import annotations

import os
import sys
from typing import Any

LENGTH = 100
START, END = 2, 3


def tensorflow_generate(path: str) -> None:
    """100 characters with Keras's `LSTMCell`s, a graph for each step."""
    import keras
    import tensorflow as tf

    loaded = _loaded(path)
    model, arrays = loaded.engine, _arrays(loaded)
    embedding = tf.constant(arrays["embedding"])
    cells = []
    for index in range(model.config.layers):
        cell = keras.layers.LSTMCell(model.config.units)
        cell.build((None, arrays[f"layer{index}.kernel"].shape[0]))
        cell.set_weights([arrays[f"layer{index}.{part}"] for part in ("kernel", "recurrent_kernel", "bias")])
        cells.append(cell)

    @tf.function
    def step(ids: Any, states: Any) -> Any:
        x, after = tf.gather(embedding, ids), []
        for cell, state in zip(cells, states):
            x, state = cell(x, state)
            after.append(state)
        logits = (x @ arrays["logits.kernel"] + arrays["logits.bias"]) / 0.8
        return tf.random.categorical(logits, 1, tf.int32)[:, 0], after

    ids, states = tf.constant([1]), [[tf.zeros([1, model.config.units])] * 2 for _ in cells]
    text = []
    for _ in range(LENGTH):
        ids, states = step(ids, states)
        text.append(int(ids[0]))
    print(model.vocabulary.decode(text))


def torch_generate(path: str) -> None:
    """100 characters with `LSTMCell`s."""
    import torch

    loaded = _loaded(path)
    model, arrays = loaded.engine, {name: torch.tensor(array) for name, array in _arrays(loaded).items()}
    cells = []
    for index in range(model.config.layers):
        kernel, recurrent, bias = (arrays[f"layer{index}.{p}"] for p in ("kernel", "recurrent_kernel", "bias"))
        cell = torch.nn.LSTMCell(kernel.shape[0], model.config.units)
        state = {"weight_ih": kernel.T, "weight_hh": recurrent.T, "bias_ih": bias, "bias_hh": torch.zeros_like(bias)}
        cell.load_state_dict(state)  # both have the gates i, f, g, o
        cells.append(cell)
    with torch.inference_mode():
        ids, states = torch.tensor([1]), [(torch.zeros(1, model.config.units),) * 2 for _ in cells]
        text = []
        for _ in range(LENGTH):
            x = arrays["embedding"][ids]
            for index, cell in enumerate(cells):
                states[index] = cell(x, states[index])
                x = states[index][0]
            logits = (x @ arrays["logits.kernel"] + arrays["logits.bias"]) / 0.8
            ids = torch.multinomial(torch.softmax(logits, dim=-1), 1)[:, 0]
            text.append(int(ids))
    print(model.vocabulary.decode(text))


def tensorflow_translate(path: str) -> None:
    """One line, greedily, with the Keras model that was trained; each step reads the whole answer so far."""
    from rnntext.train import tensorflow

    tensorflow.start(1)
    import tensorflow as tf

    from rnntext.train.transformer import Transformer

    model = _loaded(path)
    keras_model = Transformer(model.config, (len(model.source), len(model.target)))
    arrays = _arrays(model)
    for name, variable in keras_model.named_variables().items():
        variable.assign(arrays[name])

    @tf.function(input_signature=[tf.TensorSpec([1, None], tf.int32)] * 2)
    def following(source: Any, target: Any) -> Any:
        hidden = keras_model.decode(target, keras_model.encode(source, False), False)
        return tf.argmax(keras_model.logits(hidden[:, -1:])[0, 0])

    source = model.source.encode(sys.stdin.readline().rstrip("\n"))[None]
    _greedy(model, source.shape[1], lambda ids: int(following(tf.constant(source), tf.constant([ids], tf.int32))))


def torch_translate(path: str) -> None:
    """One line, greedily; each step reads the whole answer so far."""
    import torch

    from benchmarks.peers.torch_translator import Transformer

    model = _loaded(path)
    shape = model.config
    peer = Transformer(len(model.target), shape.layers, shape.units, shape.heads, shape.feedforward).eval()
    peer.load(_arrays(model))
    with torch.inference_mode():
        source = torch.tensor(model.source.encode(sys.stdin.readline().rstrip("\n")).tolist())[None]
        memory, padding = peer.encode(source), torch.zeros_like(source, dtype=torch.bool)

        def following(ids: list[int]) -> int:
            hidden = peer.decode(torch.tensor([ids]), memory, padding)
            return int(peer.logits(hidden[0, -1]).argmax())

        _greedy(model, source.shape[1], following)


def _greedy(model: Any, length: int, following: Any) -> None:
    ids = [START]
    while len(ids) <= 2 * length + 10 and (token := following(ids)) != END:
        ids.append(token)
    print(model.target.decode(ids))


def _loaded(path: str) -> Any:
    from rnntext.jobs.load import load

    return load(path)


def _arrays(model: Any) -> Any:
    """All weights, by name."""
    from safetensors.numpy import load

    from rnntext.storage.weights import WEIGHTS

    return load(model.checkpoint.files[WEIGHTS])


def main() -> None:
    """The command."""
    library, what, path, *how = sys.argv[1:]
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    if how == ["eager"]:
        import tensorflow as tf

        tf.config.run_functions_eagerly(True)
    globals()[f"{library}_{what}"](path)


if __name__ == "__main__":
    main()

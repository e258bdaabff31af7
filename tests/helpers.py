"""What several tests need: tiny character models, and a textbook's version of the recurrent layers in float64."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from hypothesis import settings

from rnntext.config import CharlmConfig
from rnntext.run.charlm import Charlm, shapes
from rnntext.storage import checkpoint
from rnntext.text.vocabulary import CharVocabulary

examples = settings(max_examples=100, deadline=None)  # for @given
ALPHABET = "\nabcdefghijklmnopqrstuvwxyz"
Arrays = dict[str, np.ndarray]


def random_arrays(config: CharlmConfig, vocabulary_size: int, seed: int = 0, scale: float = 0.5) -> Arrays:
    """Normally distributed weights, biases included."""
    generator = np.random.default_rng(seed)
    found = shapes(config, vocabulary_size).items()
    return {name: generator.normal(0.0, scale, shape).astype(np.float32) for name, shape in found}


def tiny_charlm(
    cell: str = "lstm", layers: int = 2, characters: str = "\nabcde", seed: int = 0, scale: float = 0.5
) -> Charlm:
    """A character model with random weights."""
    config = CharlmConfig(cell=cell, layers=layers, units=5, embedding=3)
    return Charlm(config, CharVocabulary(list(characters)), random_arrays(config, len(characters) + 1, seed, scale))


def alphabet_weights(lowercase: bool = False) -> tuple[CharlmConfig, str, Arrays]:
    """A model that knows the alphabet: after each letter the next one is by far the likeliest; z, line break, a."""
    size = len(ALPHABET) + 1  # ids: 0 is [UNK], 1 the line break, 2 ... 27 the letters
    config = CharlmConfig(cell="rnn", layers=1, units=size, embedding=size, lowercase=lowercase)
    arrays = {name: np.zeros(shape, np.float32) for name, shape in shapes(config, size).items()}
    # h is 1 for the letter that was just read, 0 for all others
    arrays["embedding"] = arrays["layer0.kernel"] = 5 * np.eye(size, dtype=np.float32)
    for index in range(1, size):
        arrays["logits.kernel"][index, index % (size - 1) + 1] = 20.0
    return config, ALPHABET, arrays


def save_charlm(root: Path, config: CharlmConfig, characters: Sequence[str], arrays: Mapping[str, np.ndarray]) -> Path:
    """Puts a character model into service in a folder."""
    files = {
        "config.json": checkpoint.to_json({"model": config.to_json()}),
        "vocabulary.json": checkpoint.to_json(list(characters)),
    }
    checkpoint.promote(root, checkpoint.write_version(root, "charlm", files, arrays, {}))
    return root


# The textbook's layers: one text, one step, plain sigmoids; Keras's order of gates ---------------------------------


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def rnn_step(x, h, c, W, R, b):  # noqa: N803
    return np.tanh(x @ W + h @ R + b), c


def lstm_step(x, h, c, W, R, b):  # noqa: N803
    i, f, g, o = np.split(x @ W + h @ R + b, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru_step(x, h, c, W, R, b):  # noqa: N803
    xz, xr, xh = np.split(x @ W + b[0], 3)
    hz, hr, hh = np.split(h @ R + b[1], 3)
    z, r = sigmoid(xz + hz), sigmoid(xr + hr)
    return z * h + (1 - z) * np.tanh(xh + r * hh), c


def textbook_logits(config: CharlmConfig, arrays: Mapping[str, np.ndarray], ids: Sequence[int]) -> np.ndarray:
    """Logits after each character of a text, `[time, vocabulary]`, float64."""
    step = {"rnn": rnn_step, "lstm": lstm_step, "gru": gru_step}[config.cell]
    a = {name: array.astype(np.float64) for name, array in arrays.items()}
    states = [(np.zeros(config.units), np.zeros(config.units)) for _ in range(config.layers)]
    logits = []
    for character in ids:
        x = a["embedding"][character]
        for index, (h, c) in enumerate(states):
            weights = (a[f"layer{index}.{name}"] for name in ("kernel", "recurrent_kernel", "bias"))
            states[index] = step(x, h, c, *weights)
            x = states[index][0]
        logits.append(x @ a["logits.kernel"] + a["logits.bias"])
    return np.array(logits)

"""From text to what a training step eats: TextVectorization, and targets that are the features shifted by one."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from rnntext.text.vocabulary import CharVocabulary

CHUNK = 250_000  # characters at a time: one call on 100 MB would cost 24 bytes a character
RESERVED = 2  # TextVectorization's own '' and '[UNK]' come first in its table


def _chunks(text: str) -> Iterator[str]:
    return (text[begin : begin + CHUNK] for begin in range(0, len(text), CHUNK))


def learn_characters(text: str, size: int | None = None) -> CharVocabulary:
    """The characters of a text, most frequent first, at most `size` of them."""
    layer = keras.layers.TextVectorization(
        max_tokens=None if size is None else size + RESERVED, standardize=None, split="character", encoding="utf-8"
    )
    layer.adapt(
        tf.data.Dataset.from_generator(lambda: _chunks(text), output_signature=tf.TensorSpec([], tf.string)).batch(1)
    )
    return CharVocabulary(layer.get_vocabulary(include_special_tokens=False))


def vectorize(text: str, vocabulary: CharVocabulary) -> np.ndarray:
    """Ids of a text, `[len(text)]`, in the smallest type that holds them; the same as `vocabulary.encode(text)`."""
    small = np.uint8 if len(vocabulary) <= 0xFF else np.uint16 if len(vocabulary) <= 0xFFFF else np.int32
    layer = keras.layers.TextVectorization(standardize=None, split="character", vocabulary=vocabulary.characters)
    # Its [UNK] is 1, ours 0: shift by one. Its padding, 0, does not occur: one text at a time.
    parts = [(layer(tf.constant(chunk)).numpy() - 1).astype(small) for chunk in _chunks(text)]
    return np.concatenate(parts) if parts else np.empty(0, small)


class CharStreams:
    """A text as `batch` parallel streams, cut into windows: window w + 1 of a stream goes on where window w ended, so
    the recurrent state can be carried over. Everything is a function of (seed, step).

    Each epoch begins at another offset, so that windows are not always cut at the same places.

    Args:
        ids: `[time]`.
        batch: number of streams; a short text gets fewer.
        window: steps of truncated back-propagation through time.
    """

    def __init__(self, ids: np.ndarray, batch: int, window: int, seed: int) -> None:
        self.ids, self.window, self.seed = ids, window, seed
        self.batch = max(1, min(batch, (len(ids) - 1) // (2 * window)))
        self.steps_per_epoch = max(1, (len(ids) - 1 - window) // (self.batch * window))
        self.stride = self.steps_per_epoch * window
        self.slack = len(ids) - 1 - self.batch * self.stride

    def windows(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Features and labels of a step, both `[batch, window]`, int32: the labels are the features one later."""
        epoch, index = divmod(step, self.steps_per_epoch)
        offset = int(np.random.default_rng([self.seed, epoch]).integers(0, self.slack + 1))
        begins = offset + index * self.window + self.stride * np.arange(self.batch)
        at = begins[:, None] + np.arange(self.window + 1)
        cut = self.ids[at].astype(np.int32)
        return cut[:, :-1], cut[:, 1:]

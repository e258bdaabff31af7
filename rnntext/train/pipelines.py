"""From text to what a training step eats: TextVectorization, and targets that are the features shifted by one."""

from __future__ import annotations

import io
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import keras
import numpy as np
import tensorflow as tf

from rnntext.config import TranslatorConfig, TranslatorTraining
from rnntext.errors import DataError
from rnntext.run.attention import pad
from rnntext.text.bitext import Pair
from rnntext.text.tokens import END, RESERVED, START, Language, Subwords, Tokenizer, tokenizer
from rnntext.text.vocabulary import UNKNOWN, CharVocabulary, code_points

LINES = 600  # that SentencePiece cuts in one call: after 700 new lists Python looks for cycles
CHUNK = 250_000  # characters at a time: one call on 100 MB would cost 24 bytes a character
OWN = 2  # TextVectorization's own '' and '[UNK]' come first in its table


def _chunks(text: str) -> Iterator[str]:
    return (text[begin : begin + CHUNK] for begin in range(0, len(text), CHUNK))


def learn_characters(text: str, size: int | None = None) -> CharVocabulary:
    """The characters of a text, most frequent first, at most `size` of them."""
    layer = keras.layers.TextVectorization(
        max_tokens=None if size is None else size + OWN, standardize=None, split="character", encoding="utf-8"
    )
    layer.adapt(
        tf.data.Dataset.from_generator(lambda: _chunks(text), output_signature=tf.TensorSpec([], tf.string)).batch(1)
    )
    return CharVocabulary(layer.get_vocabulary(include_special_tokens=False))


def vectorize(text: str, vocabulary: CharVocabulary) -> np.ndarray:
    """Ids of a text, `[len(text)]`, in the smallest type that holds them; the same as `vocabulary.encode(text)`. Each
    character goes through TextVectorization but once, into a table by code point."""
    layer = keras.layers.TextVectorization(standardize=None, split="character", vocabulary=vocabulary.characters)
    known = "".join(vocabulary.characters)
    table = np.full(sys.maxunicode + 1, UNKNOWN, np.min_scalar_type(len(vocabulary) - 1))
    # Its [UNK] is 1, ours 0: shift by one. Its padding, 0, does not occur: one text at a time.
    table[code_points(known)] = layer(tf.constant(known)).numpy() - 1
    ids = np.empty(len(text), table.dtype)
    for index, chunk in enumerate(_chunks(text)):
        table.take(code_points(chunk), out=ids[index * CHUNK :][: len(chunk)])
    return ids


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


# Translation ----------------------------------------------------------------------------------------------------------

LEAST_SUBWORDS = 300  # the 256 bytes are among them
SUBWORD_THREADS = 2  # SentencePiece learns another model for another number
MOST_BYTES = 4192  # of a line that SentencePiece learns from; it skips longer ones


def learn_languages(
    pairs: Sequence[Pair], config: TranslatorConfig, training: TranslatorTraining
) -> tuple[Language, Language]:
    """Tokenizers and vocabularies of both sides, learnt from pairs; one for both, if the config says joint."""
    sides = [[source for source, _ in pairs], [target for _, target in pairs]]
    if config.joint:
        both = _learn_language(sides[0] + sides[1], config.tokens, training.vocabulary_size)
        return both, both
    source, target = (_learn_language(side, config.tokens, training.vocabulary_size) for side in sides)
    return source, target


def _learn_language(sentences: list[str], kind: str, size: int) -> Language:
    if kind == "subword":
        subwords = Subwords(_learn_subwords(sentences, size))
        pieces = (piece for i, piece in enumerate(subwords.pieces) if not _special(subwords.processor, i))
        return Language(subwords, pieces)
    cut = tokenizer(kind, None)
    layer = keras.layers.TextVectorization(max_tokens=size + OWN, standardize=None, split="whitespace")
    chunks = tf.data.Dataset.from_generator(
        lambda: _joined(sentences, cut), output_signature=tf.TensorSpec([None], tf.string)
    )
    layer.adapt(chunks)
    return Language(cut, layer.get_vocabulary(include_special_tokens=False))


def _special(processor: object, index: int) -> bool:
    return bool(processor.is_unknown(index) or processor.is_control(index))  # type: ignore[attr-defined]


def _learn_subwords(sentences: list[str], size: int) -> bytes:
    import sentencepiece

    size = max(size, LEAST_SUBWORDS)
    model = io.BytesIO()
    escaped = [s.replace("\u2581", "\U000f2581") for s in sentences]
    escaped = _without_rare([s for s in escaped if len(s.encode()) <= MOST_BYTES], (size - LEAST_SUBWORDS) // 2 + 20)
    if not escaped:
        raise DataError(f"every sentence has more than {MOST_BYTES} bytes; give shorter ones")
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(escaped),
        model_writer=model,
        model_type="bpe",
        vocab_size=size,
        hard_vocab_limit=False,
        normalization_rule_name="identity",
        byte_fallback=True,
        character_coverage=1.0,
        num_threads=SUBWORD_THREADS,
        bos_id=-1,
        eos_id=-1,
        minloglevel=2,
    )
    return model.getvalue()


def _without_rare(sentences: list[str], most: int) -> list[str]:
    """Sentences without all characters but the `most` commonest: SentencePiece gives each a piece, and refuses a
    vocabulary that cannot hold them. What has no piece is written as bytes."""
    counts = Counter(character for sentence in sentences for character in sentence)
    if len(counts) <= most:
        return sentences
    rare = dict.fromkeys(ord(character) for character, _ in counts.most_common()[most:])
    return [kept for sentence in sentences if (kept := sentence.translate(rare))]


def _joined(sentences: Sequence[str], cut: Tokenizer) -> Iterator[list[str]]:
    """Sentences as tokens with spaces between them, about CHUNK characters at a time."""
    chunk: list[str] = []
    size = 0
    for sentence in sentences:
        joined = " ".join(cut.split(sentence))
        if chunk and size + len(joined) > CHUNK:
            yield chunk
            chunk, size = [], 0
        chunk.append(joined)
        size += len(joined)
    if chunk:
        yield chunk


class Sentences:
    """Many sentences' ids in one array.

    Args:
        ids: of all sentences, one after another.
        lengths: `[sentences]`.
    """

    def __init__(self, ids: np.ndarray, lengths: np.ndarray) -> None:
        self.ids, self.lengths = ids, lengths
        self.begins = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index: int) -> np.ndarray:
        begin = self.begins[index]
        return self.ids[begin : begin + self.lengths[index]]

    def take(self, which: np.ndarray) -> Sentences:
        """Some of the sentences."""
        parts = [self[index] for index in which]
        return Sentences(np.concatenate(parts) if parts else self.ids[:0], self.lengths[which])


def vectorize_sentences(sentences: Sequence[str], language: Language) -> Sentences:
    """Ids of sentences, by TextVectorization; the same as `language.encode` of each. Of subwords it looks up each piece
    but once: SentencePiece, which cuts many sentences at a time, has numbers for them."""
    layer = keras.layers.TextVectorization(
        standardize=None, split="whitespace", vocabulary=language.tokens, ragged=True, output_mode="int"
    )

    def look_up(joined: list[str]) -> tuple[np.ndarray, np.ndarray]:
        found = layer(tf.constant(joined))
        # Its [UNK] is 1 and tokens begin at 2; ours begin after the reserved ids.
        values = found.values.numpy().astype(np.int32)
        return np.where(values >= OWN, values + (RESERVED - OWN), values), found.row_lengths().numpy()

    cut = language.tokenizer
    parts: Iterable[tuple[np.ndarray, np.ndarray]]
    if isinstance(cut, Subwords):
        table, _ = look_up(cut.pieces)
        chunks = (cut.numbers(sentences[begin : begin + LINES]) for begin in range(0, len(sentences), LINES))
        parts = ((table[list(chain.from_iterable(found))], np.array(list(map(len, found)))) for found in chunks)
    else:
        parts = map(look_up, _joined(sentences, cut))
    ids, lengths = zip(*parts, strict=True)
    return Sentences(np.concatenate(ids), np.concatenate(lengths))


class PairBatches:
    """Pairs of sentences in batches of about equal work, each with sentences of about equal length. Everything is a
    function of (seed, epoch, position).

    Args:
        source, target: ids, without START and END.
        batch_tokens: sentences x tokens of the longer side, about.
        accumulate: batches that a step takes.
    """

    def __init__(self, source: Sentences, target: Sentences, batch_tokens: int, seed: int, accumulate: int = 1) -> None:
        self.source, self.target, self.seed, self.accumulate = source, target, seed, accumulate
        self.work = np.maximum(source.lengths, target.lengths + 1).astype(np.int64)
        count = max(1, round(self.work.sum() / batch_tokens))
        self.steps_per_epoch = max(1, count // accumulate)
        self._epoch, self._order = -1, [np.empty(0, np.int64)]

    def batch(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Source ids `[batch, source]` and target ids `[batch, target + 2]`, START and END included, filled with PAD:
        decoder inputs are all but the last column, labels all but the first."""
        which = self.pairs(index)
        return filled([self.source[i] for i in which]), filled([framed(self.target[i]) for i in which])

    def pairs(self, index: int) -> np.ndarray:
        """Numbers of the pairs in a batch."""
        step, part = divmod(index, self.accumulate)
        epoch, position = divmod(step, self.steps_per_epoch)
        if epoch != self._epoch:
            self._epoch, self._order = epoch, self._epoch_order(epoch)
        return self._order[position * self.accumulate + part]

    def _epoch_order(self, epoch: int) -> list[np.ndarray]:
        """All batches of an epoch. Sorted by target length, then source length (up and down in turn, so that it never
        jumps), with some noise, so that a sentence meets others each time; cut where the work is; shuffled."""
        generator = np.random.default_rng([self.seed, epoch])
        noise = generator.uniform(0, 2, (2, len(self.work)))
        rank = (self.target.lengths + noise[1]) // 2
        order = np.lexsort(((self.source.lengths + noise[0]) * (1 - 2 * (rank % 2)), rank))
        count = self.steps_per_epoch * self.accumulate
        edges = np.cumsum(self.work[order]) * count // (self.work.sum() + 1)  # number of the batch of each
        cuts = np.searchsorted(edges, np.arange(1, count))
        parts = [part if len(part) else order[:1] for part in np.split(order, cuts)]
        return [parts[i] for i in generator.permutation(count)]


def framed(ids: np.ndarray) -> np.ndarray:
    """START, the ids, END."""
    return np.concatenate([[START], ids, [END]])


def filled(sentences: list[np.ndarray]) -> np.ndarray:
    """`[batch, longest]`, int32, filled up with PAD."""
    return pad(sentences, max(len(ids) for ids in sentences))[0]

"""Tokenizers for translation models: subwords, words or characters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain
from typing import Protocol

import numpy as np

from rnntext import system
from rnntext.errors import CheckpointError
from rnntext.text.pieces import SPACE, check_model

WORDS = 600  # that SentencePiece cuts in one call: after 700 new lists Python looks for cycles
_ESCAPED_SPACE = "\U000f2581"  # stands for the same character in a text


def escape(text: str) -> str:
    """A text without SentencePiece's sign for a space; another character stands in its place."""
    return text.replace(SPACE, _ESCAPED_SPACE)


def unescape(text: str) -> str:
    """The text that `escape` was given."""
    return text.replace(_ESCAPED_SPACE, SPACE)


class Tokenizer(Protocol):
    """Cuts normalised sentences into tokens, and puts tokens together."""

    def split(self, text: str) -> list[str]:
        """The tokens of a sentence; none of them contains ASCII white space."""
        ...

    def join(self, tokens: Sequence[str]) -> str:
        """The sentence that consists of these tokens."""
        ...

    def files(self) -> dict[str, bytes]:
        """The files that store this tokenizer, by the suffix of their names."""
        ...


class Characters:
    """Every character is a token; a space is written as U+2581."""

    def split(self, text: str) -> list[str]:
        """See Tokenizer."""
        return list(escape(text).replace(" ", SPACE))

    def join(self, tokens: Sequence[str]) -> str:
        """See Tokenizer."""
        text = "".join(tokens)
        return unescape(text.replace(SPACE, " "))

    def files(self) -> dict[str, bytes]:
        """See Tokenizer; there are none."""
        return {}


class Words:
    """Words and punctuation marks are tokens.

    The spaces around a mark are not kept: `join` sets them as English and similar languages do.
    """

    _token = re.compile(r"\w+(?:['\u2019]\w+)*|[^\w\s]")
    _no_space_before = re.compile(r" ([.,;:!?%)\]}\u2026\u201d\u2019])")
    _no_space_after = re.compile(r"([\u00bf\u00a1(\[{\u201e\u201c]) ")

    def split(self, text: str) -> list[str]:
        """See Tokenizer."""
        return self._token.findall(text)

    def join(self, tokens: Sequence[str]) -> str:
        """See Tokenizer."""
        text = " ".join(tokens)
        text = self._no_space_before.sub(r"\1", text)
        return self._no_space_after.sub(r"\1", text)

    def files(self) -> dict[str, bytes]:
        """See Tokenizer; there are none."""
        return {}


class Subwords:
    """The pieces of a SentencePiece model are tokens (Kudo, Richardson 2018).

    Args:
        model: the content of the model file.

    Raises:
        CheckpointError: it is damaged, or not of the form that SentencePiece writes.
    """

    def __init__(self, model: bytes) -> None:
        import sentencepiece

        check_model(model)
        self.model = model
        try:
            self.processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        except (RuntimeError, OSError) as error:
            raise CheckpointError(f"the SentencePiece model is damaged ({error})") from error

    def split(self, text: str) -> list[str]:
        """See Tokenizer."""
        pieces: list[str] = self.processor.encode(escape(text), out_type=str)
        return pieces

    @property
    def pieces(self) -> list[str]:
        """All pieces, in the order of SentencePiece's own ids."""
        count = self.processor.get_piece_size()
        return [self.processor.id_to_piece(index) for index in range(count)]

    @property
    def usable_pieces(self) -> list[str]:
        """All pieces but SentencePiece's own [UNK] and control symbols."""
        special = (self.processor.is_unknown, self.processor.is_control)
        return [piece for index, piece in enumerate(self.pieces) if not any(test(index) for test in special)]

    def piece_ids(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """The tokens of many normalised sentences as SentencePiece's own ids, computed on all processors.

        No piece reaches from one word into the next, so that each word is cut but once.

        Returns:
            the ids of all sentences, one after another, `[pieces]`, and the number of pieces of each, `[texts]`.
        """
        # 1. Number the different words.
        spaces = [text.count(" ") for text in texts]
        words = escape(" ".join(texts)).split(" ") if spaces else []
        distinct = list(dict.fromkeys(words))
        number_of = {word: number for number, word in enumerate(distinct)}
        numbers = np.fromiter(map(number_of.__getitem__, words), np.int64, len(words))  # [words]

        # 2. Cut each of them.
        threads = system.processors()
        pieces: list[int] = []
        piece_counts: list[int] = []
        for begin in range(0, len(distinct), WORDS):
            end = begin + WORDS
            of_words: list[list[int]] = self.processor.encode(distinct[begin:end], num_threads=threads)
            pieces.extend(chain.from_iterable(of_words))
            piece_counts.extend(map(len, of_words))

        # 3. Put the pieces of all words one after another.
        counts = np.array(piece_counts, np.int64)  # [distinct words]
        begins = np.cumsum(counts) - counts
        lengths = counts[numbers]  # [words]
        ends = np.cumsum(lengths)
        offsets = np.repeat(begins[numbers] - (ends - lengths), lengths)  # [pieces]
        ids = np.array(pieces, np.int32)[offsets + np.arange(len(offsets))]  # [pieces]

        # 4. Count the pieces of each sentence.
        ends_before = np.concatenate([[0], ends])  # [words + 1]
        last_words = np.cumsum(np.array(spaces, np.int64) + 1)  # [texts]
        sentence_ends = ends_before[last_words]
        return ids, np.diff(sentence_ends, prepend=0)

    def join(self, tokens: Sequence[str]) -> str:
        """See Tokenizer."""
        text: str = self.processor.decode_pieces(list(tokens))
        return unescape(text)

    def files(self) -> dict[str, bytes]:
        """The SentencePiece model."""
        return {"model": self.model}


SPLITTERS: dict[str, type[Words] | type[Characters]] = {"word": Words, "char": Characters}


def tokenizer(kind: str, model: bytes | None) -> Tokenizer:
    """The tokenizer of a kind.

    Args:
        kind: "subword", "word" or "char".
        model: the SentencePiece model of "subword"; the other kinds need none.

    Raises:
        CheckpointError: the model is missing or damaged.
    """
    if kind in SPLITTERS:
        return SPLITTERS[kind]()
    if model is None:
        raise CheckpointError("the SentencePiece model is missing")
    return Subwords(model)

"""Tokenizers for translation models: subwords, words or characters."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Protocol

from rnntext.errors import CheckpointError
from rnntext.text.pieces import check_model

SPACE = "\u2581"  # SentencePiece's sign for a space
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

    def piece_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """The tokens of many sentences as SentencePiece's own ids, computed on all processors."""
        escaped = [escape(text) for text in texts]
        threads = len(os.sched_getaffinity(0))
        ids: list[list[int]] = self.processor.encode(escaped, num_threads=threads)
        return ids

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

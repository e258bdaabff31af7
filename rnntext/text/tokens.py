"""What a sentence consists of for a translation model: subwords, words or characters, and their ids."""

from __future__ import annotations

import math
import os
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np

from rnntext.errors import CheckpointError
from rnntext.text.pieces import check_model

# Ids outside every list of tokens: nobody can type them in.
PAD, UNKNOWN, START, END = range(4)
RESERVED = 4
VARIANTS = 16  # segmentations of a word that sampling chooses from
KEPT_VARIANTS = 1 << 19  # of all words together

_META, _META_ESCAPE = "\u2581", "\U000f2581"  # SentencePiece's sign for a space; where a text has it, another stands in
_CONTROL_BYTES = {f"<0x{byte:02X}>" for byte in range(0x20)}  # would break a line, or worse, in an answer


class Tokenizer(Protocol):
    """Cuts normalised sentences into tokens and puts tokens together."""

    def split(self, text: str) -> list[str]:
        """The tokens of a sentence; none contains ASCII white space."""
        ...

    def join(self, tokens: Sequence[str]) -> str:
        """The sentence of tokens."""
        ...

    def files(self) -> dict[str, bytes]:
        """What must be stored to have this tokenizer again, by the end of the files' names."""
        ...


class Characters:
    """Every character is a token; a space is written as U+2581."""

    def split(self, text: str) -> list[str]:
        """See Tokenizer."""
        return list(text.replace(_META, _META_ESCAPE).replace(" ", _META))

    def join(self, tokens: Sequence[str]) -> str:
        """See Tokenizer."""
        return "".join(tokens).replace(_META, " ").replace(_META_ESCAPE, _META)

    def files(self) -> dict[str, bytes]:
        """None."""
        return {}


class Words:
    """Words and punctuation marks are tokens. Which spaces stood around a mark is not kept: `join` writes them as
    English and its neighbours do."""

    _token = re.compile(r"\w+(?:['\u2019]\w+)*|[^\w\s]")
    _no_space_before = re.compile(r" ([.,;:!?%)\]}\u2026\u201d\u2019])")
    _no_space_after = re.compile(r"([\u00bf\u00a1(\[{\u201e\u201c]) ")

    def split(self, text: str) -> list[str]:
        """See Tokenizer."""
        return self._token.findall(text)

    def join(self, tokens: Sequence[str]) -> str:
        """See Tokenizer."""
        return self._no_space_after.sub(r"\1", self._no_space_before.sub(r"\1", " ".join(tokens)))

    def files(self) -> dict[str, bytes]:
        """None."""
        return {}


class Subwords:
    """The pieces of a SentencePiece model (Kudo, Richardson 2018).

    Args:
        model: the model file's content.

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
        pieces: list[str] = self.processor.encode(text.replace(_META, _META_ESCAPE), out_type=str)
        return pieces

    @property
    def pieces(self) -> list[str]:
        """All pieces, by SentencePiece's own numbers."""
        return [self.processor.id_to_piece(number) for number in range(self.processor.get_piece_size())]

    def numbers(self, texts: Sequence[str]) -> list[list[int]]:
        """`split` of many sentences, on all processors; each piece by its number."""
        escaped = [text.replace(_META, _META_ESCAPE) for text in texts]
        found: list[list[int]] = self.processor.encode(escaped, num_threads=len(os.sched_getaffinity(0)))
        return found

    def join(self, tokens: Sequence[str]) -> str:
        """See Tokenizer."""
        text: str = self.processor.decode_pieces(list(tokens))
        return text.replace(_META_ESCAPE, _META)

    def files(self) -> dict[str, bytes]:
        """The model."""
        return {"model": self.model}


class SubwordSampler:
    """Draws one of many segmentations of a sentence: BPE-dropout (Provilkov, Emelianenko, Voita 2020).

    SentencePiece could draw them, too, but not the same ones again in another process. As a word's segmentation takes
    a while in Python, a word has at most VARIANTS of them, which are kept as long as there is room.

    Args:
        subwords: pieces, whose scores give the order of merges.
        rate: at which merges are left out; 0 gives SentencePiece's own segmentation.
        seed: of the variants.
    """

    def __init__(self, subwords: Subwords, rate: float, seed: int) -> None:
        processor, pieces = subwords.processor, enumerate(subwords.pieces)
        self.scores = {piece: processor.get_score(i) for i, piece in pieces if not processor.is_byte(i)}
        self.rate, self.seed = rate, seed
        self._variants: dict[tuple[str, int], list[str]] = {}

    def split(self, text: str, generator: np.random.Generator) -> list[str]:
        """The pieces of a normalised sentence."""
        words = [_META + word for word in text.replace(_META, _META_ESCAPE).split(" ")]
        drawn = generator.integers(0, VARIANTS, len(words)).tolist()
        return [piece for word, number in zip(words, drawn, strict=True) for piece in self._variant(word, number)]

    def _variant(self, word: str, number: int) -> list[str]:
        key = (word, number)
        if key not in self._variants:
            if len(self._variants) >= KEPT_VARIANTS:
                self._variants.clear()
            self._variants[key] = self._segment(word, random.Random(f"{self.seed} {number} {word}"))
        return self._variants[key]

    def _segment(self, word: str, chance: random.Random) -> list[str]:
        """Merges the best pair of neighbours, again and again; each time each pair is left out at the rate."""
        parts = list(word)
        while True:
            best, at = -math.inf, -1
            for i in range(len(parts) - 1):
                score = self.scores.get(parts[i] + parts[i + 1], -math.inf)
                if score > best and chance.random() >= self.rate:  # chance decides only where it matters
                    best, at = score, i
            if at < 0:
                return [piece for part in parts for piece in self._or_bytes(part)]
            parts[at : at + 2] = [parts[at] + parts[at + 1]]

    def _or_bytes(self, part: str) -> list[str]:
        return [part] if part in self.scores else [f"<0x{byte:02X}>" for byte in part.encode()]


class Language:
    """One side of a translation: sentences to ids and back.

    Attributes:
        tokens: the tokens of ids RESERVED, RESERVED + 1, ...
        forbidden: ids that an answer must not contain.

    Raises:
        CheckpointError: a token is no text, empty, or occurs twice.
    """

    def __init__(self, tokenizer: Tokenizer, tokens: Iterable[str]) -> None:
        entries = list(tokens) if isinstance(tokens, Iterable) else [None]
        self.tokenizer = tokenizer
        self.tokens = [entry for entry in entries if isinstance(entry, str) and entry]
        if len(set(self.tokens)) != len(entries):
            raise CheckpointError("the vocabulary is damaged: every entry must be a token, once")
        self.ids = {token: index for index, token in enumerate(self.tokens, start=RESERVED)}
        self.forbidden = [PAD, UNKNOWN, START, *(self.ids[t] for t in sorted(_CONTROL_BYTES & self.ids.keys()))]

    def __len__(self) -> int:
        """Number of ids, the reserved ones included."""
        return len(self.tokens) + RESERVED

    def encode(self, text: str) -> np.ndarray:
        """Ids of a normalised sentence, `[tokens]`, int32."""
        return self.lookup(self.tokenizer.split(text))

    def lookup(self, tokens: Sequence[str]) -> np.ndarray:
        """Ids of tokens, `[tokens]`, int32."""
        return np.array([self.ids.get(token, UNKNOWN) for token in tokens], np.int32)

    def decode(self, ids: Iterable[int]) -> str:
        """The sentence of ids, on one line; reserved ids are left out."""
        text = self.tokenizer.join([self.tokens[i - RESERVED] for i in ids if i >= RESERVED])
        return text.replace("\n", " ").replace("\r", " ")


SPLITTERS: dict[str, type[Words] | type[Characters]] = {"word": Words, "char": Characters}


def tokenizer(kind: str, model: bytes | None) -> Tokenizer:
    """The tokenizer of a kind ("subword", "word", "char"); `model` belongs to "subword"."""
    if kind in SPLITTERS:
        return SPLITTERS[kind]()
    if model is None:
        raise CheckpointError("the SentencePiece model is missing")
    return Subwords(model)


def to_files(source: Language, target: Language) -> dict[str, object]:
    """What stores two languages: token lists (to be written as JSON) and SentencePiece models (bytes), by file name."""
    sides = {"tokens": source} if source is target else {"source": source, "target": target}
    found: dict[str, object] = {}
    for name, side in sides.items():
        found[f"{name}.json"] = side.tokens
        found.update({f"{name}.{end}": data for end, data in side.tokenizer.files().items()})
    return found


def from_files(kind: str, joint: bool, files: Mapping[str, object]) -> tuple[Language, Language]:
    """Reads what `to_files` wrote.

    Raises:
        CheckpointError: something is missing or damaged.
    """

    def side(name: str) -> Language:
        if f"{name}.json" not in files:
            raise CheckpointError(f"{name}.json is missing")
        model = files.get(f"{name}.model")
        return Language(tokenizer(kind, model if isinstance(model, bytes) else None), files[f"{name}.json"])  # type: ignore[arg-type]

    if joint:
        both = side("tokens")
        return both, both
    return side("source"), side("target")

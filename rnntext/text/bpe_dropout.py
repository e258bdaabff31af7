"""BPE-dropout: random segmentations of a sentence, to train a translator on."""

from __future__ import annotations

import math
import random

import numpy as np

from rnntext.text.pieces import SPACE
from rnntext.text.tokenizers import Subwords, escape

VARIANTS = 16  # segmentations of a word that one is drawn from
MAX_KEPT_VARIANTS = 1 << 19  # of all words together


class SubwordSampler:
    """Draws one of many segmentations of a sentence by BPE-dropout (Provilkov, Emelianenko, Voita 2020, algorithm 1).

    SentencePiece can draw segmentations, too, but not the same ones again in another process. Since a segmentation
    takes some time in Python, a word has at most VARIANTS of them, which are kept while there is room.

    Args:
        subwords: the pieces; their scores give the order of merges.
        rate: the probability that a merge is left out; 0 gives SentencePiece's own segmentation.
        seed: of the variants.
    """

    def __init__(self, subwords: Subwords, rate: float, seed: int) -> None:
        processor = subwords.processor
        self.scores: dict[str, float] = {}
        for piece in subwords.usable_pieces:
            index = processor.piece_to_id(piece)
            if not processor.is_byte(index):
                self.scores[piece] = processor.get_score(index)
        self.rate = rate
        self.seed = seed
        self._variants: dict[tuple[str, int], list[str]] = {}

    def split(self, text: str, generator: np.random.Generator) -> list[str]:
        """The pieces of a normalised sentence.

        Args:
            text: words with a space between them.
            generator: draws the variant of each word.
        """
        words = escape(text).split(" ")
        count = len(words)
        numbers = generator.integers(0, VARIANTS, count).tolist()
        pieces: list[str] = []
        for word, number in zip(words, numbers, strict=True):
            pieces += self._variant(SPACE + word, number)
        return pieces

    def _variant(self, word: str, number: int) -> list[str]:
        key = (word, number)
        if key not in self._variants:
            if len(self._variants) >= MAX_KEPT_VARIANTS:
                self._variants.clear()
            seed = f"{self.seed} {number} {word}"
            generator = random.Random(seed)
            self._variants[key] = self._segment(word, generator)
        return self._variants[key]

    def _segment(self, word: str, generator: random.Random) -> list[str]:
        """Merges the neighbours with the best score until none can be merged. At every step each pair is left out with
        probability `rate`."""
        parts = list(word)
        while True:
            best_score = -math.inf
            best = -1
            for index in range(len(parts) - 1):
                merged = parts[index] + parts[index + 1]
                score = self.scores.get(merged, -math.inf)
                # A number is drawn only for a pair that would be merged.
                if score > best_score and generator.random() >= self.rate:
                    best_score = score
                    best = index
            if best < 0:
                break
            merged = parts[best] + parts[best + 1]
            parts[best : best + 2] = [merged]
        pieces: list[str] = []
        for part in parts:
            pieces += self._pieces_of(part)
        return pieces

    def _pieces_of(self, part: str) -> list[str]:
        """The part itself, or its bytes if it is no piece."""
        if part in self.scores:
            return [part]
        data = part.encode()
        return [f"<0x{byte:02X}>" for byte in data]

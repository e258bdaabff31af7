"""What a translation model answers."""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Answer:
    """One translation of a line.

    >>> import rnntext
    >>> model = rnntext.load("checkpoints/translator")  # answers each letter with the next one of the alphabet
    >>> answer = model.translate_all(["hal"])[0].answers[0]
    >>> answer.text, answer.tokens, answer.log_probability > -0.01
    ('ibm', ['i', 'b', 'm'], True)

    Attributes:
        text: the translation, one line.
        log_probability: natural logarithm of the probability of all tokens and the end; nan after a greedy search
            without scores.
        score: the log-probability with the length penalty, by which hypotheses are ranked; nan as above.
        tokens: the tokens of the translation.
        attention: attention weights of each token, `[target, source]`, if they were asked for.
    """

    text: str
    log_probability: float
    score: float
    tokens: list[str]
    attention: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class Translation:
    """The translations of one line.

    >>> import rnntext
    >>> model = rnntext.load("checkpoints/translator")
    >>> translation = model.translate_all(["hal"], rnntext.SearchConfig(n_best=2))[0]
    >>> translation.text, len(translation.answers), translation.source_tokens
    ('ibm', 2, ['h', 'a', 'l'])

    Attributes:
        answers: `n_best` translations, the best one first; the last one is repeated if the search found fewer.
        source_tokens: the tokens of the line.
        parts: number of parts in which the line was translated; 0 for a line of which nothing is.
    """

    answers: list[Answer]
    source_tokens: list[str]
    parts: int

    @property
    def text(self) -> str:
        """The best translation."""
        return self.answers[0].text

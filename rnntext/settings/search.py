"""Settings of the search for translations."""

from __future__ import annotations

import dataclasses
import re

from rnntext.errors import UsageError
from rnntext.settings.base import SEARCH, Config, inherited, option

SEARCH_TOKENS = 4096  # source tokens of a batch of the search, counted once for each hypothesis


@dataclasses.dataclass(frozen=True, kw_only=True)
class SearchConfig(Config):
    """The search for translations: a beam search with length penalty, or a greedy search.

    >>> import rnntext
    >>> search = rnntext.SearchConfig(beam=1)
    >>> list(rnntext.load("checkpoints/translator").translate(["hal"], search=search))
    ['ibm']

    The score of a hypothesis is log p / ((5 + length) / 6) ** `length_penalty` (Wu et al. 2016, equation 14). With
    `max_length` None the limit is twice the number of source tokens, and ten more. With `no_repeat_ngram` None only an
    answer that goes round in a loop is searched for again, with 2.
    """

    beam: int = option(
        5, "Beam size: number of hypotheses that the search keeps; 1 is greedy search.", SEARCH, low=1, high=256
    )
    length_penalty: float = option(
        1.0, "Exponent of the length penalty; a larger one favours longer translations.", SEARCH, low=0, high=10
    )
    n_best: int = option(
        1, "Number of translations: line number ||| translation ||| features ||| score.", SEARCH, low=1, high=256
    )
    max_length: int | None = option(
        None, "Maximum tokens of a translation.", SEARCH, low=1, high=10**5, shown="twice those of the source, plus 10"
    )
    no_repeat_ngram: int | None = option(
        None, "Tokens in a row that may not occur twice; 0: all may.", SEARCH, low=0, high=1000, shown="stops loops"
    )
    split: bool = option(True, "Split long lines, and those of several sentences.", SEARCH, negative="--no-split")
    keep: str | None = option(
        None, "Regular expression of text to keep as it is, beside addresses, placeholders and tags.", SEARCH
    )
    batch_tokens: int = option(SEARCH_TOKENS, "Approximate batch size: source tokens times hypotheses.", SEARCH, low=1)
    with_scores: bool = option(True, "Compute scores in a greedy search, too, which takes longer.", SEARCH, hidden=True)
    with_attention: bool = option(False, "Return the attention weights of translations.", SEARCH, hidden=True)

    @property
    def scored(self) -> bool:
        """Whether log-probabilities are computed: a beam ranks by them, a greedy search only returns them."""
        return self.beam > 1 or self.with_scores

    def check(self) -> None:
        """See Config."""
        if self.keep is not None:
            _check_expression(self.keep)
        if self.n_best > self.beam:
            raise UsageError(f"--n-best {self.n_best}: must not be more than --beam {self.beam}")


def _check_expression(keep: str) -> None:
    """Raises UsageError if a text is no regular expression."""
    try:
        re.compile(keep)
    except (re.error, RecursionError, OverflowError) as error:
        raise UsageError(f"--keep {keep!r}: no regular expression of Python ({error})") from error


@dataclasses.dataclass(frozen=True, kw_only=True)
class BestOnly(SearchConfig):
    """A search of which only the best translation is compared, so that `evaluate` has no --n-best."""

    n_best: int = inherited(SearchConfig, "n_best", hidden=True)

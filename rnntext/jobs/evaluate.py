"""How good a translation model is on a test set."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

from rnntext.config import SEARCH_TOKENS, SearchConfig
from rnntext.errors import DataError, UsageError
from rnntext.jobs.translation import TranslationModel
from rnntext.text.bleu import tokenizer_for
from rnntext.text.lines import name_of, read_text


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Scores of a test set: BLEU, chrF, TER, with sacreBLEU's signatures, which make them reproducible (Post 2018)."""

    lines: int
    seconds: float
    scores: dict[str, float]
    signatures: dict[str, str]
    translations: list[str]

    def to_json(self) -> dict[str, Any]:
        """Everything but the translations."""
        rate = self.lines / self.seconds
        return {**self.scores, "lines": self.lines, "lines_per_second": rate, "signatures": self.signatures}


def evaluate(
    model: TranslationModel,
    source: str,
    reference: str,
    search: SearchConfig,
    lowercase: bool = False,
    batch_tokens: int = SEARCH_TOKENS,
) -> Evaluation:
    """Translates a file and compares it with a reference, line by line.

    Args:
        source, reference: files, or `-`; line n of one translates line n of the other.
        lowercase: whether capitals count as small letters.

    Raises:
        DataError: unequal numbers of lines, none at all, invalid UTF-8.
        UsageError: sacreBLEU is missing.
    """
    try:
        from sacrebleu.metrics.bleu import BLEU
        from sacrebleu.metrics.chrf import CHRF
        from sacrebleu.metrics.ter import TER
    except ImportError as error:
        raise UsageError("evaluate needs sacreBLEU, which is not installed: pip install 'rnntext[evaluate]'") from error
    if source == reference == "-":
        raise UsageError("evaluate - -: standard input can be read only once")
    sources, references = _lines(source), _lines(reference)
    if len(sources) != len(references):
        raise DataError(
            f"{name_of(source)} has {len(sources)} lines and {name_of(reference)} {len(references)}: "
            "line n of one must translate line n of the other"
        )
    if not sources:
        raise DataError(f"{name_of(source)}: empty; there is nothing to evaluate")
    started = time.monotonic()
    found = [t.text for t in model.translate_all(sources, search, batch_tokens, with_scores=False)]
    seconds = time.monotonic() - started
    metrics = {
        "bleu": BLEU(lowercase=lowercase, force=True, tokenize=tokenizer_for(references)),
        "chrf": CHRF(lowercase=lowercase),
        "ter": TER(case_sensitive=not lowercase),
    }
    scores = {name: float(metric.corpus_score(found, [references]).score) for name, metric in metrics.items()}
    signatures = {name: str(metric.get_signature()) for name, metric in metrics.items()}
    return Evaluation(len(sources), seconds, scores, signatures, found)


def _lines(source: str) -> list[str]:
    text = read_text(source)
    return text.removesuffix("\n").split("\n") if text else []

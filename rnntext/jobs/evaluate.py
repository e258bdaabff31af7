"""Evaluation of a translation model on a test set."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

from rnntext.errors import DataError, UsageError
from rnntext.jobs.translation import TranslationModel
from rnntext.settings.translator import SearchConfig
from rnntext.text.bleu import tokenizer_for
from rnntext.text.lines import name_of, read_text


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """The scores of a test set.

    Attributes:
        lines: number of lines.
        seconds: time of the translation, without that of loading and scoring.
        scores: BLEU, chrF and TER, by the names "bleu", "chrf" and "ter".
        signatures: sacreBLEU's description of each score, which makes it reproducible (Post 2018).
        translations: one for each line.
    """

    lines: int
    seconds: float
    scores: dict[str, float]
    signatures: dict[str, str]
    translations: list[str]

    def to_json(self) -> dict[str, Any]:
        """The scores with their signatures, and the speed, for --json."""
        rate = self.lines / self.seconds
        return {**self.scores, "lines": self.lines, "lines_per_second": rate, "signatures": self.signatures}


def evaluate(
    model: TranslationModel, source: str, reference: str, search: SearchConfig, lowercase: bool = False
) -> Evaluation:
    """The evaluation of the translations of a file against a reference.

    Args:
        model: the translation model.
        source, reference: files, or `-`; line n of the reference translates line n of the source.
        search: how to search.
        lowercase: whether translations and reference are compared without regard to case.

    Raises:
        DataError: the numbers of lines differ, there are none, or a file is not UTF-8.
        UsageError: sacreBLEU is missing, or both files are stdin.
    """
    # 1. Read the source and the reference.
    try:
        from sacrebleu.metrics.bleu import BLEU
        from sacrebleu.metrics.chrf import CHRF
        from sacrebleu.metrics.ter import TER
    except ImportError as error:
        raise UsageError("evaluate needs sacreBLEU, which is not installed: pip install 'rnntext[evaluate]'") from error
    if source == reference == "-":
        raise UsageError("evaluate - -: standard input can be read only once")
    sources = _lines(source)
    references = _lines(reference)
    if len(sources) != len(references):
        raise DataError(
            f"{name_of(source)} has {len(sources)} lines and {name_of(reference)} {len(references)}: "
            "line n of one must translate line n of the other"
        )
    if not sources:
        raise DataError(f"{name_of(source)}: empty; there is nothing to evaluate")
    # 2. Translate the source.
    started = time.monotonic()
    translations = list(model.translate(sources, search=search, ahead=len(sources)))
    seconds = time.monotonic() - started
    # 3. Compare the translations with the reference.
    metrics = {
        "bleu": BLEU(lowercase=lowercase, force=True, tokenize=tokenizer_for(references)),
        "chrf": CHRF(lowercase=lowercase),
        "ter": TER(case_sensitive=not lowercase),
    }
    scores = {}
    signatures = {}
    for name, metric in metrics.items():
        scores[name] = float(metric.corpus_score(translations, [references]).score)
        signatures[name] = str(metric.get_signature())
    return Evaluation(len(sources), seconds, scores, signatures, translations)


def _lines(source: str) -> list[str]:
    """The lines of a file, without their line breaks."""
    text = read_text(source)
    return text.removesuffix("\n").split("\n") if text else []

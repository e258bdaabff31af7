"""Evaluation of a translation model on a test set."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Sequence
from typing import Any

from rnntext.errors import DataError, UsageError
from rnntext.jobs.translation import TranslationModel
from rnntext.settings.base import check_choice
from rnntext.settings.search import SearchConfig
from rnntext.text.bitext import read_aligned_rows, read_rows
from rnntext.text.bleu import TOKENIZERS, tokenizer_for
from rnntext.text.columns import Columns
from rnntext.text.lines import name_of
from rnntext.text.lookalikes import is_blank
from rnntext.text.normalize import normalize_line


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
    model: TranslationModel,
    source: str,
    references: str | Sequence[str],
    search: SearchConfig,
    lowercase: bool = False,
    tokenize: str = "auto",
    columns: Columns | None = None,
) -> Evaluation:
    """The evaluation of the translations of a text against one reference or several.

    Args:
        model: the translation model.
        source: a file, or `-`; without references a table as for `read_rows`, or the name of a corpus of pairs.
        references: files, or `-`; line n of each translates line n of the source.
        search: how to search.
        lowercase: whether translations and references are compared without regard to case.
        tokenize: sacreBLEU's tokenizer for BLEU; "auto": the one that suits the script of the references.
        columns: of a table: that of the source, then those of its references.

    Raises:
        DataError: the numbers of lines differ, there are none, or a file is not UTF-8.
        UsageError: sacreBLEU or what the tokenizer needs is missing, stdin is to be read twice, or columns are chosen
            where there is no table.
    """
    # 1. Read the sources and their references.
    given = [references] if isinstance(references, str) else list(references)
    if given:
        if columns is not None:
            raise UsageError(f"--columns {','.join(map(str, columns))}: goes with a file of pairs alone")
        files = [source, *given]
        if files.count("-") > 1:
            raise UsageError(f"evaluate {' '.join(files)}: standard input can be read only once")
        rows: Iterator[Sequence[str]] = read_aligned_rows(files, advice="")
    else:
        rows = read_rows(source, columns=columns, advice="")
    texts = [list(column) for column in zip(*rows)]
    if not texts or all(map(is_blank, texts[0])):
        raise DataError(f"{name_of(source)}: empty; there is nothing to evaluate")
    sources, *texts = texts
    reference_lines = [[normalize_line(line) for line in lines] for lines in texts]
    # 2. Translate the sources.
    metrics = _metrics(reference_lines, lowercase, tokenize)
    started = time.monotonic()
    translations = list(model.translate(sources, search=search, ahead=len(sources)))
    seconds = time.monotonic() - started
    # 3. Compare the translations with the references.
    scores = {}
    signatures = {}
    for name, metric in metrics.items():
        scores[name] = float(metric.corpus_score(translations, reference_lines).score)
        signatures[name] = str(metric.get_signature())
    return Evaluation(len(sources), seconds, scores, signatures, translations)


def _metrics(references: Sequence[Sequence[str]], lowercase: bool, tokenize: str) -> dict[str, Any]:
    """sacreBLEU's metrics by name; for the arguments see `evaluate`."""
    try:
        from sacrebleu.metrics.bleu import BLEU
        from sacrebleu.metrics.chrf import CHRF
        from sacrebleu.metrics.ter import TER
    except ImportError as error:
        raise UsageError("evaluate needs sacreBLEU, which is not installed: pip install 'rnntext[evaluate]'") from error
    check_choice("tokenize", tokenize, TOKENIZERS)
    suitable = tokenizer_for([line for lines in references for line in lines])
    if tokenize == "auto":
        tokenize = suitable
    try:
        bleu = BLEU(lowercase=lowercase, force=True, tokenize=tokenize)
    except RuntimeError as error:  # Only MeCab's tokenizers need more than sacreBLEU.
        extra = tokenize.removesuffix("-mecab")
        raise UsageError(
            f"--tokenize {tokenize}: needs MeCab, which is not installed: pip install 'sacrebleu[{extra}]'"
        ) from error
    has_no_spaces = suitable != "13a"  # TER then counts characters, as it takes a sentence for one word otherwise.
    ter = TER(case_sensitive=not lowercase, normalized=has_no_spaces, asian_support=has_no_spaces)
    return {"bleu": bleu, "chrf": CHRF(lowercase=lowercase), "ter": ter}

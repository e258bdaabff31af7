"""How much translations are like reference translations."""

from __future__ import annotations

from collections.abc import Sequence


def bleu(answers: Sequence[str], references: Sequence[str]) -> float:
    """Corpus BLEU (Papineni et al. 2002) as sacreBLEU computes it (Post 2018): cased, tokenised by "13a", 0 to 100.

    Args:
        answers, references: as many of one as of the other.
    """
    import sacrebleu

    # force: without a word about lines that look tokenised, as those of a corpus of words may
    return float(sacrebleu.corpus_bleu(answers, [references], force=True).score)

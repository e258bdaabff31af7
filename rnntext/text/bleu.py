"""The similarity of translations to reference translations."""

from __future__ import annotations

import re
from collections.abc import Sequence

_HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_NO_SPACES = re.compile("[\u3040-\u30ff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")  # kana, Thai, Lao, Burmese, Khmer


def bleu(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """Corpus BLEU (Papineni et al. 2002, section 2.3) as sacreBLEU computes it (Post 2018): 0 to 100.

    BLEU = 100 BP exp(sum_n log(p_n) / 4), n = 1 to 4, with the precisions p_n of n-grams and the brevity penalty
    BP = min(1, exp(1 - r / c)) for references of r tokens and hypotheses of c tokens. Letter case counts.

    Args:
        hypotheses: translations.
        references: one for each hypothesis.
    """
    import sacrebleu

    tokenizer = tokenizer_for(references)
    # `force` keeps sacreBLEU from warning of text that looks tokenised, as a corpus of words may.
    metric = sacrebleu.corpus_bleu(hypotheses, [references], tokenize=tokenizer, force=True)
    return float(metric.score)


def tokenizer_for(references: Sequence[str]) -> str:
    """sacreBLEU's name of the tokenizer that suits a language: "13a", "zh" or "char".

    sacreBLEU's default, "13a", takes a sentence without spaces for one word. So where most letters are of scripts
    that are written without spaces, the tokenizer is "zh" if nearly all of these are Chinese, else "char".
    """
    text = "".join(references)
    letters = sum(map(str.isalpha, text))
    han = len(_HAN.findall(text))
    others = len(_NO_SPACES.findall(text))
    if not letters or 2 * (han + others) <= letters:
        return "13a"
    if 10 * others > letters:
        return "char"
    return "zh"

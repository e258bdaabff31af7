"""The similarity of translations to reference translations."""

from __future__ import annotations

import re
from collections.abc import Sequence

TOKENIZERS = ("auto", "13a", "intl", "zh", "ja-mecab", "ko-mecab", "char", "none")  # auto, and names of sacreBLEU's
KANA_WORD = 2  # characters of a word in kana, about
SOUTH_EAST_WORD = 3  # characters of a word in scripts of South-East Asia, about
MIN_OTHERS = 0.1  # share of kana and the like that tells Japanese from Chinese

# Scripts that are written without spaces: Chinese characters; kana; Thai, Lao, Tibetan, Burmese and Khmer.
_HAN = re.compile("[\u3005-\u3007\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_KANA = re.compile("[\u3041-\u30ff\u31f0-\u31ff\uff66-\uff9f]")
_SOUTH_EAST = re.compile("[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff]")
_WORD = re.compile(r"[^\W\d_]\S*")


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

    sacreBLEU's default, "13a", takes a sentence without spaces for one word. So where at least half of the words are in
    scripts that are written without spaces, the tokenizer is "zh" if nearly all of these are Chinese, else "char"; for
    Japanese sacreBLEU has nothing better that needs no further package. Words are counted, not letters: a Chinese
    character stands for a word, and a Latin name in a Chinese sentence is one word of many letters.
    """
    text = "\n".join(references)
    han = len(_HAN.findall(text))
    kana = len(_KANA.findall(text))
    south_east = len(_SOUTH_EAST.findall(text))
    for script in (_HAN, _KANA, _SOUTH_EAST):
        text = script.sub(" ", text)
    spaced_words = len(_WORD.findall(text))
    words = han + kana / KANA_WORD + south_east / SOUTH_EAST_WORD
    if words == 0 or words < spaced_words:
        return "13a"
    others = kana + south_east
    if others > MIN_OTHERS * (han + others):
        return "char"
    return "zh"

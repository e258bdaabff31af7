"""How much translations are like reference translations."""

from __future__ import annotations

import re
from collections.abc import Sequence

_HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_NO_SPACES = re.compile("[\u3040-\u30ff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")  # kana, Thai, Lao, Burmese, Khmer


def bleu(answers: Sequence[str], references: Sequence[str]) -> float:
    """Corpus BLEU (Papineni et al. 2002) as sacreBLEU computes it (Post 2018): cased, 0 to 100.

    Args:
        answers, references: as many of one as of the other.
    """
    import sacrebleu

    # force: without a word about lines that look tokenised, as those of a corpus of words may
    found = sacrebleu.corpus_bleu(answers, [references], tokenize=tokenizer_for(references), force=True)
    return float(found.score)


def tokenizer_for(references: Sequence[str]) -> str:
    """sacreBLEU's name of the tokenizer that suits a language. Its default, "13a", takes a sentence without spaces for
    one word; where most of the letters are of a script that does without them, it is "zh" (Chinese) or "char"."""
    text = "".join(references)
    letters, han, others = sum(map(str.isalpha, text)), len(_HAN.findall(text)), len(_NO_SPACES.findall(text))
    if 2 * (han + others) <= letters or not letters:
        return "13a"
    return "char" if 10 * others > letters else "zh"

"""What the tests of the page compare with: python models.py FOLDER.

It exports the golden checkpoints, whose answers no rounding can change (`tests/export/test_onnx.py` measures that), and
writes what rnntext's own engine answers, and how its own code cuts 10,000 lines into tokens.
"""

import io
import json
import random
import sys
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import sentencepiece

import rnntext
from rnntext.jobs.export import export
from rnntext.text.normalize import normalize, normalize_line
from rnntext.text.tokenizers import Subwords, escape, tokenizer
from rnntext.text.tokens import Language

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "golden"
CHARACTERS = ("charlm-gru", "charlm-lstm")
TRANSLATORS = ("gru-word", "hybrid-subword", "transformer-subword")
PROMPT = "The miller "
LENGTH = 200  # characters
LINES = 50  # translated
CUT = 10_000  # lines, by each tokenizer
LEARNT = 3_000  # lines, by SentencePiece
SUBWORDS = 900
TEXTS = (
    "Zażółć gęślą jaźń, a młyn na rzece miele żyto i pszenicę. „Dokąd idziesz?” – zapytał młynarz. 17 zł",
    "Съешь же ещё этих мягких французских булок, да выпей чаю! Мельник сказал: «Ёж уже ушёл», и замолчал.",
    "磨坊主说:“河水今天很高。”我们明天再来吧,好不好?一二三四五六七八九十年月日人大小中国上下水火木金土",
    "The miller's wife didn't know (nor did he) what ${price} or <b>tag</b> meant; 3.50 % of it, e.g. <0x41>?",
    "El molinero dice: ¿dónde está el río? ¡Qué día! Übergrößenträger, naïve façade, ΣΊΣΥΦΟΣ ΟΔΥΣΣΕΥΣ, İstanbul",
)
EMOJI = ("😀", "👩\u200d🌾", "🏳\ufe0f\u200d🌈", "👍🏽", "❤\ufe0f", "🇵🇱", "1\ufe0f\u20e3", "☕")
SPACES = (" ", "  ", "\t", "\x0b", "\r", "\r\n", "\x1c", "\x85", "\u00a0", "\u2009", "\u200b", "\u2028", "\u3000")
SIGNS = ("\0", "\x7f", "\ufffd", "\u2581", "\u2581\u2581", "_", "'", "\u2019", "...", "\u2026", "<unk>", "\ufeff")
LETTERS = ("e\u0301", "\u1100\u1161", "\u0660\u00bd\u2167", "\U00020000", "\u0130I\u0307", "\u0345\u03b1\u0301")
ODD = (*SPACES, *SIGNS, *LETTERS)


def lines(count: int, seed: int) -> Iterator[str]:
    """Lines of words of several scripts, whole and in pieces, with emoji and odd characters in between."""
    generator = random.Random(seed)
    words = [word for text in TEXTS for word in text.split()]
    for _ in range(count):
        parts = []
        for _ in range(generator.randint(0, 14)):
            kind = generator.random()
            word = generator.choice(words)
            if kind < 0.1:
                parts.append(generator.choice(EMOJI))
            elif kind < 0.25:
                parts.append(generator.choice(ODD))
            elif kind < 0.4:
                parts.append("".join(generator.choices(word, k=generator.randint(1, 6))))
            elif kind < 0.45:
                parts.append(unicodedata.normalize("NFD", word))
            else:
                parts.append(word.upper() if kind > 0.95 else word)
            parts.append(generator.choice(["", " ", " ", " ", generator.choice(ODD)]))
        yield "".join(parts)


def learnt_subwords() -> bytes:
    """A SentencePiece model, trained as rnntext trains it (`rnntext/train/pipelines.py`), of other lines. Byte order
    marks, which a decoder may take for no text, remain without a piece."""
    texts = (escape(normalize_line(line)).replace("\ufeff", "") for line in lines(LEARNT, seed=2))
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=texts,
        model_writer=model,
        model_type="bpe",
        vocab_size=SUBWORDS,
        normalization_rule_name="identity",
        byte_fallback=True,
        character_coverage=0.999,
        bos_id=-1,
        eos_id=-1,
        minloglevel=2,
    )
    return model.getvalue()


def tokens_of_lines(kind: str, lowercase: bool) -> dict[str, object]:
    """How our own code normalises, cuts and joins lines, and a language that does so, as model.json describes it."""
    subwords = learnt_subwords() if kind == "subword" else None
    tokens = tokenizer(kind, subwords)
    texts = list(lines(CUT, seed=1))
    cut = [tokens.split(normalize_line(line, lowercase)) for line in texts]
    if isinstance(tokens, Subwords):
        vocabulary = tokens.usable_pieces
    else:  # Half of the tokens are unknown.
        vocabulary = sorted({token for line in cut for token in line})[::2]
    language = Language(tokens, vocabulary)
    generator = random.Random(3)
    drawn = [generator.choices(range(len(language)), k=generator.randint(0, 20)) for _ in range(CUT // 2)]
    drawn += [language.lookup(one).tolist() for one in cut[CUT // 2 :]]
    return {
        "about": {
            "config": {"tokens": kind, "lowercase": lowercase},
            "vocabulary": ["[PAD]", "[UNK]", "[START]", "[END]", *vocabulary],
            "unknown": 1,
        },
        "model": None if subwords is None else subwords.hex(),
        "lines": texts,
        "tokens": cut,
        "ids": [language.lookup(one).tolist() for one in cut],
        "drawn": drawn,
        "joined": [language.decode(ids) for ids in drawn],
    }


def continuation(name: str) -> dict[str, object]:
    """What a character model writes greedily, and how fast."""
    model = rnntext.load(GOLDEN / name)
    greedy = rnntext.SamplingConfig(temperature=0)
    begin = time.perf_counter()
    text = "".join(model.generate(PROMPT, length=LENGTH, sampling=greedy))
    return {"prompt": PROMPT, "text": text, "rate": LENGTH / (time.perf_counter() - begin)}


def translations(name: str) -> dict[str, object]:
    """What a translator answers greedily to the first lines of the held-out grammar."""
    held_out = (ROOT / "corpora" / "grammar-heldout.tsv").read_text(encoding="utf-8").splitlines()
    sources = [line.split("\t")[0] for line in held_out[:LINES]]
    search = rnntext.SearchConfig(beam=1, no_repeat_ngram=0)
    return {"lines": sources, "translations": list(rnntext.load(GOLDEN / name).translate(sources, search=search))}


def main(folder: Path) -> None:
    """Writes the models and what is expected of them."""
    for name in (*CHARACTERS, *TRANSLATORS, "forecaster-gru"):
        export(GOLDEN / name, "onnx", folder / name)
    kinds = [("subword", False), ("subword", True), ("word", False), ("char", True)]
    expected = {
        "continuations": {name: continuation(name) for name in CHARACTERS},
        "translations": {name: translations(name) for name in TRANSLATORS},
        "normalized": [normalize(line, lowercase=False) for line in lines(CUT, seed=1)],
        "tokens": [tokens_of_lines(*kind) for kind in kinds],
    }
    (folder / "expected.json").write_text(json.dumps(expected), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""The export to CTranslate2, run by CTranslate2 beside our engine."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import ctranslate2
import pytest
from cli.shell import CLEAN
from export.models import CHARLMS, saved_charlm, saved_forecaster, saved_translator
from helpers import TINY_GRU, TINY_HYBRID, TINY_TRANSFORMER

import rnntext
from rnntext.errors import UsageError
from rnntext.jobs.export import export, exported
from rnntext.run.search import search_all
from rnntext.text.normalize import normalize_line
from rnntext.text.tokens import RESERVED

GOLDEN = Path(__file__).parents[1] / "golden" / "transformer-subword"
LINES = (Path(__file__).parents[2] / "corpora" / "grammar-heldout.tsv").read_text().splitlines()[:200]
NAMES = ["<blank>", "<unk>", "<s>", "</s>"]


def test_its_words_are_the_tokens_and_its_answers_are_ours(tmp_path: Path) -> None:
    export(GOLDEN, "ctranslate2", tmp_path / "out")
    model = rnntext.load(GOLDEN)
    words = [*NAMES, *model.target.tokens]
    sources = [model.source.tokenizer.split(normalize_line(line.split("\t")[0])) for line in LINES]
    never = [[words[one]] if isinstance(one, int) else [words[each] for each in one] for one in model.target.forbidden]
    translator = ctranslate2.Translator(str(tmp_path / "out"), compute_type="float32", intra_threads=1)
    theirs = translator.translate_batch(sources, beam_size=1, suppress_sequences=never, max_decoding_length=50)
    ids = [model.source.lookup(tokens) for tokens in sources]
    search = rnntext.SearchConfig(beam=1, max_length=50)
    ours = dict(search_all(model.engine, ids, search, model.target.forbidden))
    for number, answer in enumerate(theirs):
        assert answer.hypotheses[0] == [words[one] for one in ours[number][0].ids]


@pytest.mark.parametrize("joint", [True, False])
def test_both_vocabularies_are_there(tmp_path: Path, joint: bool) -> None:
    path = saved_translator(tmp_path, dataclasses.replace(TINY_TRANSFORMER, joint=joint))
    files = exported(path, "ctranslate2")
    model = rnntext.load(path)
    for side in ("source", "target"):
        words = json.loads(files["shared_vocabulary.json" if joint else f"{side}_vocabulary.json"])
        assert words == [*NAMES, *getattr(model, side).tokens]
        assert len(words) == len(getattr(model, side).tokens) + RESERVED


@pytest.mark.parametrize("name", ["subword", "char"])
def test_the_example_translates_lines(tmp_path: Path, name: str) -> None:
    lines = [line.split("\t")[0] for line in LINES[:5]] if name == "subword" else ["abc", "h a", "g"]
    path = GOLDEN if name == "subword" else saved_translator(tmp_path / "char", TINY_TRANSFORMER)
    export(path, "ctranslate2", tmp_path / "out")
    command = [sys.executable, "example.py"]
    done = subprocess.run(
        command,
        cwd=tmp_path / "out",
        env=CLEAN,
        input="\n".join([*lines, ""]),
        capture_output=True,
        text=True,
        check=True,
    )
    search = rnntext.SearchConfig(beam=1, no_repeat_ngram=0, split=False)
    assert done.stdout.splitlines() == list(rnntext.load(path).translate(lines, search=search))


def test_other_models_are_refused_with_the_architecture_that_is_not(tmp_path: Path) -> None:
    others = {
        "gru translator": saved_translator(tmp_path / "gru", TINY_GRU),
        "hybrid translator": saved_translator(tmp_path / "hybrid", TINY_HYBRID),
        "charlm": saved_charlm(tmp_path / "charlm", CHARLMS[0]),
        "forecaster": saved_forecaster(tmp_path / "forecaster", "gru"),
    }
    for title, path in others.items():
        with pytest.raises(UsageError, match=f"of --architecture transformer only, and this is a {title}; try"):
            exported(path, "ctranslate2")


def test_without_the_package_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ctranslate2.specs", None)
    with pytest.raises(UsageError, match=r"^--to ctranslate2 needs .*: pip install 'rnntext\[ctranslate2\]'"):
        exported(saved_translator(tmp_path, TINY_TRANSFORMER), "ctranslate2")

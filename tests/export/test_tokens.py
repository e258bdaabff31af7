"""The code of exports that makes tokens of lines, and lines of tokens, beside ours."""

from __future__ import annotations

import dataclasses
import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cli.shell import CLEAN
from export.models import saved_translator
from helpers import TINY_GRU, TINY_TRANSFORMER
from hypothesis import given
from text.test_tokens import ODD, any_line, examples

import rnntext
from rnntext.jobs.export import export
from rnntext.text.normalize import normalize_line

GOLDEN = Path(__file__).parents[1] / "golden"
SENTENCES = [*ODD, "\u0130stanbul I\u0307 A\u030a", "\ufeffab", "a\rb\u2028c\x85d", "ab\0c \udcff"]


@pytest.fixture(scope="module", params=["subword", "word", "char", "lower-case char"])
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """The module `tokens` of an export, and our model."""
    folder = tmp_path_factory.mktemp("tokens")
    if "char" in request.param:
        config = dataclasses.replace(TINY_GRU, lowercase="lower" in request.param)
        path = saved_translator(folder / "model", config)
    else:
        path = GOLDEN / {"subword": "transformer-subword", "word": "gru-word"}[request.param]
    export(path, "onnx", folder / "out")
    spec = importlib.util.spec_from_file_location("tokens_of_an_export", folder / "out" / "tokens.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module, rnntext.load(path)


@pytest.mark.parametrize("text", SENTENCES)
def test_odd_sentences_are_cut_and_joined_as_ours(both: tuple[Any, Any], text: str) -> None:
    theirs, ours = both
    line = normalize_line(text, ours.config.lowercase)
    tokens = theirs.split(text)
    assert tokens == ours.source.tokenizer.split(line)
    known = [token for token in tokens if token in ours.target.ids]
    assert theirs.join(known) == ours.target.decode(ours.target.ids[token] for token in known)


@examples
@given(text=any_line)
def test_any_sentence_is_cut_as_ours(both: tuple[Any, Any], text: str) -> None:
    theirs, ours = both
    assert theirs.split(text) == ours.source.tokenizer.split(normalize_line(text, ours.config.lowercase))


@pytest.mark.parametrize("target", ["onnx", "ctranslate2"])
def test_lines_end_at_line_feeds_alone(tmp_path: Path, target: str) -> None:
    path = saved_translator(tmp_path / "model", TINY_TRANSFORMER)
    export(path, target, tmp_path / "out")
    search = rnntext.SearchConfig(beam=1, no_repeat_ngram=0, split=False)
    ours = rnntext.load(path).translate(["ab", "c d", "", "e", "fg"], search=search)
    done = example(tmp_path / "out", b"\xef\xbb\xbfab\nc\rd\n\n e \r\nfg\nh\xe2\x80\xa8a\xc2\x85\xff")
    *answers, _, end = done.stdout.decode().split("\n")
    assert (answers, end) == (list(ours), "")


@pytest.mark.parametrize("target", ["onnx", "ctranslate2"])
def test_a_line_that_is_too_long_is_named(tmp_path: Path, target: str) -> None:
    export(saved_translator(tmp_path / "model", TINY_TRANSFORMER), target, tmp_path / "out")
    done = example(tmp_path / "out", b"a\n" + b"b" * 1025 + b"\n")
    assert done.returncode == 1
    assert done.stderr == b"line 2 has 1025 tokens; this model reads at most 1024: cut it into sentences\n"
    assert example(tmp_path / "out", b"b" * 1024).returncode == 0


def example(folder: Path, stdin: bytes) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "example.py"]
    return subprocess.run(command, cwd=folder, env=CLEAN, input=stdin, capture_output=True)

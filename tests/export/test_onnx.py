"""The export to ONNX, run by ONNX Runtime beside our engine."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from cli.shell import CLEAN
from export.models import (
    CHARACTERS,
    CHARLMS,
    FORECASTERS,
    TRANSLATORS,
    named,
    saved_charlm,
    saved_forecaster,
    saved_translator,
)

import rnntext
from rnntext.errors import UsageError
from rnntext.export import onnx_graph
from rnntext.jobs.export import export, exported
from rnntext.run.search import search_all
from rnntext.settings.charlm import CharlmConfig
from rnntext.settings.translator import TranslatorConfig
from rnntext.text.normalize import normalize_line
from rnntext.text.tokens import END, RESERVED, START

Arrays = dict[str, np.ndarray]
GOLDEN = Path(__file__).parents[1] / "golden"
LINES = (GOLDEN.parents[1] / "corpora" / "grammar-heldout.tsv").read_text().splitlines()[:200]
TOLERANCE = 1e-4


class Runtime:
    """A graph in ONNX Runtime: arrays by name to arrays by name. It takes what it needs."""

    def __init__(self, content: bytes) -> None:
        onnx.checker.check_model(onnx.load_from_string(content), full_check=True)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        self.outputs = [one.name for one in self.session.get_outputs()]
        self.inputs = {one.name: one.shape for one in self.session.get_inputs()}

    def __call__(self, feeds: Mapping[str, np.ndarray]) -> Arrays:
        taken = {name: feeds[name] for name in self.inputs}
        return dict(zip(self.outputs, self.session.run(None, taken), strict=True))


def after(feeds: Arrays, results: Arrays) -> Arrays:
    """What the next step reads."""
    return feeds | {name.removeprefix("new_"): state for name, state in results.items() if name.startswith("new_")}


# Character models -----------------------------------------------------------------------------------------------------


def charlm_of(path: Path) -> tuple[Runtime, Arrays]:
    """The step, and the states of a text of which nothing was read."""
    step = Runtime(exported(path, "onnx")["charlm.onnx"])
    return step, {name: np.zeros((1, shape[1]), np.float32) for name, shape in step.inputs.items() if name != "ids"}


@pytest.mark.parametrize("config", CHARLMS, ids=lambda config: f"{config.cell} {config.layers}")
def test_characters_get_the_same_logits_in_a_batch(tmp_path: Path, config: CharlmConfig) -> None:
    step, first = charlm_of(saved_charlm(tmp_path, config))
    feeds = {name: np.repeat(state, 3, axis=0) for name, state in first.items()}
    engine = rnntext.load(tmp_path).engine
    state = engine.start(3)
    for ids in np.random.default_rng(0).integers(0, len(CHARACTERS) + 1, (20, 3)):
        results = step({**feeds, "ids": ids})
        np.testing.assert_allclose(results["logits"], engine.step(state, ids), atol=TOLERANCE)
        feeds = after(feeds, results)
    ours = [one.T for layer in state.layers() for one in layer]
    np.testing.assert_allclose(list(feeds.values()), ours, atol=TOLERANCE)


@pytest.mark.parametrize("name", ["charlm-lstm", "charlm-gru"])
def test_a_thousand_characters_are_the_same(name: str) -> None:
    model = rnntext.load(GOLDEN / name)
    step, feeds = charlm_of(GOLDEN / name)
    greedy = rnntext.SamplingConfig(temperature=0)
    ours = list(model.generate("The ", length=1000, sampling=greedy))
    text, margin = greedily(step, feeds, model, "The ", 1000)
    assert margin > 10 * TOLERANCE  # no two characters are so alike that rounding decides
    assert text == ours


def greedily(step: Runtime, feeds: Arrays, model: Any, prompt: str, length: int) -> tuple[list[str], float]:
    """What is drawn, and the smallest distance of the two highest logits."""
    ids = model.encode(prompt)
    margins = []
    for position in range(len(ids) + length - 1):
        results = step({**feeds, "ids": np.array([ids[position]])})
        feeds = after(feeds, results)
        if position >= len(ids) - 1:
            logits = results["logits"][0, 1:]
            second, best = np.sort(logits)[-2:]
            margins.append(best - second)
            ids.append(int(logits.argmax()) + 1)
    return [model.engine.vocabulary.decode([one]) for one in ids[-length:]], min(margins)


# Translators ----------------------------------------------------------------------------------------------------------


def translator_of(path: Path) -> tuple[Runtime, Runtime]:
    files = exported(path, "onnx")
    return Runtime(files["encoder.onnx"]), Runtime(files["decoder.onnx"])


def padded(sentences: list[np.ndarray]) -> np.ndarray:
    longest = max(map(len, sentences))
    return np.array([[*sentence, *[0] * (longest - len(sentence))] for sentence in sentences])


@pytest.mark.parametrize("config", TRANSLATORS, ids=named)
def test_tokens_get_the_same_logits_in_a_batch(tmp_path: Path, config: TranslatorConfig) -> None:
    encoder, decoder = translator_of(saved_translator(tmp_path, config))
    model = rnntext.load(tmp_path)
    generator = np.random.default_rng(1)
    sentences = [generator.integers(1, len(model.source), length) for length in (7, 1, 12)]
    state = model.engine.start(sentences, 12)
    feeds = encoder({"source": padded(sentences)})
    targets = generator.integers(RESERVED, len(model.target), (9, 3))
    for ids in (np.full(3, START), *targets):
        results = decoder({**feeds, "ids": ids})
        np.testing.assert_allclose(results["logits"], model.engine.step(state, ids), atol=TOLERANCE)
        feeds = after(feeds, results)


@pytest.mark.parametrize("name", ["gru-word", "hybrid-subword", "transformer-subword"])
def test_two_hundred_lines_get_the_same_translations(name: str) -> None:
    model = rnntext.load(GOLDEN / name)
    encoder, decoder = translator_of(GOLDEN / name)
    sentences = [model.source.encode(normalize_line(line.split("\t")[0])) for line in LINES]
    ours = dict(search_all(model.engine, sentences, rnntext.SearchConfig(beam=1), model.target.forbidden))
    answers, margin = translated(encoder, decoder, sentences, model.target.forbidden)
    assert margin > TOLERANCE / 10
    assert answers == [ours[number][0].ids for number in range(len(LINES))]


def translated(
    encoder: Runtime, decoder: Runtime, sentences: list[np.ndarray], forbidden: list[Any]
) -> tuple[list[tuple[int, ...]], float]:
    """Greedy translations of all sentences in one batch, and the smallest distance of the two highest logits."""
    feeds = encoder({"source": padded(sentences)})
    everywhere = [one for one in forbidden if not isinstance(one, tuple)]
    limits = [2 * len(sentence) + 10 for sentence in sentences]
    ids = np.full((len(sentences), 1), START)
    answers: dict[int, tuple[int, ...]] = {}
    margins = []
    while len(answers) < len(sentences):
        results = decoder({**feeds, "ids": ids[:, -1]})
        feeds = after(feeds, results)
        logits = results["logits"]
        logits[:, everywhere] = -np.inf
        for first, second in (one for one in forbidden if isinstance(one, tuple)):
            logits[ids[:, -1] == first, second] = -np.inf
        if ids.shape[1] == 1:
            logits[:, END] = -np.inf
        best = logits.argmax(axis=1)
        going = [number for number in range(len(sentences)) if number not in answers]
        highest = np.sort(logits[going], axis=1)
        margins.append((highest[:, -1] - highest[:, -2]).min())
        ids = np.concatenate([ids, best[:, None]], axis=1)
        for number in going:
            if best[number] == END or ids.shape[1] > limits[number]:
                answers[number] = tuple(one for one in ids[number, 1:].tolist() if one != END)
    return [answers[number] for number in range(len(sentences))], min(margins)


# Forecasters ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORECASTERS)
def test_windows_get_the_same_forecasts(tmp_path: Path, name: str) -> None:
    whole = Runtime(exported(saved_forecaster(tmp_path, name), "onnx")["forecaster.onnx"])
    engine = rnntext.load(tmp_path).engine
    generator = np.random.default_rng(2)
    unit = 0.001 if name == "all steps" else 1.0
    window = unit * generator.normal(1000, 100, (3, *whole.inputs["window"][1:]))
    window[0] -= unit * 990  # below what has a logarithm, and below the floor
    future = unit * generator.normal(1000, 100, (3, engine.config.ahead, engine.known))
    forecast = whole({"window": window, "future": future})["forecast"]
    np.testing.assert_allclose(forecast, engine.forecast(window, engine.config.ahead, future), rtol=TOLERANCE)


# The files ------------------------------------------------------------------------------------------------------------


def test_the_graph_says_what_it_is(tmp_path: Path) -> None:
    files = exported(saved_charlm(tmp_path, CHARLMS[0]), "onnx")
    model = onnx.load_from_string(files["charlm.onnx"])
    assert [(one.domain, one.version) for one in model.opset_import] == [("", 17)]
    assert (model.producer_name, model.producer_version) == ("rnntext", rnntext.__version__)
    about = {one.key: one.value for one in model.metadata_props}
    assert (about["kind"], about["version"], about["opset"]) == ("charlm", "000001", "17")
    assert json.loads(about["vocabulary"]) == ["[UNK]", *CHARACTERS]
    assert b"- in: `h_0` `[batch, 6]`, float32\n" in files["README.md"]


def example(folder: Path, *arguments: str, stdin: str = "") -> str:
    """What the example of an export prints, by a process that has nothing of ours."""
    command = [sys.executable, "example.py", *arguments]
    ascii_only = {**CLEAN, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}  # for whatever locale there is
    done = subprocess.run(command, cwd=folder, env=ascii_only, input=stdin.encode(), capture_output=True, check=True)
    return done.stdout.decode()


def test_the_example_continues_a_text(tmp_path: Path) -> None:
    export(GOLDEN / "charlm-gru", "onnx", tmp_path / "out")
    greedy = rnntext.SamplingConfig(temperature=0)
    text = "".join(rnntext.load(GOLDEN / "charlm-gru").generate("The mill", length=60, sampling=greedy))
    assert example(tmp_path / "out", "The mill", "60") == f"The mill{text}\n"


def test_the_example_normalises_a_prompt_as_ours(tmp_path: Path) -> None:
    config = dataclasses.replace(CHARLMS[0], lowercase=True)
    export(saved_charlm(tmp_path / "model", config), "onnx", tmp_path / "out")
    text = example(tmp_path / "out", "J\u030cA\r\nE\u0301", "5")
    assert text.startswith("\u01f0a\n\u00e9")
    greedy = rnntext.SamplingConfig(temperature=0)
    ours = rnntext.load(tmp_path / "model").generate("A\n\u00c9", length=5, sampling=greedy)
    assert text == f"\u01f0a\n\u00e9{''.join(ours)}\n"


@pytest.mark.parametrize("name", ["gru-word", "hybrid-subword"])
def test_the_example_translates_lines(tmp_path: Path, name: str) -> None:
    export(GOLDEN / name, "onnx", tmp_path / "out")
    lines = [line.split("\t")[0] for line in LINES[:5]]
    search = rnntext.SearchConfig(beam=1, no_repeat_ngram=0)
    ours = list(rnntext.load(GOLDEN / name).translate(lines, search=search))
    assert example(tmp_path / "out", stdin="\n".join([*lines, ""])).splitlines() == ours


def refusal(folder: Path, stdin: str) -> str:
    """The one line with which the example refuses its input."""
    command = [sys.executable, "example.py"]
    done = subprocess.run(command, cwd=folder, env=CLEAN, input=stdin, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    return done.stderr.strip()


def test_the_example_refuses_tables_with_gaps_in_one_line(tmp_path: Path) -> None:
    export(saved_forecaster(tmp_path / "model", "gru"), "onnx", tmp_path / "out")
    rows, future = [f"{n}.5,{n},3" for n in range(20)], [",,3", ",,4"]
    for changes, says in [
        ({7: "8,,3"}, "line 8: a value is missing"),
        ({7: ",,3"}, "line 8: a value is missing"),
        ({7: "8,8,"}, "line 8: a value is missing"),
        ({19: ",1,3"}, "line 20: a value is missing"),
        ({21: ",,"}, "line 22: a value is missing"),
        ({21: ",1,3"}, "line 21: a value is missing"),
        ({7: "1,2"}, "line 8: must have 3 fields: x, y, k"),
        ({0: "x,y,k"}, "line 1: could not convert string to float: 'x'"),
    ]:
        lines = [changes.get(number, row) for number, row in enumerate([*rows, *future])]
        assert refusal(tmp_path / "out", "\n".join(lines)).startswith(says)
    assert refusal(tmp_path / "out", "\n".join(rows)).startswith("lines of the steps to come are missing")
    assert refusal(tmp_path / "out", "\n".join(future)) == "0 lines of values are too few; the model reads 12"
    assert refusal(tmp_path / "out", "") == "0 lines of values are too few; the model reads 12"


def test_the_example_forecasts_a_column_alone(tmp_path: Path) -> None:
    export(saved_forecaster(tmp_path / "model", "one unit"), "onnx", tmp_path / "out")
    model = rnntext.load(tmp_path / "model")
    series = model.held_out.values[0, :20]
    answers = example(tmp_path / "out", stdin="".join(f"{value!r}\n" for (value,) in series.tolist()))
    forecast = model.forecast(series, 3).values
    np.testing.assert_allclose([[float(value)] for value in answers.split()], forecast, rtol=TOLERANCE)


def test_the_example_forecasts_with_columns_known_in_advance(tmp_path: Path) -> None:
    export(saved_forecaster(tmp_path / "model", "gru"), "onnx", tmp_path / "out")
    model = rnntext.load(tmp_path / "model")
    series = model.held_out.values[0, :20]
    future = model.held_out.values[0, 20:28, 2:]
    rows = [",".join(map(repr, row)) for row in series.tolist()]
    rows += [f",,{value!r}" for (value,) in future.tolist()]
    answers = example(tmp_path / "out", stdin="\n".join(rows) + "\n").splitlines()
    forecast = model.forecast(series, 8, future).values
    np.testing.assert_allclose([[float(v) for v in row.split(",")] for row in answers], forecast, rtol=TOLERANCE)


def test_what_the_format_cannot_hold_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_graph, "MAX_BYTES", 100)
    with pytest.raises(UsageError, match="bytes of weights are more than the format holds; try --to text"):
        exported(saved_charlm(tmp_path, CHARLMS[0]), "onnx")


def test_without_the_package_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(UsageError, match=r"--to onnx needs .*: pip install 'rnntext\[onnx\]'"):
        exported(saved_charlm(tmp_path, CHARLMS[0]), "onnx")

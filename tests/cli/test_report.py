"""The command `report`: a page for every kind of model, whole or damaged, which loads nothing and runs nothing."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli.shell import CLEAN, Shell
from helpers import (
    alphabet_weights,
    random_arrays,
    save_charlm,
    save_forecaster,
    save_translator,
    shifting_weights,
)

from rnntext.cli import svg
from rnntext.cli.svg import Band, Dot, Line, chart, heat_map
from rnntext.jobs.demonstration import demonstrate
from rnntext.jobs.load import load_forecaster
from rnntext.jobs.report import report
from rnntext.run.forecasters import Forecaster
from rnntext.settings.charlm import CharlmConfig
from rnntext.settings.forecaster import ForecastConfig
from rnntext.storage import checkpoint, service
from rnntext.storage.json_files import to_json

VOID = {"meta", "br"}  # elements without an end
HOSTILE = "<script>alert('1')</script>&amp;\x1b[2J"
SHOWN = "<script>alert('1')</script>&amp;\\u001b[2J"  # how a reader sees it


class Page(HTMLParser):
    """A page as a browser reads it.

    Attributes:
        tags: each element with its attributes, in order.
        text: all of its text.
        spans: the text of each element with a class, by class.
    """

    def __init__(self, content: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.spans: dict[str, list[str]] = {}
        self._open: list[tuple[str, list[str], int]] = []  # element, the texts of its class, and the place of its own
        self.feed(content)
        self.close()
        assert self._open == [], "elements without an end"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        assert len(found) == len(attrs), f"an attribute of {tag} occurs twice"
        self.tags.append((tag, found))
        if tag not in VOID:
            texts = self.spans.setdefault(found.get("class") or "", [])
            texts.append("")
            self._open.append((tag, texts, len(texts) - 1))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop()[0] == tag, f"{tag} ends where another element should"

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._open and self._open[-1][0] != "style":
            _, texts, place = self._open[-1]
            texts[place] += data

    def count(self, tag: str, kind: str | None = None) -> int:
        return sum(name == tag and kind in (None, found.get("class")) for name, found in self.tags)


@pytest.fixture
def home(tmp_path: Path) -> Shell:
    return Shell(tmp_path, CLEAN)


def models(home: Shell) -> Path:
    return home.folder / "checkpoints"


def read(home: Shell, *arguments: str, stdin: str = "") -> Page:
    """The page, which must be one that can do no harm."""
    content = home.here("report", *arguments, stdin=stdin).text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", content)
    page = Page(content)
    assert page.count("script") == page.count("link") == page.count("img") == 0
    for tag, found in page.tags:
        assert not {"src", "href", "onload", "onclick", "onerror"} & found.keys(), tag
    assert "http://" not in content
    assert "https://" not in content
    assert "@import" not in content
    assert "url(" not in content
    return page


def write_log(path: Path, *entries: Any, cut_short: str = "") -> None:
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries) + cut_short)


def version(root: Path, **facts: Any) -> str:
    """A version of the alphabet's model, which is not in service."""
    config, characters, arrays = alphabet_weights()
    metrics = facts.pop("metrics", {})
    files = {
        "config.json": to_json({"model": config.to_json(), "training": {"steps": 7}}),
        "vocabulary.json": to_json(list(characters)),
        "metrics.json": to_json(metrics),
    }
    return checkpoint.write_version(root, facts.pop("kind", "charlm"), files, arrays, facts)


# A page for each kind of model ----------------------------------------------------------------------------------------


def test_a_character_model_writes_the_same_two_samples_each_time(home: Shell) -> None:
    config = CharlmConfig(cell="gru", layers=1, units=4, embedding=4)
    save_charlm(models(home) / "m", config, "abcd", random_arrays(config, 5))
    page = read(home, "m")
    assert "a character model (charlm)" in page.text
    assert "000001, in service" in page.text
    assert "architecturegru" in page.text
    first, second = report(models(home) / "m").demonstration.samples
    assert (len(first), len(second), first != second) == (300, 300, True)
    assert "".join(character for character, _ in first) in page.text
    assert read(home, "m").text == page.text


def test_a_text_is_coloured_by_its_surprise(home: Shell) -> None:
    save_charlm(models(home) / "m", *alphabet_weights())
    page = read(home, "m", "-", stdin="abcdexyz")
    passage = report(models(home) / "m", "abcdexyz").demonstration.passage
    assert "".join(character for character, _ in passage) == "abcdexyz"
    assert "x" in page.spans["s3"]
    assert f"8 characters of a text, {sum(bits for _, bits in passage) / 8:.4f} bits/char." in page.text


def test_a_translator_shows_where_it_looked(home: Shell) -> None:
    save_translator(models(home) / "m", *shifting_weights(), longest=39)
    (home.folder / "pairs.tsv").write_text("hal\tibm\n\nab\tbc\n")
    page = read(home, "m", "pairs.tsv")
    assert "halibm" in page.text  # on two lines
    assert page.count("svg", "heat") == 2
    weights = [float(found["fill-opacity"] or "") for tag, found in page.tags if tag == "rect"]
    assert np.array(weights[:9]).reshape(3, 3).tolist() == np.eye(3).tolist()
    assert len(weights) == 9 + 4
    assert read(home, "m").count("rect") == 0  # no sentence is at hand


@pytest.mark.parametrize("known", [(), ("k",)])
def test_a_forecaster_shows_what_it_expected_of_hidden_values(home: Shell, known: tuple[str, ...]) -> None:
    week = np.tile([10.0, 20.0, 30.0, 25.0, 15.0, 5.0, 0.0], 20)
    week[-2] = 99.0  # nobody could expect it
    series = np.stack([week, *(np.arange(140.0) for _ in known)], axis=1)
    config = ForecastConfig(architecture="seasonal-naive", window=7, horizon=3)
    save_forecaster(models(home) / "m", config, series, [HOSTILE], known, season=7)
    hidden = report(models(home) / "m").demonstration.hidden
    assert hidden is not None
    assert hidden.actual[:, 0].tolist() == [15.0, 99.0, 0.0]
    assert hidden.forecast.values[:, 0].tolist() == [15.0, 5.0, 0.0]
    assert hidden.past[-1, 0] == 25.0
    page = read(home, "m")
    assert (page.count("polygon", "band"), page.count("path", "line c0")) == (1, 1)
    assert SHOWN in page.text
    message = home.here("report", "m", "-", stdin="text", code=2).message
    assert message.endswith("m: this is a forecaster; it reads no text, so leave out FILE")


def test_what_was_not_known_ahead_is_what_the_training_took_it_for(home: Shell) -> None:
    series = np.stack([np.tile(np.arange(7.0), 20), np.arange(140.0)], axis=1)
    series[-2, 1] = np.nan
    config = ForecastConfig(architecture="seasonal-naive", window=7, horizon=3)
    save_forecaster(models(home) / "m", config, series, ["v"], ("k",), season=7)
    about = report(models(home) / "m")
    assert about.trouble is None
    assert about.demonstration.hidden is not None
    assert about.demonstration.hidden.forecast.values[:, 0].tolist() == [4.0, 5.0, 6.0]


def test_the_forecast_is_that_of_weights_that_have_not_seen_what_is_hidden(home: Shell) -> None:
    series = np.arange(40.0)[:, None]
    save_forecaster(
        models(home) / "m", ForecastConfig(architecture="seasonal-naive", window=7, horizon=3), series, season=7
    )
    model = load_forecaster(models(home) / "m")
    model.honest = Forecaster(model.config, dataclasses.replace(model.engine.scale, season=1), 0, {})
    hidden = demonstrate(model).hidden
    assert hidden is not None
    assert hidden.forecast.values[:, 0].tolist() == [36.0, 36.0, 36.0]


# What happened to it --------------------------------------------------------------------------------------------------


def test_curves_of_all_runs_with_the_versions_that_they_made(home: Shell) -> None:
    root = models(home) / "m"
    score = {"name": "bits_per_character", "champion": None}
    for run, value in (("one", 2.5), ("two", 2.25)):
        version(root, run=run, score={**score, "value": value}, metrics={"bits_per_character": value, "step": 20})
    service.put(root, "000001")

    def line(run: str, step: object, bits: float) -> dict[str, object]:
        return {"time": "2026-01-01T00:00:00Z", "run": run, "step": step, "loss": 1.5, "bits_per_character": bits}

    write_log(
        root / "history.jsonl",
        *(line("one", 10, 4.0), line("one", 20, 9.0), line("one", 20, 2.5), line("two", 20, 2.25)),
        *(line("two", 2**80, 1.0), line("two", "20", 1.0), [], {"run": 3, "step": 1}),
        cut_short='{"time": "20',
    )
    about = report(root)
    assert [(curve.run, curve.steps, curve.scores) for curve in about.curves] == [
        ("one", [10, 20], [4.0, 2.5]),
        ("two", [20], [2.25]),
    ]
    assert [(mark.version, mark.promoted) for curve in about.curves for mark in curve.marks] == [
        ("000001", True),
        ("000002", False),
    ]
    page = read(home, "m")
    assert (page.count("circle", "dot served"), page.count("circle", "dot")) == (1, 1)
    across = [float(found["cx"] or "") for tag, found in page.tags if tag == "circle"]
    assert across[0] < across[1]  # the second run begins where the first has ended
    assert "version 000002: 2.2500 after 20 steps; did not go into service" in page.text
    assert page.count("svg", "chart") == 2


def test_before_the_first_step_there_is_no_training_loss(home: Shell) -> None:
    root = models(home) / "m"
    service.put(root, version(root, run="one", score={"name": "bits_per_character", "value": 2.0}))
    write_log(
        root / "history.jsonl",
        {"run": "one", "step": 0, "loss": 0.0, "bits_per_character": 3.0},
        {"run": "one", "step": 10, "loss": 1.5, "bits_per_character": 2.0},
    )
    (curve,) = report(root).curves
    assert curve.scores == [3.0, 2.0]
    assert math.isnan(curve.losses[0])
    assert curve.losses[1:] == [1.5]
    assert "2.0000 bits/char" in read(home, "m").text


def test_nothing_that_a_version_says_is_taken_for_html(home: Shell) -> None:
    root = models(home) / "<b>m"
    config = CharlmConfig(cell="rnn", layers=1, units=4, embedding=4)
    characters = "".join(dict.fromkeys("<script>&\"'/"))
    files = {
        "config.json": to_json({"model": config.to_json(), HOSTILE: {HOSTILE: HOSTILE}}),
        "vocabulary.json": to_json(list(characters)),
        "metrics.json": to_json({HOSTILE: [HOSTILE]}),
    }
    arrays = random_arrays(config, len(characters) + 1)
    facts = {"command": HOSTILE, "finished": HOSTILE, HOSTILE: {"x": HOSTILE}, "score": {"name": HOSTILE, "value": 1.0}}
    name = checkpoint.write_version(root, "charlm", files, arrays, {**facts, "parent": HOSTILE, "run": HOSTILE})
    service.put(root, name)
    write_log(root / "history.jsonl", {"run": HOSTILE, "step": 1, "time": HOSTILE, "loss": 1.0})
    page = read(home, str(root), "-", stdin="<script>")
    assert page.text.count(SHOWN) >= 8
    assert page.count("b") == 0
    assert page.spans[""].count("<b>m") == 1  # the heading


# Damaged, older, unfinished -------------------------------------------------------------------------------------------


def test_a_damaged_version_has_a_page_that_says_so(home: Shell) -> None:
    root = save_charlm(models(home) / "m", *alphabet_weights())
    weights = root / "versions" / "000001" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x7f")
    page = read(home, "m")
    assert page.spans["trouble"] == [
        "It cannot be run: checkpoints/m/versions/000001/weights.safetensors: damaged, its SHA-256 is not the one in "
        "the manifest"
    ]
    assert "What it writes" not in page.text


def test_weights_of_another_model_have_a_page_that_says_so(home: Shell) -> None:
    config, characters, arrays = alphabet_weights()
    save_charlm(models(home) / "m", config, characters[:-1], arrays)
    page = read(home, "m")
    (trouble,) = page.spans["trouble"]
    assert trouble.endswith("the arrays are not those of the model in config.json")
    assert "architecturernn" in page.text


def test_a_damaged_pointer_has_a_page_that_says_so(home: Shell) -> None:
    root = save_charlm(models(home) / "m", *alphabet_weights())
    (root / "current").write_text("{}")
    page = read(home, "m")
    (trouble,) = page.spans["trouble"]
    assert "checkpoints/m/current: damaged" in trouble
    assert "000001" in page.text  # among the versions


def test_a_kind_of_model_that_is_not_known_has_a_page(home: Shell) -> None:
    root = models(home) / "m"
    service.put(root, version(root, kind="painter", paintings=7))
    page = read(home, "m")
    (trouble,) = page.spans["trouble"]
    assert "this is a painter model" in trouble
    assert "paintings7" in page.text


def test_a_model_that_is_not_there_is_an_error(home: Shell) -> None:
    assert "no model 'm' in checkpoints/" in home.here("report", "m", code=2).message


def test_a_terminal_gets_no_html(home: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    save_charlm(models(home) / "m", *alphabet_weights())
    monkeypatch.setattr("rnntext.cli.report.to_terminal", lambda: True)
    done = home.here("report", "m", code=2)
    assert (done.out, done.message) == (
        b"",
        "report: a terminal does not show HTML; write the page to a file: -o FILE.html",
    )
    assert home.here("report", "m", "-o", "m.html").out == b""
    Page((home.folder / "m.html").read_text())


# Drawings -------------------------------------------------------------------------------------------------------------


def test_a_curve_reaches_from_corner_to_corner() -> None:
    drawn = chart([Line("line", [0, 5, 10], [0.0, 25.0, 100.0])], title="t", across="steps")
    (path,) = re.findall(r'class="line" d="([^"]*)"', drawn)
    places = [tuple(map(float, place.split(","))) for place in re.findall(r"[\d.]+,[\d.]+", path)]
    bottom, right = svg.HEIGHT - svg.BOTTOM, svg.WIDTH - svg.RIGHT
    assert (places[0], places[2]) == ((svg.LEFT, bottom), (right, svg.TOP))
    assert places[1] == pytest.approx(((svg.LEFT + right) / 2, bottom - (bottom - svg.TOP) / 4), abs=0.06)
    labels = re.findall(r'text-anchor="end">([^<]*)<', drawn)
    assert labels == ["0", "20", "40", "60", "80", "100"]


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ([1.0, math.nan, 2.0], "M[^ML]*h0M[^ML]*h0"),
        ([1.0, 2.0, 3.0], "M[^ML]*L[^ML]*L[^ML]*"),
        ([3.0, 3.0, 1e300], "ML"),
    ],
)
def test_missing_and_boundless_values_are_gaps(values: list[float], path: str) -> None:
    drawn = chart([Line("line", [0, 1, 2], values)], title="t", across="steps")
    (found,) = re.findall(r'class="line" d="([^"]*)"', drawn)
    assert re.fullmatch(path, found) or re.sub("[^ML]", "", found) == path
    assert "nan" not in drawn
    assert "inf" not in drawn


@pytest.mark.parametrize("values", [[3.0, 3.0], [0.0, 0.0], [0.0, 5e-324], [1.0, 1.0 + 2**-52], [-1e99, 1e99]])
def test_a_range_of_any_size_has_an_axis(values: list[float]) -> None:
    drawn = chart([Line("line", [0, 1], values)], title="t", across="steps")
    assert 2 <= drawn.count('text-anchor="end"') <= 11
    assert "nan" not in drawn
    assert "inf" not in drawn


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([10_001.0, 10_005.0], ["10,001", "10,002", "10,003", "10,004", "10,005"]),
        ([101_325.0, 101_325.02], ["101,325.000", "101,325.005", "101,325.010", "101,325.015", "101,325.020"]),
        ([-2e5, 4e5], ["-200,000", "0", "200,000", "400,000"]),
        ([1.2e7, 2.8e7], ["1.5e+07", "2.0e+07", "2.5e+07"]),
        ([0.0, 2e-6], ["0", "5e-07", "1.0e-06", "1.5e-06", "2.0e-06"]),
    ],
)
def test_labels_tell_neighbours_apart_and_have_room(values: list[float], labels: list[str]) -> None:
    drawn = chart([Line("line", [0, 1], values)], title="t", across="steps")
    found = re.findall(r'<text x="(-?[\d.]+)"[^>]*text-anchor="end">([^<]*)<', drawn)
    assert [label for _, label in found] == labels
    for right, label in found:
        assert float(right) >= 8 * len(label)  # A digit is at most 8 units wide.


def test_steps_are_whole_numbers() -> None:
    drawn = chart([Line("line", [0, 1], [0.0, 1.0])], title="t", across="steps")
    assert re.findall(r'text-anchor="middle">([^<]*)<', drawn) == ["0", "1", "steps"]


def test_a_chart_without_values_is_none() -> None:
    nothing = [math.nan]
    assert chart([Line("line", [0], nothing)], [Dot("dot", 0, math.nan, "")], title="t", across="x") == ""
    assert chart([], bands=[Band("band", [0], nothing, nothing)], title="t", across="x") == ""


def test_a_heat_map_has_a_cell_for_each_weight() -> None:
    page = Page(heat_map(["<i>"], ["a", "b"], [[0.25, 0.75]], "t"))
    assert [found["fill-opacity"] for tag, found in page.tags if tag == "rect"] == ["0.25", "0.75"]
    assert "<i>" in page.text


def test_there_is_room_for_wide_letters_and_for_what_is_written_out() -> None:
    for name in ("磨坊主睡了", "\x1b\x1b", "😀😀😀"):
        drawn = heat_map([name], [name], [[0.5]], "t")
        (right,) = re.findall(r'<text x="([\d.]+)"', drawn)
        letters = {"磨坊主睡了": 10, "\x1b\x1b": 12, "😀😀😀": 6}[name]  # as wide as so many Latin ones
        assert float(right) >= 7.5 * letters

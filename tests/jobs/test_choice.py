"""What a command leaves open is chosen once, told, kept with the run and the version, and the same on resume."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import rnntext
from rnntext import sizes
from rnntext.errors import StoppedError, UsageError
from rnntext.jobs import unfinished
from rnntext.jobs.charlm_recipe import CharlmRecipe
from rnntext.jobs.promotion import Outcome
from rnntext.jobs.texts import TextSource
from rnntext.jobs.train_charlm import train_charlm
from rnntext.jobs.train_translate import train_translate
from rnntext.settings.charlm import CharlmConfig, CharlmTraining
from rnntext.settings.training import JobConfig
from rnntext.settings.translator import GRUConfig, TransformerConfig, TranslatorConfig, TranslatorTraining
from rnntext.sizes import Row
from rnntext.watch.observer import Observer, Progress

pytestmark = pytest.mark.usefixtures("eager", "small_sizes")
TEXT = "the mill turns\nthe river runs\n" * 40
PAIRS = "".join(
    f"the {a} {b}\tel {b} {a}\n" for a in ("old", "new", "wet", "big") for b in ("mill", "boat", "lamp", "hat")
)
OPEN = TranslatorConfig.chosen_by_size() | TranslatorTraining.chosen_by_size()
GIVEN = {"cell", "steps", "time_limit", "window"}


@pytest.fixture
def small_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sizes for the patience of tests, and a machine of a known speed."""
    shapes = {
        name: Row(1.0, {"layers": 1, "units": units, "embedding": 4}) for name, units in zip(sizes.SIZES, (4, 6, 8, 10))
    }
    monkeypatch.setattr(sizes, "CHARLM", shapes)
    shape = {"layers": 1, "units": 8, "heads": 2, "feedforward": 8}
    transformer = Row(0.0, {"architecture": "transformer", **shape, "vocabulary_size": 290})
    gru = Row(0.0, {"architecture": "gru", "layers": 1, "units": 6, "embedding": 4, "vocabulary_size": 300})
    rows = {"tiny": gru, "small": gru, "base": transformer, "large": transformer}
    monkeypatch.setattr(sizes, "TRANSLATORS", {"auto": rows, "transformer": dict.fromkeys(sizes.SIZES, transformer)})
    monkeypatch.setattr("rnntext.train.speed.operations_a_second", lambda precision: 5e5)


class Watch(Observer):
    """Remembers notes; raises after a step."""

    def __init__(self, stop_at: int = 0) -> None:
        self.stop_at = stop_at
        self.said: list[str] = []

    def step(self, progress: Progress) -> None:
        if progress.step == self.stop_at:
            raise StoppedError("stopped", 15)

    def note(self, message: str) -> None:
        self.said.append(message)


def train(folder: Path, watch: Observer | None = None, text: str = TEXT, **options: Any) -> Outcome:
    (folder / "text.txt").write_text(text)
    job = JobConfig(**{n: options.pop(n) for n in ("force", "promote", "warm_start", "save_every") if n in options})
    given = {"steps": 2, "window": 8, **options.pop("given", {})}
    shape = CharlmConfig(**{n: v for n, v in given.items() if hasattr(CharlmConfig, n)})
    training = CharlmTraining(**{n: v for n, v in given.items() if hasattr(CharlmTraining, n)})
    size = options.pop("size", "auto")
    source = [str(folder / "text.txt")]
    left_open = (CharlmConfig.chosen_by_size() | CharlmTraining.chosen_by_size()) - given.keys()
    return train_charlm(source, folder / "m", shape, training, size=size, left_open=left_open, job=job, observer=watch)


def config(folder: Path, version: int = 1) -> Mapping[str, Any]:
    found = json.loads((folder / "m" / "versions" / f"{version:06d}" / "config.json").read_text())
    return {**found["model"], **found["training"]}


def test_what_is_left_open_is_chosen_told_and_kept_with_the_version(tmp_path: Path) -> None:
    watch = Watch()
    train(tmp_path, watch)
    found = config(tmp_path)
    assert (found["units"], found["dropout"], found["recurrent_dropout"], found["batch_size"]) == (10, 0.0, 0.0, 64)
    (said,) = [message for message in watch.said if message.startswith("size ")]
    assert said == (
        "size large (1,080 characters, 0.95 passes): --layers 1, --units 10, --embedding 4, --dropout 0.0, "
        "--recurrent-dropout 0.0, --schedule wsd, --learning-rate 0.003, --batch-size 64"
    )
    assert rnntext.load(tmp_path / "m").config.units == 10


def test_a_flag_wins_over_the_choice(tmp_path: Path) -> None:
    train(tmp_path, given={"units": 3, "dropout": 0.05})
    found = config(tmp_path)
    assert (found["units"], found["embedding"], found["dropout"], found["recurrent_dropout"]) == (3, 4, 0.05, 0.0)


@pytest.mark.parametrize(
    ("given", "dropout", "batch_size"),
    [
        ({"steps": 2}, 0.0, 64),  # 2 steps of 64 streams of 8 characters: about one pass over 1,080 characters
        ({"steps": 12}, 0.1, 64),
        ({"steps": 8, "batch_size": 2}, 0.0, 2),
        ({"steps": None, "epochs": 2}, 0.0, 16),  # 2,160 characters: the smallest batch has the most steps
        ({"steps": None, "epochs": 9}, 0.1, 16),
        ({"steps": None, "epochs": 60}, 0.3, 16),
        ({"steps": 2, "epochs": 9}, 0.0, 64),
        ({"steps": 2000, "epochs": 60}, 0.3, 64),
        ({"steps": 2000, "time_limit": 1.0}, 0.0, 64),
    ],
)
def test_the_number_of_passes_decides_whatever_limits_it(
    tmp_path: Path, given: Mapping[str, Any], dropout: float, batch_size: int
) -> None:
    source = tmp_path / "text.txt"
    source.write_text(TEXT)
    training = CharlmTraining(**{"window": 8, **given})
    free = (CharlmConfig.chosen_by_size() | CharlmTraining.chosen_by_size()) - given.keys()
    recipe = CharlmRecipe(TextSource([str(source)], "0.25"), CharlmConfig(), training, free=free)
    settled = recipe.settled(recipe.choose(recipe.read(tmp_path), None)).training
    assert (settled.dropout, settled.batch_size) == (dropout, batch_size)


def test_a_small_model_has_less_dropout_than_a_large_one_after_as_many_passes(tmp_path: Path) -> None:
    source = tmp_path / "text.txt"
    source.write_text(TEXT)
    free = CharlmConfig.chosen_by_size() | CharlmTraining.chosen_by_size()
    training = CharlmTraining(window=8, steps=None, epochs=60)
    rates = []
    for units in (1, 3, 10, 40):
        model = CharlmConfig(layers=1, units=units, embedding=4)
        free_here = free - {"layers", "units", "embedding"}
        recipe = CharlmRecipe(TextSource([str(source)], "0.25"), model, training, free=free_here)
        rates.append(recipe.choose(recipe.read(tmp_path), None)["dropout"])
    assert rates == sorted(rates)
    assert rates[0] < 0.3 < rates[-1]


def test_a_size_by_name_wins_over_the_choice(tmp_path: Path) -> None:
    train(tmp_path, size="small")
    assert config(tmp_path)["units"] == 6


def test_a_size_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--size huge: must be one of auto, tiny, small, base, large"):
        train(tmp_path, size="huge")


@pytest.mark.parametrize(("seconds", "units"), [(1e-3, 4), (1e9, 10)])
def test_a_time_limit_decides_with_the_speed_of_the_machine(
    tmp_path: Path, seconds: float, units: int, monkeypatch
) -> None:
    monkeypatch.setattr("rnntext.train.speed.operations_a_second", lambda precision: 5e5 * seconds)
    train(tmp_path, given={"time_limit": 1000.0, "steps": 1})
    assert config(tmp_path)["units"] == units


def test_without_a_time_limit_nothing_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rnntext.train.speed.operations_a_second", lambda precision: pytest.fail("measured"))
    train(tmp_path)


def test_a_run_goes_on_with_what_was_chosen_though_the_machine_is_another(tmp_path: Path, monkeypatch) -> None:
    given = {"time_limit": 1000.0, "steps": 4}
    monkeypatch.setattr("rnntext.train.speed.operations_a_second", lambda precision: 1.0)
    with pytest.raises(StoppedError):
        train(tmp_path, Watch(stop_at=2), given=given, save_every=0.0)
    monkeypatch.setattr("rnntext.train.speed.operations_a_second", lambda precision: 1e18)
    train(tmp_path, given=given, save_every=0.0)
    assert config(tmp_path)["units"] == 4


def test_a_resume_with_another_size_or_another_flag_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoppedError):
        train(tmp_path, Watch(stop_at=2), given={"steps": 4}, save_every=0.0)
    with pytest.raises(UsageError, match=r"--size auto -> small"):
        train(tmp_path, size="small", given={"steps": 4})
    with pytest.raises(UsageError, match=r"--units none -> 10"):
        train(tmp_path, given={"steps": 4, "units": 10})
    assert train(tmp_path, given={"steps": 4}).steps == 4


def test_a_run_that_an_older_rnntext_began_goes_on_with_its_own_shape(tmp_path: Path) -> None:
    all_given = {
        "steps": 4,
        "schedule": "cosine",
        "learning_rate": 0.003,
        "units": 7,
        "layers": 1,
        "embedding": 4,
        "dropout": 0.5,
        "recurrent_dropout": 0.25,
    }
    with pytest.raises(StoppedError):
        train(tmp_path, Watch(stop_at=2), given={**all_given, "batch_size": 64}, save_every=0.0)
    begun = unfinished.read(tmp_path / "m" / "run")
    assert begun is not None
    data = {name: value for name, value in begun.options["data"].items() if name != "size"}
    older = dataclasses.replace(begun, chosen=None, options={**begun.options, "data": data})
    state = (tmp_path / "m" / "run" / unfinished.STATE).read_bytes()
    shutil.rmtree(tmp_path / "m" / "run")
    unfinished.write(tmp_path / "m" / "run", older)
    (tmp_path / "m" / "run" / unfinished.STATE).write_bytes(state)
    assert train(tmp_path, given={"steps": 4}).steps == 4
    assert config(tmp_path)["units"] == 7


def test_the_same_command_on_the_same_data_is_nothing_to_do(tmp_path: Path) -> None:
    train(tmp_path)
    assert train(tmp_path).state == "unchanged"


def test_a_warm_start_keeps_the_shape_of_its_parent(tmp_path: Path) -> None:
    watch = Watch()
    train(tmp_path, size="small")
    outcome = train(tmp_path, watch, text=TEXT + "the lamp is lit\n" * 9)
    assert (outcome.parent, config(tmp_path, 2)["units"]) == ("000001", 6)
    assert any(message.startswith("size of version 000001 ") for message in watch.said)
    outcome = train(tmp_path, text=TEXT + "the lamp is lit\n" * 19, warm_start=False)
    assert (outcome.parent, config(tmp_path, 3)["units"]) == (None, 10)


def test_with_a_config_and_nothing_said_nothing_is_left_open(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text(TEXT)
    training = CharlmTraining(steps=1, window=8)
    train_charlm([str(tmp_path / "text.txt")], tmp_path / "m", CharlmConfig(layers=1, units=5), training)
    found = config(tmp_path)
    assert (found["units"], found["embedding"], found["batch_size"]) == (5, 128, 64)


@pytest.mark.parametrize(("tokens", "sampling"), [("subword", 0.1), ("word", 0.0)])
def test_a_translator_is_chosen_likewise(tmp_path: Path, tokens: str, sampling: float) -> None:
    (tmp_path / "pairs.tsv").write_text(PAIRS)
    shape, training = TransformerConfig(tokens=tokens), TranslatorTraining(steps=1)
    left_open = OPEN - {"architecture"}
    train_translate(str(tmp_path / "pairs.tsv"), tmp_path / "m", shape, training, left_open=left_open)
    found = config(tmp_path)
    assert (found["units"], found["vocabulary_size"], found["batch_tokens"]) == (8, 290, 2048)
    assert (found["dropout"], found["subword_sampling"]) == (0.3, sampling)


@pytest.mark.parametrize(("size", "architecture"), [("tiny", "gru"), ("large", "transformer")])
def test_the_architecture_goes_with_the_size_and_a_warm_start_keeps_it(
    tmp_path: Path, size: str, architecture: str
) -> None:
    (tmp_path / "pairs.tsv").write_text(PAIRS)

    def run(size: str, **job: Any) -> Outcome:
        training = TranslatorTraining(steps=1)
        source, model = str(tmp_path / "pairs.tsv"), tmp_path / "m"
        return train_translate(source, model, None, training, size=size, left_open=OPEN, job=JobConfig(**job))

    run(size)
    assert config(tmp_path)["architecture"] == architecture
    assert list(rnntext.load(tmp_path / "m").translate(["the old mill"]))
    assert run("auto", force=True, promote="always").parent == "000001"
    assert config(tmp_path, 2)["architecture"] == architecture
    assert run(size, force=True, promote="always").parent == "000002"


def test_another_size_by_name_begins_from_scratch_and_says_so(tmp_path: Path) -> None:
    watch = Watch()
    train(tmp_path, size="small")
    outcome = train(tmp_path, watch, size="large", promote="always")
    assert (outcome.parent, config(tmp_path, 2)["units"]) == (None, 10)
    assert any("has another size: the new run begins from scratch" in message for message in watch.said)
    assert train(tmp_path, size="large", force=True).parent == "000002"


def test_what_is_given_need_not_go_with_every_architecture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pairs.tsv").write_text(PAIRS)
    shape, training = GRUConfig(units=5), TranslatorTraining(steps=1)
    left_open = OPEN - {"units"}
    train_translate(str(tmp_path / "pairs.tsv"), tmp_path / "m", shape, training, left_open=left_open)
    assert (config(tmp_path)["architecture"], config(tmp_path)["units"]) == ("gru", 5)

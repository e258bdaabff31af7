"""A dry run says what a training is, takes and needs, and leaves everything as it is."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
from crash.disks import read_tree

import rnntext
from rnntext.errors import DataError, InputOutputError, StoppedError
from rnntext.jobs import rehearsal as rehearsing
from rnntext.jobs.rehearsal import MAX_STEPS, MIN_STEPS, Rehearsal, _duration, _step_seconds
from rnntext.settings.charlm import CharlmConfig, CharlmTraining
from rnntext.settings.forecaster import ForecastConfig, ForecastTraining
from rnntext.settings.training import JobConfig
from rnntext.settings.translator import GRUConfig, TranslatorTraining

pytestmark = pytest.mark.usefixtures("eager")
DRY = JobConfig(dry_run=True)
WORDS = ["the", "mill", "river", "turns", "in", "May"]
MODEL = CharlmConfig(cell="rnn", layers=1, units=4, embedding=2)
TRAINING = CharlmTraining(steps=3, batch_size=3, window=6, dropout=0.0, recurrent_dropout=0.0)


@pytest.fixture
def text(tmp_path: Path) -> str:
    path = tmp_path / "text.txt"
    path.write_text("".join(" ".join(random.Random(line).choices(WORDS, k=4)) + "\n" for line in range(15)))
    return str(path)


def train(text: str, path: Path, job: JobConfig | None = None, **options) -> rnntext.Outcome:
    return rnntext.train_charlm(text, path, MODEL, TRAINING, job=job, **options)


def test_a_dry_run_tells_what_the_training_then_is(text: str, tmp_path: Path) -> None:
    rehearsal = train(text, tmp_path / "m", DRY)
    assert isinstance(rehearsal, Rehearsal)
    assert not (tmp_path / "m").exists()
    outcome = train(text, tmp_path / "m")
    assert rehearsal.parameters == outcome.parameters
    assert (rehearsal.state, rehearsal.promoted, rehearsal.version) == ("rehearsed", False, None)
    assert rehearsal.steps_per_pass == pytest.approx(0.9 * len(Path(text).read_text()) / 18, abs=2)
    assert rehearsal.seconds_per_pass > 0
    assert rehearsal.memory > 2**20
    written = sum(path.stat().st_size for path in (tmp_path / "m").rglob("*") if path.is_file())
    assert rehearsal.disk > written
    assert json.loads(json.dumps(rehearsal.to_json()))["parameters"] == outcome.parameters


def test_a_model_and_its_unfinished_run_stay_as_they_are(text: str, tmp_path: Path) -> None:
    train(text, tmp_path / "m")

    class Stop(rnntext.Observer):
        def step(self, progress: rnntext.Progress) -> None:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(StoppedError):
        train(text, tmp_path / "m", JobConfig(force=True), observer=Stop())
    before = read_tree(tmp_path / "m")
    rehearsal = train(text, tmp_path / "m", DRY)
    assert rehearsal.steps == 1
    assert "go on at step 1" in rehearsal.sentence("m")
    fresh = train(text, tmp_path / "m", dataclasses.replace(DRY, fresh=True))
    assert fresh.steps == 0
    assert "begin a new run" in fresh.sentence("m")
    assert read_tree(tmp_path / "m") == before


def test_a_dry_run_says_that_there_is_nothing_to_do(text: str, tmp_path: Path) -> None:
    train(text, tmp_path / "m")
    before = read_tree(tmp_path / "m")
    idle = train(text, tmp_path / "m", DRY)
    assert (idle.state, idle.version) == ("unchanged", "000001")
    assert idle == train(text, tmp_path / "m")
    assert train(text, tmp_path / "m", dataclasses.replace(DRY, force=True)).state == "rehearsed"
    assert read_tree(tmp_path / "m") == before


def test_what_could_not_be_learnt_from_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("short")
    with pytest.raises(DataError, match="too few for --window"):
        train(str(tmp_path / "text.txt"), tmp_path / "m", DRY)
    assert not (tmp_path / "m").exists()


def test_a_place_that_cannot_be_written_or_is_full_is_said_at_once(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OSError, match=r"text\.txt is no folder"):
        train(text, Path(text) / "m", DRY)
    full = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: full)
    with pytest.raises(InputOutputError, match=r"this training needs \d+ MB on the disk, and 0 MB are free"):
        train(text, tmp_path / "m", DRY)


def test_translators_and_forecasters_likewise(tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("".join(f"{word} {n}\t{n} {word}\n" for n in range(20) for word in WORDS))
    model = GRUConfig(layers=1, units=4, embedding=4, tokens="word")
    training = TranslatorTraining(steps=2, batch_tokens=64, vocabulary_size=50, subword_sampling=0.0)
    translator = rnntext.train_translate(str(pairs), tmp_path / "t", model, training, job=DRY)
    table = tmp_path / "waves.csv"
    table.write_text("x\n" + "".join(f"{value}\n" for value in np.sin(np.arange(90) / 3)))
    for architecture in ("linear", "naive"):
        shape = ForecastConfig(architecture=architecture, window=6, horizon=2)
        forecaster = rnntext.train_forecast(str(table), tmp_path / "f", shape, ForecastTraining(steps=2), job=DRY)
        assert (forecaster.state, forecaster.parameters > 0) == ("rehearsed", architecture == "linear")
    assert translator.parameters > 100
    assert sorted(os.listdir(tmp_path)) == ["pairs.tsv", "waves.csv"]


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.123, "0.12 s"), (42.4, "42 s"), (119, "119 s"), (600, "10 min"), (9000, "2.5 h")]
)
def test_durations_are_for_people(seconds: float, shown: str) -> None:
    assert _duration(seconds) == shown


@pytest.mark.parametrize(
    ("slow", "fast", "taken"),
    [([3.0, 1.0, 1.0], 0.1, MAX_STEPS), ([3.0, 3.0, 3.0], 2.0, MIN_STEPS)],
    ids=["quick", "slow"],
)
def test_the_first_steps_make_kernels_and_do_not_count(
    monkeypatch: pytest.MonkeyPatch, slow: list[float], fast: float, taken: int
) -> None:
    times = slow + [fast] * MAX_STEPS
    clock = [0.0]

    class FakeLoop:
        steps = 0

        def step(self) -> None:
            clock[0] += times[self.steps]
            self.steps += 1

    monkeypatch.setattr(rehearsing.time, "monotonic", lambda: clock[0])
    loop = FakeLoop()
    assert _step_seconds(loop) == pytest.approx(fast)  # type: ignore[arg-type]
    assert loop.steps == taken

"""An unfinished training that a user ends where it stands."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from crash.disks import Deadly, Killed, used

import rnntext
from rnntext.errors import BusyError, CheckpointError, StoppedError, UsageError
from rnntext.families import Family
from rnntext.files.atomic import TEMPORARY
from rnntext.files.lock import locked
from rnntext.jobs import checkpoints, finishing, training, unfinished
from rnntext.jobs.promotion import Outcome
from rnntext.jobs.recipe import Material
from rnntext.settings.charlm import CharlmConfig, CharlmTraining
from rnntext.settings.forecaster import ForecastConfig, ForecastTraining
from rnntext.settings.training import JobConfig
from rnntext.settings.translator import GRUConfig, TransformerConfig, TranslatorTraining
from rnntext.storage import service
from rnntext.storage.checkpoint import load_version
from rnntext.storage.models import versions
from rnntext.storage.weights import HONEST, WEIGHTS, to_bytes
from rnntext.train import state
from rnntext.watch.observer import Observer

pytestmark = pytest.mark.usefixtures("eager")
CHARLM = CharlmConfig(cell="rnn", layers=1, units=4, embedding=2)
CHARLM_TRAINING = CharlmTraining(steps=3, batch_size=2, window=4, average=0.5)
TRANSLATOR_TRAINING = TranslatorTraining(steps=2, batch_tokens=120, average=0.5)
FORECASTER = ForecastConfig(architecture="gru", strategy="seq2seq", units=3, layers=1, window=6, horizon=2)
Training = Callable[..., Outcome]


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    (tmp_path / "text.txt").write_text("the mill turns in may\nand the river falls\n" * 12)
    sides = [(f"{a} {b} {n}", f"{n} {b} {a}!") for n in ("one", "two") for a in ("the", "a") for b in "pqrstuvwxyz"]
    (tmp_path / "pairs.tsv").write_text("".join(f"{source}\t{target}\n" for source, target in sides))
    (tmp_path / "waves.csv").write_text("x\n" + "".join(f"{(step * 7) % 11}\n" for step in range(90)))
    return tmp_path


def trainings(folder: Path) -> dict[str, Training]:
    """A training of each kind of model; the translation models leave something open, and the Transformer ties its
    embeddings."""

    def charlm(path: Path, **options: Any) -> Outcome:
        return rnntext.train_charlm([str(folder / "text.txt")], path, CHARLM, CHARLM_TRAINING, **options)

    def translator(model: Any) -> Training:
        def train(path: Path, **options: Any) -> Outcome:
            source = str(folder / "pairs.tsv")
            free = ["dropout", "learning_rate", "subword_sampling"]
            return rnntext.train_translate(source, path, model, TRANSLATOR_TRAINING, left_open=free, **options)

        return train

    def forecaster(path: Path, **options: Any) -> Outcome:
        steps = ForecastTraining(steps=3, batch_size=4)
        return rnntext.train_forecast(str(folder / "waves.csv"), path, FORECASTER, steps, **options)

    return {
        "charlm": charlm,
        "transformer": translator(TransformerConfig(layers=1, units=8, heads=2, feedforward=8, tokens="word")),
        "gru": translator(GRUConfig(layers=1, units=5, embedding=4, tokens="char")),
        "forecaster": forecaster,
    }


def killed(*arguments: object) -> None:
    raise Killed


class StopAfter(Observer):
    """Sends a signal after a step."""

    def __init__(self, step: int) -> None:
        self.at = step

    def step(self, progress):
        if progress.step == self.at:
            os.kill(os.getpid(), signal.SIGTERM)


def stopped(train: Training, path: Path, step: int, **options: Any) -> Path:
    """A training that was stopped after a step."""
    with pytest.raises(StoppedError):
        train(path, observer=StopAfter(step), **options)
    return path


@pytest.mark.parametrize("kind", ["charlm", "gru"])
def test_a_training_finished_at_its_last_step_is_the_one_that_finished_itself(
    sources: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    train = trainings(sources)[kind]
    train(sources / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(training, "conclude", killed)
        with pytest.raises(Killed):
            train(sources / "cut")
    outcome = finishing.finish(sources / "cut")
    assert (outcome.state, outcome.version, outcome.promoted) == ("finished", "000001", True)
    whole, cut = (load_version(sources / name / "versions" / "000001") for name in ("whole", "cut"))
    assert cut.files.keys() == whole.files.keys()
    for name in whole.files.keys() - {"metrics.json"}:
        assert cut.files[name] == whole.files[name], name
    scores = {name: value for name, value in whole.json("metrics.json").items() if name != "seconds"}
    assert {**cut.json("metrics.json"), **scores} == cut.json("metrics.json")
    assert cut.manifest.keys() == whole.manifest.keys()
    assert not (sources / "cut" / "run").exists()
    assert train(sources / "cut").state == "unchanged"  # it counts as finished, for every later night


@pytest.mark.parametrize("kind", ["transformer", "charlm"])
def test_weights_that_nobody_has_scored_yet_are_scored_first(
    sources: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    path = stopped(trainings(sources)[kind], sources / "model", 1)
    begun = finishing.read(path)
    assert begun is not None
    assert (begun.position.step, begun.score) == (1, None)
    monkeypatch.setattr(Material, "task", property(killed))  # which imports TensorFlow
    outcome = finishing.finish(path)
    assert (outcome.promoted, outcome.steps) == (True, 1)
    (entry,) = checkpoints.entries(path)
    assert entry.score is not None
    assert entry.score[1] == outcome.score
    assert rnntext.load(path).checkpoint.version == "000001"


def test_the_usual_rules_decide_about_service(sources: Path) -> None:
    train = trainings(sources)["charlm"]
    train(sources / "model")
    (sources / "text.txt").write_text("zyxw vuts\nrqpo nmlk\n" * 24)
    stopped(train, sources / "model", 1, job=JobConfig(warm_start=False))
    kept = [str(version) for version in versions(sources / "model")]
    never = finishing.finish(sources / "model", JobConfig(promote="never"))
    assert (never.version, never.promoted) == ("000002", False)
    assert service.serving(sources / "model") == "000001"
    assert versions(sources / "model") == [*kept, "000002"]


def test_a_worse_version_stays_out_of_service(sources: Path) -> None:
    train = trainings(sources)["charlm"]
    path = sources / "model"
    train(path)
    stopped(train, path, 1, job=JobConfig(force=True))  # What is in service was scored before the first step.
    begun = finishing.read(path)
    assert begun is not None
    assert begun.position.best is not None
    worse = dataclasses.replace(begun.position, best=dict.fromkeys(begun.position.best, 9.0), evaluated=1)
    state.save(path / "run" / unfinished.STATE, worse, begun.arrays)
    outcome = finishing.finish(path)
    assert not outcome.promoted
    assert "is better" in str(outcome.reason)
    assert service.serving(path) == "000001"


def test_a_finish_that_is_killed_instead_of_any_operation_on_the_disk_is_completed_by_the_next_one(
    sources: Path,
) -> None:
    train = trainings(sources)["charlm"]
    for _ in range(2):  # of which one will be removed
        train(sources / "before", job=JobConfig(force=True, promote="always", keep=2))
    stopped(train, sources / "before", 2, job=JobConfig(force=True))
    job = JobConfig(promote="always", keep=1)
    for at in itertools.count(1):
        path = sources / "model"
        shutil.copytree(sources / "before", path)
        with used(Deadly(at)) as disk, contextlib.suppress(Killed):
            finishing.finish(path, job)
        outcome = finishing.finish(path, job)
        assert (outcome.state, outcome.version) in (("finished", "000003"), ("unchanged", "000003")), at
        assert versions(path) == ["000002", "000003"], at
        assert service.serving(path) == "000003", at
        assert rnntext.load(path).checkpoint.version == "000003", at
        assert not (path / "run").exists(), at
        assert not list(path.rglob(TEMPORARY + "*")), at
        shutil.rmtree(path)
        if not disk.failed:
            break
    assert at > 20


def test_a_training_that_goes_on_after_a_killed_finish_still_gets_its_own_version(
    sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = trainings(sources)["charlm"]
    train(sources / "whole")
    path = stopped(train, sources / "model", 2)
    with monkeypatch.context() as patch:
        patch.setattr(service, "put", killed)
        with pytest.raises(Killed):
            finishing.finish(path)
    assert train(path).version == "000002"
    last = load_version(path / "versions" / "000002")
    assert last.files[WEIGHTS] == load_version(sources / "whole" / "versions" / "000001").files[WEIGHTS]


def test_what_cannot_be_finished_says_why(sources: Path, tmp_path: Path) -> None:
    path = stopped(trainings(sources)["charlm"], sources / "model", 1)
    with locked(path / "lock"), pytest.raises(BusyError):
        finishing.finish(path)
    begun = finishing.read(path)
    assert begun is not None
    older = dataclasses.replace(begun.position, places={})
    state.save(path / "run" / unfinished.STATE, older, begun.arrays)
    with pytest.raises(UsageError, match="an older rnntext"):
        finishing.finish(path)
    (path / "run" / unfinished.STATE).unlink()
    with pytest.raises(UsageError, match="step 0, not scored yet"):
        finishing.finish(path)
    (path / "run" / "settings.json").write_text("{}")
    with pytest.raises(CheckpointError, match="damaged"):
        finishing.finish(path)
    with pytest.raises(UsageError, match="no unfinished training"):
        finishing.finish(tmp_path / "nowhere")
    assert versions(path) == []


def test_the_command_that_goes_on_is_kept_and_an_older_snapshot_has_none(sources: Path) -> None:
    job = JobConfig(command="rnntext train-charlm text.txt")
    path = stopped(trainings(sources)["charlm"], sources / "model", 1, job=job)
    begun = finishing.read(path)
    assert begun is not None
    assert "to go on, if it is not running: rnntext train-charlm text.txt;" in begun.sentence()
    with pytest.raises(CheckpointError, match="an unfinished training lies in"):
        rnntext.load(path)
    settings = json.loads((path / "run" / "settings.json").read_bytes())
    del settings["command"], settings["sha256"]
    content = unfinished.to_json({**settings, "sha256": unfinished._digest(unfinished.to_json(settings))})
    (path / "run" / "settings.json").write_bytes(content)
    older = finishing.read(path)
    assert older is not None
    assert "to go on, if it is not running: the call that began it;" in older.sentence()


@pytest.mark.parametrize("kind", ["charlm", "forecaster"])
def test_weights_of_the_last_step_are_taken_if_they_are_better_than_those_of_the_last_evaluation(
    sources: Path, kind: str
) -> None:
    train = trainings(sources)[kind]
    path = sources / "model"
    train(path)
    stopped(train, path, 1, job=JobConfig(force=True))  # What it began with was scored before the first step.
    begun = finishing.read(path)
    assert begun is not None
    assert begun.position.best is not None
    assert begun.position.best_step == 0
    bad = dataclasses.replace(begun.position, best=dict.fromkeys(begun.position.best, 9.0))
    state.save(path / "run" / unfinished.STATE, bad, begun.arrays)
    outcome = finishing.finish(path)
    version = load_version(path / "versions" / "000002")
    assert version.json("metrics.json")["step"] == 1
    assert outcome.score is not None
    assert outcome.score < 9.0
    places = begun.position.places
    averages = {name: begun.arrays["averages"][place] for name, place in places.items()}
    assert version.files[WEIGHTS] == to_bytes(averages)


@pytest.mark.parametrize("kind", ["charlm", "gru", "forecaster"])
def test_no_training_task_is_made_which_would_need_tensorflow(
    sources: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    path = stopped(trainings(sources)[kind], sources / "model", 2)
    monkeypatch.setattr(Material, "task", property(killed))
    assert finishing.finish(path).promoted


def test_a_forecaster_is_finished_without_its_last_fit_and_says_so(sources: Path) -> None:
    notes: list[str] = []

    class Listener(Observer):
        def note(self, message: str) -> None:
            notes.append(message)

    finishing.finish(stopped(trainings(sources)["forecaster"], sources / "waves", 2), observer=Listener())
    assert any("last fit on all data is left out" in note for note in notes)
    notes.clear()
    finishing.finish(stopped(trainings(sources)["charlm"], sources / "text", 2), observer=Listener())
    assert notes == []


def test_a_last_fit_after_a_killed_finish_gets_a_version_of_its_own(
    sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = trainings(sources)["forecaster"]
    is_better = Family.is_better  # three steps gain little
    monkeypatch.setattr(Family, "is_better", lambda self, metrics, before, margin=0.0: is_better(self, metrics, before))
    train(sources / "whole")
    path = sources / "model"
    with monkeypatch.context() as patch:
        patch.setattr(training, "fit_again", killed)
        with pytest.raises(Killed):
            train(path)
    with monkeypatch.context() as patch:
        patch.setattr(service, "put", killed)
        with pytest.raises(Killed):
            finishing.finish(path)
    assert train(path).version == "000002"
    whole, last = (load_version(place) for place in (sources / "whole/versions/000001", path / "versions/000002"))
    assert {name: last.files[name] for name in (WEIGHTS, HONEST)} == {
        name: whole.files[name] for name in (WEIGHTS, HONEST)
    }

"""The same command again: nothing to do, or a new run that begins where the last one ended."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from rnntext.errors import CheckpointError, InputOutputError, StoppedError
from rnntext.jobs import unfinished
from rnntext.jobs.promotion import Outcome
from rnntext.jobs.train_charlm import train_charlm
from rnntext.jobs.train_translate import train_translate
from rnntext.settings.charlm import CharlmConfig, CharlmTraining
from rnntext.settings.training import JobConfig
from rnntext.settings.translator import GRUConfig, TranslatorTraining
from rnntext.storage import checkpoint, models, service
from rnntext.watch.observer import Observer, Progress

MODEL = CharlmConfig(cell="rnn", layers=1, units=4, embedding=2)
TRAINING = CharlmTraining(steps=2, batch_size=3, window=6, dropout=0.0, recurrent_dropout=0.0, average=0.0)
pytestmark = pytest.mark.usefixtures("eager")
FROZEN = dataclasses.replace(TRAINING, steps=1, learning_rate=0.0)  # what it begins with is what it ends with
SHARED = "{} of the held-out text is in the training text, too, which flatters the score"
TEXT = "the mill turns\nthe river runs\n" * 8


class Watch(Observer):
    """Remembers, and stops after a step."""

    def __init__(self, stop_at: int = 0) -> None:
        self.stop_at = stop_at
        self.said: list[str] = []
        self.events: list[tuple[Any, ...]] = []

    def step(self, progress: Progress) -> None:
        self.events.append(("step", progress.step))
        if progress.step == self.stop_at:
            os.kill(os.getpid(), signal.SIGTERM)

    def save(self, step: int) -> None:
        self.events.append(("save", step))

    def note(self, message: str) -> None:
        self.said.append(message)

    def version(self, name: str, promoted: bool, metrics: Mapping[str, float]) -> None:
        self.events.append(("version", name, promoted))

    def stop(self, reason: str) -> None:
        self.events.append(("stop", reason))

    def error(self, message: str) -> None:
        self.events.append(("error", message))

    def end(self, state: str) -> None:
        self.events.append(("end", state))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a text and a model that was trained on it."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "text.txt").write_text(TEXT)
    (folder / "held.txt").write_text("the mill runs\n" * 5)
    train(folder)
    return folder


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    """The same, for a test to change; the text keeps its name, as settings know it."""
    shutil.copytree(made, tmp_path / "place")
    return tmp_path / "place"


def train(folder: Path, training: CharlmTraining = TRAINING, watch: Observer | None = None, **job: Any) -> Outcome:
    before = os.getcwd()
    os.chdir(folder)
    try:
        model = job.pop("model", MODEL)
        return train_charlm(
            ["text.txt"], "m", model, training, validation="held.txt", job=JobConfig(**job), observer=watch
        )
    finally:
        os.chdir(before)


def weights(folder: Path, version: int = 1) -> dict[str, np.ndarray]:
    path = folder / "m" / "versions" / f"{version:06d}" / "weights.safetensors"
    return safetensors.numpy.load(path.read_bytes())


def stored(folder: Path, name: str, version: int = 1) -> Any:
    return json.loads((folder / "m" / "versions" / f"{version:06d}" / name).read_bytes())


# Nothing to do --------------------------------------------------------------------------------------------------------


def test_the_same_data_and_settings_are_nothing_to_do(place: Path) -> None:
    before = sorted(p for p in (place / "m").rglob("*"))
    watch = Watch()
    outcome = train(place, watch=watch)
    assert (outcome.state, outcome.version, outcome.promoted) == ("unchanged", "000001", False)
    assert "nothing to do" in outcome.sentence("m")
    assert "--force" in outcome.sentence("m")
    assert watch.events == [("end", "unchanged")]
    assert sorted(p for p in (place / "m").rglob("*")) == before


@pytest.mark.parametrize(
    "changed",
    [
        {"force": True},
        {"fresh": True},
        {"warm_start": False},
        {"training": dataclasses.replace(TRAINING, seed=2)},
    ],
    ids=str,
)
def test_force_and_changed_settings_train_a_new_version(place: Path, changed: dict[str, Any]) -> None:
    assert train(place, promote="never", **changed).version == "000002"


def test_a_damaged_version_in_service_is_something_to_do(place: Path) -> None:
    (place / "m" / "current").write_bytes(b"{}")
    outcome = train(place)
    assert (outcome.state, outcome.promoted, outcome.parent) == ("finished", True, None)


def test_what_a_version_was_made_of_is_kept_with_it(place: Path) -> None:
    (place / "text.txt").write_text(TEXT * 2)
    train(place, promote="always", command="rnntext train-charlm text.txt")
    first, second = (stored(place, "manifest.json", n) for n in (1, 2))
    assert (first["parent"], second["parent"]) == (None, "000001")
    assert second["command"] == "rnntext train-charlm text.txt"
    assert len({first["corpus"], second["corpus"]}) == 2
    assert second["score"]["value"] == stored(place, "metrics.json", 2)["bits_per_character"]
    assert stored(place, "metrics.json", 2)["seconds"] > 0


# Warm start -----------------------------------------------------------------------------------------------------------


def test_a_new_run_begins_with_the_weights_in_service_and_old_rows_stay_when_characters_are_new(place: Path) -> None:
    (place / "text.txt").write_text("new letters: xyzXYZ\n" * 20 + TEXT)
    outcome = train(place, FROZEN, promote="never")
    assert outcome.parent == "000001"
    old, new = stored(place, "vocabulary.json"), stored(place, "vocabulary.json", 2)
    assert new[: len(old)] == old
    assert set(new) == set(old) | set("new letters: xyzXYZ\n")
    before, after = weights(place), weights(place, 2)
    size = len(old) + 1
    np.testing.assert_array_equal(after["embedding"][:size], before["embedding"])
    np.testing.assert_array_equal(after["logits.kernel"][:, :size], before["logits.kernel"])
    np.testing.assert_array_equal(after["logits.bias"][size:], np.full(len(new) - len(old), before["logits.bias"][0]))
    np.testing.assert_array_equal(after["layer0.recurrent_kernel"], before["layer0.recurrent_kernel"])


def test_characters_that_the_new_text_lacks_stay_known(place: Path) -> None:
    (place / "text.txt").write_text("aaaa bbbb\n" * 20)
    train(place, promote="never")
    assert set(stored(place, "vocabulary.json", 2)) == set(TEXT) | set("aaaa bbbb\n")


def test_from_scratch_takes_nothing_over(place: Path) -> None:
    (place / "text.txt").write_text("aaaa bbbb\n" * 20)
    assert train(place, promote="never", warm_start=False).parent is None
    assert set(stored(place, "vocabulary.json", 2)) == set("ab \n")


def test_another_shape_begins_from_scratch_and_says_why(place: Path) -> None:
    watch = Watch()
    outcome = train(place, watch=watch, model=dataclasses.replace(MODEL, units=5), promote="never")
    assert outcome.parent is None
    assert [m for m in watch.said if "another shape (units)" in m and "from scratch" in m]


def test_a_warm_run_that_is_stopped_ends_as_an_unbroken_one_whatever_is_promoted_meanwhile(place: Path) -> None:
    (place / "text.txt").write_text(TEXT * 2 + "zebra\n")
    longer = dataclasses.replace(TRAINING, steps=6, dropout=0.3)
    shutil.copytree(place, place / "unbroken")
    train(place / "unbroken", longer, promote="never")
    with pytest.raises(StoppedError):
        train(place, longer, Watch(stop_at=2), promote="never")
    other = weights(place)
    files = {"config.json": b"{}", "vocabulary.json": b"[]"}
    arrays = {name: array + 1 for name, array in other.items()}
    service.put(place / "m", checkpoint.write_version(place / "m", "charlm", files, arrays, {}))
    train(place, longer, promote="never")
    expected, found = weights(place / "unbroken", 2), weights(place, 3)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, name)


# The held-out text ----------------------------------------------------------------------------------------------------


def test_a_champion_that_has_trained_on_the_held_out_text_is_noticed_and_said(place: Path) -> None:
    letters = "".join(np.random.default_rng(1).choice(list("abcdefgh \n"), 3000))
    (place / "text.txt").write_text(letters)
    train(place, promote="always")
    (place / "held.txt").write_text(letters[1000:1500])
    (place / "text.txt").write_text(letters[:900] + letters[1600:])
    watch = Watch()
    outcome = train(place, watch=watch)
    assert "trained on 100% of the held-out text" in str(outcome.remark)
    assert outcome.remark in watch.said
    later = train(place, promote="better", force=True)  # the child of a child of it knows the text, too
    assert later.parent in ("000002", "000003")
    assert "trained on 100%" in str(later.remark)


def test_a_champion_that_has_not_is_not_accused_even_if_texts_repeat_themselves(place: Path) -> None:
    (place / "text.txt").write_text(TEXT * 2)
    (place / "held.txt").write_text(TEXT[:60])
    watch = Watch()
    assert train(place, watch=watch).remark is None
    assert watch.said == [SHARED.format("100%")]


def test_held_out_text_that_is_learnt_from_is_said_with_its_share(place: Path) -> None:
    letters = "".join(np.random.default_rng(1).choice(list("abcdefgh \n"), 3000))
    (place / "text.txt").write_text(letters[:2500])
    (place / "held.txt").write_text(letters[2000:3000])
    watch = Watch()
    train(place, watch=watch)
    assert watch.said == [SHARED.format("48%")]  # 469 of 969 stretches of 32 characters
    (place / "text.txt").write_text(letters[:2000])  # now only the parent has learnt from it
    train(place, watch=watch)
    assert watch.said[1] == SHARED.format("48%")
    (place / "held.txt").write_text(letters[2600:])
    (place / "text.txt").write_text(letters[:2400])
    watch = Watch()
    train(place, watch=watch)
    assert watch.said == []


# Better or not --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tolerance", "promoted"), [(0.0, False), (0.4, False), (0.6, True)])
def test_how_much_worse_is_not_worse_is_the_user_s_choice(place: Path, monkeypatch, tolerance, promoted) -> None:
    metrics = {"bits_per_character": 2.5, "nats_per_character": 1.0}
    monkeypatch.setattr("rnntext.train.charlm_task.CharlmTask.evaluate", lambda task, values: metrics)
    monkeypatch.setattr("rnntext.jobs.characters.CharacterModel.score", lambda self, text: (2.0, 1))
    watch = Watch()
    outcome = train(place, watch=watch, force=True, tolerance=tolerance)
    assert outcome.promoted == promoted
    assert ("version", "000002", promoted) in watch.events
    assert service.serving(place / "m") == ("000002" if promoted else "000001")


def test_old_versions_go_after_a_promotion_and_never_the_one_in_service(place: Path) -> None:
    for _ in range(4):
        train(place, FROZEN, force=True, promote="never", keep=2)
    assert models.versions(place / "m") == ["000001", "000004", "000005"]


# Sessions -------------------------------------------------------------------------------------------------------------


def test_pause_after_ends_a_session_and_the_same_command_goes_on_to_the_same_end(place: Path) -> None:
    longer = dataclasses.replace(TRAINING, steps=4, dropout=0.3)
    shutil.copytree(place, place / "unbroken")
    train(place / "unbroken", longer, promote="never")
    steps = []
    for _ in range(4):
        watch = Watch()
        outcome = train(place, longer, watch, promote="never", pause_after=0.0)  # at least a step each night
        assert (outcome.state, outcome.version) == ("paused", None)
        assert f"saved at step {outcome.steps}" in outcome.sentence("m")
        assert [e[0] for e in watch.events[-3:]] == ["save", "stop", "end"]
        steps.append(outcome.steps)
    assert steps == [1, 2, 3, 4]  # the last evaluation has a session of its own
    assert train(place, longer, promote="never", pause_after=0.0).state == "finished"
    for name, array in weights(place / "unbroken", 2).items():
        np.testing.assert_array_equal(weights(place, 2)[name], array, name)


def test_the_state_is_saved_as_often_as_is_wanted(place: Path) -> None:
    often, seldom = Watch(), Watch()
    longer = dataclasses.replace(TRAINING, steps=5)
    train(place, longer, often, save_every=0.0, promote="never")
    train(place, longer, seldom, save_every=3600.0, promote="never", force=True)
    assert [e[1] for e in often.events if e[0] == "save"] == [0, 1, 2, 3, 4, 5]
    assert [e[1] for e in seldom.events if e[0] == "save"] == [0, 5]


def test_after_an_upgrade_a_run_goes_on_with_a_warning(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StoppedError):
        train(place, dataclasses.replace(TRAINING, steps=3), Watch(stop_at=1), promote="never")
    monkeypatch.setattr(unfinished, "software", lambda: {"rnntext": "9.9", "tensorflow": "9.9"})
    watch = Watch()
    assert train(place, dataclasses.replace(TRAINING, steps=3), watch, promote="never").state == "finished"
    assert len([m for m in watch.said if "rnntext" in m and "-> 9.9" in m and "may not repeat bit by bit" in m]) == 1


def test_a_flipped_byte_of_the_saved_state_is_noticed(place: Path) -> None:
    with pytest.raises(StoppedError):
        train(place, dataclasses.replace(TRAINING, steps=3), Watch(stop_at=1), promote="never")
    state = place / "m" / "run" / "state.safetensors"
    data = state.read_bytes()
    state.write_bytes(data[:-3] + bytes([data[-3] ^ 1]) + data[-2:])
    with pytest.raises(CheckpointError, match=r"state\.safetensors: .*SHA-256.*--fresh"):
        train(place, dataclasses.replace(TRAINING, steps=3), promote="never")
    assert checkpoint.load(place / "m").version == "000001"


def test_without_room_on_the_disk_nothing_is_begun(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nearly_full(path: object) -> Any:
        return shutil._ntuple_diskusage(10**9, 10**9 - 1000, 1000)  # type: ignore[attr-defined]

    (place / "text.txt").write_text(TEXT * 2)
    monkeypatch.setattr(shutil, "disk_usage", nearly_full)
    watch = Watch()
    with pytest.raises(InputOutputError, match=r"needs [1-9]\d* MB on the disk, and 0 MB are free; make room"):
        train(place, watch=watch)
    assert not (place / "m" / "run").exists()
    assert [e[0] for e in watch.events] == ["error"]


def test_a_disk_that_fails_in_the_middle_says_what_was_kept(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    longer = dataclasses.replace(TRAINING, steps=4)
    with pytest.raises(StoppedError):
        train(place, longer, Watch(stop_at=1), promote="never")
    watch = Watch()

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("rnntext.train.state.save", full)
        with pytest.raises(OSError, match="No space left on device; the last saved state is whole") as failed:
            train(place, longer, watch, promote="never", save_every=0.0)
    assert failed.value.filename == "m"
    assert watch.events[-1][0] == "error"
    assert train(place, longer, promote="never").state == "finished"


# Translation ----------------------------------------------------------------------------------------------------------

BEGINNINGS = ["the old", "the new", "a old", "a new"]
PAIRS = [(f"{begin} {noun}", f"{noun} {begin}") for begin in BEGINNINGS for noun in ("mill", "boat", "hat")]
NEW = [(f"{begin} zebra", f"zebra {begin}") for begin in BEGINNINGS]
GRU = GRUConfig(layers=1, units=4, embedding=4)
PAIR_TRAINING = TranslatorTraining(steps=1, vocabulary_size=290, batch_tokens=60, learning_rate=0.0, average=0.0)


def translate(folder: Path, pairs: list[tuple[str, str]], model: GRUConfig, **options: Any) -> Outcome:
    (folder / "held.tsv").write_text("the new hat\that new the\n")
    (folder / "pairs.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in pairs))
    job = JobConfig(promote="always")
    held_out = str(folder / "held.tsv")
    return train_translate(
        str(folder / "pairs.tsv"), folder / "m", model, PAIR_TRAINING, validation=held_out, job=job, **options
    )


@pytest.mark.parametrize("joint", [True, False])
@pytest.mark.parametrize("tied", [True, False])
def test_a_vocabulary_of_words_grows_and_old_words_keep_their_rows(tmp_path: Path, joint: bool, tied: bool) -> None:
    model = dataclasses.replace(GRU, tokens="word", joint=joint, tied=tied)
    translate(tmp_path, PAIRS, model)
    outcome = translate(tmp_path, PAIRS + NEW, model)
    assert outcome.parent == "000001"
    name = "tokens.json" if joint else "target.json"
    old, new = stored(tmp_path, name), stored(tmp_path, name, 2)
    assert new == [*old, "zebra"]
    before, after = weights(tmp_path), weights(tmp_path, 2)
    for key, array in before.items():
        kept = after[key][tuple(slice(n) for n in array.shape)]
        np.testing.assert_array_equal(kept, array, key)
    assert after["logits.bias"].shape[0] == before["logits.bias"].shape[0] + 1


def test_subwords_are_kept_unless_they_are_to_be_learnt_again(tmp_path: Path) -> None:
    translate(tmp_path, PAIRS, GRU)
    translate(tmp_path, PAIRS + NEW * 5, GRU)
    model = [(tmp_path / "m" / "versions" / f"{n:06d}" / "tokens.model") for n in (1, 2, 3)]
    assert model[0].read_bytes() == model[1].read_bytes()
    np.testing.assert_array_equal(weights(tmp_path, 2)["source.embedding"], weights(tmp_path)["source.embedding"])
    translate(tmp_path, PAIRS + NEW * 5, GRU, relearn_tokens=True)
    assert model[2].read_bytes() != model[0].read_bytes()
    old, new = stored(tmp_path, "tokens.json", 2), stored(tmp_path, "tokens.json", 3)
    assert old != new
    rows = [weights(tmp_path, n)["source.embedding"] for n in (2, 3)]
    for token in set(old) & set(new):
        np.testing.assert_array_equal(rows[1][4 + new.index(token)], rows[0][4 + old.index(token)], token)
    assert translate(tmp_path, PAIRS + NEW * 5, GRU, relearn_tokens=True).state == "unchanged"


def test_the_other_direction_begins_from_scratch(tmp_path: Path) -> None:
    model = dataclasses.replace(GRU, tokens="word")
    translate(tmp_path, PAIRS, model)
    assert translate(tmp_path, PAIRS, model, reverse=True).parent is None

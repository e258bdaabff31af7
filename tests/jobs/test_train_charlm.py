"""Training as a job: what it leaves in the model's folder when it ends, is interrupted, or goes wrong."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import random
import re
import shutil
import signal
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import Mock, patch

import numpy as np
import pytest
import safetensors.numpy

import rnntext
from rnntext.errors import (
    BusyError,
    CheckpointError,
    DataError,
    DivergedError,
    InputOutputError,
    NewerCheckpointError,
    StoppedError,
    UsageError,
)
from rnntext.files.lock import locked
from rnntext.jobs.charlm_recipe import CharlmRecipe
from rnntext.jobs.promotion import Outcome
from rnntext.jobs.train_charlm import train_charlm
from rnntext.settings.charlm import CharlmConfig, CharlmTraining
from rnntext.settings.training import JobConfig
from rnntext.storage.models import versions
from rnntext.train import schedule
from rnntext.watch.observer import Observer

MODEL = CharlmConfig(cell="lstm", layers=2, units=6, embedding=4)
TRAINING = CharlmTraining(
    steps=14, batch_size=3, window=6, learning_rate=0.03, dropout=0.3, recurrent_dropout=0.2, average=0.5
)  # some four epochs
SMALL = CharlmConfig(cell="rnn", layers=1, units=4, embedding=2)  # where only the files matter
SHORT = dataclasses.replace(TRAINING, steps=3, dropout=0.0, recurrent_dropout=0.0)


pytestmark = pytest.mark.usefixtures("eager")
JOB = {field.name for field in dataclasses.fields(JobConfig)}
WORDS = ["the", "mill", "river", "turns", "in", "May"]
TEXT = "".join(" ".join(random.Random(line).choices(WORDS, k=4)) + "\n" for line in range(15))


def train(text: Path | str, path: Path, model=SMALL, training=SHORT, **options) -> Outcome:
    job = JobConfig(**{name: options.pop(name) for name in JOB & options.keys()})
    return train_charlm(str(text), path, model, training, job=job, **options)


def evaluate_every(steps: int, monkeypatch) -> None:
    plan = schedule.plan_steps
    monkeypatch.setattr(schedule, "plan_steps", lambda *a: dataclasses.replace(plan(*a), evaluate_every=steps))


class At(Observer):
    """Does something after a step."""

    def __init__(self, step: int, action: Callable[[], None]) -> None:
        self.at, self.action = step, action

    def step(self, progress):
        if progress.step == self.at:
            self.action()


def stop_at(step: int, number: int = signal.SIGTERM) -> At:
    return At(step, lambda: os.kill(os.getpid(), number))


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Path:
    """A folder for what is trained only once, with the text for it."""
    folder = tmp_path_factory.mktemp("shared")
    (folder / "text.txt").write_text(TEXT)
    return folder


@pytest.fixture(scope="module")
def text(shared) -> Path:
    """Read by all, changed by none."""
    return shared / "text.txt"


@pytest.fixture(scope="module")
def trained(shared, text) -> Path:
    """A model that was trained without a break."""
    train(text, shared / "trained", MODEL, TRAINING)
    return shared / "trained"


@pytest.fixture(scope="module")
def small(shared, text) -> Path:
    """A small model that was trained without a break."""
    train(text, shared / "small")
    return shared / "small"


@pytest.fixture(scope="module")
def stopped_once(shared, text) -> Path:
    with pytest.raises(StoppedError):
        train(text, shared / "stopped", observer=stop_at(1))
    return shared / "stopped"


@pytest.fixture
def champion(trained, tmp_path) -> Path:
    """A trained model, for a test to change."""
    return Path(shutil.copytree(trained, tmp_path / "champion"))


@pytest.fixture
def stopped(stopped_once, tmp_path) -> Path:
    """A small model whose first training was stopped after a step, for a test to change."""
    return Path(shutil.copytree(stopped_once, tmp_path / "stopped"))


def weights(model: Path, version: str = "000001") -> dict[str, np.ndarray]:
    return safetensors.numpy.load_file(model / "versions" / version / "weights.safetensors")


def stored(model: Path, name: str, version: str = "000001"):
    return json.loads((model / "versions" / version / name).read_bytes())


def files(model: Path) -> dict[str, bytes]:
    return {str(p.relative_to(model)): p.read_bytes() for p in sorted(model.rglob("*")) if p.is_file()}


def names(model: Path) -> set[str]:
    return {path.name for path in model.iterdir()}


def assert_identical(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert found.keys() == expected.keys()
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


# What a training leaves -----------------------------------------------------------------------------------------------


def test_a_training_leaves_one_version_in_service_and_no_unfinished_run(trained):
    assert names(trained) == {"current", "versions", "history.jsonl", "promotions.jsonl", "lock"}
    assert json.loads((trained / "current").read_bytes())["version"] == "000001"
    assert stored(trained, "config.json") == {"model": MODEL.to_json(), "training": TRAINING.to_json()}


@pytest.mark.parametrize(("size", "learnt"), [(None, ["b", "a"]), (1, ["b"])])
def test_the_vocabulary_is_that_of_the_text_without_what_is_held_out(tmp_path, size, learnt):
    path = tmp_path / "text.txt"
    path.write_text("b" * 50 + "a" * 40 + "z" * 10)
    train(path, tmp_path / "model", training=dataclasses.replace(SHORT, vocabulary_size=size), validation="0.1")
    assert stored(tmp_path / "model", "vocabulary.json") == learnt


def test_the_stored_score_is_that_of_the_stored_weights_on_the_held_out_text(trained, text):
    held_out = text.read_text()[int(len(text.read_text()) * 0.9) :]
    bits, characters = rnntext.load(trained).score(held_out)
    assert stored(trained, "metrics.json")["bits_per_character"] == pytest.approx(bits / characters, rel=1e-6)


def test_the_outcome_says_what_was_reached(text, tmp_path):
    outcome = train(text, tmp_path / "model")
    assert (outcome.version, outcome.promoted, outcome.champion, outcome.steps) == ("000001", True, None, 3)
    assert outcome.score == stored(tmp_path / "model", "metrics.json")["bits_per_character"]
    assert outcome.parameters == sum(array.size for array in weights(tmp_path / "model").values())
    assert json.loads(json.dumps(outcome.to_json()))["score"] == outcome.score


def test_history_gets_a_line_per_evaluation(text, tmp_path, monkeypatch):
    evaluate_every(2, monkeypatch)
    train(text, tmp_path / "model", training=dataclasses.replace(SHORT, steps=5))
    lines = [json.loads(line) for line in (tmp_path / "model/history.jsonl").read_text().splitlines()]
    assert [(line["step"], line["steps"]) for line in lines] == [(2, 5), (4, 5), (5, 5)]
    best = [line for line in lines if line["best"]][-1]
    assert best["bits_per_character"] == min(line["bits_per_character"] for line in lines)
    assert best["nats_per_character"] == pytest.approx(best["bits_per_character"] * math.log(2))


def test_a_history_line_cut_short_by_a_crash_does_not_spoil_the_next(text, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model/history.jsonl").write_text('{"time": "20')
    train(text, tmp_path / "model")
    last = (tmp_path / "model/history.jsonl").read_text().splitlines()[-1]
    assert json.loads(last)["step"] == 3


def test_the_weights_of_the_best_evaluation_are_shipped_not_the_last(text, tmp_path, monkeypatch):
    bits, evaluated = iter([3.0, 1.0, 2.0]), []

    def evaluate(task, values):
        evaluated.append(task.model.arrays(values))
        return {"bits_per_character": next(bits)}

    monkeypatch.setattr("rnntext.train.charlm_task.CharlmTask.evaluate", evaluate)
    evaluate_every(1, monkeypatch)
    train(text, tmp_path / "model")
    assert_identical(weights(tmp_path / "model"), evaluated[1])
    assert not np.array_equal(evaluated[1]["embedding"], evaluated[2]["embedding"])
    assert stored(tmp_path / "model", "metrics.json")["step"] == 2


# Repeating and resuming -----------------------------------------------------------------------------------------------


@pytest.mark.graph
def test_the_same_seed_gives_bit_identical_weights(trained, text, tmp_path):
    train(text, tmp_path / "again", MODEL, TRAINING)
    assert_identical(weights(tmp_path / "again"), weights(trained))


def test_another_seed_gives_other_weights(small, text, tmp_path):
    train(text, tmp_path / "other", training=dataclasses.replace(SHORT, seed=2))
    assert not np.array_equal(weights(tmp_path / "other")["logits.kernel"], weights(small)["logits.kernel"])


@pytest.fixture(scope="module")
def resumed(trained, shared) -> Path:
    """The same training, stopped once and broken off once, its text exchanged in between."""
    changing, model = shared / "changing.txt", shared / "resumed"
    changing.write_text(TEXT)
    with pytest.raises(StoppedError, match="saved at step 3"):
        train(changing, model, MODEL, TRAINING, observer=stop_at(3))
    changing.write_text("something else\n" * 100)
    with pytest.raises(MemoryError):  # nothing is saved: steps 4 to 9 will be taken again
        train(changing, model, MODEL, TRAINING, observer=At(9, Mock(side_effect=MemoryError)))
    train(changing, model, MODEL, TRAINING)
    return model


def test_an_interrupted_training_ends_bit_identical_to_an_unbroken_one(resumed, trained):
    assert_identical(weights(resumed), weights(trained))
    assert stored(resumed, "vocabulary.json") == stored(trained, "vocabulary.json")


def test_a_text_that_changes_meanwhile_is_not_looked_at_before_the_run_has_ended(resumed, trained, shared):
    metrics = [stored(model, "metrics.json")["bits_per_character"] for model in (resumed, trained)]
    assert metrics[0] == metrics[1]
    assert stored(resumed, "manifest.json")["corpus"] == stored(trained, "manifest.json")["corpus"]
    train(shared / "changing.txt", resumed)
    assert set(stored(resumed, "vocabulary.json", "000002")) == set("something else\n")


@pytest.fixture
def handler():
    """Sets a handler for a signal, until the test is over."""
    before = {}

    def set_handler(number, new):
        before.setdefault(number, signal.signal(number, new))

    yield set_handler
    for number, old in before.items():
        signal.signal(number, old)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGHUP, 129), (signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_a_training_that_can_go_on_and_handlers_are_put_back(handler, text, tmp_path, number, code):
    mine = Mock()
    handler(number, mine)
    with pytest.raises(StoppedError, match="saved at step 2") as stop:
        train(text, tmp_path / "model", observer=stop_at(2, number))
    assert stop.value.exit_code == code
    assert signal.getsignal(number) is mine
    assert names(tmp_path / "model") == {"lock", "run"}


def test_a_signal_that_is_ignored_stays_ignored_as_nohup_wants(handler, text, tmp_path):
    handler(signal.SIGHUP, signal.SIG_IGN)
    assert train(text, tmp_path / "model", observer=stop_at(2, signal.SIGHUP)).steps == 3


def test_a_stopped_training_leaves_the_version_in_service_alone(champion, text):
    before = files(champion)
    with pytest.raises(StoppedError):
        train(text, champion, observer=stop_at(1))
    assert {name: data for name, data in files(champion).items() if not name.startswith("run/")} == before


def test_going_on_with_other_options_is_refused_and_they_are_named(stopped, text):
    before = files(stopped)
    model, training = dataclasses.replace(SMALL, units=5), dataclasses.replace(SHORT, learning_rate=0.5, epochs=2)
    with pytest.raises(UsageError, match="--fresh") as refused:
        train(text, stopped, model, training, validation="0.2")
    changed = set(re.findall(r"--(\S+ \S+ -> [^\s,)]+)", str(refused.value)))
    assert changed == {"units 4 -> 5", "learning-rate 0.03 -> 0.5", "epochs none -> 2", "validation 0.1 -> 0.2"}
    assert files(stopped) == before


def test_going_on_with_another_text_is_refused_and_it_is_named(stopped, text):
    with pytest.raises(UsageError, match=r"text\.txt -> other\.txt.*--fresh"):
        train("other.txt", stopped)


def test_fresh_drops_the_unfinished_training_and_starts_over(stopped, text):
    steps = []
    watch = Observer()
    watch.step = lambda progress: steps.append(progress.step)
    train(text, stopped, dataclasses.replace(SMALL, units=5), fresh=True, observer=watch)
    assert steps == [1, 2, 3]
    assert weights(stopped)["logits.kernel"].shape[0] == 5


@pytest.mark.parametrize("mistake", [{"text": "missing.txt"}, {"validation": "2"}], ids=str)
def test_fresh_with_a_mistake_in_it_costs_no_unfinished_training(stopped, text, mistake):
    before = files(stopped)
    with pytest.raises((InputOutputError, UsageError)):
        train(mistake.pop("text", text), stopped, fresh=True, **mistake)
    assert files(stopped) == before


DAMAGE = {"cut short": lambda data: data[: len(data) // 2], "of another kind": lambda data: b"{}"}


@pytest.mark.parametrize("name", ["settings.json", "vocabulary.json", "arrays.safetensors", "state.safetensors"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_unfinished_training_is_refused_with_the_way_out(stopped, text, name, damage):
    path = stopped / "run" / name
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    with pytest.raises(CheckpointError, match="--fresh"):
        train(text, stopped)


@pytest.mark.graph
def test_a_disk_that_is_full_at_the_very_end_costs_no_training(small, text, tmp_path):
    full = patch("rnntext.storage.checkpoint.write_version", side_effect=OSError("full"))
    with full, pytest.raises(OSError, match="full"):
        train(text, tmp_path / "model")
    train(text, tmp_path / "model", observer=stop_at(1))  # no step: nothing to stop
    assert_identical(weights(tmp_path / "model"), weights(small))


def test_a_version_that_was_written_before_a_kill_is_not_written_twice(text, tmp_path):
    killed = patch("rnntext.storage.checkpoint.promote", side_effect=KeyboardInterrupt)
    with killed, pytest.raises(KeyboardInterrupt):
        train(text, tmp_path / "model")
    assert train(text, tmp_path / "model").version == "000001"
    assert versions(tmp_path / "model") == ["000001"]
    assert train(text, tmp_path / "model", force=True).version == "000002"  # another run, another version


# Promotion ------------------------------------------------------------------------------------------------------------

UNTRAINED = dataclasses.replace(SHORT, steps=1, learning_rate=0.0)


@pytest.mark.parametrize(("promote", "in_service"), [("better", "000001"), ("never", "000001"), ("always", "000002")])
def test_a_worse_model_goes_into_service_only_with_promote_always(champion, text, promote, in_service):
    outcome = train(text, champion, training=UNTRAINED, promote=promote)
    assert outcome.promoted == (promote == "always")
    assert json.loads((champion / "current").read_bytes())["version"] == in_service
    assert stored(champion, "metrics.json", "000002")["bits_per_character"] == outcome.score


def test_a_worse_model_is_told_the_score_to_beat(champion, text):
    outcome = train(text, champion, training=UNTRAINED)
    assert outcome.champion == pytest.approx(stored(champion, "metrics.json")["bits_per_character"])
    assert outcome.champion < outcome.score
    assert f"{outcome.champion:.4f}" in outcome.sentence("model")


@pytest.mark.graph
@pytest.mark.parametrize("better", [{}, {"steps": 40, "learning_rate": 0.1}], ids=["equal", "better"])
def test_an_equal_or_a_better_model_goes_into_service(small, text, tmp_path, better):
    model = Path(shutil.copytree(small, tmp_path / "model"))
    assert train(text, model, training=dataclasses.replace(SHORT, **better), warm_start=False).promoted
    assert json.loads((model / "current").read_bytes())["version"] == "000002"


def test_champion_and_challenger_read_the_same_held_out_text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_bytes(TEXT.encode().replace(b"\n", b"\r\r\n"))  # a file whose line ends were converted twice
    first, second = (train(path, tmp_path / "model", warm_start=warm) for warm in (True, False))
    assert second.champion == pytest.approx(first.score, rel=1e-6)


def test_a_model_that_reads_another_case_is_not_compared(champion, text):
    outcome = train(text, champion, dataclasses.replace(SMALL, lowercase=True))
    assert not outcome.promoted
    assert "--promote always" in outcome.sentence("model")


def test_a_version_that_only_a_newer_rnntext_reads_is_noticed_before_the_training(champion, text):
    older = patch("rnntext.storage.manifest.FORMAT", 0)
    with older, pytest.raises(NewerCheckpointError, match="upgrade"):
        train(text, champion, observer=At(1, lambda: pytest.fail("trained")))
    assert not (champion / "run").exists()


def test_anything_that_works_replaces_a_damaged_version(champion, text):
    (champion / "versions/000001/weights.safetensors").write_bytes(b"")
    assert train(text, champion, training=UNTRAINED).promoted
    rnntext.load(champion)


# What goes wrong ------------------------------------------------------------------------------------------------------


def test_divergence_leaves_the_old_version_as_it_is_and_no_unfinished_run(champion, text, monkeypatch):
    before = files(champion)
    losses = "rnntext.train.charlm_task.tf.nn.sparse_softmax_cross_entropy_with_logits"
    monkeypatch.setattr(losses, lambda labels, logits: math.nan * logits)
    with pytest.raises(DivergedError, match="--learning-rate"):
        train(text, champion)
    assert files(champion) == before


@pytest.mark.parametrize(
    ("content", "validation", "error"),
    [
        (b"", "0.1", "text.txt: empty"),
        (b"six is", "nothing.txt", "text.txt: only 6 characters to train on, too few for --window 6"),
        (b"seven i", "0.1", "text.txt: only 6 characters to train on, too few for --window 6"),
        (b"a text that would do " * 5, "nothing.txt", "no held-out text"),
        (b"a text \xff that is not UTF-8 " * 9, "0.1", "text.txt: line 1, byte offset 7"),
    ],
)
def test_a_text_that_cannot_be_trained_on_is_a_data_error(tmp_path, monkeypatch, content, validation, error):
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_bytes(content)
    Path("nothing.txt").write_bytes(b"")
    with pytest.raises(DataError, match=error):
        train("text.txt", tmp_path / "model", validation=validation)
    assert not (tmp_path / "model/run").exists()


def test_the_shortest_possible_text_can_be_trained_on(tmp_path):
    path, held_out = tmp_path / "text.txt", tmp_path / "held-out.txt"
    path.write_text("seven i")
    held_out.write_text("x")
    assert train(path, tmp_path / "model", validation=str(held_out)).promoted


def test_a_misspelt_way_of_promoting_is_refused(text, tmp_path):
    with pytest.raises(UsageError):
        train(text, tmp_path / "model", promote="bettr")


@pytest.mark.parametrize("validation", ["0", "1", "1.5", "-0.1", "nan"])
def test_a_held_out_fraction_must_lie_between_0_and_1(text, tmp_path, validation):
    with pytest.raises(UsageError, match=f"--validation {validation}"):
        train(text, tmp_path / "model", validation=validation)


def test_a_missing_file_is_an_input_error(tmp_path):
    with pytest.raises(InputOutputError, match="no-such-file"):
        train(tmp_path / "no-such-file", tmp_path / "model")


def test_a_model_that_another_job_trains_is_left_alone(text, tmp_path):
    with locked(tmp_path / "model/lock"), pytest.raises(BusyError):
        train(text, tmp_path / "model")


def test_invalid_bytes_are_replaced_on_request(tmp_path):
    path = tmp_path / "text.txt"
    path.write_bytes(b"a\xff" * 50)
    train(path, tmp_path / "model", encoding_errors="replace")
    assert set(stored(tmp_path / "model", "vocabulary.json")) == {"a", "\ufffd"}


# From Python ----------------------------------------------------------------------------------------------------------


def test_the_folder_may_be_given_as_a_string_as_for_load(text, tmp_path):
    train(text, str(tmp_path / "model"))
    assert rnntext.load(str(tmp_path / "model")).checkpoint.version == "000001"


def test_training_works_outside_the_main_thread_where_no_signal_arrives(text, tmp_path):
    with ThreadPoolExecutor() as threads:
        outcome = threads.submit(train, text, tmp_path / "model").result()
    assert outcome.version == "000001"


def test_lines_all_over_a_sorted_list_can_be_held_out(tmp_path):
    names = sorted(f"{letter}{number % 7}{number}" for letter in "abcdefghij" for number in range(12))
    (tmp_path / "names.txt").write_text("\n".join(names) + "\n")
    said = []

    class Listener(Observer):
        def note(self, message):
            said.append(message)

    train(tmp_path / "names.txt", tmp_path / "m", validation="lines:0.3", observer=Listener())
    assert not any("sorted" in message for message in said)
    about = stored(tmp_path / "m", "manifest.json")
    lengths = about["characters"], about["held_out"]
    assert sum(lengths) == (tmp_path / "names.txt").stat().st_size
    train(tmp_path / "names.txt", tmp_path / "o", validation="0.3", observer=Listener())
    assert any("--validation lines:0.3" in message for message in said)


@pytest.mark.parametrize(
    ("validation", "message"),
    [
        ("lines:", "lines:0.1"),
        ("lines:many", "lines:0.1"),
        ("lines:2", "--validation lines:2: must be a fraction between 0 and 1"),
        ("lines:0", "between 0"),
    ],
)
def test_a_wrong_share_of_lines_is_a_usage_error(text, tmp_path, validation, message):
    with pytest.raises(UsageError, match=message):
        train(text, tmp_path / "m", validation=validation)


def test_a_sample_is_shown_at_an_evaluation_to_those_who_want_it(text, tmp_path, monkeypatch):
    shown = []

    class Reader(Observer):
        def examples(self, lines):
            shown.append(list(lines))

    train(text, tmp_path / "m", observer=Reader())
    assert shown
    vocabulary = set(stored(tmp_path / "m", "vocabulary.json"))
    for lines in shown:
        assert 0 < len(lines) <= 5
        for line in lines:
            assert line.startswith("  > ")
            assert set(line.removeprefix("  > ")) <= vocabulary
    drawn = Mock(side_effect=AssertionError("nobody wants it"))
    monkeypatch.setattr("rnntext.jobs.charlm_recipe.sample_lines", drawn)
    train(text, tmp_path / "n")


# What is said before the first step -----------------------------------------------------------------------------------


def test_nothing_but_the_snapshot_of_the_text_is_kept_while_a_run_goes_on(text, tmp_path, monkeypatch):
    read = CharlmRecipe.read
    data = []

    def then_watched(self, folder):
        content = read(self, folder)
        data.append(weakref.ref(content))
        return content

    class Listener(Observer):
        def start(self, *arguments: object) -> None:
            data.append(data[0]())

    monkeypatch.setattr(CharlmRecipe, "read", then_watched)
    train(text, tmp_path / "m", observer=Listener())
    assert data[1:] == [None]


def test_a_limit_that_is_over_before_the_first_step_is_said(text, tmp_path, monkeypatch):
    monkeypatch.setattr("rnntext.train.loop.Loop.seconds", lambda self: 100.0)
    observer = Mock(spec=Observer())
    train(text, tmp_path / "m", training=dataclasses.replace(SHORT, steps=None, time_limit=60.0), observer=observer)
    said = [call.args[0] for call in observer.note.call_args_list]
    assert any("100 s of the 60 s that --time-limit gives are over before the first step" in line for line in said)


def test_a_refusal_names_three_files_and_counts_the_others(tmp_path):
    files = [str(tmp_path / f"{number}.txt") for number in range(300)]
    for file in files:
        Path(file).write_text("\n")
    with pytest.raises(DataError, match=r"0\.txt, .*1\.txt, .*2\.txt and 297 more: empty; there is nothing"):
        train_charlm(files, tmp_path / "m", SMALL, SHORT)
    Path(files[0]).write_text("abc")
    with pytest.raises(DataError, match=r"too few for --window 6; give more text, or a smaller --window$"):
        train_charlm(files[:1], tmp_path / "m", SMALL, SHORT)


def test_no_source_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="give at least one file"):
        train_charlm([], tmp_path / "model")

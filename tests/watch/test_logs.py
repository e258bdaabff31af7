"""What machines that watch a training get to read."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from pathlib import Path

import pytest

from rnntext.watch.logs import JsonLog, MetricsFile
from rnntext.watch.observer import Observer, Observers, Progress

PROGRESS = Progress(step=20, steps=None, epoch=1, seconds=3.5, rate=1000.0, loss=2.25, learning_rate=0.003)
SAMPLE = re.compile(r'^(rnntext_\w+)\{model="(.*?)"(?:,metric="(\w+)")?\} (\S+)$')


def play(observer: Observer) -> None:
    """A whole training, with a break in it."""
    observer.note("left out: 1 pair")
    observer.start(1234, 0)
    observer.step(PROGRESS)
    observer.evaluation(PROGRESS, {"bleu": 30.5}, True)
    observer.save(20)
    observer.stop("paused")
    observer.end("paused")
    observer.start(1234, 20)
    observer.version("000007", True, {"bleu": 31.0})
    observer.version("000008", False, {"bleu": 29.0})
    observer.error("no room")
    observer.end("finished")


def samples(path: Path) -> dict[str, float]:
    """What Prometheus reads; every line must be a comment or a sample."""
    found = {}
    for line in path.read_text().splitlines():
        if not line.startswith(("# HELP rnntext_", "# TYPE rnntext_")):
            match = SAMPLE.match(line)
            assert match, line
            found[match[1].removeprefix("rnntext_") + (f".{match[3]}" if match[3] else "")] = float(match[4])
    return found


def test_every_event_is_one_json_object_on_one_line_with_its_time_and_model(tmp_path: Path) -> None:
    play(JsonLog(tmp_path / "log", "m"))
    events = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [e["event"] for e in events] == [
        *("note", "start", "evaluation", "save", "stop", "end"),
        *("resume", "promote", "reject", "error", "end"),
    ]
    assert {e["model"] for e in events} == {"m"}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", e["time"]) for e in events)
    evaluation = events[2]
    assert (evaluation["step"], evaluation["steps"], evaluation["bleu"], evaluation["best"]) == (20, None, 30.5, True)


def test_a_log_goes_on_where_it_ended(tmp_path: Path) -> None:
    for _ in range(2):
        JsonLog(tmp_path / "log", "m").save(1)
    assert len((tmp_path / "log").read_text().splitlines()) == 2


def test_a_log_may_be_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    JsonLog(tmp_path / "pipe", "m").save(3)
    assert json.loads(os.read(reader, 4096))["step"] == 3
    os.close(reader)


def test_several_observers_all_hear_everything(tmp_path: Path) -> None:
    play(Observers([JsonLog(tmp_path / "one", "m"), JsonLog(tmp_path / "two", "m")]))
    events = [[json.loads(line)["event"] for line in (tmp_path / n).read_text().splitlines()] for n in ("one", "two")]
    assert events[0] == events[1]
    assert len(events[0]) == 11


def test_metrics_are_samples_with_help_and_type_and_say_how_it_went(tmp_path: Path) -> None:
    file = tmp_path / "m.prom"
    metrics = MetricsFile(file, 'a "b"', clock=lambda: 1000.5)
    metrics.start(10, 5)
    assert samples(file) == {"running": 1, "failed": 0, "step": 5}
    metrics.evaluation(PROGRESS, {"bleu": 30.5, "nats_per_token": 1.5}, True)
    found = samples(file)
    assert (found["step"], found["loss"], found["rate"], found["score.bleu"]) == (20, 2.25, 1000.0, 30.5)
    metrics.save(20)
    assert samples(file)["last_save_timestamp_seconds"] == 1000.5
    metrics.version("000012", False, {})
    metrics.end("finished")
    found = samples(file)
    assert (found["version"], found["promoted"], found["running"]) == (12, 0, 0)
    assert found["last_success_timestamp_seconds"] == 1000.5
    names = [line.split("{")[0] for line in file.read_text().splitlines() if not line.startswith("#")]
    typed = [line.split()[2] for line in file.read_text().splitlines() if line.startswith("# TYPE")]
    assert typed == list(dict.fromkeys(names))  # a type before each group, and no group in two pieces
    assert 'model="a \\"b\\""' in file.read_text()
    MetricsFile(file, "m\udcff").start(1, 0)  # a name that is not UTF-8
    assert 'model="m\\\\udcff"' in file.read_text()


def test_the_last_success_is_remembered_over_failures_and_pauses(tmp_path: Path) -> None:
    file = tmp_path / "m.prom"
    MetricsFile(file, "m", clock=lambda: 5.0).end("unchanged")
    failed = MetricsFile(file, "m", clock=lambda: 9.0)
    failed.start(1, 0)
    failed.error("no room")
    assert samples(file) == {"running": 0, "failed": 1, "step": 0, "last_success_timestamp_seconds": 5.0}
    MetricsFile(file, "m", clock=lambda: 11.0).end("paused")
    assert samples(file)["last_success_timestamp_seconds"] == 5.0


def test_what_is_known_about_the_newest_version_stays_until_there_is_a_newer_one(tmp_path: Path) -> None:
    file = tmp_path / "m.prom"
    first = MetricsFile(file, "m", clock=lambda: 5.0)
    first.start(1, 0)
    first.evaluation(PROGRESS, {"bleu": 30.5}, True)
    first.save(20)
    first.version("000003", True, {"bleu": 30.5})
    first.end("finished")
    lasting = {"version": 3, "promoted": 1, "score.bleu": 30.5, "last_save_timestamp_seconds": 5.0}
    lasting["last_success_timestamp_seconds"] = 5.0
    failed = MetricsFile(file, "m")
    failed.error("no room")
    assert samples(file) == {"running": 0, "failed": 1, **lasting}
    MetricsFile(file, "m", clock=lambda: 9.0).end("unchanged")
    assert samples(file) == {"running": 0, "failed": 0, **lasting, "last_success_timestamp_seconds": 9.0}


def test_models_that_share_a_file_keep_their_own_samples(tmp_path: Path) -> None:
    file = tmp_path / "m.prom"
    names = ["m", "m2", 'odd "name",\\ {x}']
    watched = [MetricsFile(file, name, clock=lambda number=number: float(number)) for number, name in enumerate(names)]
    watched[2].error("no room")  # in the order in which they end, not in which they began
    watched[1].version("000007", False, {})
    watched[1].end("finished")
    watched[0].end("unchanged")
    before = file.read_text()
    kept = [line for line in before.splitlines() if "m2" in line or "odd" in line]
    assert 'rnntext_version{model="m2"} 7' in kept
    assert 'rnntext_last_success_timestamp_seconds{model="m2"} 1.0' in kept
    assert sum('model="odd' in line for line in kept) == 2
    again = MetricsFile(file, "m", clock=lambda: 50.0)
    again.start(1, 0)
    again.end("finished")
    after = file.read_text().splitlines()
    assert [line for line in after if "m2" in line or "odd" in line] == kept
    assert 'rnntext_last_success_timestamp_seconds{model="m"} 50.0' in after
    described = [line for line in after if line.startswith("# TYPE")]
    assert len(described) == len(set(described))


@pytest.mark.parametrize(("make", "option"), [(JsonLog, "--log-json"), (MetricsFile, "--metrics-file")])
def test_a_full_disk_is_told_with_the_option_and_its_file(make: type[Observer], option: str) -> None:
    with pytest.raises(OSError, match="No space left on device") as full:
        make(Path("/dev/full"), "m").end("finished")  # type: ignore[call-arg]
    assert full.value.filename == f"{option} /dev/full"


def test_a_metrics_file_is_never_half_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "m.prom"
    metrics = MetricsFile(file, "m")
    metrics.start(1, 0)
    before = file.read_bytes()

    def fail(*arguments: object) -> None:
        raise OSError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        with pytest.raises(OSError, match="killed"):
            metrics.save(1)
    assert file.read_bytes() == before
    assert os.listdir(tmp_path) == ["m.prom"]


def test_curves_for_tensorboard_can_be_read_back_and_a_resumed_run_continues_them(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    from rnntext.watch.logs import TensorBoard

    first, second = TensorBoard(tmp_path / "curves"), TensorBoard(tmp_path / "curves")
    second.file = first.file  # as it is in the same second
    later = dataclasses.replace(PROGRESS, step=PROGRESS.step + 7, loss=1.5)
    for board, progress, bleu in [(first, PROGRESS, 30.5), (second, later, 31.25)]:
        board.start(1, 0)
        board.evaluation(progress, {"bleu": bleu}, True)
    events = accumulator.EventAccumulator(str(tmp_path / "curves")).Reload()
    found = {
        tag: [(event.step, float(event.tensor_proto.float_val[0])) for event in events.Tensors(tag)]
        for tag in events.Tags()["tensors"]
    }
    steps = PROGRESS.step, later.step
    assert found == {
        "loss": list(zip(steps, [2.25, 1.5], strict=True)),
        "learning_rate": list(zip(steps, [pytest.approx(PROGRESS.learning_rate)] * 2, strict=True)),
        "rate": list(zip(steps, [pytest.approx(PROGRESS.rate)] * 2, strict=True)),
        "held_out/bleu": list(zip(steps, [30.5, 31.25], strict=True)),
    }


def test_a_folder_that_cannot_hold_curves_is_named(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from rnntext.watch.logs import TensorBoard

    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="give a folder that can be written"):
        TensorBoard(tmp_path / "file" / "curves").start(1, 0)

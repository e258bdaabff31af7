"""The harness measures contenders whose speed is known: they only count."""

from __future__ import annotations

import dataclasses
import json
import sys
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import report
from benchmarks.contender import turn
from benchmarks.harness import ContenderError, Length, Row, Side, best_setting, measure
from benchmarks.programs import ProcessorTime

SHORT = Length(rounds=3, turn=0.0, trial=0.0, warm_up=1)


def counter(log: Path, name: str, *settings: dict[str, object], **rest: float) -> Side:
    return Side(name, "counters:Counter", {"name": name, "log": str(log)}, settings, **rest)


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.harness.ROOT", f"{Path(__file__).parents[2]}:{Path(__file__).parent}")


def test_sides_take_turns_and_change_who_begins(tmp_path: Path) -> None:
    log = tmp_path / "log"
    found = measure(
        Row("counting", "numbers", [counter(log, "a", {"speed": 1})], [counter(log, "b", {"speed": 2})]), SHORT
    )
    assert log.read_text() == "ab" + "ab" + "ba" + "ab"  # the warm-up first
    assert [len(side["rounds"]) for side in found["sides"].values()] == [3, 3]
    assert [side["rounds"][0]["units"] for side in found["sides"].values()] == [1, 2]


def test_a_ratio_is_the_median_of_the_rounds_ratios(tmp_path: Path) -> None:
    row = Row(
        "counting",
        "numbers",
        [counter(tmp_path / "log", "a", {"speed": 3e9})],
        [counter(tmp_path / "log", "b", {"speed": 1})],
    )
    found = measure(row, SHORT)
    (ratio,) = found["ratios"]
    a, b = ([turn["units"] / turn["seconds"] for turn in found["sides"][name]["rounds"]] for name in "ab")
    assert ratio["rounds"] == [x / y for x, y in zip(a, b, strict=True)]
    assert ratio["median"] == sorted(ratio["rounds"])[1] > 1e6


def test_the_fastest_setting_that_works_is_chosen(tmp_path: Path) -> None:
    settings = [{"speed": 1}, {"speed": 1e12}, {"speed": 1e6}, {"speed": 1e15, "broken": True}]
    setting, trials = best_setting(counter(tmp_path / "log", "a", *settings), SHORT, lambda message: None)
    assert setting == {"speed": 1e12}
    assert ["error" in trial for trial in trials] == [False, False, False, True]
    assert trials[3]["error"].endswith("ValueError: a cannot work like this")


def test_a_contender_that_fails_is_named_with_its_error(tmp_path: Path) -> None:
    row = Row("counting", "numbers", [counter(tmp_path / "log", "a", {"speed": -1})], [])
    with pytest.raises(ContenderError, match="ValueError: negative"):
        measure(row, SHORT)


def test_a_peer_that_does_not_work_is_left_out_and_named(tmp_path: Path) -> None:
    log = tmp_path / "log"
    peers = [counter(log, "b", {"speed": 1, "broken": True}), counter(log, "c", {"speed": 1})]
    found = measure(Row("counting", "numbers", [counter(log, "a", {"speed": 1})], peers), SHORT)
    assert found["missing"] == {"b": "exit code 1: ValueError: b cannot work like this"}
    assert [ratio["peer"] for ratio in found["ratios"]] == ["c"]


def test_variables_that_would_choose_threads_are_taken_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    measure(Row("looking", "numbers", [Side("a", "counters:Look", {"path": str(tmp_path / "found")})], []), SHORT)
    assert json.loads((tmp_path / "found").read_text()) == []


def test_the_report_tells_settings_ratios_and_goals(tmp_path: Path) -> None:
    peer = counter(tmp_path / "log", "peer", {"speed": 1}, {"speed": 1e9}, goal=0.5)
    us = counter(tmp_path / "log", "us", {"speed": 1e12})
    row = Row("counting", "numbers", [us], [peer], check=lambda found: ["a note"])
    rows = [measure(row, SHORT)]
    console = Console(file=StringIO(), width=160)
    report.show(rows, console)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "peer (speed 1000000000.0)" in shown
    assert "0.5 ✓" in shown
    assert shown.endswith("a note\n")
    report.write(tmp_path / "results" / "counting.json", report.record(rows, report.machine()))
    kept = json.loads((tmp_path / "results" / "counting.json").read_text())
    assert kept["rows"][0]["ratios"][0]["median"] > 1
    assert kept["machine"]["cores"] >= 1
    assert kept["versions"]["numpy"]
    other = json.loads(json.dumps(kept))
    other["machine"] |= {"processor": "Intel(R) Xeon(R) Processor @ 2.0GHz", "features": ["avx2", "amx_bf16"]}
    table = report.markdown([kept, other])
    assert f"| goal | aim | {report.processor(kept['machine'])} | Intel Xeon, amx_bf16 |" in table
    assert "| counting (numbers) | us | peer | 0.5 |  | " in table
    (line,) = [line for line in table.splitlines() if line.startswith("| counting")]
    assert line.count(" ✓ (") == 2
    assert line.count("speed 1000000000.0") == 2
    assert table.endswith("- Intel Xeon, amx_bf16: counting: a note\n")


def test_processors_of_different_kinds_have_folders_of_their_own() -> None:
    features = (["avx2"], ["avx2", "avx512f", "avx512_bf16"], ["avx2", "avx512f", "avx512_bf16", "amx_bf16"])
    folders = [report.folder({"processor": "AMD EPYC", "features": list(found)}) for found in features]
    assert folders == ["amd-epyc-avx2", "amd-epyc-avx512-bf16", "amd-epyc-amx-bf16"]


def test_a_row_that_one_processor_lacks_has_an_empty_cell_there(tmp_path: Path) -> None:
    peer, us = counter(tmp_path / "log", "peer", {"speed": 1}), counter(tmp_path / "log", "us", {"speed": 2})
    both = report.record(
        [measure(Row(what, "numbers", [us], [peer]), SHORT) for what in ("one", "two")], report.machine()
    )
    one = {**both, "rows": both["rows"][1:]}
    lines = [line for line in report.markdown([one, both]).splitlines() if line.startswith(("| one", "| two"))]
    assert [line.split("|")[1].strip() for line in lines] == ["two (numbers)", "one (numbers)"]
    assert lines[1].split("|")[6].strip() == ""
    assert lines[1].split("|")[7].strip() != ""


def test_settings_are_tried_as_long_as_there_is_time(tmp_path: Path) -> None:
    hurried = dataclasses.replace(SHORT, preparation=0.1)
    slow = counter(tmp_path / "log", "a", *({"speed": speed, "delay": 600.0} for speed in (1, 2)))
    with pytest.raises(ContenderError, match="a: not ready in the time"):
        best_setting(slow, hurried, lambda message: None)


def test_processor_time_is_that_of_the_process_alone() -> None:
    waits = ProcessorTime([sys.executable, "-c", "import time; time.sleep(1)"])
    works = ProcessorTime([sys.executable, "-c", "import time\nwhile time.process_time() < 1: pass"])
    resting, working = turn(waits, 0.0), turn(works, 0.0)
    assert resting["seconds"] < 0.9 < 1.0 <= working["seconds"]


def test_a_record_does_not_tell_where_data_lie() -> None:
    assert report.command(["generate", "--data", "/home/me"]) == "python -m benchmarks generate --data FOLDER"

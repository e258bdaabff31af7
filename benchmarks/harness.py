"""Measures contenders side by side: in one process tree, taking turns, round after round.

A machine's speed varies from minute to minute, so no figure of one contender means much alone. What counts is the
median, over the rounds, of the ratio of what ours did in a round to what a peer did in the same round.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import select
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Would choose kernels or threads in the users' stead.
_TAKEN_AWAY = ("OPENBLAS_", "OMP_", "MKL_", "GOTO_", "KMP_", "TF_", "XLA_", "RNNTEXT_", "PYTHON")
PATIENCE = 20.0  # seconds that a contender has for its end
Setting = Mapping[str, Any]
Measured = dict[str, float]
Tell = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Side:
    """One of those who are compared.

    Attributes:
        name: in tables.
        contender: "module:Class", see `contender.Contender`.
        given: its keyword arguments.
        settings: ways to run it (more keyword arguments); each is tried, the fastest is measured.
        goal, aim: of a peer: what ours wants to be, as a ratio to it; what it hopes for.
    """

    name: str
    contender: str
    given: Setting = dataclasses.field(default_factory=dict)
    settings: Sequence[Setting] = ({},)
    goal: float | None = None
    aim: float | None = None


@dataclasses.dataclass(frozen=True)
class Row:
    """A comparison of each of ours with each peer.

    Attributes:
        what: what is done.
        unit: what is counted: "characters", "lines", ...; rates are per second.
        rounds: how often, where that is not left to the command.
        warm_up: whether there are turns that do not count before those that do.
        check: run when all have been measured; tells in sentences what else is to be said (equal outputs, memory).
    """

    what: str
    unit: str
    ours: Sequence[Side]
    peers: Sequence[Side]
    rounds: int | None = None
    warm_up: bool = True
    check: Callable[[Mapping[str, Sequence[Measured]]], Sequence[str]] = lambda found: ()


class ContenderError(Exception):
    """A contender's process has ended before it should; the message is the end of what it wrote to stderr."""


class Process:
    """A contender in a process of its own.

    Args:
        side, setting: who it is, and how it is run.
        deadline: by `time.monotonic()`, until when it has to answer; None: it may take its time.

    Attributes:
        deadline: the same, which may be changed.
    """

    def __init__(self, side: Side, setting: Setting, deadline: float | None = None) -> None:
        self.deadline = deadline
        environment = {k: v for k, v in os.environ.items() if not k.startswith(_TAKEN_AWAY)}
        environment["PYTHONPATH"] = ROOT
        environment["RNNTEXT_CONFIG"] = ""  # nobody's own options
        given = json.dumps({**side.given, **setting})
        self._stderr = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.contender", side.contender, given],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=environment,
        )
        self._answer()

    def turn(self, atleast: float) -> Measured:
        """Lets it work for `atleast` seconds; see `contender.turn`."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps({"atleast": atleast}).encode() + b"\n")
            self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """Ends it: it sees that there will be no more turns, and has some seconds to clean up."""
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()  # type: ignore[union-attr]
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._stderr.close()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        if self.deadline is not None:
            left = max(0.0, self.deadline - time.monotonic())
            if not select.select([self._process.stdout], [], [], left)[0]:
                self._process.kill()
                self.close()
                raise ContenderError("not ready in the time that there is for trying settings")
        line = self._process.stdout.readline()
        if line:
            return json.loads(line)
        code = self._process.wait()
        self._stderr.seek(0)
        last = self._stderr.read().decode("utf-8", "replace").strip().splitlines()[-1:]
        self.close()
        raise ContenderError(f"exit code {code}: {' '.join(last)[-300:]}")


@dataclasses.dataclass(frozen=True)
class Length:
    """How long everything takes: `rounds`, seconds of a turn, of a trial of a setting, turns before it counts, how many
    settings of a side are tried at the most, and seconds for all of them."""

    rounds: int = 5
    turn: float = 3.0
    trial: float = 1.5
    warm_up: int = 2
    settings: int | None = None
    preparation: float = 90.0


QUICK = Length(rounds=2, turn=0.05, trial=0.05, warm_up=1, settings=1)


def best_setting(side: Side, length: Length, tell: Tell) -> tuple[Setting, list[dict[str, Any]]]:
    """The setting that a side is fastest with, of those that can be tried in `length.preparation`, and what all gave.

    Raises:
        ContenderError: it works with none of them.
    """
    settings = side.settings[: length.settings]
    if len(settings) == 1:
        return settings[0], []
    trials: list[dict[str, Any]] = []
    deadline = time.monotonic() + length.preparation
    for setting in settings:
        tell(f"{side.name}: trying {named(setting)}")
        try:
            with _started(side, setting, deadline) as process:
                for _ in range(length.warm_up):  # two batches of other shapes, for those that compile
                    process.turn(length.trial)
                trials.append({"setting": dict(setting), "rate": _rate(process.turn(length.trial))})
        except ContenderError as error:
            trials.append({"setting": dict(setting), "error": str(error)})
    working = [trial for trial in trials if "rate" in trial]
    if not working:
        raise ContenderError(f"{side.name}: {trials[-1]['error']}")
    return max(working, key=lambda trial: trial["rate"])["setting"], trials


@contextlib.contextmanager
def _started(side: Side, setting: Setting, deadline: float | None = None) -> Iterator[Process]:
    process = Process(side, setting, deadline)
    try:
        yield process
    finally:
        process.close()


@dataclasses.dataclass(frozen=True)
class _Ready:
    """A side that has its setting, is running, and warm."""

    side: Side
    setting: Setting
    trials: list[dict[str, Any]]
    process: Process
    rounds: list[Measured] = dataclasses.field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        rate = statistics.median(map(_rate, self.rounds))
        return {"setting": dict(self.setting), "trials": self.trials, "rate": rate, "rounds": self.rounds}


def measure(row: Row, length: Length, tell: Tell = lambda message: None) -> dict[str, Any]:
    """Compares; returns everything that was measured, ready for JSON. Who begins changes from round to round. A peer
    that does not work on this machine is left out, and named under "missing".

    Raises:
        ContenderError: ours does not work, or someone fails on the way.
    """
    with contextlib.ExitStack() as stack:
        ready, missing = [], {}
        for side in [*row.ours, *row.peers]:
            try:
                ready.append(_prepared(side, row, length, tell, stack))
            except ContenderError as error:
                if side in row.ours:
                    raise
                missing[side.name] = str(error)
        rounds = row.rounds or length.rounds
        for number in range(rounds):
            begins = number % len(ready)
            for one in ready[begins:] + ready[:begins]:
                tell(f"{row.what}: round {number + 1} of {rounds}, {one.side.name}")
                one.rounds.append(one.process.turn(length.turn))
    found = {one.side.name: one.rounds for one in ready}
    return {
        "what": row.what,
        "unit": row.unit,
        "sides": {one.side.name: one.to_json() for one in ready},
        "ratios": [_ratio(ours, peer, found) for peer in row.peers if peer.name in found for ours in row.ours],
        "missing": missing,
        "notes": [] if missing else list(row.check(found)),
    }


def _prepared(side: Side, row: Row, length: Length, tell: Tell, stack: contextlib.ExitStack) -> _Ready:
    setting, trials = best_setting(side, length, tell)
    process = stack.enter_context(_started(side, setting))
    for _ in range(length.warm_up if row.warm_up else 0):
        process.turn(length.turn)
    return _Ready(side, setting, trials, process)


def _ratio(ours: Side, peer: Side, found: Mapping[str, Sequence[Measured]]) -> dict[str, Any]:
    pairs = zip(found[ours.name], found[peer.name], strict=True)
    ratios = [_rate(a) / _rate(b) for a, b in pairs]
    return {
        "ours": ours.name,
        "peer": peer.name,
        "median": statistics.median(ratios),
        "rounds": ratios,
        "goal": peer.goal,
        "aim": peer.aim,
    }


def _rate(measured: Measured) -> float:
    """Units per second."""
    return measured["units"] / measured["seconds"]


def once(side: Side) -> None:
    """Lets a contender do its work a single time, for what it leaves behind."""
    with _started(side, side.settings[0]) as process:
        process.turn(0.0)


def named(setting: Setting) -> str:
    """A setting in words."""
    return ", ".join(f"{key} {value}" for key, value in setting.items())

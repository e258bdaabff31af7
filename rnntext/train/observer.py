"""What the training loop tells while it works. Progress bars, logs and history files are observers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence


@dataclasses.dataclass(frozen=True)
class Progress:
    """Where a run stands after a step.

    `steps` is the whole run's number (None until a time limit has become one), `seconds` counts over all sessions,
    `rate` is units (characters, tokens) per second lately, `loss` the training loss in nats per unit, smoothed.
    """

    step: int
    steps: int | None
    epoch: int
    seconds: float
    rate: float
    loss: float
    learning_rate: float


class Observer:
    """Does nothing; override what you want to see. An observer must not change what it is shown."""

    def start(self, parameters: int, step: int) -> None:
        """Before the first step of this session; `step` is not 0 when an unfinished run goes on."""

    def step(self, progress: Progress) -> None:
        """After every step."""

    def evaluation(self, progress: Progress, metrics: Mapping[str, float], best: bool) -> None:
        """After every evaluation on held-out text; `best`: no evaluation before was as good."""

    def examples(self, lines: Sequence[str]) -> None:
        """After every evaluation: what the model made of some held-out examples."""

    def save(self, step: int) -> None:
        """After the state of the run was saved."""

    def note(self, message: str) -> None:
        """Something worth knowing, in one sentence."""

    def version(self, name: str, promoted: bool, metrics: Mapping[str, float]) -> None:
        """After a new version was written and perhaps put into service."""

    def stop(self, reason: str) -> None:
        """At the end of a session that leaves a run unfinished, to be continued."""

    def end(self, state: str) -> None:
        """When the job has ended well: "finished", "paused", or "unchanged" if there was nothing to do."""

    def error(self, message: str) -> None:
        """Before the job fails with this message."""


class Observers(Observer):
    """Several observers as one."""

    def __init__(self, members: Sequence[Observer]) -> None:
        self.members = members

    def start(self, parameters: int, step: int) -> None:
        for member in self.members:
            member.start(parameters, step)

    def step(self, progress: Progress) -> None:
        for member in self.members:
            member.step(progress)

    def evaluation(self, progress: Progress, metrics: Mapping[str, float], best: bool) -> None:
        for member in self.members:
            member.evaluation(progress, metrics, best)

    def examples(self, lines: Sequence[str]) -> None:
        for member in self.members:
            member.examples(lines)

    def save(self, step: int) -> None:
        for member in self.members:
            member.save(step)

    def note(self, message: str) -> None:
        for member in self.members:
            member.note(message)

    def version(self, name: str, promoted: bool, metrics: Mapping[str, float]) -> None:
        for member in self.members:
            member.version(name, promoted, metrics)

    def stop(self, reason: str) -> None:
        for member in self.members:
            member.stop(reason)

    def end(self, state: str) -> None:
        for member in self.members:
            member.end(state)

    def error(self, message: str) -> None:
        for member in self.members:
            member.error(message)

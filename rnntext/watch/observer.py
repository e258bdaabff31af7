"""The events of a training, for progress bars, logs and history files to follow."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence


@dataclasses.dataclass(frozen=True)
class Progress:
    """The state of a run after a step.

    >>> import rnntext
    >>> class Losses(rnntext.Observer):
    ...     def step(self, progress: rnntext.Progress) -> None:
    ...         print(f"step {progress.step} of {progress.steps}: {progress.loss >= 0}")
    >>> model = rnntext.ForecastConfig(architecture="linear", window=14, horizon=7)
    >>> training = rnntext.ForecastTraining(steps=2)
    >>> outcome = rnntext.train_forecast("sales.csv", "checkpoints/linear", model, training, observer=Losses())
    step 1 of 2: True
    step 2 of 2: True

    Attributes:
        step: number of steps done, over all sessions.
        steps: number of steps of the whole run; None until a time limit has been turned into one.
        epoch: number of the pass over the data.
        seconds: time spent in training, over all sessions.
        rate: recent speed in units (characters, tokens) per second.
        loss: training loss in nats per unit, smoothed.
        learning_rate: of the step.
    """

    step: int
    steps: int | None
    epoch: int
    seconds: float
    rate: float
    loss: float
    learning_rate: float


class Observer:
    """Receives the events of a training and ignores them; a subclass overrides those that it wants.

    >>> import rnntext
    >>> class Versions(rnntext.Observer):
    ...     def version(self, name, promoted, metrics) -> None:
    ...         print(name, promoted, *metrics)
    >>> model = rnntext.ForecastConfig(architecture="naive", window=14, horizon=7)
    >>> outcome = rnntext.train_forecast("sales.csv", "checkpoints/naive", model, observer=Versions())
    000001 True mase

    An observer must not change what it is given.
    """

    @property
    def wants_examples(self) -> bool:
        """Whether `examples` is to be called, since examples may take time to make."""
        return type(self).examples is not Observer.examples

    def start(self, parameters: int, step: int) -> None:
        """Called before the first step of a session; `step` is not 0 when an unfinished run goes on."""

    def step(self, progress: Progress) -> None:
        """Called after every step."""

    def evaluation(self, progress: Progress, metrics: Mapping[str, float], best: bool) -> None:
        """Called after every evaluation on held-out data; `best` says that no earlier one was as good."""

    def examples(self, lines: Sequence[str]) -> None:
        """Called after every evaluation with the model's answers to some held-out examples, or with some text of its
        own."""

    def save(self, step: int) -> None:
        """Called after the state of the run was saved."""

    def note(self, message: str) -> None:
        """Called with what the user should know, in one sentence."""

    def version(self, name: str, promoted: bool, metrics: Mapping[str, float]) -> None:
        """Called after a new version was written; `promoted` says that it was put into service."""

    def stopping(self) -> None:
        """Called, in another thread, when a signal asks the training to stop, which it does after its step."""

    def stop(self, reason: str) -> None:
        """Called at the end of a session that leaves the run unfinished."""

    def end(self, state: str) -> None:
        """Called when the job has ended well: "finished", "paused", or "unchanged" if there was nothing to do."""

    def error(self, message: str) -> None:
        """Called before the job fails with this message."""


class Observers(Observer):
    """Passes every event on to several observers."""

    def __init__(self, members: Sequence[Observer]) -> None:
        self.members = members

    @property
    def wants_examples(self) -> bool:
        return any(member.wants_examples for member in self.members)

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

    def stopping(self) -> None:
        for member in self.members:
            member.stopping()

    def stop(self, reason: str) -> None:
        for member in self.members:
            member.stop(reason)

    def end(self, state: str) -> None:
        for member in self.members:
            member.end(state)

    def error(self, message: str) -> None:
        for member in self.members:
            member.error(message)

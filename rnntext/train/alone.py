"""What the training loop asks of the other processes that train the same model, where there are none."""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnntext.train.task import Carried, Task


class Kind(enum.IntEnum):
    """What the chief tells the others."""

    RUN = 0  # The snapshot of the run follows.
    STATE = 1  # The state that the run begins or goes on with follows.
    STEP = 2  # A step is to be taken.
    SAVE = 3  # What is carried from step to step is to be put together.
    END = 4  # How the training has ended follows.


class Alone:
    """A process that trains alone: there is nobody to wait for. `train.cluster.Cluster` is one of several.

    Attributes:
        rank: number of the process; 0 is the chief, who alone reads, evaluates, writes and talks.
        count: how many processes train together.
        signal: number of the first signal that has asked one of them to stop; 0: none did.
    """

    rank = 0
    count = 1
    signal = 0

    def share(self, task: Task) -> Task:
        """The task, of whose batches this process takes its share."""
        return task

    def total(self, tensors: list[Any]) -> list[Any]:
        """The sums of tensors over all processes; computed in a graph."""
        return tensors

    def tell(self, kind: Kind, number: int = 0, rate: float = 0.0) -> None:
        """Tells the other processes what comes next: in a step, its number and its learning rate."""

    def send(self, kind: Kind, pieces: Iterable[bytes | memoryview]) -> None:
        """Sends bytes to the other processes."""

    def own(self, carried: Carried) -> Carried:
        """This process's share of what all carry from step to step."""
        return carried

    def whole(self, carried: Carried) -> Carried:
        """What all processes carry from step to step, given what this one carries."""
        return carried

    def guarded(self) -> AbstractContextManager[None]:
        """A block in which an error of TensorFlow means that another process has ended."""
        return contextlib.nullcontext()


ALONE = Alone()

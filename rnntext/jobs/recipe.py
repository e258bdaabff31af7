"""What differs from training one kind of model to training another."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from rnntext.config import Config, TrainingConfig
from rnntext.jobs.unfinished import Options, Snapshot
from rnntext.storage.checkpoint import Checkpoint
from rnntext.text.overlap import Hashes

if TYPE_CHECKING:
    from rnntext.train.loop import Task


class IncomparableError(Exception):
    """Two models have too little in common to be compared, or to begin one with the weights of the other; says why."""


@dataclasses.dataclass(frozen=True)
class Data:
    """What a training reads, before anything is made of it.

    Attributes:
        digest: SHA-256 of training text and held-out text.
        seen: sketch of the training text (`text.overlap`).
        content: the texts, as the recipe that read them wants them.
    """

    digest: str
    seen: Hashes
    content: Any


class Recipe(Protocol):
    """What is special about training one kind of model.

    Attributes:
        kind: as in a manifest.
        metric: the name of the score among the metrics of an evaluation.
        label: what the score is called.
        higher: whether a higher score is better.
        options: all options of the command that decide what is learnt: "model", "training", "data"; None for those of
            `free`.
        free: names of the fields of model and training that the command leaves open.
    """

    kind: str
    metric: str
    label: str
    higher: bool
    options: Options
    free: frozenset[str]

    @property
    def model(self) -> Config:
        """The shape."""
        ...

    @property
    def training(self) -> TrainingConfig:
        """The budget."""
        ...

    def read(self) -> Data:
        """Reads and checks the data; needs no TensorFlow.

        Raises:
            DataError: nothing can be learnt from them.
        """
        ...

    def choose(self, data: Data, parent: Checkpoint | None) -> Mapping[str, Any]:
        """Values for the free fields, from the data, the budget and the speed of the machine; with a parent, its shape.
        Call it after TensorFlow was started."""
        ...

    def settled(self, chosen: Mapping[str, Any]) -> Recipe:
        """The recipe with these values in its free fields."""
        ...

    def begin(self, data: Data, parent: Checkpoint | None) -> Snapshot:
        """Makes of the data what a run trains on. With a parent, the run begins with its weights
        (see `train.warm`) and its vocabulary, grown for what is new in the data."""
        ...

    def task(self, snapshot: Snapshot) -> Task:
        """Model and data for the loop."""
        ...

    def files(self, snapshot: Snapshot) -> dict[str, bytes]:
        """Vocabulary files of a version."""
        ...

    def about(self, snapshot: Snapshot) -> dict[str, Any]:
        """What the manifest says about the data."""
        ...

    def held_out(self, snapshot: Snapshot) -> Hashes:
        """Hashes of the held-out text, as `Data.seen` has them of the training text."""
        ...

    def check_comparable(self, champion: Checkpoint) -> None:
        """Raises IncomparableError if the version in service reads another text, or writes another one."""
        ...

    def score(self, champion: Checkpoint, snapshot: Snapshot) -> float:
        """The score of a comparable version on the snapshot's held-out text."""
        ...

"""What the training of one kind of model does differently from that of another kind."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from rnntext.families import Family
from rnntext.jobs.unfinished import Options, Snapshot
from rnntext.run.arrays import Weights
from rnntext.settings.base import Config
from rnntext.settings.training import TrainingConfig
from rnntext.text.overlap import Hashes

if TYPE_CHECKING:
    from rnntext.train.task import Task


class IncomparableError(Exception):
    """Two models have too little in common: neither can they be compared, nor can one begin with the weights of the
    other. The message says why."""


@dataclasses.dataclass(frozen=True)
class Data:
    """The data that a training reads, before it makes anything of them.

    Attributes:
        digest: SHA-256 of training data and held-out data.
        seen: sketch of the training data (`text.overlap`).
        content: the data, in a form that only the recipe knows.
    """

    digest: str
    seen: Hashes
    content: Any


@dataclasses.dataclass(frozen=True)
class Material:
    """What a run trains on and is scored on, made from its snapshot.

    Attributes:
        make_task: makes the task.
        files: further files of the version, such as vocabularies.
        about: facts about the data for the manifest.
        held_out: returns hashes of the held-out data, comparable with those in `Data.seen`.
        score: returns the score of another version on the held-out data; raises IncomparableError if it has none.
        verdict: returns a remark on the score of the new version, or None.
        last_fit: returns the task of a last fit on all data, held-out data included, given the weights that the run
            begins with; None: there is no last fit.
    """

    make_task: Callable[[], Task]
    files: dict[str, bytes]
    about: dict[str, Any]
    held_out: Callable[[], Hashes]
    score: Callable[[Any], float]
    verdict: Callable[[float], str | None] = lambda score: None
    last_fit: Callable[[Weights], Task] | None = None

    @functools.cached_property
    def task(self) -> Task:
        """Model and data for the loop. TensorFlow must have been started; nothing else in here needs it."""
        return self.make_task()


class Recipe(Protocol):
    """What is special about the training of one kind of model.

    The model in service is an object of the family's class. It is called the champion where the new version is compared
    with it, and the parent where a run begins with its weights.

    Attributes:
        family: the kind of model.
        options: all options of the command that decide what is learnt, by group ("model", "training", "data") and name;
            None for those in `free`.
        free: names of the fields of model and training that the command leaves open.
    """

    family: Family
    options: Options
    free: frozenset[str]

    @property
    def model(self) -> Config:
        """The shape of the model."""
        ...

    @property
    def training(self) -> TrainingConfig:
        """How the model is trained, and for how long."""
        ...

    def read(self, folder: Path) -> Data:
        """The data, read and checked. TensorFlow is not needed.

        Args:
            folder: where data that may be larger than memory take room.

        Raises:
            DataError: nothing can be learnt from the data.
        """
        ...

    def choose(self, data: Data, parent: Any | None) -> Mapping[str, Any]:
        """Values for the free fields; they follow from data, budget and machine, or from the shape of the parent.
        TensorFlow must have been started.

        Raises:
            IncomparableError: the command names another size than the parent's.
        """
        ...

    def settled(self, chosen: Mapping[str, Any]) -> Recipe:
        """The recipe with these values in its free fields."""
        ...

    def begin(self, data: Data, parent: Any | None) -> Snapshot:
        """The snapshot of a new run. With a parent, the run begins with its weights (see `train.warm`) and with its
        vocabulary, to which new symbols of the data are added."""
        ...

    def open(self, snapshot: Snapshot) -> Material:
        """What the loop and the end of a run need of a snapshot."""
        ...

    def check_vocabulary(self, parent: Any) -> None:
        """Raises UsageError if the command names a vocabulary that the parent's weights do not go with."""

    def check_comparable(self, champion: Any) -> None:
        """Raises IncomparableError if the version in service has other inputs or outputs."""
        ...


@dataclasses.dataclass(frozen=True)
class Run:
    """A run that has begun.

    Attributes:
        recipe: nothing in it is left open.
        snapshot: what the run trains on.
        material: made from the snapshot.
    """

    recipe: Recipe
    snapshot: Snapshot
    material: Material

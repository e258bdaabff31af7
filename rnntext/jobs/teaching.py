"""Teachers: trained models from which a new one learns (knowledge distillation; Hinton, Vinyals, Dean 2015)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from rnntext.errors import UsageError
from rnntext.families import Family
from rnntext.jobs.champion import load_champion
from rnntext.jobs.load import find, load
from rnntext.settings.base import as_texts
from rnntext.text.lines import Report

IN_SERVICE = "in-service"  # the name of the teacher that is the model in service


@dataclasses.dataclass(frozen=True)
class Teaching:
    """Who teaches a model, and how much.

    Attributes:
        teachers: names or folders of models of the same kind, or IN_SERVICE; empty: nobody.
        share: what part is learnt from the teachers, and not from the data alone.
        path: the folder of the model that learns.

    Raises:
        UsageError: the share is none.
    """

    teachers: tuple[str, ...] = ()
    share: float = 1.0
    path: Path = Path()

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise UsageError(f"--teacher-share {self.share:g}: must be more than 0 and at most 1")

    @classmethod
    def of(
        cls, teacher: str | Sequence[str], share: float | None, default: float, path: str | PathLike[str]
    ) -> Teaching:
        """What a command says of its teachers.

        Args:
            teacher: their names.
            share: None if the command leaves it open.
            default: the share, then.
            path: the folder of the model that learns.

        Raises:
            UsageError: the share is none, or one of nobody.
        """
        names = tuple(as_texts("teacher", teacher))
        if share is not None and not names:
            raise UsageError(f"--teacher-share {share:g}: goes with --teacher")
        return cls(names, default if share is None else share, Path(path))

    def load(self, family: Family, report: Report) -> list[Any]:
        """The teachers, of the family's class. The model in service is left out where there is none.

        Raises:
            UsageError, CheckpointError: there is no such teacher.
        """
        models = []
        for name in self.teachers:
            if name != IN_SERVICE:
                models.append(_loaded(name, family))
                continue
            serving = load_champion(self.path, family, report)
            if serving is None:
                report("there is no model in service that could teach: this version learns from the data alone")
            else:
                models.append(serving)
        return models


def _loaded(name: str, family: Family) -> Any:
    """The teacher of this name."""
    try:
        model = load(find(name, family))
    except UsageError as error:
        raise UsageError(f"--teacher {name}: {error}") from error
    if not isinstance(model, family.implementation()):
        raise UsageError(f"--teacher {name}: this is another kind of model; {family.title} is needed here")
    return model

"""All that a resume needs, in one file that is replaced as a whole."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from rnntext.errors import CheckpointError
from rnntext.files.atomic import read_bytes, write_file
from rnntext.train.schedule import Plan

DIGEST = "sha256"


@dataclasses.dataclass
class Position:
    """Where a run stands, beside its arrays.

    Attributes:
        seconds: time spent on the run, over all sessions.
        best, best_step: metrics of the best evaluation so far, and the step that it came after.
        best_trained: metrics of the best evaluation after at least one step.
        stale: evaluations since that one.
        evaluate_at: the step after which comes the next evaluation, if that is known.
        evaluated: the step after which came the last one; -1: none.
        evaluation_seconds, evaluation_step_seconds: the time that it took, and the time of a step then.
    """

    step: int = 0
    seconds: float = 0.0
    plan: Plan | None = None
    best: dict[str, float] | None = None
    best_step: int = 0
    best_trained: dict[str, float] | None = None
    stale: int = 0
    evaluate_at: int | None = None
    evaluated: int = -1
    evaluation_seconds: float = 0.0
    evaluation_step_seconds: float = 0.0
    first_loss: float | None = None
    smooth_loss: float | None = None


Arrays = dict[str, list[np.ndarray]]  # "weights", "averages", "optimizer", "carried", "best"


def save(path: Path, position: Position, arrays: Arrays) -> None:
    """Writes the state of a run, atomically."""
    tensors = {
        f"{group}.{i}": np.asarray(a, order="C") for group, members in arrays.items() for i, a in enumerate(members)
    }
    where = json.dumps(dataclasses.asdict(position))
    write_file(path, safetensors.numpy.save(tensors, {"position": where, DIGEST: _digest(where, tensors)}))


def _digest(position: str, tensors: Mapping[str, np.ndarray]) -> str:
    """SHA-256 of everything that a resume takes from the file."""
    found = hashlib.sha256(position.encode())
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name])
        found.update(f"{name} {array.dtype} {array.shape}".encode())
        found.update(array.data if array.size else b"")
    return found.hexdigest()


def _plan(values: Mapping[str, Any] | None) -> Plan | None:
    """A plan as it was stored, by rnntext 0.1, too, which fixed the number of steps once and for all."""
    if values is None:
        return None
    names = [field.name for field in dataclasses.fields(Plan)]
    return Plan(**{name: value for name, value in values.items() if name in names})


def load(path: Path) -> tuple[Position, Arrays] | None:
    """Reads what `save` wrote; None if there is nothing yet.

    Raises:
        CheckpointError: the file is damaged.
    """
    if not path.exists():
        return None
    data = read_bytes(path)
    try:
        tensors = safetensors.numpy.load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        metadata = header["__metadata__"]
        if set(metadata) != {"position", DIGEST} or metadata[DIGEST] != _digest(metadata["position"], tensors):
            raise ValueError("its SHA-256 is not the one that was stored with it")
        values = json.loads(metadata["position"])
        position = Position(**values | {"plan": _plan(values["plan"])})
        arrays: Arrays = {}
        for name in sorted(tensors, key=lambda n: int(n.rpartition(".")[2])):
            arrays.setdefault(name.rpartition(".")[0], []).append(tensors[name])
        return position, arrays
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{path}: the unfinished training is damaged ({error}); start over with --fresh"
        ) from error

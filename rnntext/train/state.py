"""All that a resume needs, in one file that is replaced as a whole."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import safetensors.numpy

from rnntext.errors import CheckpointError
from rnntext.files.atomic import read_bytes, write_file
from rnntext.run.arrays import Array
from rnntext.train.schedule import Plan

DIGEST = "sha256"  # name of the digest in the file's metadata
LENGTH_BYTES = 8  # a safetensors file begins with the length of its header, in so many bytes

Arrays: TypeAlias = dict[str, list[Array]]  # the groups "weights", "averages", "optimizer", "carried" and "best"
Metrics: TypeAlias = dict[str, float]  # of an evaluation, by name


@dataclasses.dataclass
class Position:
    """Where a run stands, beside its arrays.

    Attributes:
        step: steps taken.
        seconds: time spent on the run, over all sessions.
        plan: the whole run, as far as it is known.
        best, best_step: metrics of the best evaluation so far, and the step that it came after.
        best_trained: metrics of the best evaluation after at least one step.
        stale: evaluations since that one.
        evaluate_at: the step after which comes the next evaluation, if that is known.
        evaluated: the step after which came the last one; -1: none.
        evaluation_seconds, evaluation_step_seconds: the time that it took, and the time of a step then.
        first_loss, smooth_loss: the training loss of the first step, or `divergence.WARM_LOSS` if that is larger and
            the start was warm; and the moving average of the loss.
        places: the place of each weight in a group of arrays, by its name in a checkpoint; an older rnntext stored
            none.
    """

    step: int = 0
    seconds: float = 0.0
    plan: Plan | None = None
    best: Metrics | None = None
    best_step: int = 0
    best_trained: Metrics | None = None
    stale: int = 0
    evaluate_at: int | None = None
    evaluated: int = -1
    evaluation_seconds: float = 0.0
    evaluation_step_seconds: float = 0.0
    first_loss: float | None = None
    smooth_loss: float | None = None
    places: dict[str, int] = dataclasses.field(default_factory=dict)

    @property
    def finished(self) -> bool:
        """Whether all steps are done, and the last one is evaluated."""
        return self._all_steps_done and self.evaluated == self.step

    @property
    def evaluation_due(self) -> bool:
        """Whether an evaluation comes before the next step."""
        if self.evaluated == self.step:
            return False
        if self.evaluate_at is not None and self.step >= self.evaluate_at:
            return True
        return self._all_steps_done

    @property
    def _all_steps_done(self) -> bool:
        return self.plan is not None and self.step >= self.plan.steps


def save(path: Path, position: Position, arrays: Arrays) -> None:
    """Writes the state of a run, atomically."""
    write_file(path, to_bytes(position, arrays))


def to_bytes(position: Position, arrays: Arrays) -> bytes:
    """The state of a run as a safetensors file."""
    tensors = {}
    for group, members in arrays.items():
        for index, array in enumerate(members):
            name = f"{group}.{index}"
            tensors[name] = np.asarray(array, order="C")
    fields = dataclasses.asdict(position)
    stored = json.dumps(fields)
    digest = _digest(stored, tensors)
    metadata = {"position": stored, DIGEST: digest}
    return safetensors.numpy.save(tensors, metadata)


def load(path: Path) -> tuple[Position, Arrays] | None:
    """What `save` wrote; None if there is nothing yet.

    Raises:
        CheckpointError: the file is damaged.
    """
    if not path.exists():
        return None
    content = read_bytes(path)
    try:
        return from_bytes(content)
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{path}: the unfinished training is damaged ({error}); start over with --fresh"
        ) from error


def from_bytes(content: bytes) -> tuple[Position, Arrays]:
    """What `to_bytes` was given.

    Raises:
        SafetensorError, ValueError, KeyError, TypeError: it is damaged.
    """
    tensors = safetensors.numpy.load(content)
    metadata = _metadata(content)
    stored = metadata["position"]
    digest = _digest(stored, tensors)
    if metadata != {"position": stored, DIGEST: digest}:
        raise ValueError("its SHA-256 is not the one that was stored with it")
    fields = json.loads(stored)
    fields["plan"] = _plan(fields["plan"])
    return Position(**fields), _grouped(tensors)


def _digest(position: str, tensors: Mapping[str, Array]) -> str:
    """SHA-256 of everything that a resume takes from the file."""
    digest = hashlib.sha256(position.encode())
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name])
        description = f"{name} {array.dtype} {array.shape}"
        digest.update(description.encode())
        if array.size:
            digest.update(array.data)
    return digest.hexdigest()


def _metadata(content: bytes) -> dict[str, str]:
    """The metadata of a safetensors file: its header, in JSON, comes after the header's length."""
    length = int.from_bytes(content[:LENGTH_BYTES], "little")
    end = LENGTH_BYTES + length
    header = json.loads(content[LENGTH_BYTES:end])
    metadata: dict[str, str] = header["__metadata__"]
    return metadata


def _grouped(tensors: Mapping[str, Array]) -> Arrays:
    """Tensors named "group.0", "group.1", ... as lists, by group."""
    numbered = []
    for name, array in tensors.items():
        group, _, index = name.rpartition(".")
        entry = (int(index), group, array)
        numbered.append(entry)
    numbered.sort(key=lambda entry: entry[:2])
    arrays: Arrays = {}
    for _, group, array in numbered:
        arrays.setdefault(group, []).append(array)
    return arrays


def _plan(fields: Mapping[str, Any] | None) -> Plan | None:
    """A plan as it was stored.

    One that was stored by rnntext 0.1, which fixed the number of steps once and for all, has other fields, too.
    """
    if fields is None:
        return None
    known = {}
    for field in dataclasses.fields(Plan):
        if field.name in fields:
            known[field.name] = fields[field.name]
    return Plan(**known)

"""All that a resume needs, in one file that is replaced as a whole."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import safetensors.numpy

from rnntext.errors import CheckpointError
from rnntext.files.atomic import read_bytes, write_file
from rnntext.train.schedule import Plan


@dataclasses.dataclass
class Position:
    """Where a run stands, beside its arrays. `best` holds the metrics of the best evaluation so far."""

    step: int = 0
    seconds: float = 0.0
    plan: Plan | None = None
    best: dict[str, float] | None = None
    best_step: int = 0
    stale: int = 0  # evaluations since then
    first_loss: float | None = None
    smooth_loss: float | None = None


Arrays = dict[str, list[np.ndarray]]  # "weights", "averages", "optimizer", "carried", "best"


def save(path: Path, position: Position, arrays: Arrays) -> None:
    """Writes the state of a run, atomically."""
    tensors = {
        f"{group}.{i}": np.asarray(a, order="C") for group, members in arrays.items() for i, a in enumerate(members)
    }
    write_file(path, safetensors.numpy.save(tensors, {"position": json.dumps(dataclasses.asdict(position))}))


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
        values = json.loads(header["__metadata__"]["position"])
        plan = values.pop("plan")
        position = Position(**values, plan=None if plan is None else Plan(**plan))
        arrays: Arrays = {}
        for name in sorted(tensors, key=lambda n: int(n.rpartition(".")[2])):
            arrays.setdefault(name.rpartition(".")[0], []).append(tensors[name])
        return position, arrays
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{path}: the unfinished training is damaged ({error}); start over with --fresh"
        ) from error

"""The state of a run in its file: what comes back, and what is noticed."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from rnntext.errors import CheckpointError
from rnntext.train import state
from rnntext.train.schedule import Plan
from rnntext.train.state import Position

POSITION = Position(
    step=7, seconds=1.5, plan=Plan(100, 10, 5, 0.25, False), best={"bleu": 3.25}, best_step=5, smooth_loss=0.1
)
ARRAYS = {
    "weights": [np.array([[1.0, -2.0]], np.float32), np.zeros([0], np.float32)],
    "optimizer": [np.array(3, np.int64), *(np.full(2, n, np.float32) for n in range(11))],
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    state.save(tmp_path / "state", POSITION, ARRAYS)
    return tmp_path / "state"


def test_position_and_arrays_come_back_in_order(path: Path) -> None:
    found = state.load(path)
    assert found is not None
    position, arrays = found
    assert position == POSITION
    assert arrays.keys() == ARRAYS.keys()
    for name, members in ARRAYS.items():
        for one, other in zip(arrays[name], members, strict=True):
            np.testing.assert_array_equal(one, other)
            assert one.dtype == other.dtype


def test_without_a_file_there_is_no_state(tmp_path: Path) -> None:
    assert state.load(tmp_path / "state") is None


def test_every_flipped_bit_is_noticed_or_changes_nothing(path: Path) -> None:
    data = path.read_bytes()
    for at in range(len(data)):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        try:
            found = state.load(path)
        except CheckpointError:
            continue
        assert data[at : at + 1].isspace(), f"byte {at}"  # padding of the header
        assert found is not None
        assert dataclasses.asdict(found[0]) == dataclasses.asdict(POSITION)


def test_every_truncation_is_noticed(path: Path) -> None:
    data = path.read_bytes()
    for length in range(0, len(data), 7):
        path.write_bytes(data[:length])
        with pytest.raises(CheckpointError, match="--fresh"):
            state.load(path)


@pytest.mark.parametrize("metadata", [None, {}, {"position": "{}"}])
def test_a_header_without_the_position_is_damage(tmp_path: Path, metadata: object) -> None:
    path = tmp_path / "state"
    state.save(path, Position(), ARRAYS)
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    changed = json.dumps({**header, "__metadata__": metadata}).encode()
    changed += b" " * (-len(changed) % 8)
    path.write_bytes(len(changed).to_bytes(8, "little") + changed + data[8 + length :])
    with pytest.raises(CheckpointError, match="--fresh"):
        state.load(path)


def test_a_plan_that_rnntext_0_1_fixed_once_and_for_all_is_kept(tmp_path: Path) -> None:
    @dataclasses.dataclass(frozen=True)
    class OldPlan:
        steps: int = 400
        warmup: int = 40
        evaluate_every: int = 100
        decay_from: int = 40

    @dataclasses.dataclass
    class OldPosition:
        step: int = 250
        seconds: float = 9.5
        plan: OldPlan = dataclasses.field(default_factory=OldPlan)
        best: dict[str, float] | None = None
        best_step: int = 200
        stale: int = 1
        first_loss: float | None = 3.5
        smooth_loss: float | None = 1.5

    state.save(tmp_path / "state", OldPosition(), ARRAYS)  # type: ignore[arg-type]
    found = state.load(tmp_path / "state")
    assert found is not None
    assert found[0] == Position(
        step=250, seconds=9.5, plan=Plan(400, 100), best_step=200, stale=1, first_loss=3.5, smooth_loss=1.5
    )

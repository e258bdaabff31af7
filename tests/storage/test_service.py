"""Versions that go into service, come back, and go."""

import json
from pathlib import Path

import pytest
from cli.conftest import ENGLISH, TINY
from helpers import random_arrays, save_charlm

from rnntext.errors import UsageError
from rnntext.storage import checkpoint, service
from rnntext.storage.models import versions


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A model with five versions, none of which was put into service by `service`; the last one is in service."""
    for seed in range(5):
        save_charlm(tmp_path / "m", TINY, ENGLISH, random_arrays(TINY, len(ENGLISH) + 1, seed))
    return tmp_path / "m"


def put(root: Path, *names: int) -> None:
    for name in names:
        service.put(root, f"{name:06d}")


def damage(root: Path, version: int) -> None:
    path = root / "versions" / f"{version:06d}" / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-1])


def test_the_version_in_service_is_the_last_one_that_was_put_there(root: Path) -> None:
    put(root, 1, 3)
    assert service.serving(root) == checkpoint.load(root).version == "000003"
    logged = [json.loads(line)["version"] for line in (root / "promotions.jsonl").read_text().splitlines()]
    assert logged == ["000001", "000003"]


def test_rolling_back_returns_to_what_was_in_service_before_not_to_the_number_before(root: Path) -> None:
    put(root, 1, 3)
    assert service.rollback(root) == "000001"
    assert service.serving(root) == "000001"


def test_rolling_back_twice_goes_further_back(root: Path) -> None:
    put(root, 1, 2, 4)
    assert [service.rollback(root), service.rollback(root)] == ["000002", "000001"]
    with pytest.raises(UsageError, match="no version was in service before"):
        service.rollback(root)


def test_what_was_rolled_back_can_be_put_into_service_again_and_rolled_back_again(root: Path) -> None:
    put(root, 1, 2)
    service.rollback(root)
    put(root, 2)
    assert service.rollback(root) == "000001"


def test_a_damaged_version_is_passed_over(root: Path) -> None:
    put(root, 1, 2, 4)
    damage(root, 2)
    assert service.rollback(root) == "000001"


@pytest.mark.parametrize("content", [b"", b"{}", b'{"version": "000009", "manifest": ""}', b"\xff", b'{"version": 4}'])
def test_a_damaged_pointer_can_be_rolled_back(root: Path, content: bytes) -> None:
    put(root, 1, 2)
    (root / "current").write_bytes(content)
    assert service.serving(root) is None
    assert service.rollback(root) == "000001"
    assert checkpoint.load(root).version == "000001"


def test_a_model_without_a_log_goes_back_by_number(root: Path) -> None:
    (root / "promotions.jsonl").unlink(missing_ok=True)
    assert service.serving(root) == "000005"
    assert service.rollback(root) == "000004"


def test_a_log_that_a_crash_cut_short_is_read_as_far_as_it_goes(root: Path) -> None:
    put(root, 1, 2)
    with open(root / "promotions.jsonl", "ab") as file:
        file.write(b'{"time": "20')
    put(root, 3)
    assert service.rollback(root) == "000002"


def test_a_log_with_one_entry_too_many_does_no_harm(root: Path) -> None:
    put(root, 1, 2)
    with open(root / "promotions.jsonl", "ab") as file:
        file.write(b'{"version": "000003"}\n')  # killed before `current` was written
    assert service.rollback(root) == "000001"


def test_pruning_keeps_the_newest_the_one_in_service_and_the_one_before_it(root: Path) -> None:
    put(root, 1, 2)
    assert service.prune(root, 1) == ["000003", "000004"]
    assert versions(root) == ["000001", "000002", "000005"]
    assert checkpoint.load(root).version == "000002"


def test_pruning_keeps_what_is_wanted_and_can_be_repeated(root: Path) -> None:
    put(root, 4, 5)
    assert service.prune(root, 3) == ["000001", "000002"]
    assert service.prune(root, 3) == []
    assert versions(root) == ["000003", "000004", "000005"]


def test_nothing_is_pruned_while_it_is_not_known_what_is_in_service(root: Path) -> None:
    (root / "current").write_bytes(b"")
    assert service.prune(root, 1) == []
    (root / "current").unlink()  # nothing ever was
    assert len(service.prune(root, 1)) == 4

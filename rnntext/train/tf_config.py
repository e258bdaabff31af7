"""TF_CONFIG, which Kubeflow, Ray Train, Vertex AI and others set: which processes train one model together, and which
of them this one is. TensorFlow is not needed."""

from __future__ import annotations

import dataclasses
import json
import os
from typing import Any

from rnntext.errors import UsageError

NAME = "TF_CONFIG"
KINDS = ("chief", "worker")  # of processes that train, in the order of their ranks


@dataclasses.dataclass(frozen=True)
class Place:
    """A process among those that train one model together.

    Attributes:
        rank: its number. 0 is the chief, who alone reads the data, evaluates, writes and talks.
        addresses: host and port of each process, in the order of their ranks.
    """

    rank: int
    addresses: tuple[str, ...]


def place() -> Place | None:
    """The place of this process among several; None if it trains alone, without TF_CONFIG or as the only one in it.

    Raises:
        UsageError: TF_CONFIG is malformed, or has no place for this process.
    """
    text = os.environ.get(NAME, "").strip()
    if not text:
        return None
    try:
        config = json.loads(text)
        cluster = config.get("cluster", {})
        members = _members(cluster)
        if len(members) < 2:
            return None
        task = config["task"]
        own = (task["type"], int(task["index"]))
        rank = list(members).index(own)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise UsageError(
            f'{NAME}: not {{"cluster": {{"worker": ["HOST:PORT", ...]}}, "task": {{"type": "worker", "index": 0}}}} '
            f"with a place for this process ({reason})"
        ) from error
    return Place(rank, tuple(members.values()))


def _members(cluster: dict[str, Any]) -> dict[tuple[str, int], str]:
    """The addresses of all processes that train, by kind and index, in the order of their ranks.

    Raises:
        ValueError: the cluster is not one of such processes.
    """
    members = {}
    for kind, addresses in cluster.items():
        if kind not in KINDS and addresses:
            raise ValueError(f"a {kind} has no part in this training")
        if not isinstance(addresses, list):
            raise ValueError(f"{kind} is not a list")
    for kind in KINDS:
        for index, address in enumerate(cluster.get(kind, [])):
            if not isinstance(address, str) or not address.rpartition(":")[2].isdigit():
                raise ValueError(f"{address!r} is not HOST:PORT")
            members[kind, index] = address
    if len(cluster.get("chief", [])) > 1:
        raise ValueError("there is more than one chief")
    if len(set(members.values())) < len(members):
        raise ValueError("two processes have the same address")
    return members

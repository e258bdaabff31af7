"""The evaluations of all trainings of a model."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

from rnntext.files.atomic import append_line
from rnntext.jobs.unfinished import Snapshot
from rnntext.storage import service
from rnntext.watch.observer import Observer, Progress


class History(Observer):
    """Writes a line to history.jsonl at every evaluation.

    Args:
        path: the file.
        snapshot: of the run.
    """

    def __init__(self, path: Path, snapshot: Snapshot) -> None:
        self.path = path
        self.run = snapshot.run
        self.corpus = snapshot.corpus

    def evaluation(self, progress: Progress, metrics: Mapping[str, float], best: bool) -> None:
        """See Observer."""
        entry = {
            "time": service.timestamp(),
            "run": self.run,
            "corpus": self.corpus,
            **dataclasses.asdict(progress),
            **metrics,
            "best": best,
        }
        append_line(self.path, json.dumps(entry))

"""Contenders whose speed is known."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from benchmarks.contender import Contender


class Counter(Contender):
    """Says that it does `speed` units in a turn of about no time; notes its turns in a file."""

    def __init__(self, name: str, log: str, speed: float, broken: bool = False, delay: float = 0.0) -> None:
        time.sleep(delay)
        if broken:
            raise ValueError(f"{name} cannot work like this")
        self.name, self.log, self.speed = name, Path(log), speed

    def run(self) -> float:
        print("what a library prints")  # is not taken for an answer
        with self.log.open("a", encoding="ascii") as file:
            file.write(self.name)
        return self.speed

    def after(self) -> None:
        if self.speed < 0:
            raise ValueError("negative")


class Look(Contender):
    """Writes down which of the variables it sees."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)

    def run(self) -> float:
        self.path.write_text(json.dumps([name for name in os.environ if name.startswith(("OMP_", "OPENBLAS_"))]))
        return 1.0

"""rnntext in a process that kills itself where it is told to.

python -m crash.victim step:7 train-charlm ...     after step 7 of this process
python -m crash.victim term:7 train-charlm ...     the same, by SIGTERM, which it may answer
python -m crash.victim late:1.5 train-charlm ...   so many seconds after TensorFlow has come up
python -m crash.victim nan:7 train-charlm ...      a weight becomes NaN instead
python -m crash.victim disk:12 train-charlm ...    instead of its 12th operation on the disk
python -m crash.victim half:12 train-charlm ...    the same, with half of what it would have written
python -m crash.victim never train-charlm ...

It saves every third step, so that there is much to break.
"""

import math
import os
import signal
import sys
import threading
from pathlib import Path

from crash.disks import as_bytes

from rnntext.__main__ import main
from rnntext.files import atomic
from rnntext.files.atomic import Content


def die(number: int = signal.SIGKILL) -> None:
    os.kill(os.getpid(), number)


class Deadly(atomic.Disk):
    """Kills the process instead of its n-th operation."""

    def __init__(self, at: int, half: bool) -> None:
        self.left, self.half = at, half

    def _count(self) -> None:
        self.left -= 1
        if not self.left:
            die()

    def make_folder(self, path: Path) -> None:
        self._count()
        super().make_folder(path)

    def write(self, path: Path, data: Content) -> None:
        data = as_bytes(data)
        if self.left == 1 and self.half:
            path.write_bytes(data[: len(data) // 2])
        self._count()
        super().write(path, data)

    def append(self, path: Path, data: bytes) -> None:
        if self.left == 1 and self.half:
            super().append(path, data[: len(data) // 2])
        self._count()
        super().append(path, data)

    def sync_folder(self, path: Path) -> None:
        self._count()
        super().sync_folder(path)

    def replace(self, source: Path, target: Path) -> None:
        self._count()
        super().replace(source, target)

    def remove(self, folder: Path) -> None:
        self._count()
        super().remove(folder)


EVERY = 3


def spoil(learner) -> None:
    first = learner.variables[0]
    first.assign(first * math.nan)


def change_loop(number: int, how) -> None:
    """Saves often, and dies, or does what else `how` says, after step `number` of this process (0: never). As soon as
    the training loop exists: importing it here would start TensorFlow too early."""
    from rnntext.train import tensorflow

    start = tensorflow.start

    def then_patch(*arguments) -> None:
        start(*arguments)
        tensorflow.start = start  # what is patched twice would die twice
        from rnntext.train.learner import Learner
        from rnntext.train.loop import Loop

        step, take, done = Loop.step, Learner.take, []

        def saving(loop):
            if loop.position.step % EVERY == 0 < loop.position.step:
                loop.save()
            return step(loop)

        def counted(learner, *arguments):
            loss = take(learner, *arguments)
            done.append(loss)
            if len(done) == number:
                how(learner)
            return loss

        Loop.step, Learner.take = saving, counted

    tensorflow.start = then_patch


def die_after(seconds: float) -> None:
    """Dies so many seconds after TensorFlow has come up."""
    from rnntext.train import tensorflow

    start = tensorflow.start

    def then_wait(*arguments) -> None:
        start(*arguments)
        tensorflow.start = start
        timer = threading.Timer(seconds, die)
        timer.daemon = True
        timer.start()

    tensorflow.start = then_wait


if __name__ == "__main__":
    kind, _, count = sys.argv.pop(1).partition(":")
    if kind == "late":
        die_after(float(count))
    deaths = {"step": lambda _: die(), "term": lambda _: die(signal.SIGTERM), "nan": spoil}
    how = deaths.get(kind)
    change_loop(int(count) if how else 0, how)
    if kind in ("disk", "half"):
        atomic.disk = Deadly(int(count), kind == "half")
    main()

"""Contenders that are whole processes: started anew each time, or beside others."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.contender import Contender, made
from benchmarks.options import RNNTEXT

_PR_SET_PDEATHSIG = 1  # <sys/prctl.h>


class Program(Contender):
    """A command, from its start to its end; counts `units`, and the memory of all its processes.

    Args:
        command: what to start.
        how: its last argument, where there is a choice.
        stdin: text for it.
        units: of which its work consists.
    """

    def __init__(self, command: Sequence[str], how: str | None = None, stdin: str = "", units: float = 1.0) -> None:
        self.command = [*command, how] if how else list(command)
        self.stdin, self.units, self.megabytes = stdin, units, 0.0

    def before(self) -> None:
        self.megabytes = 0.0

    def run(self) -> float:
        with subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
            ended = threading.Event()
            watcher = threading.Thread(target=self._watch, args=(process.pid, ended))
            watcher.start()
            process.communicate(self.stdin)
            ended.set()
            watcher.join()
        if process.returncode:
            raise RuntimeError(f"{self.command}: exit code {process.returncode}")
        return self.units

    def _watch(self, pid: int, ended: threading.Event) -> None:
        """Looks five times a second, little enough to cost nothing, how much memory is in use."""
        while not ended.wait(0.2):
            self.megabytes = max(self.megabytes, sum(map(megabytes, family(pid))))


class ProcessorTime(Program):
    """The same, in seconds of processor time, user's and system's: what is left when nothing has to be waited for."""

    def clock(self) -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime


class Reaching(Contender):
    """A training, from its start until an evaluation is good enough.

    Args:
        command: what to start; `FOLDER` in it is replaced by the name of an empty folder.
        history: file in that folder to which a JSON line is added after each evaluation.
        metric, target: what must be in such a line, and how low.
    """

    def __init__(self, command: Sequence[str], history: str, metric: str, target: float) -> None:
        self.command, self.history, self.metric, self.target = list(command), history, metric, target

    def run(self) -> float:
        with tempfile.TemporaryDirectory() as folder:
            command = [word.replace("FOLDER", folder) for word in self.command]
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            try:
                while not self._reached(Path(folder, self.history)):
                    if process.poll() is not None and not self._reached(Path(folder, self.history)):
                        raise RuntimeError(f"{command}: ended before {self.metric} was {self.target}")
                    time.sleep(0.05)
            finally:
                process.kill()
                process.wait()
        return 1.0

    def _reached(self, path: Path) -> bool:
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return any(json.loads(line)[self.metric] <= self.target for line in lines)


def family(pid: int) -> list[int]:
    """A process and its descendants."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return []
    return [pid, *(member for child in children for member in family(int(child)))]


def megabytes(pid: int) -> float:
    """A process's share of memory; pages that several processes have in common are divided among them."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:  # it has ended
        return 0.0
    return sum(float(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1000


class Beside(Contender):
    """A contender beside a training, which stands still while others have their turn.

    Args:
        contender, given: who it is, and its keyword arguments.
    """

    def __init__(self, contender: str, given: dict[str, Any]) -> None:
        self.folder = tempfile.TemporaryDirectory()
        model = str(Path(self.folder.name, "model"))
        command = [*RNNTEXT, "train-charlm", "--model", model, "--steps", "1000000", "--size", "large", "--quiet"]
        silent: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        self.training = subprocess.Popen(command, preexec_fn=_die_with_parent, **silent)
        self.contender = made(contender, given)
        _wait_for_work(self.training.pid)
        self.after()

    def before(self) -> None:
        self.training.send_signal(signal.SIGCONT)
        self.contender.before()

    def run(self) -> float:
        if self.training.poll() is not None:
            raise RuntimeError(f"the training has ended with exit code {self.training.returncode}")
        return self.contender.run()

    def after(self) -> None:
        self.training.send_signal(signal.SIGSTOP)

    def close(self) -> None:
        self.training.kill()
        self.training.wait()
        self.folder.cleanup()


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _wait_for_work(pid: int, seconds: float = 20.0) -> None:
    """Waits until a process has used so much of the processor: it has started up and is at work."""
    ticks = os.sysconf("SC_CLK_TCK")
    used = 0.0
    while used < seconds:
        time.sleep(0.2)
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        used = (int(fields[11]) + int(fields[12])) / ticks  # utime and stime: man 5 proc

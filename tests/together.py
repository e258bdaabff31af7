"""Several processes that train one model together, on ports of this machine that nobody uses."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from cli.shell import CLEAN, PATIENCE, PROGRAM
from soak.harness import ROOT


@dataclasses.dataclass(frozen=True)
class Ended:
    """A process that has ended: exit code, output, and when that was."""

    code: int
    out: str
    err: str
    time: float


def free_addresses(count: int) -> list[str]:
    """Addresses on this machine that are free now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]


def tf_config(addresses: Sequence[str], rank: int) -> str:
    """What every process but the last part of its text has in common."""
    return json.dumps({"cluster": {"worker": list(addresses)}, "task": {"type": "worker", "index": rank}})


def run(commands: Sequence[Sequence[str]], folder: Path, victims: Mapping[int, str] | None = None) -> list[Ended]:
    """Runs one process for each command, all of them together, in folders of their own; the chief's is `folder`.

    Args:
        victims: how processes die, by rank, see `crash.victim`.
    """
    addresses = free_addresses(len(commands))
    running = []
    for rank, words in enumerate(commands):
        own = folder if rank == 0 else folder / f"follower{rank}"
        own.mkdir(exist_ok=True)
        path = f"{ROOT / 'tests'}{os.pathsep}{ROOT}"
        environment = {**CLEAN, "PYTHONPATH": path, "TF_CONFIG": tf_config(addresses, rank)}
        way = (victims or {}).get(rank)
        program = PROGRAM if way is None else (sys.executable, "-m", "crash.victim", way)
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        running.append(subprocess.Popen([*program, *words], cwd=own, env=environment, **pipes))
    return _ended(running)


def _ended(running: Sequence[subprocess.Popen[str]]) -> list[Ended]:
    """The processes when all of them have ended."""
    times: dict[int, float] = {}
    deadline = time.monotonic() + PATIENCE
    try:
        while len(times) < len(running):
            for rank, process in enumerate(running):
                if rank not in times and process.poll() is not None:
                    times[rank] = time.monotonic()
            if time.monotonic() > deadline:
                raise TimeoutError(f"only {sorted(times)} have ended")
            time.sleep(0.05)
    finally:
        for process in running:
            process.kill()
        outputs = [process.communicate() for process in running]
    return [Ended(p.returncode, *outputs[rank], times[rank]) for rank, p in enumerate(running)]

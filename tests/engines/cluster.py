"""What is done with the engines: examples run as a user runs them, and processes are killed meanwhile."""

import contextlib
import dataclasses
import functools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples" / "many-machines"
BIN = Path(sys.executable).parent
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "RNNTEXT_", "SPARK_"))},
    "RNNTEXT_CONFIG": "",
    "PATH": f"{BIN}:{os.environ['PATH']}",
    "PYSPARK_PYTHON": sys.executable,
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
# Imported by every process that finds it on its path: writes down the number of the process at each load of a model.
_WATCH = """
import os, sys
def watch(event, arguments):
    if event == "open" and str(arguments[0]).endswith("weights.safetensors"):
        with open(os.environ["LOADS"], "a") as log:
            log.write(f"{os.getpid()}\\n")
sys.addaudithook(watch)
"""
PATIENCE = 300  # seconds after which an engine counts as hung
KILLS = 5


@dataclasses.dataclass(frozen=True)
class Work:
    """Lines to be translated.

    Attributes:
        folder: of the files.
        model: that of the translation model.
        lines: each with its line feed.
    """

    folder: Path
    model: Path
    lines: list[bytes]

    @functools.cached_property
    def source(self) -> Path:
        """A file with all lines."""
        path = self.folder / "lines.txt"
        path.write_bytes(b"".join(self.lines))
        return path

    @property
    def size(self) -> int:
        """Of the file, in bytes."""
        return self.source.stat().st_size

    @functools.cached_property
    def answers(self) -> bytes:
        """What one process makes of all lines."""
        command = [BIN / "rnntext", "translate", "--quiet", "--model", self.model, self.source]
        answers = subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True).stdout
        assert answers.count(b"\n") == len(self.lines)
        return answers

    @property
    def texts(self) -> bytes:
        """The answers as Python's `translate` gives them, which leaves out a carriage return at the end of a line."""
        return self.answers.replace(b"\r\n", b"\n")


def run(
    command: Sequence[str | Path],
    log: Path,
    *,
    stdin: Path = Path(os.devnull),
    stdout: Path | None = None,
    victim: Callable[[list[bytes]], bool] | None = None,
    busy: float = 0.0,
    **environment: str,
) -> tuple[int, int]:
    """Runs a command to its end, while descendants of it are killed one after the other. Whatever it leaves behind is
    killed, too.

    Args:
        command: to run.
        log: a file for stderr, and for stdout unless there is another one.
        stdin, stdout: files.
        victim: whether a process with these arguments is to be killed; KILLS of them are.
        busy: seconds of processor time after which one is killed; the second a tenth of a second later, and so on.
        environment: variables.

    Returns:
        The exit code, and the number of processes that were killed.
    """
    killed: set[int] = set()
    mark = {"CLUSTER_RUN": os.urandom(8).hex()}  # which all that it starts inherits
    until = time.monotonic() + PATIENCE
    with open(log, "wb") as error, open(stdin, "rb") as lines, open(stdout or os.devnull, "wb") as answers:
        out = answers if stdout else error
        process = subprocess.Popen(
            command,
            stdin=lines,
            stdout=out,
            stderr=error,
            env={**ENVIRONMENT, **environment, **mark},
            cwd=log.parent,
        )
        try:
            while process.poll() is None:
                assert time.monotonic() < until, f"{command} hangs:\n{log.read_text()[-2000:]}"
                time.sleep(0.02)
                if victim is not None and len(killed) < KILLS:
                    for pid in _descendants(process.pid) - killed:
                        if victim(_arguments(pid)) and _busy(pid) > busy + len(killed) / 10:
                            os.kill(pid, signal.SIGKILL)
                            killed.add(pid)
                            break
        finally:
            _kill_marked(mark)
    return process.wait(), len(killed)


def watched(folder: Path) -> dict[str, str]:
    """Variables of an environment in which the loads of models are counted."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(_WATCH)
    return {"PYTHONPATH": str(folder), "LOADS": str(folder / "loads")}


def loads(environment: dict[str, str]) -> list[str]:
    """The process of each load."""
    return Path(environment["LOADS"]).read_text().split()


def _descendants(pid: int) -> set[int]:
    """The children of a process, and theirs."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        fields = _stat(int(path.parent.name))
        if fields:
            children.setdefault(int(fields[1]), []).append(int(path.parent.name))
    found: set[int] = set()
    new = [pid]
    while new:
        new = [child for parent in new for child in children.get(parent, [])]
        found.update(new)
    return found


def _kill_marked(mark: Mapping[str, str]) -> None:
    """Kills all processes with this variable in their environment: the command and all that it has started, in whatever
    group and session, whether their parents live or not. None of them is left at the end."""
    while marked := _marked(mark):
        for pid in marked:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def _marked(mark: Mapping[str, str]) -> list[int]:
    (variable,) = (f"{name}={value}".encode() for name, value in mark.items())
    pids = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):  # it has ended, or is another user's
            if variable in path.read_bytes().split(b"\0"):
                pids.append(int(path.parent.name))
    return pids


def _stat(pid: int) -> list[bytes]:
    """The fields of /proc/PID/stat from the third one, the state; none if the process has gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return []


def _busy(pid: int) -> float:
    """Processor time in seconds."""
    fields = _stat(pid)
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK") if fields else 0.0


def _arguments(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


def translating(arguments: list[bytes]) -> bool:
    """Whether these are the arguments of the command."""
    return any(argument.endswith(b"/rnntext") for argument in arguments[:2]) and b"translate" in arguments

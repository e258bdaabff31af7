"""Runs the command line in real processes, in a folder and an environment of its own."""

import dataclasses
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, chdir, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from rnntext.__main__ import main

PROGRAM = (sys.executable, "-m", "rnntext")
PATIENCE = 240.0  # seconds after which a process counts as hung; the machine may be busy
_OURS = ("PYTHON", "RNNTEXT_", "NO_COLOR", "COLUMNS")  # what these variables begin with would change what is tested
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
CLEAN["RNNTEXT_CONFIG"] = ""  # whoever tests may have a file of options of their own
if "KERNELS_AUTO" in os.environ:  # see tests/sitecustomize.py
    CLEAN["PYTHONPATH"] = str(Path(__file__).parents[1])

# Imported by every process that finds it on its path: writes at exit which modules were loaded, and raises Ctrl-C just
# before a certain module is imported.
_WATCH = """
import atexit, importlib.abc, os, signal, sys
if "MODULES" in os.environ:
    atexit.register(lambda: open(os.environ["MODULES"], "w").write("\\n".join(sys.modules)))
class Interrupter(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == os.environ.get("INTERRUPT_AT"):
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupter())
"""


@dataclasses.dataclass(frozen=True)
class Done:
    """A process that has ended."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode()

    @property
    def lines(self) -> list[str]:
        """Of stdout; every line must have its line break."""
        *lines, rest = self.text.split("\n")
        if rest:
            raise AssertionError(f"stdout does not end with a line break: {rest[-80:]!r}")
        return lines

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]

    @property
    def message(self) -> str:
        """The one line on stderr, without `rnntext: `."""
        if not (self.err.startswith("rnntext: ") and self.err.endswith("\n") and self.err.count("\n") == 1):
            raise AssertionError(f"not one line of a message: {self.err!r}")
        return self.err.removeprefix("rnntext: ").rstrip("\n")


@dataclasses.dataclass(frozen=True)
class Shell:
    """Where commands run."""

    folder: Path
    environment: Mapping[str, str]

    def __call__(self, *arguments: str | bytes, stdin: bytes | str = b"", code: int = 0, **environment: str) -> Done:
        """Runs a command to its end, which must be this exit code (negative: a signal), without a traceback."""
        return self.run([*PROGRAM, *arguments], stdin=stdin, code=code, **environment)

    def here(self, *arguments: str | bytes, stdin: bytes | str = b"", code: int = 0) -> Done:
        """Runs a command in this process: where the process is not what is tested, this saves starting one."""
        with ExitStack() as after:
            after.enter_context(chdir(self.folder))
            after.enter_context(patch.dict(os.environ, self.environment, clear=True))
            after.enter_context(patch.object(sys, "argv", ["rnntext", *map(os.fsdecode, arguments)]))
            files = [after.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
            files[0].write(stdin.encode() if isinstance(stdin, str) else stdin)
            files[0].seek(0)
            for number, name in enumerate(("stdin", "stdout", "stderr")):
                kept = os.dup(number)
                after.callback(os.close, kept)
                after.callback(os.dup2, kept, number)
                os.dup2(files[number].fileno(), number)
                stream = open(number, "w" if number else "r", encoding="utf-8", closefd=False)
                after.enter_context(patch.object(sys, name, stream))
            try:
                main()
            except SystemExit as end:
                found = end.code
            sys.stderr.flush()
            for file in files:
                file.seek(0)
            done = Done(int(found or 0), files[1].read(), files[2].read().decode())
        if done.code != code or "Traceback" in done.err:
            raise AssertionError(f"{arguments}: exit code {done.code}, not {code}; {done.out[:500]!r}; {done.err}")
        return done

    def run(self, command: list[str | bytes], stdin: bytes | str = b"", code: int = 0, **others: Any) -> Done:
        """Runs any command line; capitals are environment variables, other names go to Popen."""
        environment = {**self.environment, **{name: value for name, value in others.items() if name.isupper()}}
        given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "cwd": self.folder, "env": environment}
        given |= {name: value for name, value in others.items() if not name.isupper()}
        data = stdin.encode() if isinstance(stdin, str) else stdin
        process = subprocess.run(command, input=data, check=False, timeout=PATIENCE, **given)
        done = Done(process.returncode, process.stdout or b"", (process.stderr or b"").decode("utf-8", "replace"))
        if done.code != code or "Traceback" in done.err:
            raise AssertionError(f"{command}: exit code {done.code}, not {code}; {done.out[:500]!r}; {done.err}")
        return done

    @contextmanager
    def started(self, *arguments: str, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
        """A command under way; it is killed if it still runs when the block ends."""
        given = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE) | {"cwd": self.folder, "bufsize": 0}
        with subprocess.Popen([*PROGRAM, *arguments], env=self.environment, **(given | options)) as process:
            try:
                yield process
            finally:
                process.kill()

    def modules(self, *arguments: str, stdin: bytes = b"", code: int = 0, **environment: str) -> set[str]:
        """The modules, without submodules, that a command has loaded when it ends."""
        self.watch()
        found = self.folder / "modules.txt"
        found.unlink(missing_ok=True)
        self(*arguments, stdin=stdin, code=code, PYTHONPATH=str(self.folder), MODULES=str(found), **environment)
        return {name.partition(".")[0] for name in found.read_text().split()}

    def interrupted(self, module: str, *arguments: str) -> Done:
        """A command that gets Ctrl-C when it begins to import a module."""
        self.watch()
        return self(*arguments, code=130, PYTHONPATH=str(self.folder), INTERRUPT_AT=module)

    def watch(self) -> None:
        (self.folder / "sitecustomize.py").write_text(_WATCH)

    def write(self, name: str, content: str | bytes) -> str:
        """Makes a file in the folder; returns its name."""
        (self.folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return name


def read_some(descriptor: int, atleast: int = 1) -> bytes:
    """What arrives at a descriptor, as soon as it is this much."""
    found = b""
    until = time.monotonic() + PATIENCE
    while len(found) < atleast:
        if not select.select([descriptor], [], [], max(0.0, until - time.monotonic()))[0]:
            raise AssertionError(f"nothing more arrived in {PATIENCE} s; only {found!r}")
        piece = os.read(descriptor, 65536)
        if not piece:
            raise AssertionError(f"ended after {found!r}")
        found += piece
    return found


def read_until(descriptor: int, words: bytes) -> bytes:
    """What arrives at a descriptor, as soon as these words are in it."""
    found = b""
    while words not in found:
        found += read_some(descriptor)
    return found

"""Commands whose terminal is a new one."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import termios
from collections.abc import Iterator

from cli.shell import Shell


@contextlib.contextmanager
def on_terminal(command: list[str], shell: Shell, **others: int) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A process whose terminal is a new one, and the other end of it."""
    ours, theirs = os.openpty()

    def own() -> None:
        fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

    streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs, **others}
    environment = {**shell.environment, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}  # this terminal answers nothing
    process = subprocess.Popen(
        command, cwd=shell.folder, env=environment, start_new_session=True, preexec_fn=own, **streams
    )
    os.close(theirs)
    try:
        yield process, ours
    finally:
        process.kill()
        process.wait()
        with contextlib.suppress(OSError):
            os.close(ours)


def to_the_end(descriptor: int) -> bytes:
    """What a terminal shows until the last process has left it."""
    shown = b""
    with contextlib.suppress(OSError):
        while piece := os.read(descriptor, 65536):
            shown += piece
    return shown

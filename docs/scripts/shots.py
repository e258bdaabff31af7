"""Takes the pictures of README.md, a terminal and a report, from what rnntext really prints and writes.

    .venv/bin/python docs/scripts/shots.py FOLDER

FOLDER has `checkpoints/charlm`, as docs/tutorials/terminal.md makes it. The report is shown by headless Chromium
(/usr/bin/chromium, or what `CHROMIUM` names), and its colours are reduced by Pillow, which matplotlib brings.
"""

from __future__ import annotations

import fcntl
import os
import re
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

IMAGES = Path(__file__).parents[1] / "images"
COLUMNS = 88
SESSION = [
    'rnntext generate "The miller " --length 230 --seed 1 --show-confidence',
    'echo "Wren counts the ducks. Quarterly revenue grew." | rnntext score --per-character',
]
SIZE = (1000, 860)
COLOURS = 64


def shown(command: str, folder: str) -> str:
    """What a terminal shows when a command runs, escape sequences included."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "RNNTEXT_CONFIG": ""}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    process = subprocess.Popen(["bash", "-c", command], cwd=folder, env=environment, stdout=theirs, stderr=theirs)
    os.close(theirs)
    pieces = b""
    try:
        while piece := os.read(ours, 65536):
            pieces += piece
    except OSError:  # the last process has closed the terminal
        pass
    if process.wait():
        raise SystemExit(f"{command}: exit code {process.returncode}")
    return pieces.decode().replace("\r\n", "\n")


def terminal(folder: str) -> None:
    """docs/images/terminal.svg, with the fonts that the reader has."""
    console = Console(
        record=True, width=COLUMNS, file=open(os.devnull, "w"), force_terminal=True, color_system="truecolor"
    )
    for command in SESSION:
        console.print(Text.assemble(("$ ", "bold green"), (command, "bold")))
        console.print(Text.from_ansi(shown(command, folder).rstrip("\n")))
        console.print()
    svg = console.export_svg(title="rnntext", theme=DIMMED_MONOKAI, unique_id="terminal")
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)  # they would be loaded from elsewhere
    svg = svg.replace("Fira Code, monospace", "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace")
    (IMAGES / "terminal.svg").write_text(re.sub(r"[ \t]+\n", "\n", svg), encoding="utf-8")


def report(folder: str) -> None:
    """docs/images/report.png: the top of a report's page."""
    with tempfile.TemporaryDirectory() as work:
        page, picture, text = (Path(work) / name for name in ("report.html", "report.png", "letter.txt"))
        text.write_text("Wren counts the ducks on the river, and old Bram mends the clock.\n" * 3, encoding="utf-8")
        shown(f"rnntext report charlm {text} -o {page}", folder)
        chromium = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        size = f"--window-size={SIZE[0]},{SIZE[1]}"
        subprocess.run([chromium, *options, size, f"--screenshot={picture}", page.as_uri()], check=True)
        Image.open(picture).convert("RGB").quantize(COLOURS).save(IMAGES / "report.png", optimize=True)


if __name__ == "__main__":
    terminal(sys.argv[1])
    report(sys.argv[1])

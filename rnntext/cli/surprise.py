"""Characters and tokens that are coloured by how much they surprise a model."""

from __future__ import annotations

import json
import math
import os

from rnntext.cli.console import visible

# (maximum of the surprise in bits, its colour as an escape sequence of the terminal, its name)
LEVELS = (
    (1.0, "", "none"),
    (3.0, "\x1b[33m", "yellow"),
    (6.0, "\x1b[31m", "red"),
    (math.inf, "\x1b[97;41m", "on red"),
)
UNDERLINED = "\x1b[4m"  # a blank shows no colour of its own
PLAIN = "\x1b[0m"
KEY = "surprise in bits: " + ", ".join(
    f"{name} up to {most:g}" if most < math.inf else f"{name} above" for most, _, name in LEVELS
)


def has_colours(terminal: bool) -> bool:
    """Whether colours can be shown, and are wanted: see no-color.org.

    Args:
        terminal: whether the stream is one.
    """
    return terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def coloured(text: str, bits: float) -> bytes:
    """A character or token as a terminal shows it, in the colour of its surprise. A line break has no colour."""
    colour = next(colour for most, colour, _ in LEVELS if not bits > most)
    shown = visible(text)
    if not colour or not shown.strip("\n"):
        return shown.encode("utf-8", "replace")
    if not shown.strip():
        colour += UNDERLINED
    return f"{colour}{shown}{PLAIN}".encode("utf-8", "replace")


def escaped(text: str) -> str:
    """A character or token for a line of columns: control characters and the backslash are written as in JSON."""
    quoted = json.dumps(text, ensure_ascii=False)
    return quoted[1:-1].replace('\\"', '"')

"""Where models live: a name stands for a folder under ./checkpoints or $RNNTEXT_CHECKPOINTS."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from rnntext.errors import UsageError
from rnntext.storage.checkpoint import in_service


def home() -> Path:
    """The folder of all models."""
    return Path(os.environ.get("RNNTEXT_CHECKPOINTS") or "checkpoints")


def folder(name: str) -> Path:
    """The folder that a name or a path stands for; it need not exist.

    Raises:
        UsageError: the name is empty, or no folder name.
    """
    if name in (".", "..") and in_service(Path(name)):
        return Path(name)
    if not name or "\0" in name or name in (".", "..") or any(len(os.fsencode(p)) > 255 for p in name.split(os.sep)):
        raise UsageError(f"--model {name!r}: give a name or a folder")
    return Path(name) if os.sep in name or in_service(Path(name)) else home() / name


def names() -> list[str]:
    """Names of the models under `home` that can be used."""
    return sorted(p.name for p in home().iterdir() if in_service(p)) if home().is_dir() else []


def find(name: str, train_command: str) -> Path:
    """The folder of a trained model.

    Raises:
        UsageError: there is none of this name; says which there are, or how to train one.
    """
    path = folder(name)
    if in_service(path):
        return path
    known = names()
    close = difflib.get_close_matches(name, known, 1)
    hint = (
        f"did you mean {close[0]}?"
        if close
        else f"there are: {', '.join(known)}"
        if known
        else f"train one first: rnntext {train_command}"
    )
    raise UsageError(f"no model {name!r} in {path.parent}/; {hint}")

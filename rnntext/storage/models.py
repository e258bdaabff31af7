"""Where models and their versions lie: a name stands for a folder under ./checkpoints or $RNNTEXT_CHECKPOINTS."""

from __future__ import annotations

import difflib
import os
import re
import shlex
from pathlib import Path

from rnntext.errors import UsageError

VERSION_NAME = re.compile(r"[0-9]{6}")
MAX_NAME_SIZE = 255  # bytes; file systems allow no longer name of a folder


def home() -> Path:
    """The folder of all models."""
    return Path(os.environ.get("RNNTEXT_CHECKPOINTS") or "checkpoints")


def folder(name: str) -> Path:
    """The folder that a name or a path stands for; it need not exist.

    Raises:
        UsageError: the name is empty, or cannot be that of a folder.
    """
    path = Path(name)
    is_dots = name in (".", "..")
    if is_dots and in_service(path):
        return path
    parts = name.split(os.sep)
    longest = max(len(os.fsencode(part)) for part in parts)
    if not name or "\0" in name or is_dots or longest > MAX_NAME_SIZE:
        raise UsageError(f"--model {name!r}: give a name or a folder")
    if os.sep not in name and not in_service(path):
        path = home() / name
    if path.is_file():
        raise UsageError(f"--model {name}: {path} is a file; give a name or a folder")
    return path


def names(root: Path | None = None) -> list[str]:
    """Names of the models in a folder, `home` unless it is given, that have a version in service."""
    root = root or home()
    if not root.is_dir():
        return []
    models: list[str] = []
    for path in root.iterdir():
        if in_service(path):
            models.append(path.name)
    return sorted(models)


def all_names() -> list[str]:
    """Names of all models under `home`: of those with a version, in service or not, or an unfinished training."""
    if not home().is_dir():
        return []
    return sorted(path.name for path in home().iterdir() if in_service(path) or versions(path) or begun(path))


def in_service(root: Path) -> bool:
    """Whether the folder holds a model that has a version in service."""
    return (root / "current").is_file()


def versions(root: Path) -> list[str]:
    """Names of all versions, oldest first."""
    folder = root / "versions"
    if not folder.is_dir():
        return []
    names: list[str] = []
    for path in folder.iterdir():
        if VERSION_NAME.fullmatch(path.name):
            names.append(path.name)
    return sorted(names)


def full_name(root: Path, version: str | int) -> str:
    """The name of a version with all its zeros.

    Raises:
        UsageError: the model has no such version.
    """
    name = str(version).zfill(6)
    known = versions(root)
    if name not in known:
        raise UsageError(f"{root} has no version {version}; there are: {', '.join(known) or 'none'}")
    return name


def begun(path: Path) -> bool:
    """Whether an unfinished training lies in the folder of a model."""
    return (path / "run").is_dir()


def quoted(path: Path) -> str:
    """A model as one types it in a shell: its name if it lies under `home`, else its path."""
    return shlex.quote(path.name if path.parent == home() else str(path))


def find(name: str, train_command: str) -> Path:
    """The folder of a trained model.

    Args:
        name: of the model, or its path.
        train_command: that trains such a model, for the message.

    Raises:
        UsageError: there is no such model; the message names the nearest one, or all, or the command that trains one.
    """
    path = folder(name)
    if in_service(path):
        return path
    known = names(path.parent)
    nearest = difflib.get_close_matches(path.name, known, 1)
    if nearest:
        hint = f"did you mean {nearest[0] if os.sep not in name else path.parent / nearest[0]}?"
    elif known:
        hint = f"there are: {', '.join(known)}"
    else:
        hint = f"train one first: rnntext {train_command}"
    raise UsageError(f"no model {name!r} in {path.parent}/; {hint}")

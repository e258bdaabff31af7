"""Folders and patterns stand for files."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable

from rnntext.errors import InputOutputError


def expanded(sources: Iterable[str]) -> list[str]:
    """Sources, where a folder stands for the files in it and in folders in it, and a pattern such as `books/*.txt` for
    those that match it; both in the order of their names, without hidden ones. Links to folders are not followed.

    Raises:
        InputOutputError: a folder has no files.
    """
    return [file for source in sources for file in _expanded(source)]


def _unreadable(error: OSError) -> None:
    raise InputOutputError(f"{error.filename}: {error.strerror}") from error


def _expanded(source: str) -> list[str]:
    """`expanded` of one source; what is neither a folder nor a pattern that matches something stays."""
    if os.path.isdir(source):
        files: list[str] = []
        for folder, folders, names in os.walk(source, onerror=_unreadable):
            folders[:] = [name for name in folders if not name.startswith(".")]  # those that are entered
            paths = [os.path.join(folder, name) for name in names if not name.startswith(".")]
            files += filter(os.path.isfile, paths)  # no pipes, which would be waited for
        if not files:
            raise InputOutputError(f"{source}: this folder has no files; name another one, or a file")
        return sorted(files)
    if source == "-" or os.path.exists(source) or not glob.has_magic(source):
        return [source]
    return sorted(filter(os.path.isfile, glob.iglob(source, recursive=True))) or [source]

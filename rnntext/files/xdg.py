"""The folders of a user, as the XDG rules say."""

from __future__ import annotations

import os
from pathlib import Path


def users_folder(variable: str, default: str) -> Path:
    """The folder of rnntext among the user's files of one kind; it need not exist.

    Args:
        variable: names the folder of this kind of files, as XDG_CACHE_HOME does; a relative path is ignored.
        default: that folder relative to the user's home, if the variable does not name one, as .cache.
    """
    given = Path(os.environ.get(variable, ""))
    if given.is_absolute():
        return given / "rnntext"
    home = os.path.expanduser("~")
    return Path("/" if home == "~" else home, default, "rnntext")  # A user without a home is treated as with HOME=/.

"""The command `completion`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rnntext.cli.command import command
from rnntext.cli.console import results
from rnntext.errors import UsageError

SHELLS = ("bash", "zsh", "fish")
Shell = Annotated[str, typer.Argument(metavar="|".join(SHELLS), help="The shell.")]


@command(
    'eval "$(rnntext completion bash)"    # in ~/.bashrc',
    'eval "$(rnntext completion zsh)"     # in ~/.zshrc, after compinit',
    "rnntext completion fish > ~/.config/fish/completions/rnntext.fish",
)
def completion(*, shell: Shell) -> None:
    """Print the script that makes a shell complete commands, options and their values, models, corpora and files."""
    if shell not in SHELLS:
        raise UsageError(f"no completion for {shell!r}; give one of {', '.join(SHELLS)}")
    with results(None) as out:
        out.write((Path(__file__).parent / "shells" / f"rnntext.{shell}").read_bytes())

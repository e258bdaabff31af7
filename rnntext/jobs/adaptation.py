"""A character model that has learnt from a file before it is used."""

from __future__ import annotations

from rnntext.errors import DataError
from rnntext.jobs.characters import CharacterModel
from rnntext.text.lines import Report, name_of, read_pieces


def adapted_to(model: CharacterModel, source: str, report: Report | None = None) -> CharacterModel:
    """A model that has learnt from a file, or from stdin (`-`), which is read piece by piece; see `adapted`.

    Args:
        report: is told how many bytes become U+FFFD, if any.

    Raises:
        InputOutputError: the file cannot be read.
        DataError: the text is empty or not UTF-8.
    """
    adapted, characters = model.adapted_to_pieces(read_pieces(source, report=report))
    if not characters:
        raise DataError(f"{name_of(source)}: empty; there is nothing to learn from")
    return adapted

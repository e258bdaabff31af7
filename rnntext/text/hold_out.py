"""Lines of a text that are held out by a hash, so that the same ones stay held out while the text grows."""

from __future__ import annotations

import hashlib
import itertools
import random

LOOKED_AT = 100_000  # characters at the beginning of a text, to find out whether it is sorted
MIN_SORTED_LINES = 100  # fewer may be in order by chance
SORTED_SHARE = 0.95  # of neighbouring lines that are in order; names with accents may stand elsewhere


def hashed_position(text: str) -> float:
    """A number from 0 to 1, uniformly distributed: 64 bits of BLAKE2b."""
    data = text.encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(data, digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def hold_out_lines(text: str, fraction: float, scored: int) -> tuple[str, str]:
    """The lines of a list to train on, and those to evaluate on, without blank ones.

    A hash of the line decides, so that a line that occurs several times is on one side only. Both sides are shuffled,
    in the same way each time: in a sorted list, the line before tells how the next one begins.

    Args:
        text: line breaks are line feeds.
        fraction: the share of lines to be held out, 0 to 1.
        scored: about the number of held-out characters to be returned. The other held-out lines are in neither text.
    """
    scored_share = min(fraction, scored / max(1, len(text)))
    training: list[str] = []
    held_out: list[str] = []
    for line in text.removesuffix("\n").split("\n"):
        if not line.strip():
            continue
        position = hashed_position(line)
        if position >= fraction:
            training.append(line + "\n")
        elif position < scored_share:
            held_out.append(line + "\n")
    for side in (training, held_out):
        random.Random(1).shuffle(side)
    return "".join(training), "".join(held_out)


def is_sorted(text: str) -> bool:
    """Whether a text is a sorted list, one entry on a line, as far as its beginning tells."""
    lines = text[:LOOKED_AT].split("\n")[:-1]
    if len(lines) < MIN_SORTED_LINES or len(set(lines)) < len(lines) / 2:
        return False
    folded = [line.casefold() for line in lines]
    in_order = sum(first <= second for first, second in itertools.pairwise(folded))
    return in_order >= SORTED_SHARE * (len(lines) - 1)

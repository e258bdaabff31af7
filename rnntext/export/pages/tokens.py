"""What `model.json` says of a translator, and how its sentences become tokens, and tokens sentences."""

import functools
import json
import re
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SPACE = "\u2581"  # the sign for a space in tokens
OWN = "\U000f2581"  # stands for this sign where it is in a text
about = json.loads((HERE / "model.json").read_text(encoding="utf-8"))
kind = about["config"]["tokens"]
source_tokens = about.get("vocabulary") or about["source_vocabulary"]
target_tokens = about.get("vocabulary") or about["target_vocabulary"]


@functools.cache
def processor(side: str) -> Any:
    """SentencePiece with the model of a side."""
    import sentencepiece

    joint, own = HERE / "tokens.model", HERE / f"{side}.model"
    return sentencepiece.SentencePieceProcessor(model_file=str(joint if joint.exists() else own))


def lines() -> Iterator[str]:
    """The lines of standard input, which end at line feeds and nowhere else, without byte order marks; invalid bytes
    become U+FFFD. They end the program if one is too long for the model."""
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # type: ignore[union-attr]
    limit = about["positions"] if "positions" in about["config"] else sys.maxsize
    for number, data in enumerate(sys.stdin.buffer, 1):
        line = data.decode(errors="replace").removeprefix("\ufeff")
        count = len(split(line))
        if count > limit:
            sys.exit(f"line {number} has {count} tokens; this model reads at most {limit}: cut it into sentences")
        yield line


def split(line: str) -> list[str]:
    """The tokens of a sentence."""
    line = re.sub("[\0\ud800-\udfff]", "\ufffd", line)
    if about["config"]["lowercase"]:
        line = line.lower()
    line = unicodedata.normalize("NFC", line)
    line = re.sub("[ \t\n\v\f\r]+", " ", line).strip(" ")
    if kind == "word":
        return re.findall(r"\w+(?:['\u2019]\w+)*|[^\w\s]", line)
    line = line.replace(SPACE, OWN)
    if kind == "subword":
        pieces: list[str] = processor("source").encode(line, out_type=str)
        return pieces
    return list(line.replace(" ", SPACE))


def join(tokens: list[str]) -> str:
    """The sentence of tokens, on one line."""
    if kind == "subword":
        text: str = processor("target").decode_pieces(tokens)
    elif kind == "word":
        text = re.sub(r" ([.,;:!?%)\]}\u2026\u201d\u2019])", r"\1", " ".join(tokens))
        text = re.sub(r"([\u00bf\u00a1(\[{\u201e\u201c]) ", r"\1", text)
    else:
        text = "".join(tokens).replace(SPACE, " ")
    if kind != "word":
        text = text.replace(OWN, SPACE)
    return re.sub("[\r\n]", " ", text.replace("\ufffd", ""))

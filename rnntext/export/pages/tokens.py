"""What `model.json` says of a translator, and how its sentences become tokens, and tokens sentences."""

import functools
import json
import re
import unicodedata
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SPACE = "\u2581"  # the sign for a space in tokens
about = json.loads((HERE / "model.json").read_text())
kind = about["config"]["tokens"]
source_tokens = about.get("vocabulary") or about["source_vocabulary"]
target_tokens = about.get("vocabulary") or about["target_vocabulary"]


@functools.cache
def processor(side: str) -> Any:
    """SentencePiece with the model of a side."""
    import sentencepiece

    joint, own = HERE / "tokens.model", HERE / f"{side}.model"
    return sentencepiece.SentencePieceProcessor(model_file=str(joint if joint.exists() else own))


def split(line: str) -> list[str]:
    """The tokens of a sentence."""
    line = " ".join(unicodedata.normalize("NFC", line).split())
    if about["config"]["lowercase"]:
        line = line.lower()
    if kind == "subword":
        pieces: list[str] = processor("source").encode(line, out_type=str)
        return pieces
    if kind == "word":
        return re.findall(r"\w+(?:['\u2019]\w+)*|[^\w\s]", line)
    return list(line.replace(" ", SPACE))


def join(tokens: list[str]) -> str:
    """The sentence of tokens."""
    if kind == "subword":
        text: str = processor("target").decode_pieces(tokens)
        return text
    if kind == "word":
        text = re.sub(r" ([.,;:!?%)\]}\u2026\u201d\u2019])", r"\1", " ".join(tokens))
        return re.sub(r"([\u00bf\u00a1(\[{\u201e\u201c]) ", r"\1", text)
    return "".join(tokens).replace(SPACE, " ")

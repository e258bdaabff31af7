"""Checkpoints as an attacker writes them: any content, with every size and digest right."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).parents[1] / "golden"
VERSION = Path("versions") / "000001"
BASES = ("charlm-lstm", "charlm-gru", "gru-word", "transformer-subword")
Files = dict[str, bytes]


def base(name: str) -> Files:
    """The files of a golden version by name, its manifest and `current` included."""
    folder = GOLDEN / name
    found = {path.name: path.read_bytes() for path in sorted((folder / VERSION).iterdir())}
    return {**found, "current": (folder / "current").read_bytes()}


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def to_json(value: Any) -> bytes:
    return json.dumps(value).encode()


def reseal(files: Files) -> Files:
    """Makes manifest and pointer fit the other files, as far as the manifest can still be read."""
    files = dict(files)
    try:
        manifest = json.loads(files["manifest.json"])
        for name in manifest["files"].keys() & files.keys():
            manifest["files"][name] = {"bytes": len(files[name]), "sha256": digest(files[name])}
        files["manifest.json"] = to_json(manifest)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    return {**files, "current": point(files["manifest.json"])}


def point(manifest: bytes, version: str = "000001") -> bytes:
    """A `current` that fits a manifest."""
    return to_json({"version": version, "manifest": digest(manifest)})


def write(root: Path, files: Files) -> int:
    """Writes the files where they belong; how many bytes that were."""
    (root / VERSION).mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (root / name if name == "current" else root / VERSION / name).write_bytes(data)
    return sum(map(len, files.values()))


def tensors(files: Files) -> tuple[dict[str, Any], bytes]:
    """Header and data of the weights."""
    data = files["weights.safetensors"]
    size = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + size]), data[8 + size :]


def safetensors(header: Any, data: bytes, size: int | None = None) -> bytes:
    """A file of weights; `size` is what it says of its header."""
    text = header if isinstance(header, bytes) else to_json(header)
    text += b" " * (-len(text) % 8)
    return (len(text) if size is None else size).to_bytes(8, "little", signed=False) + text + data

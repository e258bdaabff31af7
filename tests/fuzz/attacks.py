"""Known attacks on a reader of checkpoints, each a change of a good checkpoint, with every digest right. What would be
hard to write down lies in `attacks/`: SentencePiece models that its own library chokes on."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from fuzz.mutants import message, piece, split_message
from fuzz.sealed import VERSION, base, digest, point, reseal, safetensors, tensors, to_json, write

HERE = Path(__file__).parent / "attacks"
WEIGHTS, MODEL = "weights.safetensors", "tokens.model"
CHARLM, TRANSLATOR, SUBWORD = "charlm-lstm", "gru-word", "transformer-subword"
Attack = Callable[[Path], object]  # writes a checkpoint into a folder


def _file(name: str, data: bytes, model: str = CHARLM) -> Attack:
    """One file exchanged."""
    return lambda root: write(root, reseal({**base(model), name: data}))


def _config(model: str, **fields: Any) -> Attack:
    settings = json.loads(base(model)["config.json"])
    return _file("config.json", to_json({**settings, "model": {**settings["model"], **fields}}), model)


def _manifest(change: dict[str, Any] | bytes) -> Attack:
    def put(root: Path) -> None:
        files = base(CHARLM)
        data = change if isinstance(change, bytes) else to_json({**json.loads(files["manifest.json"]), **change})
        write(root, {**files, "manifest.json": data, "current": point(data)})

    return put


def _named(name: str, data: bytes = b"x") -> Attack:
    """A file in the manifest with a name that leads elsewhere."""
    return _manifest({"files": {name: {"bytes": len(data), "sha256": digest(data)}}})


def _header(change: Callable[[dict[str, Any], str], Any], data: bytes | None = None, size: int | None = None) -> Attack:
    """The header of the weights changed; `change` is given it and the name of its first tensor."""

    def put(root: Path) -> None:
        files = base(CHARLM)
        header, values = tensors(files)
        changed = change(header, next(n for n in header if n != "__metadata__"))
        weights = safetensors(changed, values if data is None else data, size)
        write(root, reseal({**files, WEIGHTS: weights}))

    return put


def _entry(**fields: Any) -> Attack:
    return _header(lambda header, name: {**header, name: {**header[name], **fields}})


def _number(value: float) -> Attack:
    """One of the weights."""

    def put(root: Path) -> None:
        files = base(CHARLM)
        write(root, reseal({**files, WEIGHTS: files[WEIGHTS][:-4] + struct.pack("<f", value)}))

    return put


def _pieces(change: Callable[[list[bytes]], list[bytes]]) -> Attack:
    """The fields of a SentencePiece model changed: pieces, then two of settings."""
    return _file(MODEL, b"".join(change(split_message(base(SUBWORD)[MODEL]))), SUBWORD)


def _instead(place: str, make: Callable[[Path], object]) -> Attack:
    """Something else in place of a file or folder of a good checkpoint."""

    def put(root: Path) -> None:
        write(root, base(CHARLM))
        os.rename(root / place, root / "moved")
        make(root / place)

    return put


def _overlapping(header: dict[str, Any], name: str) -> dict[str, Any]:
    other = next(n for n in header if (n != name and header[n]["shape"] == header[name]["shape"]) or n == "logits.bias")
    return {**header, other: {**header[other], "data_offsets": header[name]["data_offsets"]}}


def _twice(header: dict[str, Any], name: str) -> bytes:
    text = to_json(header)
    return text[:-1] + b", " + to_json({name: header[name]})[1:]


def _vocabulary(value: Any) -> Attack:
    return _file("vocabulary.json", value if isinstance(value, bytes) else to_json(value))


VERSION_FILE = str(VERSION / "config.json")
ATTACKS: dict[str, Attack] = {
    # JSON
    "config 100000 deep": _file("config.json", b"[" * 100_000 + b"]" * 100_000),
    "config 100000 deep objects": _file("config.json", b'{"model":' * 100_000 + b"1" + b"}" * 100_000),
    "manifest 100000 deep": _manifest(b'{"format": 1, "files": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "config key twice": _file("config.json", base(CHARLM)["config.json"].replace(b"{", b'{"model": {}, ', 1)),
    "manifest key twice": _manifest(base(CHARLM)["manifest.json"].replace(b"{", b'{"format": 1, ', 1)),
    "config of NaN": _file("config.json", base(CHARLM)["config.json"].replace(b"40", b"NaN", 1)),
    "config in UTF-16": _file("config.json", base(CHARLM)["config.json"].decode().encode("utf-16")),
    "config in UTF-7": _file("config.json", b"+AHs-" + base(CHARLM)["config.json"][1:]),
    "vocabulary of a million objects": _vocabulary(b"[" + b"{}," * 1_000_000 + b"{}]"),
    "vocabulary of one wide text": _vocabulary(b'["' + b"a" * 12_000_000 + b'\\ud83d\\ude00"]'),
    "vocabulary of half characters": _vocabulary(["\ud800", *json.loads(base(CHARLM)["vocabulary.json"])[1:]]),
    "vocabulary that is an object": _vocabulary(dict.fromkeys(json.loads(base(CHARLM)["vocabulary.json"]), 1)),
    "vocabulary with an entry twice": _vocabulary(json.loads(base(CHARLM)["vocabulary.json"])[:-1] * 2),
    "tokens with an entry twice": _file("source.json", to_json(["the"] * 500), TRANSLATOR),
    "number of 100000 digits": _manifest(b'{"format": 1' + b"0" * 100_000 + b"}"),
    "pickle as config": _file("config.json", b"\x80\x04cos\nsystem\n(S'true'\ntR."),
    "YAML as config": _file("config.json", b"!!python/object/apply:os.system ['true']"),
    # Shapes and sizes
    "a billion layers": _config(CHARLM, layers=10**9),
    "units beyond memory": _config(CHARLM, units=16384),
    "negative units": _config(CHARLM, units=-40),
    "units as text": _config(CHARLM, units="40"),
    "heads that do not divide": _config(SUBWORD, heads=3),
    "no heads": _config(SUBWORD, heads=0),
    "a wide feed-forward": _config(SUBWORD, feedforward=16384),
    "cell of another kind": _config(CHARLM, cell="\x1b]0;owned\x07"),
    "a field nobody knows": _config(CHARLM, loader="os.system"),
    "tokens of another kind": _config(TRANSLATOR, tokens="subword"),
    "one vocabulary instead of two": _config(TRANSLATOR, joint=True),
    # Weights
    "shape bomb": _entry(shape=[2**40, 2**20]),
    "shape that overflows": _entry(shape=[2**32, 2**32]),
    "negative shape": _entry(shape=[-1, -1]),
    "overlapping offsets": _header(_overlapping),
    "negative offsets": _entry(data_offsets=[-8, 0]),
    "offsets beyond the file": _entry(data_offsets=[2**60, 2**60 + 4]),
    "offsets backwards": _entry(data_offsets=[4, 0]),
    "huge header": _header(lambda header, name: header, size=2**63),
    "header longer than the file": _header(lambda header, name: header, size=2**24),
    "header of padding": _header(lambda header, name: to_json(header) + b" " * 5_000_000),
    "100000 tensors": _header(lambda header, name: {**header, **{f"t{n}": header[name] for n in range(100_000)}}),
    "tensor twice": _header(_twice),
    "half precision": _entry(dtype="F16"),
    "unknown type": _entry(dtype="OBJECT"),
    "missing data": _header(lambda header, name: header, data=b""),
    "metadata of odd types": _header(lambda header, name: {**header, "__metadata__": {"a": [1]}}),
    "pickle as weights": _file(WEIGHTS, b"\x80\x04cos\nsystem\n(S'true'\ntR."),
    "HDF5 as weights": _file(WEIGHTS, b"\x89HDF\r\n\x1a\n" + b"\0" * 512),
    "no weights": _file(WEIGHTS, b""),
    "NaN in the weights": _number(float("nan")),
    "infinite weight": _number(float("-inf")),
    "weight near the end of float32": _number(3e38),
    # Names and links
    "name with ..": _named("../../../secret.json"),
    "absolute name": _named("/etc/passwd"),
    "name with a folder": _named("sub/x.json"),
    "name of 5000 letters": _named("a" * 5000 + ".json"),
    "name with NUL": _named("a\0.json"),
    "manifest in the manifest": _named("manifest.json"),
    "100000 files": _manifest({"files": {f"{n}.json": {"bytes": 0, "sha256": digest(b"")} for n in range(100_000)}}),
    "current leads out": lambda root: write(root, {**base(CHARLM), "current": point(b"", "../../x")}),
    "link for a file": _instead(VERSION_FILE, lambda place: place.symlink_to("/etc/passwd")),
    "link for a file, to itself": _instead(VERSION_FILE, lambda place: place.symlink_to(place)),
    "link for current": _instead("current", lambda place: place.symlink_to("moved")),
    "link for versions": _instead("versions", lambda place: place.symlink_to("moved")),
    "link for a version": _instead(str(VERSION), lambda place: place.symlink_to("../moved")),
    "endless device as a file": _instead(VERSION_FILE, lambda place: place.symlink_to("/dev/zero")),
    "pipe as a file": _instead(VERSION_FILE, os.mkfifo),
    "folder as a file": _instead(VERSION_FILE, os.mkdir),
    "current of 16 GB of holes": _instead("current", lambda place: (place.touch(), os.truncate(place, 2**34))),
    "file as a folder": _instead("versions", Path.touch),
    # The manifest
    "another kind": _manifest({"kind": "\x1b[2J"}),
    "a release with escapes": _manifest({"format": 99, "rnntext": "\x1b]0;owned\x07\n" * 1000}),
    "sizes as text": _manifest({"files": {"config.json": {"bytes": "580", "sha256": None}}}),
    # SentencePiece
    "no pieces": _pieces(lambda fields: fields[-2:]),
    "no settings": _pieces(lambda fields: fields[:-2]),
    "piece twice": _pieces(lambda fields: [fields[300], *fields]),
    "empty piece": _pieces(lambda fields: [piece(b"", 0.0), *fields]),
    "score NaN": _pieces(lambda fields: [piece(b"x" * 20, float("nan")), *fields]),
    "piece with NUL": _pieces(lambda fields: [piece(b"a\0b", 0.0), *fields]),
    "piece that is not UTF-8": _pieces(lambda fields: [piece(b"\xff\xfe", 0.0), *fields]),
    "byte that is none": _pieces(lambda fields: [piece(b"<0xZZ>", 0.0, 6), *fields]),
    "table of normalisations": _pieces(lambda fields: [*fields, message(3, message(2, b"\xff" * 64))]),
    "piece of two gigabytes": _file(MODEL, b"\x0a\xff\xff\xff\xff\x07", SUBWORD),
    "groups in groups": _file(MODEL, b"\x0b" * 100_000, SUBWORD),
    "endless number": _file(MODEL, b"\x80" * 100_000, SUBWORD),
    **{path.stem: _file(MODEL, path.read_bytes(), SUBWORD) for path in sorted(HERE.glob("*.model"))},
}


def write_all(folder: Path) -> Iterator[str]:
    """Writes every attack into a folder of its own, in order of the names; yields these."""
    for name, attack in sorted(ATTACKS.items()):
        (folder / name).mkdir()
        attack(folder / name)
        yield name

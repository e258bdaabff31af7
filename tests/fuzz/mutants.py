"""Checkpoints that were changed at random, knowing their format: the same seed gives the same mutant."""

from __future__ import annotations

import json
import os
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fuzz.sealed import BASES, VERSION, Files, base, reseal, safetensors, tensors, to_json, write

SEALED = 0.9  # of all mutants have digests that fit, so that what is behind them is reached
ODD: list[Any] = [
    None, True, False, 0, -1, 1, 2, 3, 7, 64, 65, 2**31, 2**63, -(2**63), 10**30, 10**4000, 0.5, -0.0, 1e308,
    float("nan"), float("inf"), "", "a", "\0", "\n", "\ud800", "\U0010ffff", "\u2028", "../x", "/etc/passwd", "..",
    "A" * 5000, [], {}, [[]], [None], {"a": {}}, ["a", "a"], "lstm", "gru", "transformer", "subword", "word",
    "char", "none", "learned", "F32", "F16", "I64", "BF16", "translator", "charlm", "forecaster", "000001",
    "000002",
]  # fmt: skip


def mutant(seed: int, folder: Path) -> tuple[str, int]:
    """Writes a mutant into a folder; what was done to it, and its size in bytes."""
    chance = random.Random(seed)
    name = chance.choice(BASES)
    files, done = base(name), [name]
    for _ in range(chance.choice([1, 1, 1, 2, 3])):
        change = chance.choice(CHANGES)
        done.append(change.__name__)
        files = change(files, chance)
    if chance.random() < SEALED:
        files = reseal(files)
    size = write(folder, files)
    if chance.random() < 0.08:
        _tree(folder, chance)
        done.append("tree")
    return " ".join(done), size


# Bytes ----------------------------------------------------------------------------------------------------------------


def _data_bytes(data: bytes, chance: random.Random) -> bytes:
    """Some bytes exchanged, put in, left out or doubled."""
    found = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 8])):
        at, length = chance.randrange(len(found) + 1), chance.choice([1, 1, 2, 4, 64])
        odd = chance.choice(
            [chance.randbytes(length), b"\0" * length, b"\xff" * length, bytes(found[at : at + length])]
        )
        found[at : at + chance.choice([0, length, length, len(found)] if chance.random() < 0.3 else [length])] = odd
    return bytes(found)


def change_bytes(files: Files, chance: random.Random) -> Files:
    name = chance.choice(sorted(files))
    return {**files, name: _data_bytes(files[name], chance)}


def change_header_bytes(files: Files, chance: random.Random) -> Files:
    data = files["weights.safetensors"]
    size = 8 + int.from_bytes(data[:8], "little")
    return {**files, "weights.safetensors": _data_bytes(data[:size], chance) + data[size:]}


def leave_out_a_file(files: Files, chance: random.Random) -> Files:
    return {name: data for name, data in files.items() if name != chance.choice(sorted(files))} | {
        name: files[name] for name in ("manifest.json", "current")
    }


# JSON -----------------------------------------------------------------------------------------------------------------


def _places(value: Any, path: tuple = ()) -> list[tuple]:
    """The paths of all values inside a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, member in inner for place in _places(member, (*path, key)))]


def _put(value: Any, path: tuple, new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _put(copy[path[0]], path[1:], new)
    return copy


def _json_value(value: Any, chance: random.Random) -> Any:
    """A value with one of its places changed."""
    place = chance.choice(_places(value))
    inner = value
    for key in place:
        inner = inner[key]
    if isinstance(inner, dict) and inner and chance.random() < 0.7:
        kept = dict(inner)
        taken = kept.pop(chance.choice(list(kept)))
        extra = {chance.choice(["x", "..", "../x.json", "a" * 300 + ".json", "layers", "__metadata__"]): taken}
        return _put(value, place, chance.choice([kept, {**inner, **extra}, {**kept, **extra}]))
    if isinstance(inner, list) and inner and chance.random() < 0.7:
        at = chance.randrange(len(inner))
        return _put(value, place, chance.choice([inner[:at], inner[at:], inner + inner[at : at + 1], inner[::-1]]))
    if isinstance(inner, int) and chance.random() < 0.7:
        return _put(value, place, chance.choice([inner + 1, inner - 1, inner * 2, -inner, str(inner), float(inner)]))
    return _put(value, place, chance.choice(ODD))


def change_json(files: Files, chance: random.Random) -> Files:
    name = chance.choice([n for n in sorted(files) if n.endswith(".json") or n == "current"])
    try:
        return {**files, name: to_json(_json_value(json.loads(files[name]), chance))}
    except (ValueError, RecursionError):
        return change_bytes(files, chance)


def change_config(files: Files, chance: random.Random) -> Files:
    if chance.random() < 0.3:
        return change_json({"config.json": files["config.json"]}, chance) | {
            name: data for name, data in files.items() if name != "config.json"
        }
    try:
        settings = json.loads(files["config.json"])
        model = settings["model"]
        field = chance.choice(list(model))
        odd = [model[field], *ODD]
        if type(model[field]) is int:
            odd = [model[field] * 2, model[field] - 1, model[field] + 1, 0, 1, 16384, 16385, 10**9]
        return {**files, "config.json": to_json({**settings, "model": {**model, field: chance.choice(odd)}})}
    except (ValueError, KeyError, TypeError, IndexError):
        return change_bytes(files, chance)


def odd_json(files: Files, chance: random.Random) -> Files:
    """What no JSON writer writes: a key twice, great depth, a bomb of small objects, another coding."""
    name = chance.choice([n for n in sorted(files) if n.endswith(".json") or n == "current"])
    data, depth = files[name], chance.choice([10, 500, 990, 1000, 5000, 100_000])
    many = chance.choice([1000, 100_000, 700_000])
    bombs = [
        data.replace(b"{", b'{"format": 1, "format": 1,', 1),
        b"[" * depth + b"]" * depth,
        b'{"a":' * depth + b"1" + b"}" * depth,
        data + data,
        b"\xef\xbb\xbf" + data,
        data.decode("utf-8", "replace").encode(chance.choice(["utf-16", "utf-32", "utf-16-be"])),
        b"[" + b"{}," * many + b"{}]",
        b"[" + b"[]," * many + b"1]",
        b'["' + b"a" * many + b'\\ud83d\\ude00"]',
        b"[" + b"1," * many + b"1]",
        b'{"format": NaN}',
    ]
    return {**files, name: chance.choice(bombs)}


# Weights --------------------------------------------------------------------------------------------------------------


def change_tensors(files: Files, chance: random.Random) -> Files:
    """One entry of the header."""
    try:
        header, data = tensors(files)
        name = chance.choice(list(header))
        entry = dict(header[name])
        begin, end = entry["data_offsets"]
        far = chance.choice([-4, 4, 1, len(data), 2**40, 2**62, -(2**62)])
        what = chance.randrange(8)
        if what == 0:
            entry["shape"] = chance.choice(
                [entry["shape"][::-1], [], [0], [2**40, 2**40], [-1], [*entry["shape"], 1], [1.5], "ab", [2**64]]
            )
        elif what == 1:
            entry["data_offsets"] = chance.choice(
                [[begin + far, end + far], [begin, end + far], [end, begin], [0, 0], [begin], "ab", [begin, end, end]]
            )
        elif what == 2:
            entry["dtype"] = chance.choice(["F16", "I32", "F64", "U8", "BOOL", "C64", "x", 5, None])
        elif what == 3:
            entry = chance.choice([None, [], 5, {}, {"dtype": "F32"}])
        elif what == 4:
            name = chance.choice([name + "x", "", "../x", "a" * 10_000])
        elif what == 5:
            entry["data_offsets"] = header[chance.choice(list(header))]["data_offsets"]
        elif what == 6:
            header = {other: e for other, e in header.items() if other != name}
        else:
            header["__metadata__"] = chance.choice([{"a": "b"}, {"a": 1}, [], "x", {"a": "b" * 100_000}])
        size = None if chance.random() < 0.8 else chance.choice([0, 1, 8, 2**20, 2**32, 2**63, 2**64 - 1])
        header = {**header, name: entry} if what != 6 else header
        return {**files, "weights.safetensors": safetensors(header, data, size)}
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return change_bytes(files, chance)


def odd_numbers(files: Files, chance: random.Random) -> Files:
    """Weights that nobody can compute with, or only just."""
    data = bytearray(files["weights.safetensors"])
    odd = chance.choice([float("nan"), float("inf"), float("-inf"), 3e38, -3e38, 1e20, 1e7, 9e5, -9e5, 1e-45, 0.0])
    begin = min(len(data), 8 + int.from_bytes(data[:8], "little"))
    count = (len(data) - begin) // 4
    for at in chance.sample(range(count), min(count, chance.choice([1, 10, count]))):
        struct.pack_into("<f", data, begin + 4 * at, odd)
    return {**files, "weights.safetensors": bytes(data)}


# SentencePiece --------------------------------------------------------------------------------------------------------


def change_pieces(files: Files, chance: random.Random) -> Files:
    """The protobuf of a SentencePiece model, field by field."""
    name = next((n for n in sorted(files) if n.endswith(".model")), None)
    if name is None:
        return change_json(files, chance)
    fields = split_message(files[name])
    if not fields:
        return change_bytes(files, chance)
    at = chance.randrange(len(fields))
    odd = [
        b"", b"\x0a\0", _data_bytes(fields[at], chance), fields[0], fields[-1], b"\x0a\x80\x80\x80\x80\x10",
        piece(b"", 0.0), piece(b"a" * chance.choice([1, 100, 120]), 0.0, chance.randrange(9)),
        piece(b"\xff\xfe", 1.0), piece(b"a\0b", 1.0), piece(b"<0x41>", 0.0, 6), piece(b"<0xZZ>", 0.0, 6),
        piece(b"<unk>", 0.0, 2), piece(b"x", float("nan")), piece(b"y", float("inf"), 4),
        piece(b"\xe2\x96\x81", -1e38), message(3, message(2, chance.randbytes(64))),
        message(3, message(1, b"nmt_nfkc")), message(2, b"\x18" + bytes([chance.randrange(6)])),
        message(2, b"\x98\x02" + bytes([chance.randrange(2)])), message(5, message(2, b"\0" * 16)),
        message(4, b""), message(2, message(45, b"x" * 100)), message(2, b"\xc8\x02\x05"),
        message(3, b"\x18\0\x20\0\x28\0"),
    ]  # fmt: skip
    ways = [[*fields[:at], chance.choice(odd), *fields[at + 1 :]], [*fields[:at], chance.choice(odd), *fields[at:]]]
    ways += [
        fields[:at] + fields[at + 1 :],
        fields[: at + 1] + fields[at:],
        chance.sample(fields, len(fields)),
        fields[at:],
    ]
    return {**files, name: b"".join(chance.choice(ways))}


def piece(text: bytes, score: float, kind: int | None = None) -> bytes:
    """A piece as SentencePiece writes it."""
    inner = message(1, text) + b"\x15" + struct.pack("<f", score)
    return message(1, inner + (b"" if kind is None else b"\x18" + bytes([kind])))


def message(field: int, data: bytes) -> bytes:
    """A field of bytes."""
    return varint(field << 3 | 2) + varint(len(data)) + data


def varint(number: int) -> bytes:
    found = b""
    while number > 0x7F:
        found += bytes([number & 0x7F | 0x80])
        number >>= 7
    return found + bytes([number])


def split_message(data: bytes) -> list[bytes]:
    """The fields of a message of nothing but fields of bytes, each with its tag; as many as can be read."""
    found, at = [], 0
    while at + 1 < len(data):
        size, shift, begin = 0, 0, at
        at += 1
        while at < len(data):
            byte = data[at]
            at += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        at += size
        found.append(data[begin:at])
    return found


# The tree -------------------------------------------------------------------------------------------------------------


def _tree(folder: Path, chance: random.Random) -> None:
    """Something else in place of one of the files or folders."""
    places = [folder / "current", folder / "versions", folder / VERSION, *(folder / VERSION).iterdir()]
    place = chance.choice(sorted(places))
    moved = folder / "moved"
    os.rename(place, moved)
    kinds: list[Callable[[], object]] = [
        lambda: place.symlink_to(moved),
        lambda: place.symlink_to("/etc/passwd"),
        lambda: place.symlink_to(place),
        lambda: place.symlink_to("/dev/zero"),
        lambda: os.mkfifo(place),
        place.mkdir,
        place.touch,
        lambda: os.truncate(os.open(place, os.O_CREAT | os.O_WRONLY), 2**34),  # holes: no room on the disk
        lambda: None,
    ]
    chance.choice(kinds)()


CHANGES = [
    change_bytes, change_header_bytes, leave_out_a_file, change_json, change_json, change_config, change_config,
    odd_json, change_tensors, change_tensors, odd_numbers, change_pieces, change_pieces,
]  # fmt: skip

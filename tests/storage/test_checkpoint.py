"""Checkpoints: what is written comes back, and what is damaged or hostile is refused."""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from cli.shell import PATIENCE

from rnntext.errors import CheckpointError
from rnntext.storage import checkpoint, json_files, models
from rnntext.storage.checkpoint import Checkpoint, load, load_version, promote, write_version
from rnntext.storage.json_files import parse_json, to_json
from rnntext.storage.models import versions

ARRAYS = {"a": np.array([[1.0, -2.0, 0.5]], np.float32), "b": np.array([np.pi], np.float32)}
SHAPES = {"a": (1, 3), "b": (1,)}
FILES = {"config.json": b'{"units": 1}\n', "vocabulary.json": '["é", "\\n"]\n'.encode()}


def write(root: Path) -> str:
    return write_version(root, "charlm", FILES, ARRAYS, {"corpus": "c0ffee"})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A model with one version, in service."""
    promote(tmp_path / "model", write(tmp_path / "model"))
    return tmp_path / "model"


def reseal(root: Path, change: Callable[[Any], Any], version: str = "000001") -> None:
    """Changes the manifest of a version, and `current` so that its digest fits: what an attacker would do."""
    path = root / "versions" / version / "manifest.json"
    manifest = json.loads(path.read_bytes())
    data = change(manifest)
    data = data if isinstance(data, bytes) else json.dumps(data).encode()
    path.write_bytes(data)
    (root / "current").write_text(json.dumps({"version": version, "manifest": hashlib.sha256(data).hexdigest()}))


# Round trips ----------------------------------------------------------------------------------------------------------


def test_what_is_written_comes_back(root: Path) -> None:
    found = load(root)
    assert (found.kind, found.version, found.path) == ("charlm", "000001", root / "versions" / "000001")
    assert {name: found.files[name] for name in FILES} == FILES
    assert found.json("vocabulary.json") == ["é", "\n"]
    assert found.manifest["corpus"] == "c0ffee"
    arrays = found.arrays(SHAPES)
    assert {name: array.tolist() for name, array in arrays.items()} == {n: a.tolist() for n, a in ARRAYS.items()}
    assert {array.dtype for array in arrays.values()} == {np.dtype(np.float32)}


def test_the_manifest_lists_size_and_digest_of_every_file(root: Path) -> None:
    folder = root / "versions" / "000001"
    listed = json.loads((folder / "manifest.json").read_bytes())["files"]
    assert sorted(listed) == ["config.json", "vocabulary.json", "weights.safetensors"]
    for name, entry in listed.items():
        data = (folder / name).read_bytes()
        assert entry == {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def test_weights_of_any_layout_are_stored_as_float32_in_c_order(tmp_path: Path) -> None:
    transposed = np.arange(6, dtype=np.float64).reshape(2, 3).T
    name = write_version(tmp_path, "charlm", {}, {"w": transposed}, {})
    stored = load_version(tmp_path / "versions" / name).arrays({"w": (3, 2)})["w"]
    assert stored.tolist() == [[0, 3], [1, 4], [2, 5]]


def test_a_missing_json_file_is_named(root: Path) -> None:
    with pytest.raises(CheckpointError, match=r"metrics\.json is missing"):
        load(root).json("metrics.json")


# Versions -------------------------------------------------------------------------------------------------------------


def test_versions_are_numbered_from_one(tmp_path: Path) -> None:
    assert versions(tmp_path) == []
    assert [write(tmp_path) for _ in range(3)] == ["000001", "000002", "000003"]
    assert versions(tmp_path) == ["000001", "000002", "000003"]


def test_numbers_go_on_after_the_highest_and_other_names_do_not_count(root: Path) -> None:
    (root / "versions" / "000001").rename(root / "versions" / "000041")
    for name in (".tmp-x", "7", "0000099", "notes"):
        (root / "versions" / name).mkdir()
    assert write(root) == "000042"
    assert versions(root) == ["000041", "000042"]


def test_a_new_version_is_not_in_service_until_it_is_promoted(root: Path) -> None:
    second = write(root)
    assert load(root).version == "000001"
    promote(root, second)
    assert load(root).version == "000002"
    promote(root, "000001")
    assert load(root).version == "000001"


def test_a_reader_sees_one_whole_version_whatever_a_writer_does_meanwhile(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_bytes = checkpoint.read_bytes

    def read_then_promote(path: Path) -> bytes:
        data = read_bytes(path)
        monkeypatch.setattr(checkpoint, "read_bytes", read_bytes)
        promote(root, write_version(root, "charlm", {"config.json": b"{}"}, ARRAYS, {}))
        return data

    monkeypatch.setattr(checkpoint, "read_bytes", read_then_promote)
    assert load(root).files["config.json"] == FILES["config.json"]
    assert load(root).files["config.json"] == b"{}"


def test_a_folder_without_a_promoted_version_is_not_in_service(tmp_path: Path) -> None:
    write(tmp_path)
    assert not models.in_service(tmp_path)
    promote(tmp_path, "000001")
    assert models.in_service(tmp_path)


@pytest.mark.parametrize("call", range(1, 8))
def test_a_full_disk_leaves_the_versions_as_they_were(root: Path, monkeypatch: pytest.MonkeyPatch, call: int) -> None:
    fsync, calls = os.fsync, []

    def failing(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == call:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(OSError, match="No space left"):
        promote(root, write(root))  # three files, manifest, folder, `versions`; `current`
    assert load(root).version == "000001"
    assert set(os.listdir(root / "versions")) <= {"000001", "000002"}


# Damage ---------------------------------------------------------------------------------------------------------------

PARTS = [f"versions/000001/{name}" for name in ("manifest.json", *FILES, "weights.safetensors")]


@pytest.mark.parametrize("part", ["current", *PARTS])
def test_every_flipped_bit_is_noticed(root: Path, part: str) -> None:
    write(root)  # a second version, which a damaged pointer might name
    good = (root / part).read_bytes()
    for position in range(len(good)):
        for bit in range(8):
            damaged = bytearray(good)
            damaged[position] ^= 1 << bit
            (root / part).write_bytes(damaged)
            with pytest.raises(CheckpointError):
                load(root)


@pytest.mark.parametrize("part", ["current", *PARTS])
def test_every_truncation_is_noticed(root: Path, part: str) -> None:
    good = (root / part).read_bytes().removesuffix(b"\n")  # `current` says the same without its last line break
    for length in range(len(good)):
        (root / part).write_bytes(good[:length])
        with pytest.raises(CheckpointError):
            load(root)


@pytest.mark.parametrize("part", PARTS)
def test_a_lengthened_file_is_noticed(root: Path, part: str) -> None:
    with open(root / part, "ab") as file:
        file.write(b"\n")
    with pytest.raises(CheckpointError, match=f"{root / part}: damaged"):
        load(root)


@pytest.mark.parametrize("part", ["current", *PARTS])
def test_a_missing_file_is_noticed(root: Path, part: str) -> None:
    (root / part).unlink()
    with pytest.raises(CheckpointError, match=Path(part).name):
        load(root)


@pytest.mark.parametrize(
    "pointer",
    [
        [],
        "000001",
        {},
        {"version": "000001"},
        {"version": 1, "manifest": "0"},
        {"version": "1", "manifest": "0"},
        {"version": "../../else", "manifest": "0"},
        {"version": "000001\n", "manifest": "0"},
        {"version": "٠٠٠٠٠١", "manifest": "0"},
    ],
)
def test_a_pointer_names_a_version_and_a_digest_or_is_refused(root: Path, pointer: Any) -> None:
    (root / "current").write_text(json.dumps(pointer))
    with pytest.raises(CheckpointError, match="current: damaged"):
        load(root)


def test_one_version_can_be_checked_by_itself(root: Path) -> None:
    folder = root / "versions" / write(root)
    assert load_version(folder).version == "000002"
    (folder / "config.json").write_bytes(b'{"units": 2}\n')
    with pytest.raises(CheckpointError, match=r"config\.json: damaged, its SHA-256"):
        load_version(folder)


# Hostile manifests ----------------------------------------------------------------------------------------------------


def test_a_resealed_manifest_is_accepted_so_the_refusals_below_have_other_reasons(root: Path) -> None:
    reseal(root, lambda manifest: manifest)
    assert load(root).kind == "charlm"


def test_a_newer_format_is_refused_by_name(root: Path) -> None:
    reseal(root, lambda manifest: {**manifest, "format": 2, "rnntext": "9.1"})
    with pytest.raises(CheckpointError, match=r"checkpoint format 2 by rnntext 9\.1; .* reads up to format 1: upgrade"):
        load(root)


def test_a_newer_format_is_named_whatever_else_it_changed(root: Path) -> None:
    reseal(root, lambda manifest: {"format": 7, "contents": []})
    with pytest.raises(CheckpointError, match="format 7"):
        load(root)


@pytest.mark.parametrize(
    "change",
    [
        {"format": "1"},
        {"format": True},
        {"format": None},
        {"format": 1.0},
        {"kind": 5},
        {"kind": None},
        {"files": None},
        {"files": ["config.json"]},
        {"files": {"config.json": "abc"}},
        {"files": {"config.json": {}}},
        {"files": {"config.json": {"bytes": 13}}},
    ],
    ids=str,
)
def test_a_manifest_of_another_shape_is_refused(root: Path, change: dict[str, Any]) -> None:
    reseal(root, lambda manifest: {**manifest, **change})
    with pytest.raises(CheckpointError):
        load(root)


ESCAPES = [
    "../secret.json",
    "/etc/passwd",
    "sub/x.json",
    "..",
    ".",
    "",
    ".hidden.json",
    "a\0.json",
    "x.json\n",
    "a..b",
    "noext",
]


@pytest.mark.parametrize("name", [*ESCAPES, "manifest.json"], ids=repr)
def test_a_name_that_no_checkpoint_file_has_is_refused_and_never_opened(
    root: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    opened: list[Path] = []
    read_bytes = checkpoint.read_bytes
    monkeypatch.setattr(checkpoint, "read_bytes", lambda path: opened.append(path) or read_bytes(path))
    reseal(root, lambda manifest: {**manifest, "files": {name: {"bytes": 1, "sha256": "0"}}})
    with pytest.raises(CheckpointError, match="names files that a checkpoint cannot have"):
        load(root)
    assert opened == [root / "current", root / "versions" / "000001" / "manifest.json"]


@pytest.mark.parametrize("part", ["current", "versions/000001", *PARTS])
def test_a_link_is_refused_even_to_the_right_content(root: Path, tmp_path: Path, part: str) -> None:
    (root / part).rename(tmp_path / "elsewhere")
    (root / part).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CheckpointError):
        load(root)


@pytest.mark.parametrize("part", ["manifest.json", "config.json"])
def test_a_pipe_in_place_of_a_file_is_refused_and_not_waited_for(root: Path, part: str) -> None:
    pipe = root / "versions" / "000001" / part
    reseal(root, lambda manifest: {**manifest, "files": {"config.json": {"bytes": 0, "sha256": "0"}}})
    pipe.unlink()
    os.mkfifo(pipe)
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(load, root)
        try:
            assert isinstance(answer.exception(timeout=PATIENCE), CheckpointError)
        finally:
            with suppress(OSError):
                os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))  # lets a reader that waits go


@pytest.mark.parametrize(
    "data",
    [
        b'{"format": 1, "format": 1, "kind": "charlm", "files": {}}',
        b'{"format": 1, "kind": "charlm", "files": {"config.json": {"bytes": 13, "bytes": 13}}}',
        b'{"format": 1, "kind": "charlm", "files": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"format": 1' + b"0" * 5000 + b"}",
        b'{"format": 1}\xff',
        b"PK\x03\x04",
        b"",
    ],
    ids=["key twice", "key twice inside", "deep", "huge number", "not UTF-8", "zip", "empty"],
)
def test_json_that_is_odd_is_refused(root: Path, data: bytes) -> None:
    reseal(root, lambda _: data)
    with pytest.raises(CheckpointError, match=r"manifest\.json"):
        load(root)
    with pytest.raises(CheckpointError, match="somewhere"):
        parse_json(data, Path("somewhere"))


def test_more_json_than_any_model_needs_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_files, "MAX_JSON_SIZE", 10)
    assert parse_json(b"[1, 2, 34]", Path("x")) == [1, 2, 34]
    with pytest.raises(CheckpointError, match="11 bytes of JSON are too many"):
        parse_json(b"[1, 2, 345]", Path("x"))


@pytest.mark.parametrize("value", [["é", "\n", "\u2028", "😀"], {"a": [1, 0.1, None, True]}, ["\udcff"]], ids=ascii)
def test_json_that_we_write_is_read_again(value: Any) -> None:
    assert parse_json(to_json(value), Path("x")) == value


# Hostile weights ------------------------------------------------------------------------------------------------------


def entry(dtype: str, shape: list[Any], begin: int, end: int) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def weights(header: Any, data: bytes = b"\0" * 16) -> bytes:
    """A safetensors file with this header."""
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def read_weights(data: bytes) -> dict[str, np.ndarray]:
    return Checkpoint(Path("m"), "charlm", {}, {"weights.safetensors": data}).arrays(SHAPES)


GOOD = {"a": entry("F32", [1, 3], 0, 12), "b": entry("F32", [1], 12, 16)}


def test_well_formed_weights_are_read_with_or_without_metadata() -> None:
    assert read_weights(weights(GOOD))["a"].tolist() == [[0, 0, 0]]
    assert read_weights(weights({**GOOD, "__metadata__": {"by": "me"}}))["b"].tolist() == [0]


@pytest.mark.parametrize(
    "header",
    [
        {"a": GOOD["a"]},
        {**GOOD, "c": entry("F32", [0], 16, 16)},
        {"A": GOOD["a"], "b": GOOD["b"]},
        {**GOOD, "a": entry("F32", [3, 1], 0, 12)},
        {**GOOD, "a": entry("F32", [3], 0, 12)},
        {**GOOD, "a": entry("I32", [1, 3], 0, 12)},
        {**GOOD, "a": entry("F16", [1, 3], 0, 6)},
        {**GOOD, "a": entry("F32", [2**40, 2**20], 0, 12)},
    ],
    ids=["missing", "one more", "name", "shape", "rank", "integers", "half precision", "shape bomb"],
)
def test_arrays_other_than_the_expected_are_refused(header: Any) -> None:
    with pytest.raises(CheckpointError, match="the arrays are not those of the model"):
        read_weights(weights(header))


def test_double_precision_is_refused() -> None:
    with pytest.raises(CheckpointError, match="the arrays are not those of the model"):
        read_weights(safetensors.numpy.save({n: a.astype(np.float64) for n, a in ARRAYS.items()}))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x04K\x01.",
        weights(GOOD)[:-1],
        weights(GOOD) + b"\0",
        weights(GOOD)[:40],
        b"\xff" * 8 + weights(GOOD)[8:],
        b"\0" * 8 + weights(GOOD)[8:],
        weights([]),
        weights(5),
        weights({**GOOD, "a": 5}),
        weights({**GOOD, "a": ["F32", [1, 3]]}),
        weights({**GOOD, "a": entry("F32", 3, 0, 12)}),
        weights({**GOOD, "a": {"dtype": "F32"}}),
        weights({**GOOD, "a": {"dtype": "F32", "shape": [1, 3]}}),
        weights({**GOOD, "b": entry("F32", [1], 8, 12)}),
        weights({**GOOD, "b": entry("F32", [1], -4, 0)}),
        weights({**GOOD, "b": entry("F32", [1], 2**60, 2**60 + 4)}),
        weights({**GOOD, "b": entry("F32", [1.0], 12, 16)}),
        weights({**GOOD, "b": entry("F32", [True], 12, 16)}),
        weights({**GOOD, "__metadata__": [1]}),
        weights(GOOD).replace(b'"b"', b'"a"'),
    ],
    ids=lambda data: repr(data[8:60]),
)
def test_malformed_weights_are_refused(data: bytes) -> None:
    with pytest.raises(CheckpointError, match=r"weights\.safetensors"):
        read_weights(data)


def test_missing_weights_are_refused() -> None:
    with pytest.raises(CheckpointError):
        Checkpoint(Path("m"), "charlm", {}, {}).arrays(SHAPES)


def test_a_reader_whose_version_is_pruned_under_its_hands_takes_the_one_that_is_in_service_now(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, real = write(root), checkpoint.load_version

    def overtaken(path: Path, digest: str | None = None) -> Checkpoint:
        monkeypatch.setattr(checkpoint, "load_version", real)
        checkpoint.promote(root, name)
        shutil.rmtree(root / "versions" / "000001")
        return real(path, digest)

    monkeypatch.setattr(checkpoint, "load_version", overtaken)
    assert checkpoint.load(root).version == name
    shutil.rmtree(root / "versions" / name)
    with pytest.raises(CheckpointError):  # nobody has put another one into service
        checkpoint.load(root)

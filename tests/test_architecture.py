"""The rules of the house: floors import downwards only, TensorFlow stays on its floor, one file writes files."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "rnntext"
FILES = sorted(PACKAGE.rglob("*.py"))
# From the ground up; a file may import from its own floor and from those below it.
FLOORS = [
    *(
        "version",
        "words",
        "system",
        "sizes",
        "settings",
        "families",
        "files",
        "text",
        "series",
        "storage",
        "watch",
        "run",
        "export",
    ),
    *("train", "jobs", "cli", "__main__"),
]
EVERYWHERE = {"errors", "__init__"}


def floor_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> list[str]:
    """Full names of all modules that a file imports, inside functions too."""
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def test_all_rooms_are_known() -> None:
    assert {floor_of(path) for path in FILES} == {*FLOORS, *EVERYWHERE}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_file_imports_only_from_its_floor_and_below(path: Path) -> None:
    floor = floor_of(path)
    if floor == "__init__":
        return  # the public names, loaded lazily from wherever they live
    targets = {name.split(".")[1] for name in imports(path) if name.startswith("rnntext.")} - EVERYWHERE
    if floor in EVERYWHERE:
        assert not targets
        return
    above = {target for target in targets if FLOORS.index(target) > FLOORS.index(floor)}
    assert not above, f"{path.relative_to(PACKAGE)} on floor {floor} imports from above: {above}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_tensorflow_and_keras_are_imported_on_the_training_floor_only(path: Path) -> None:
    heavy = {name for name in imports(path) if name.split(".")[0] in ("tensorflow", "keras")}
    assert floor_of(path) == "train" or not heavy


def test_the_training_floor_does_import_tensorflow() -> None:
    assert any("tensorflow" in name for name in imports(PACKAGE / "train" / "learner.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_and_functions_are_short_and_long_functions_have_steps(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 300
    for node in ast.walk(ast.parse("\n".join(lines))):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            first, last = (body[0].lineno, node.end_lineno or 0) if body else (0, -1)
            signature = node.body[0].lineno - node.lineno
            assert signature + last - first + 1 <= 50, f"{node.name}: {last - first + 1} lines"
            steps = any("# 1. " in line for line in lines[node.lineno : last])
            assert last - first + 1 <= 25 or steps, f"{node.name}: {last - first + 1} lines without steps"


def _writes(path: Path) -> list[int]:
    """Lines on which a file is opened for writing, or written to by one of pathlib's short ways."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        given = [*node.args[1:2], *(k.value for k in node.keywords if k.arg == "mode")]
        modes = [value.value for value in given if isinstance(value, ast.Constant)]
        if name in ("write_text", "write_bytes") or (name == "open" and any(set(str(m)) & set("wax+") for m in modes)):
            found.append(node.lineno)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_only_the_atomic_module_opens_files_for_writing(path: Path) -> None:
    if path == PACKAGE / "files" / "atomic.py":
        assert _writes(path)
    else:
        assert not _writes(path)

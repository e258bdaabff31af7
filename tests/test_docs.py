"""The site of docs/: links, navigation, pictures and the reference. `make docs` builds it."""

import re
from pathlib import Path
from unittest.mock import Mock
from xml.etree import ElementTree

import pytest

import rnntext
from rnntext.cli.writing import _Writer
from rnntext.settings.charlm import SamplingConfig
from rnntext.watch.logs import _HELP

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
IMAGES = sorted((DOCS / "images").iterdir())


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """The names that the headings of a page have as targets of links."""
    headings = re.findall(r"^#+ (.+)$", CODE.sub("", read(page)), re.MULTILINE)
    return {re.sub(r"\W+", "-", heading.lower()).strip("-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(DOCS)))
def test_links_lead_somewhere(page: Path) -> None:
    for link, _, heading in re.findall(r"\]\(([^)#:\s]+)(#([^)]*))?\)", CODE.sub("", read(page))):
        target = (page.parent / link).resolve()
        assert target.exists(), link
        assert not heading or heading in anchors(target), f"{link}#{heading}"


def test_every_page_is_in_the_navigation_once() -> None:
    navigation = read(ROOT / "mkdocs.yml").split("\nnav:\n")[1]
    named = re.findall(r"(\S+\.md)$", navigation, re.MULTILINE)
    assert sorted(named) == sorted(str(page.relative_to(DOCS)) for page in PAGES)


def test_the_reference_has_every_public_name_once() -> None:
    named = re.findall(r"^::: rnntext\.(\w+)$", read(DOCS / "reference" / "python.md"), re.MULTILINE)
    assert sorted(named) == sorted(set(rnntext.__all__) - {"__version__"})


def test_metrics_that_a_page_names_exist() -> None:
    named = set(re.findall(r"\brnntext_(\w+)", read(DOCS / "how-to" / "prometheus.md")))
    assert len(named) > 5
    assert named <= set(_HELP)


def test_commands_of_a_conversation_that_a_page_names_exist() -> None:
    named = set(re.findall(r"`/(\w+)`", read(DOCS / "tutorials" / "terminal.md")))
    assert "undo" in named
    assert named <= {"help", *_Writer(Mock(), Mock(sampling=SamplingConfig()), Mock()).commands()}


def test_the_script_draws_the_pictures_that_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(DOCS / "scripts"))
    from pictures import PICTURES

    for name, draw in PICTURES.items():
        assert read(DOCS / "images" / f"{name}.svg") == draw().svg(), "draw them anew: python docs/scripts/pictures.py"


def test_pictures_are_shown_and_described_and_load_nothing() -> None:
    text = "".join(map(read, [*PAGES, ROOT / "README.md"]))
    shown = re.findall(r"!\[[^\]]+\]\(\S*images/(\S+)\)", text)
    shown += re.findall(r'<img src="\S*images/(\S+)" .*alt="[^"]+">', text)
    assert set(shown) == {image.name for image in IMAGES}
    for image in IMAGES:
        assert image.stat().st_size < 200_000
        if image.suffix == ".svg":
            ElementTree.parse(image)
            assert not re.search(r"(?:href|src)=|url\((?!#)", read(image))

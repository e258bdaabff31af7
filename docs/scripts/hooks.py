"""Hooks of mkdocs, which `make docs` calls: equations, and links to files that the site does not have."""

import re
from typing import Any

from latex2mathml.converter import convert
from pymdownx.superfences import SuperFencesException


def on_config(config: Any, **_: Any) -> None:
    """Makes MathML, which browsers show by themselves, of each block ```math, as GitHub does, too."""
    fences = [{"name": "math", "class": "equation", "format": _equation}]
    config.mdx_configs["pymdownx.superfences"] = {"custom_fences": fences}


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """The page, in which each link that leaves docs/ is replaced by its text."""
    depth = page.file.src_uri.count("/")
    leaving = re.compile(r"\[([^\]]+)\]\((?:\.\./){" + str(depth + 1) + r"}[^)]*\)")
    return leaving.sub(r"\1", markdown)


def _equation(source: str, *_: Any, **__: Any) -> str:
    try:
        return f'<div class="equation">{convert(source, display="block")}</div>'
    except Exception as error:  # any other exception would show the source instead
        raise SuperFencesException(source) from error

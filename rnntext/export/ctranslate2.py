"""A Transformer as a folder that CTranslate2 loads, with its vocabulary, a README and an example that translates."""

from __future__ import annotations

from rnntext.errors import UsageError
from rnntext.export.model import ExportedModel, page
from rnntext.run.ctranslate2_files import RESERVED_NAMES, converted
from rnntext.settings.translator import TransformerConfig
from rnntext.text.tokens import RESERVED


def files(model: ExportedModel) -> dict[str, bytes]:
    """The content of each file of the export, by name.

    Raises:
        UsageError: CTranslate2 is not installed, or cannot run the model.
    """
    about = model.description
    if not isinstance(model.config, TransformerConfig):
        title = model.kind if model.architecture == model.kind else f"{model.architecture} {model.kind}"
        raise UsageError(
            f"--to ctranslate2: takes translators of --architecture transformer only, and this is a {title}; "
            "try --to onnx"
        )
    source = about.get("vocabulary") or about["source_vocabulary"]
    target = about.get("vocabulary") or about["target_vocabulary"]
    names = ([*RESERVED_NAMES, *source[RESERVED:]], [*RESERVED_NAMES, *target[RESERVED:]])
    return {
        **converted(model.config, model.arrays, about["positions"], "float32", names, "--to ctranslate2"),
        "README.md": page("ctranslate2.md").encode(),
        "example.py": page("ctranslate2.py").encode(),
        "tokens.py": page("tokens.py").encode(),
    }

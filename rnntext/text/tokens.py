"""The ids of tokens for translation models: sentences become ids, and ids become sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from rnntext.errors import CheckpointError
from rnntext.text.pieces import SPACE
from rnntext.text.tokenizers import Tokenizer, tokenizer

# Reserved ids. They are in no list of tokens, so nobody can type them in.
PAD = 0
UNKNOWN = 1
START = 2
END = 3
NAMES = ("[PAD]", "[UNK]", "[START]", "[END]")
RESERVED = len(NAMES)  # number of reserved ids
Forbidden = int | tuple[int, int]  # an id, or a pair of ids that must not follow one another

# The pieces of control characters, which would break the line of an answer or steer the user's terminal.
_CONTROL_BYTES = {f"<0x{byte:02X}>" for byte in range(0x20)}


class Language:
    """One side of a translator: a tokenizer and the vocabulary of its tokens.

    Attributes:
        tokenizer: cuts sentences into tokens.
        tokens: the tokens of ids RESERVED, RESERVED + 1, ...
        ids: the id of each token.
        forbidden: ids that an answer must not contain, and pairs of ids that must not follow one another in it.

    Raises:
        CheckpointError: a token is no text, empty, or occurs twice.
    """

    def __init__(self, tokenizer: Tokenizer, tokens: Iterable[str]) -> None:
        # The tokens may come from a damaged file and be of any type.
        entries = list(tokens) if isinstance(tokens, Iterable) else [None]
        self.tokenizer = tokenizer
        self.tokens: list[str] = []
        self.ids: dict[str, int] = {}
        for index, entry in enumerate(entries, start=RESERVED):
            if not isinstance(entry, str) or not entry or entry in self.ids:
                raise CheckpointError("the vocabulary is damaged: every entry must be a token, once")
            self.tokens.append(entry)
            self.ids[entry] = index
        self.forbidden: list[Forbidden] = [PAD, UNKNOWN, START]
        for token in sorted(_CONTROL_BYTES & self.ids.keys()):
            self.forbidden.append(self.ids[token])
        self.forbidden += [self.ids[token] for token in self.tokens if "\ufffd" in token]
        # No answer is blank: after a blank comes something else.
        blanks = [
            self.ids[token] for token in self.tokens if not token.replace(SPACE, " ").strip() or token == "<0x20>"
        ]
        self.forbidden += [(blank, following) for blank in blanks for following in (END, *blanks)]

    def __len__(self) -> int:
        """Number of ids, including the reserved ones."""
        return len(self.tokens) + RESERVED

    def encode(self, text: str) -> np.ndarray:
        """Ids of a normalised sentence, `[tokens]`, int32; without START and END."""
        tokens = self.tokenizer.split(text)
        return self.lookup(tokens)

    def lookup(self, tokens: Sequence[str]) -> np.ndarray:
        """Ids of tokens, `[tokens]`, int32."""
        ids = [self.ids.get(token, UNKNOWN) for token in tokens]
        return np.array(ids, np.int32)

    def named(self, ids: Iterable[int]) -> list[str]:
        """The tokens of ids, as they are shown; reserved ids have names in brackets."""
        return [NAMES[index] if index < RESERVED else self.tokens[index - RESERVED] for index in ids]

    def decode(self, ids: Iterable[int]) -> str:
        """The sentence of ids, on one line; reserved ids are left out, as are bytes that make no character."""
        tokens = [self.tokens[index - RESERVED] for index in ids if index >= RESERVED]
        text = self.tokenizer.join(tokens)
        text = text.replace("\ufffd", "")
        text = text.replace("\n", " ")
        return text.replace("\r", " ")


def to_files(source: Language, target: Language) -> dict[str, object]:
    """The files that store two languages, by name.

    Args:
        source, target: the same object for a joint vocabulary.

    Returns:
        a list of tokens (to be written as JSON) for each name that ends with ".json"; bytes for the other names.
    """
    languages = {"source": source, "target": target}
    if source is target:
        languages = {"tokens": source}
    files: dict[str, object] = {}
    for name, language in languages.items():
        files[f"{name}.json"] = language.tokens
        stored = language.tokenizer.files()
        for suffix, data in stored.items():
            files[f"{name}.{suffix}"] = data
    return files


def from_files(kind: str, joint: bool, files: Mapping[str, object]) -> tuple[Language, Language]:
    """Source and target language from the files that `to_files` names.

    Args:
        kind: of the tokenizers, "subword", "word" or "char".
        joint: whether both languages share one vocabulary.
        files: by name; JSON is parsed already.

    Raises:
        CheckpointError: a file is missing or damaged.
    """
    if joint:
        both = _language("tokens", kind, files)
        return both, both
    source = _language("source", kind, files)
    target = _language("target", kind, files)
    return source, target


def _language(name: str, kind: str, files: Mapping[str, object]) -> Language:
    file = f"{name}.json"
    if file not in files:
        raise CheckpointError(f"{file} is missing")
    tokens = files[file]
    model = files.get(f"{name}.model")
    if not isinstance(model, bytes):
        model = None
    return Language(tokenizer(kind, model), tokens)  # type: ignore[arg-type]

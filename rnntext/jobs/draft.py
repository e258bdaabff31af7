"""A text that a user and a character model write together."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from rnntext.errors import UsageError
from rnntext.jobs.characters import CharacterModel
from rnntext.settings.charlm import SamplingConfig


@dataclasses.dataclass
class Part:
    """A part of a draft: what was typed, or what was drawn."""

    text: str
    drawn: bool


class Draft:
    """A text that a user and a character model write together.

    >>> import rnntext
    >>> draft = Draft(rnntext.load("checkpoints/charlm"), length=3, seed=1)
    >>> draft.write("abc")
    >>> "".join(draft.draw()), draft.text
    ('def', 'abcdef')
    >>> draft.undo().text, draft.text
    ('def', 'abc')

    Attributes:
        model: that continues the text.
        length: number of characters of a continuation.
        sampling: the distribution that they are drawn from.
        stop, keep_stop, on_unknown: see `CharacterModel.generate`.
        seed: of the first continuation; each further one has the next seed, so that a session can be repeated.
        parts: what was typed and drawn, in order.
    """

    def __init__(
        self,
        model: CharacterModel,
        length: int = 500,
        seed: int = 0,
        sampling: SamplingConfig | None = None,
        stop: Sequence[str] = (),
        keep_stop: bool = False,
        on_unknown: str = "error",
    ) -> None:
        self.model = model
        self.length = length
        self.seed = seed
        self.sampling = sampling or SamplingConfig()
        self.stop = stop
        self.keep_stop = keep_stop
        self.on_unknown = on_unknown
        self.parts: list[Part] = []

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(part.text for part in self.parts)

    def write(self, text: str) -> None:
        """Adds what the user has typed.

        Raises:
            DataError: it has characters that the model does not know, unless they are skipped.
        """
        self.model.encode(text, self.on_unknown)
        if text:
            self.parts.append(Part(text, drawn=False))

    def draw(self) -> Iterator[str]:
        """Yields the characters of a continuation as they are drawn; those that were yielded are part of the text."""
        characters = self.model.generate(
            self.text,
            length=self.length,
            stop=self.stop,
            keep_stop=self.keep_stop,
            seed=self.seed,
            on_unknown=self.on_unknown,
            sampling=self.sampling,
        )
        part = Part("", drawn=True)
        self.seed += 1
        for character in characters:
            if not part.text:  # before the first character there is nothing to take back
                self.parts.append(part)
            part.text += character
            yield character

    def again(self) -> Iterator[str]:
        """Takes the last continuation back, and yields another one.

        Raises:
            UsageError: nothing was drawn since the text was typed.
        """
        if not self.parts or not self.parts[-1].drawn:
            raise UsageError("there is no continuation to be drawn again; an empty line draws one")
        self.parts.pop()
        return self.draw()

    def undo(self) -> Part:
        """Takes back what was typed or drawn last, and returns it.

        Raises:
            UsageError: the text is empty.
        """
        if not self.parts:
            raise UsageError("there is nothing to take back; the text is empty")
        return self.parts.pop()

    def likeliest(self, count: int) -> list[tuple[str, float]]:
        """The most likely next characters with their log-probabilities, the most likely one first."""
        (drawn,) = self.model.draw(self.text, length=1, top=count, seed=0, on_unknown=self.on_unknown)
        return drawn.likeliest

"""A character model in PyTorch, trained by truncated back-propagation through time, state carried along."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from benchmarks.contender import Contender
from rnntext.system import keep_freed_memory
from rnntext.text.lines import read_text

CELLS = {"lstm": nn.LSTM, "gru": nn.GRU}
DROPOUT, LEARNING_RATE = 0.5, 3e-3


def prepare(threads: int, malloc: str) -> None:
    """Sets PyTorch up. With `malloc` "keeps", freed memory is kept for the next step, as in our own training; "usual"
    leaves glibc as it is."""
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    if malloc == "keeps":
        keep_freed_memory()


class CharLM(nn.Module):
    """Embedding, recurrent layers, softmax; time-major, which `nn.LSTM` likes best."""

    def __init__(self, cell: str, vocabulary: int, embedding: int, layers: int, units: int, dropout: float) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, embedding)
        self.recurrent = CELLS[cell](embedding, units, layers, dropout=dropout if layers > 1 else 0.0)
        self.dropout = nn.Dropout(dropout)
        self.logits = nn.Linear(units, vocabulary)

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        """`[time, batch]` to logits `[time, batch, vocabulary]`."""
        x, state = self.recurrent(self.embedding(ids), state)
        return self.logits(self.dropout(x)), state


def detached(state: Any) -> Any:
    """The state without its history."""
    return tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()


class Training(Contender):
    """Steps of training on a text cut into parallel streams; counts characters."""

    def __init__(
        self,
        text: str,
        cell: str,
        layers: int,
        units: int,
        streams: int,
        window: int,
        precision: str = "float32",
        threads: int = 1,
        malloc: str = "usual",
        held_out: float = 0.0,
    ) -> None:
        prepare(threads, malloc)
        read = read_text(text)
        characters = sorted(set(read))
        index = {character: number for number, character in enumerate(characters)}
        ids = torch.tensor([index[character] for character in read])
        ids, self.held_out = ids.split([(cut := int(len(ids) * (1.0 - held_out))), len(ids) - cut])
        length = (len(ids) - 1) // streams
        self.inputs = ids[: streams * length].view(streams, length).T.contiguous()  # [time, streams]
        self.labels = ids[1 : streams * length + 1].view(streams, length).T.contiguous()
        self.window, self.at, self.state = window, 0, None
        self.model = CharLM(cell, len(characters) + 1, 128, layers, units, DROPOUT)
        self.optimizer = torch.optim.Adam(self.model.parameters(), LEARNING_RATE, betas=(0.9, 0.99), fused=True)
        self.autocast = torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16")

    def run(self) -> float:
        if self.at + self.window > len(self.inputs):
            self.at, self.state = 0, None
        x, y = (side[self.at : self.at + self.window] for side in (self.inputs, self.labels))
        self.at += self.window
        with self.autocast:
            logits, state = self.model(x, self.state)
        loss = nn.functional.cross_entropy(logits.flatten(0, 1).float(), y.flatten())
        self.state = detached(state)
        self.optimizer.zero_grad()
        loss.backward()
        clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        loss.item()  # whoever trains wants to see it
        return float(x.numel())


class Scoring(Contender):
    """Measures a text of chance, cut into parallel streams, with random weights; counts characters."""

    WINDOW = 128

    def __init__(self, layers: int, units: int, characters: int, threads: int, streams: int) -> None:
        prepare(threads, "keeps")
        self.model = CharLM("lstm", 66, 128, layers, units, 0.0).eval()
        self.ids = torch.randint(1, 66, (characters // streams + 1, streams))

    @torch.no_grad()
    def run(self) -> float:
        state = None
        total = 0.0
        for begin in range(0, len(self.ids) - 1, self.WINDOW):
            labels = self.ids[begin + 1 : begin + 1 + self.WINDOW]
            logits, state = self.model(self.ids[begin : begin + len(labels)], state)
            total += float(nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum"))
        return float(self.ids[1:].numel())

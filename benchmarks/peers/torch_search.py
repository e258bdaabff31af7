"""Translating with a GRU encoder-decoder in PyTorch: batches of about equal length, step by step, greedy or with a
beam, in one process or several."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from benchmarks.contender import Contender
from benchmarks.peers.torch_translator import END, GRU, PAD, START, UNKNOWN
from rnntext.jobs.load import load_translation

Hypothesis = tuple[float, list[int]]
model: GRU  # of a worker process


def prepare(path: str, threads: int) -> None:
    """Sets a worker process up."""
    global model
    torch.set_num_threads(threads)
    ours = load_translation(path)
    shape = ours.config
    model = GRU(len(ours.target), shape.layers, shape.units, shape.embedding).eval()  # type: ignore[union-attr,call-arg]
    model.load(ours.engine.arrays)  # type: ignore[attr-defined]


def translate(work: tuple[list[list[int]], int, int]) -> list[list[int]]:
    """Answers to a batch of sentences' ids, with a beam, of so many tokens at the most."""
    sentences, beam, most = work
    source = pad_sequence([torch.tensor(ids) for ids in sentences], batch_first=True, padding_value=PAD)
    with torch.inference_mode():
        return greedy(source, most) if beam == 1 else beam_search(source, most, beam)


def greedy(source: Tensor, most: int) -> list[list[int]]:
    """The likeliest token each time; batches become smaller as sentences end."""
    memory, states = model.encode(source)
    keys, padding = model.keys(memory), source == PAD
    alive, ids = torch.arange(len(source)), torch.full((len(source), 1), START)
    found: list[list[int]] = [[] for _ in source]
    for length in range(1, most + 1):
        x, states = model.decode(ids, memory, keys, padding, states)
        logits = _allowed(model.logits(x[:, 0]), length)
        ids = logits.argmax(dim=-1, keepdim=True)
        for sentence, token in zip(alive.tolist(), ids[:, 0].tolist()):
            if token != END:
                found[sentence].append(token)
        going_on = (ids[:, 0] != END).nonzero()[:, 0]
        if not len(going_on):
            break
        alive, ids, memory, keys, padding, *states = (
            part[going_on] for part in (alive, ids, memory, keys, padding, *states)
        )
    return found


def beam_search(source: Tensor, most: int, beam: int) -> list[list[int]]:
    """Sentence s has rows s * beam ... of all arrays; a sentence is done when `beam` hypotheses have ended."""
    memory, states = model.encode(source)
    rows = torch.arange(len(source)).repeat_interleave(beam)
    memory, padding, states = memory[rows], (source == PAD)[rows], [state[rows] for state in states]
    keys = model.keys(memory)
    alive = list(range(len(source)))
    tokens = torch.full((len(rows), 1), START)
    scores = torch.full((len(source), beam), -torch.inf)
    scores[:, 0] = 0.0
    ended: list[list[Hypothesis]] = [[] for _ in source]
    while alive:
        length = tokens.shape[1]
        x, states = model.decode(tokens[:, -1:], memory, keys, padding, states)
        log_p = _allowed(torch.log_softmax(model.logits(x[:, 0]), dim=-1), length)
        size = log_p.shape[-1]
        totals, at = (scores[:, :, None] + log_p.view(-1, beam, size)).flatten(1).topk(2 * beam)
        parents, ids = at // size, at % size
        ends = ids == END
        for n, rank in ends[:, :beam].nonzero().tolist():
            row = n * beam + int(parents[n, rank])
            ended[alive[n]].append((float(totals[n, rank]) / penalty(length), tokens[row, 1:].tolist()))
        onward = ends.int().argsort(dim=1, stable=True)[:, :beam]
        scores = totals.masked_fill(ends, -torch.inf).gather(1, onward)
        rows = (torch.arange(len(alive))[:, None] * beam + parents.gather(1, onward)).flatten()
        tokens = torch.cat([tokens[rows], ids.gather(1, onward).view(-1, 1)], dim=1)
        if length == most:
            for n, sentence in enumerate(alive):
                texts = tokens[n * beam : (n + 1) * beam, 1:].tolist()
                ended[sentence] += [(s / penalty(length), t) for s, t in zip(scores[n].tolist(), texts)]
        going_on = [n for n, s in enumerate(alive) if len(ended[s]) < beam and length < most]
        if len(going_on) < len(alive):
            kept = torch.tensor(going_on, dtype=torch.long)
            chosen = (kept[:, None] * beam + torch.arange(beam)).flatten()
            alive, scores, rows, tokens = [alive[n] for n in going_on], scores[kept], rows[chosen], tokens[chosen]
            memory, keys, padding = memory[chosen], keys[chosen], padding[chosen]
        states = [state[rows] for state in states]
    return [max(hypotheses)[1] for hypotheses in ended]


def penalty(length: int) -> float:
    """What a log-probability is divided by; `length` counts the end, too."""
    return (5 + length) / 6


def _allowed(logits: Tensor, length: int) -> Tensor:
    logits[:, [PAD, UNKNOWN, START]] = -torch.inf
    if length == 1:
        logits[:, END] = -torch.inf
    return logits


class Translation(Contender):
    """Translates a file; counts lines, and leaves the answers in another file."""

    def __init__(
        self, model: str, lines: str, answers: str, beam: int, most: int, jobs: int, threads: int, batch: int
    ) -> None:
        ours = load_translation(model)
        self.language, self.beam, self.most, self.batch = ours.source, beam, most, batch
        self.lines, self.answers = Path(lines), Path(answers)
        self.pool = multiprocessing.get_context("spawn").Pool(jobs, prepare, (model, threads))
        self.found: list[str] = []

    def run(self) -> float:
        lines = self.lines.read_bytes().decode().removesuffix("\n").split("\n")
        ids = [self.language.encode(line).tolist() for line in lines]
        order = sorted(range(len(ids)), key=lambda index: -len(ids[index]))
        batches = [order[begin : begin + self.batch] for begin in range(0, len(order), self.batch)]
        work = [([ids[index] for index in batch], self.beam, self.most) for batch in batches]
        answers = self.pool.imap(translate, work)
        self.found = [""] * len(lines)
        for batch, found in zip(batches, answers):
            for index, answer in zip(batch, found):
                self.found[index] = self.language.decode(answer)
        return float(len(lines))

    def after(self) -> None:
        self.answers.write_text("".join(f"{line}\n" for line in self.found), encoding="utf-8")

    def close(self) -> None:
        self.pool.terminate()

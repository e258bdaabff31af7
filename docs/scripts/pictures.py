"""Draws the pictures of docs/models: `python docs/scripts/pictures.py`. A test compares."""

from __future__ import annotations

import math
from pathlib import Path

from drawing import RADIUS, Drawing

IMAGES = Path(__file__).parents[1] / "images"


def unrolled() -> Drawing:
    """A character model at four steps of time."""
    d = Drawing(720, 420, "A character model of two recurrent layers, unrolled over four characters")
    rows = {"softmax": 90, "layer 2": 170, "layer 1": 250, "embedding": 330}
    columns = [190, 330, 470, 610]
    for name, y in rows.items():
        d.text(62, y, name, "small")
    for name in ("layer 2", "layer 1"):
        d.arrow((110, rows[name]), (columns[0] - 38, rows[name]))
        d.text(104, rows[name] - 14, "h = 0", "small")
        for x in columns:
            d.arrow((x + 38, rows[name]), (min(x + 102, 700), rows[name]))
    for x, read, target in zip(columns, "mill", "ille"):
        d.text(x, 395, f"“{read}”")
        d.text(x, 30, f"P(“{target}”)")
        d.arrow((x, 380), (x, rows["embedding"] + 18))
        d.arrow((x, rows["embedding"] - 18), (x, rows["layer 1"] + 18))
        d.arrow((x, rows["layer 1"] - 18), (x, rows["layer 2"] + 18))
        d.arrow((x, rows["layer 2"] - 18), (x, rows["softmax"] + 18))
        d.arrow((x, rows["softmax"] - 18), (x, 44))
        d.box(x, rows["embedding"], "E")
        d.box(x, rows["layer 1"], "h′", "layer")
        d.box(x, rows["layer 2"], "h′", "layer")
        d.box(x, rows["softmax"], "softmax")
    return d


def lstm_cell() -> Drawing:
    """The gates of an LSTM."""
    d = Drawing(680, 340, "An LSTM cell")
    d.arrow((40, 60), (150 - RADIUS, 60))
    d.arrow((150 + RADIUS, 60), (280 - RADIUS, 60))
    d.arrow((280 + RADIUS, 60), (630, 60))
    for x, label, gate in ((150, "f", "σ"), (230, "i", "σ"), (330, "g", "tanh"), (430, "o", "σ")):
        d.arrow((x, 290), (x, 248))
        d.box(x, 230, gate, "gate", width=56)
        d.text(x + 14, 196, label, "small")
        d.dot(x, 290)
    d.line((40, 290), (430, 290))
    d.text(68, 308, "[x, h]", "small")
    d.text(540, 316, "each gate: σ or tanh of x W + h R + b", "small")
    d.arrow((150, 212), (150, 60 + RADIUS))
    d.arrow((230, 212), (230, 140), (280 - RADIUS, 140))
    d.arrow((330, 212), (330, 140), (280 + RADIUS, 140))
    d.arrow((280, 140 - RADIUS), (280, 60 + RADIUS))
    d.arrow((520, 60), (520, 92))
    d.dot(520, 60)
    d.box(520, 110, "tanh", "gate", width=56)
    d.arrow((520, 128), (520, 180 - RADIUS))
    d.arrow((430, 212), (430, 180), (520 - RADIUS, 180))
    d.arrow((520 + RADIUS, 180), (630, 180))
    for x, y, sign in ((150, 60, "×"), (280, 60, "+"), (280, 140, "×"), (520, 180, "×")):
        d.operation(x, y, sign)
    for x, y, name in ((28, 60, "c"), (646, 60, "c′"), (646, 180, "h′")):
        d.text(x, y, name)
    d.text(280, 22, "the state c passes unchanged where f = 1 and i = 0", "small")
    return d


def gru_cell() -> Drawing:
    """The gates of a GRU whose reset gate acts on the product with R."""
    d = Drawing(720, 350, "A GRU cell whose reset gate acts after the recurrent product")
    d.arrow((40, 50), (500 - RADIUS, 50))
    d.arrow((500 + RADIUS, 50), (600 - RADIUS, 50))
    d.arrow((600 + RADIUS, 50), (670, 50))
    d.dot(90, 50)
    d.line((90, 50), (90, 285))
    d.arrow((90, 140), (128, 140))
    d.dot(90, 140)
    d.box(170, 140, "h R + b", width=84)
    d.arrow((212, 140), (270 - RADIUS, 140))
    d.arrow((270 + RADIUS, 140), (350 - RADIUS, 140))
    d.arrow((350 + RADIUS, 140), (402, 140))
    d.box(430, 140, "tanh", "gate", width=56)
    d.arrow((458, 140), (600 - RADIUS, 140))
    d.arrow((600, 140 - RADIUS), (600, 50 + RADIUS))
    d.line((90, 285), (490, 285))
    d.line((40, 320), (510, 320))
    for x, gate, label in ((270, "σ", "r"), (500, "σ", "z")):
        d.arrow((x - 10, 285), (x - 10, 248))
        d.arrow((x + 10, 320), (x + 10, 248))
        d.box(x, 230, gate, "gate", width=56)
        d.text(x + 14, 198, label, "small")
    d.dot(260, 285)
    d.dot(280, 320)
    d.arrow((360, 320), (360, 248))
    d.dot(360, 320)
    d.box(360, 230, "x W + b", width=84)
    d.arrow((350, 212), (350, 140 + RADIUS))
    d.arrow((270, 212), (270, 140 + RADIUS))
    d.arrow((500, 212), (500, 50 + RADIUS))
    d.dot(500, 180)
    d.arrow((500, 180), (600, 180), (600, 140 + RADIUS))
    d.text(560, 192, "1 − z", "small")
    signs = ((500, 50, "×"), (600, 50, "+"), (270, 140, "×"), (350, 140, "+"), (600, 140, "×"))
    for x, y, sign in signs:
        d.operation(x, y, sign)
    for x, y, name in ((28, 50, "h"), (686, 50, "h′"), (28, 320, "x")):
        d.text(x, y, name)
    d.text(515, 126, "candidate", "small")
    return d


def attention() -> Drawing:
    """A bidirectional encoder, and a decoder that attends to it."""
    d = Drawing(760, 520, "A GRU translator: a bidirectional encoder, and a decoder that attends to it")
    for x, word, weight in ((90, "the", 0.1), (200, "cat", 0.2), (310, "sleeps", 0.7)):
        d.text(x, 500, word)
        d.arrow((x, 486), (x, 458))
        d.box(x, 440, "embedding", width=92)
        d.arrow((x - 18, 422), (x - 18, 388))
        d.arrow((x + 26, 422), (x + 26, 328))
        d.box(x - 4, 370, "GRU →", "layer", width=84)
        d.box(x + 4, 310, "GRU ←", "layer", width=84)
        d.arrow((x - 30, 352), (x - 30, 258))
        d.arrow((x + 20, 292), (x + 20, 258))
        d.box(x, 240, "m", width=76)
        d.arrow((x, 222), (x, 178))
        d.box(x, 160, f"α = {weight}", "gate", width=76)
        d.line((x, 142), (x, 110))
    for x in (90, 200):
        d.arrow((x + 38, 370), (x + 64, 370))
        d.arrow((x + 72, 310), (x + 46, 310))
    d.line((90, 110), (520, 110))
    d.dot(200, 110)
    d.dot(310, 110)
    d.group(38, 128, 362, 192, "")
    d.text(420, 96, "context = Σ α m", "small")
    d.text(560, 500, "gato")
    d.arrow((560, 486), (560, 458))
    d.box(560, 440, "embedding", width=92)
    d.arrow((560, 422), (560, 328))
    d.box(560, 310, "GRU, layer 0", "layer", width=130)
    d.arrow((430, 310), (495, 310))
    d.text(452, 294, "h", "small")
    d.arrow((625, 310), (720, 310))
    d.text(690, 294, "h′", "small")
    d.arrow((560, 292), (560, 208))
    d.dot(560, 240)
    d.line((560, 240), (400, 240), (400, 160))
    d.arrow((400, 160), (362, 160))
    d.text(450, 226, "query h′", "small")
    d.box(560, 190, "GRU, layer 1", "layer", width=130)
    d.arrow((625, 190), (720, 190))
    d.arrow((430, 190), (495, 190))
    d.arrow((520, 110), (520, 172))
    d.arrow((520, 110), (520, 68))
    d.dot(520, 110)
    d.arrow((580, 172), (580, 68))
    d.box(560, 50, "tanh, softmax", width=130)
    d.arrow((625, 50), (690, 50))
    d.text(724, 50, "duerme")
    return d


def _block(d: Drawing, x: float, y: float, name: str, kind: str, inner: str = "norm") -> None:
    """A residual block whose input comes from below at y, and whose sum is 118 pixels above it."""
    d.line((x, y), (x, y - 24))
    d.dot(x, y - 8)
    d.arrow((x, y - 8), (x, y - 22))
    d.box(x, y - 36, inner, width=120, height=28)
    d.arrow((x, y - 50), (x, y - 62))
    d.box(x, y - 78, name, kind, width=150, height=32)
    d.arrow((x, y - 94), (x, y - 118 + 11))
    d.line((x, y - 8), (x - 95, y - 8), (x - 95, y - 118))
    d.arrow((x - 95, y - 118), (x - 11, y - 118))
    d.shapes.append(f'<circle class="sum" cx="{x:g}" cy="{y - 118:g}" r="11"/>')
    d.text(x, y - 118, "+")


def transformer(recurrent: bool = False) -> Drawing:
    """A Transformer, or a hybrid, in whose decoder a GRU takes the place of the attention to itself."""
    name = "A hybrid: a Transformer's encoder and a recurrent decoder" if recurrent else "A Transformer with pre-norm"
    d = Drawing(720, 640, name)
    left, right, low = 190, 520, 540
    d.text(left, 625, "source tokens")
    d.text(right, 625, "target tokens so far" if not recurrent else "last target token")
    for x, positions in ((left, True), (right, not recurrent)):
        d.arrow((x, 612), (x, 600))
        d.box(x, 584, "√d · embedding" + (" + position" if positions else ""), width=210, height=32)
        d.line((x, 568), (x, low - 8))
    _block(d, left, low - 8, "self-attention", "layer")
    d.line((left, low - 126 - 11), (left, low - 140))
    _block(d, left, low - 132, "feed-forward", "gate")
    d.arrow((left, low - 250 - 11), (left, 262))
    d.box(left, 246, "norm", width=120, height=28)
    first = ("GRU, h′ W + b", "layer") if recurrent else ("self-attention", "layer")
    _block(d, right, low - 8, *first)
    d.line((right, low - 126 - 11), (right, low - 140))
    _block(d, right, low - 132, "source attention", "layer")
    d.line((right, low - 250 - 11), (right, low - 264))
    _block(d, right, low - 256, "feed-forward", "gate")
    d.arrow((right, low - 374 - 11), (right, 118))
    d.box(right, 104, "norm", width=120, height=28)
    d.arrow((right, 90), (right, 74))
    d.box(right, 58, "softmax(x W + b)", width=160, height=32)
    d.arrow((right, 42), (right, 26))
    d.text(right, 14, "next token")
    source = low - 132 - 78
    d.line((left, 232), (left, 210), (330, 210), (330, source))
    d.arrow((330, source), (right - 75, source))
    d.text(378, source - 12, "keys, values", "small")
    if recurrent:
        d.arrow((670, low - 94), (right + 75, low - 94))
        d.arrow((right + 75, low - 78), (670, low - 78))
        d.text(684, low - 94, "h")
        d.text(686, low - 76, "h′")
    d.group(left - 120, low - 270, left + 110, low - 4, "× layers")
    d.group(right - 120, low - 394, right + 110, low - 4, "× layers")
    return d


def _wave(start: int, end: int) -> list[tuple[float, float]]:
    return [(t, 60 - 0.16 * t - 20 * math.sin(t / 8)) for t in range(start, end, 2)]


def forecaster() -> Drawing:
    """How a window becomes a forecast."""
    d = Drawing(760, 330, "A forecaster: a network corrects an exponential smoothing")
    d.line(*[(30 + t, 130 + y) for t, y in _wave(0, 111)], kind="data")
    d.text(85, 215, "window", "small")
    d.line((145, 180), (175, 180))
    d.dot(175, 180)
    d.line((175, 60), (175, 180))
    d.arrow((175, 60), (230, 60))
    d.box(320, 60, "level, trend, season", width=180)
    d.text(320, 92, "exponential smoothing", "small")
    d.arrow((410, 60), (560, 60), (560, 180 - RADIUS))
    d.arrow((175, 180), (203, 180))
    d.box(240, 180, "scale", width=72)
    d.arrow((276, 180), (306, 180))
    d.dot(288, 180)
    d.box(350, 180, "GRU, GRU", "layer", width=86)
    d.text(350, 150, "step by step", "small")
    d.arrow((393, 180), (415, 180))
    d.box(442, 180, "h W + b", width=70)
    d.line((288, 180), (288, 280))
    d.arrow((288, 280), (375, 280))
    d.box(442, 280, "window V", "gate", width=130)
    d.text(442, 310, "a linear model of the whole window", "small")
    d.arrow((507, 280), (560, 280), (560, 180 + RADIUS))
    d.arrow((478, 180), (560 - RADIUS, 180))
    d.operation(560, 180, "+")
    d.arrow((560 + RADIUS, 180), (610, 180))
    curve = [(530 + t, 130 + y) for t, y in _wave(90, 151)]
    upper = [(x, y - 8 - 0.25 * (x - 620)) for x, y in curve]
    lower = [(x, y + 8 + 0.25 * (x - 620)) for x, y in reversed(curve)]
    path = " ".join(f"{x:g},{y:g}" for x, y in [*upper, *lower])
    d.lines.append(f'<polygon class="band" points="{path}"/>')
    d.line(*curve, kind="forecast")
    d.text(670, 240, "forecast, with its band", "small")
    return d


PICTURES = {
    "unrolled": unrolled,
    "lstm-cell": lstm_cell,
    "gru-cell": gru_cell,
    "attention": attention,
    "transformer": transformer,
    "hybrid": lambda: transformer(recurrent=True),
    "forecaster": forecaster,
}


def main() -> None:
    """Writes all pictures."""
    for name, draw in PICTURES.items():
        (IMAGES / f"{name}.svg").write_text(draw().svg(), encoding="utf-8")


if __name__ == "__main__":
    main()

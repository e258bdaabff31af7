"""The report on a model as one HTML page, which loads nothing and runs nothing."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rnntext.cli.console import file_size
from rnntext.cli.report_style import STYLE
from rnntext.cli.surprise import LEVELS
from rnntext.cli.svg import Band, Dot, Line, chart, heat_map, text
from rnntext.jobs.checkpoints import RUN
from rnntext.words import counted

if TYPE_CHECKING:
    from rnntext.jobs.answers import Translation
    from rnntext.jobs.demonstration import HiddenForecast, Surprises
    from rnntext.jobs.report import Curve, ModelReport

# No browser loads anything for this page, whatever stands in it.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_COLOURS = 4  # of the curves of runs, one after another


def page(report: ModelReport) -> str:
    """The page, as HTML."""
    title = text(f"{report.model}, a model of rnntext")
    sections = [
        f"<h1>{text(report.model)}</h1>",
        _summary(report),
        _history(report),
        _scores(report),
        *_demonstration(report),
        _section("Settings", *(_named(group, values) for group, values in report.settings.items())),
        _section("Data", _table(report.facts)),
        _versions(report),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(filter(None, sections))
        + "\n</body>\n</html>\n"
    )


# Its parts ------------------------------------------------------------------------------------------------------------


def _section(title: str, *parts: str) -> str:
    """A section with its heading; empty if it has no content."""
    content = "\n".join(filter(None, parts))
    return f"<section>\n<h2>{text(title)}</h2>\n{content}\n</section>" if content else ""


def _named(title: str, values: Mapping[str, Any]) -> str:
    """A table with a heading of its own."""
    return f"<h3>{text(title)}</h3>\n{_table(values)}" if values else ""


def _table(values: Mapping[str, Any]) -> str:
    """A table of names and values; empty if there are none."""
    rows = (
        f"<tr><th>{text(name.replace('_', ' '))}</th><td>{_value(value)}</td></tr>" for name, value in values.items()
    )
    body = "".join(rows)
    return f"<table>{body}</table>" if body else ""


def _value(value: Any) -> str:
    """A value as people write it."""
    if value is None or value == []:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list) and all(isinstance(member, str) for member in value):
        return text(", ".join(value))
    return text(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _summary(report: ModelReport) -> str:
    """What the model is; what is wrong with it, if anything is."""
    # 1. Say which version this is.
    shown = report.shown
    if shown.version == RUN:
        state = f"unfinished training, step {shown.facts.get('step', '-')}; there is no version yet"
    else:
        state = f"{shown.version}, {'in service' if shown.in_service else 'not in service'}"
    # 2. Say what it consists of, and where it comes from.
    model = report.settings.get("model", {})
    facts = {
        "version": state,
        "kind": report.family.title if report.family else shown.facts.get("kind", "not known"),
        "architecture": model.get("architecture", model.get("cell")),
        "parameters": report.parameters,
        "size of its files": file_size(shown.size),
        "trained until": shown.facts.get("finished"),
        "command": shown.facts.get("command"),
        "began with": shown.facts.get("parent"),
        "made by rnntext": shown.facts.get("rnntext"),
    }
    trouble = f'<p class="trouble">It cannot be run: {text(report.trouble)}</p>\n' if report.trouble else ""
    return trouble + _table({name: value for name, value in facts.items() if value is not None})


def _history(report: ModelReport) -> str:
    """The curves of all runs, one run after another, with the versions that they made."""
    if not report.curves:
        return ""
    starts = [0, *itertools.accumulate(curve.steps[-1] for curve in report.curves)]
    scores: list[Line] = []
    losses: list[Line] = []
    dots: list[Dot] = []
    for number, (curve, start) in enumerate(zip(report.curves, starts, strict=False)):
        steps = [start + step for step in curve.steps]
        kind = f"line c{number % _COLOURS}"
        scores.append(Line(kind, steps, curve.scores))
        losses.append(Line(kind, steps, curve.losses))
        dots += _dots(curve, start)
    metric = report.family.label if report.family else "score"
    direction = "higher" if report.family and report.family.higher else "lower"
    runs = "1 run" if len(report.curves) == 1 else f"{len(report.curves)} runs, one after another, a colour for each"
    return _section(
        "Training",
        f"<p>{runs}. Full dots are versions that went into service, empty ones those that did not. Runs on other data "
        "have other held-out data, too: their scores say little about one another.</p>",
        _drawing(f"Score on held-out data ({metric}, {direction} is better)", scores, dots),
        _drawing("Training loss", losses),
    )


def _drawing(title: str, lines: list[Line], dots: Sequence[Dot] = ()) -> str:
    """A chart over the steps with its heading; empty if nothing is known."""
    drawn = chart(lines, dots, title=title, across="steps")
    return f"<h3>{text(title)}</h3>\n{drawn}" if drawn else ""


def _dots(curve: Curve, start: int) -> Iterable[Dot]:
    """The versions that a run has made."""
    for mark in curve.marks:
        kind = "dot served" if mark.promoted else "dot"
        state = "went into service" if mark.promoted else "did not go into service"
        title = f"version {mark.version}: {mark.score:.4f} after {mark.step} steps; {state}"
        yield Dot(kind, start + mark.step, mark.score, title)


def _scores(report: ModelReport) -> str:
    """The scores and durations of the version, as they are stored."""
    score = report.shown.facts.get("score")
    champion = score.get("champion") if isinstance(score, dict) else None
    before = {} if champion is None else {"the version in service before, on the same data": champion}
    return _section("Scores on held-out data", _table({**report.shown.metrics, **before}))


def _versions(report: ModelReport) -> str:
    """All versions, newest first, and when each was put into service."""
    rows = ["<tr><th>version</th><th>state</th><th>score</th><th>trained until</th><th>put into service</th></tr>"]
    for entry in reversed(report.entries):
        state = "in service" if entry.in_service else "unfinished" if entry.version == RUN else "-"
        score = "-" if entry.score is None else f"{entry.score[1]:.4f} {_label(report, entry.score[0])}"
        times = [time for time, version in report.promotions if version == entry.version]
        cells = (entry.version, entry.damage or state, score, entry.facts.get("finished", "-"), ", ".join(times) or "-")
        rows.append("<tr>" + "".join(f"<td>{text(cell)}</td>" for cell in cells) + "</tr>")
    return _section("Versions", f'<div class="wide"><table>{"".join(rows)}</table></div>')


def _label(report: ModelReport, metric: str) -> str:
    """The name of a metric for people."""
    return report.family.label if report.family and metric == report.family.metric else metric


# What it can do -------------------------------------------------------------------------------------------------------


def _demonstration(report: ModelReport) -> Iterable[str]:
    """What the model writes, reads, translates or expects."""
    shown = report.demonstration
    samples = (_coloured(sample) for sample in shown.samples)
    yield _section("What it writes", _key() if shown.samples else "", *samples)
    if shown.passage:
        mean = math.fsum(bits for _, bits in shown.passage) / len(shown.passage)
        told = f"<p>{counted(len(shown.passage), 'character')} of a text, {mean:.4f} bits/char.</p>"
        yield _section("How it reads", told, _key(), _coloured(shown.passage))
    yield _section("How it translates", *itertools.chain.from_iterable(map(_translated, shown.translations)))
    if shown.hidden is not None:
        yield _section("What it expects", *_expected(shown.hidden))


def _key() -> str:
    """What the colours of surprise mean."""
    names = (f"up to {most:g}" if most < math.inf else "above" for most, _, _ in LEVELS)
    spans = " ".join(f'<span class="s{level}">{name}</span>' for level, name in enumerate(names))
    return f'<p class="key">Surprise of each character in bits: {spans}</p>'


def _coloured(characters: Surprises) -> str:
    """A text whose characters have the colours of their surprise."""
    levels = [(next(n for n, level in enumerate(LEVELS) if not bits > level[0]), char) for char, bits in characters]
    spans = []
    for level, members in itertools.groupby(levels, key=lambda pair: pair[0]):
        written = text("".join(char for _, char in members))
        spans.append(f'<span class="s{level}">{written}</span>' if level else written)
    return f'<pre class="text">\n{"".join(spans)}</pre>'


def _translated(pair: tuple[str, Translation]) -> Iterable[str]:
    """A sentence, its translation, and where the model looked."""
    source, translation = pair
    answer = translation.answers[0]
    yield f"<p>{text(source)}<br>{text(translation.text)}</p>"
    names = answer.tokens, translation.source_tokens
    if answer.attention is not None and answer.attention.shape == tuple(map(len, names)):
        picture = heat_map(*names, answer.attention.tolist(), f"attention of: {source}")
        yield f'<div class="wide">{picture}</div>'


def _expected(hidden: HiddenForecast) -> Iterable[str]:
    """A chart for each target."""
    count = len(hidden.past)
    ((level, (lower, upper)),) = hidden.forecast.bands.items()
    ahead = list(range(1, len(hidden.actual) + 1))
    yield (
        f"<p>The last {len(ahead)} values of the held-out series were hidden: the forecast is coloured, with its band "
        f"of {level:g} %, and what came is drawn beside it.</p>"
    )
    for number, name in enumerate(hidden.columns):
        values = [*hidden.past[:, number].tolist(), *hidden.actual[:, number].tolist()]
        came = Line("line past", [*range(1 - count, 1), *ahead], values)
        forecast = Line("line c0", ahead, hidden.forecast.values[:, number].tolist())
        band = Band("band", ahead, lower[:, number].tolist(), upper[:, number].tolist())
        yield f"<h3>{text(name)}</h3>"
        yield chart([came, forecast], bands=[band], title=f"forecast of {name}", across="steps ahead")

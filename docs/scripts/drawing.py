"""Diagrams as SVG: boxes, operations and arrows, in colours that suit a light and a dark page."""

from __future__ import annotations

import html

STYLE = """
text { font: 15px system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; fill: #24292f; text-anchor: middle;
  dominant-baseline: central }
.small { font-size: 12px; fill: #57606a }
.left { text-anchor: start }
.line { fill: none; stroke: #57606a; stroke-width: 1.5 }
.faint { fill: none; stroke: #afb8c1; stroke-width: 1; stroke-dasharray: 4 3 }
.dot { fill: #57606a }
.gate { fill: #ddf4ff; stroke: #54aeff }
.layer { fill: #dafbe1; stroke: #4ac26b }
.plain { fill: #f6f8fa; stroke: #8c959f }
.sum { fill: #fff8c5; stroke: #d4a72c }
.group { fill: none; stroke: #8c959f; stroke-dasharray: 6 4 }
.data { fill: none; stroke: #0969da; stroke-width: 2 }
.forecast { fill: none; stroke: #cf222e; stroke-width: 2 }
.band { fill: #cf222e; opacity: 0.15 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .small { fill: #9da7b1 }
  .line { stroke: #9da7b1 }
  .faint { stroke: #57606a }
  .dot { fill: #9da7b1 }
  .gate { fill: #0c2d6b; stroke: #388bfd }
  .layer { fill: #033a16; stroke: #2ea043 }
  .plain { fill: #21262d; stroke: #8b949e }
  .sum { fill: #4b2900; stroke: #bb8009 }
  .data { stroke: #58a6ff }
  .forecast { stroke: #ff7b72 }
  .band { fill: #ff7b72 }
}
"""
RADIUS = 15  # of the circle of an operation
POINTED = 9  # length of an arrow's point
Point = tuple[float, float]


class Drawing:
    """A diagram that is drawn part by part; x goes to the right and y downwards, in pixels.

    Args:
        width, height: of the diagram.
        title: what it shows, for those who do not see it.
    """

    def __init__(self, width: int, height: int, title: str) -> None:
        self.head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
            f' role="img">\n<title>{html.escape(title)}</title>\n<style>{STYLE}</style>\n'
        )
        self.lines: list[str] = []  # lie under the shapes
        self.shapes: list[str] = []

    def box(self, x: float, y: float, label: str, kind: str = "plain", width: float = 76, height: float = 36) -> None:
        """A box around a point, with one or more lines of text."""
        corner = f'x="{x - width / 2:g}" y="{y - height / 2:g}" width="{width:g}" height="{height:g}" rx="6"'
        self.shapes.append(f'<rect class="{kind}" {corner}/>')
        lines = label.split("\n")
        for number, line in enumerate(lines):
            self.text(x, y + 17 * (number - (len(lines) - 1) / 2), line)

    def group(self, left: float, top: float, right: float, bottom: float, label: str) -> None:
        """A dashed frame, with a label in its upper right corner."""
        size = f'width="{right - left:g}" height="{bottom - top:g}"'
        self.lines.append(f'<rect class="group" x="{left:g}" y="{top:g}" {size} rx="10"/>')
        self.text(right - 32, top + 15, label, "small")

    def operation(self, x: float, y: float, label: str) -> None:
        """A circle with a sign in it, such as a sum."""
        self.shapes.append(f'<circle class="sum" cx="{x:g}" cy="{y:g}" r="{RADIUS}"/>')
        self.text(x, y, label)

    def dot(self, x: float, y: float) -> None:
        """Where a line branches; lines that cross without a dot have nothing to do with each other."""
        self.shapes.append(f'<circle class="dot" cx="{x:g}" cy="{y:g}" r="3"/>')

    def text(self, x: float, y: float, label: str, kind: str = "") -> None:
        """A line of text around a point, or from it on if `kind` has "left"."""
        name = f' class="{kind}"' if kind else ""
        self.shapes.append(f'<text x="{x:g}" y="{y:g}"{name}>{html.escape(label)}</text>')

    def line(self, *points: Point, kind: str = "line") -> None:
        """A line through points."""
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        self.lines.append(f'<polyline class="{kind}" points="{path}"/>')

    def arrow(self, *points: Point) -> None:
        """A line through points, with a point at its end; its last part is horizontal or vertical."""
        (before_x, before_y), (x, y) = points[-2:]
        across, down = (x > before_x) - (x < before_x), (y > before_y) - (y < before_y)
        foot = (x - POINTED * across, y - POINTED * down)
        self.line(*points[:-1], foot)
        one = (foot[0] + 4 * down, foot[1] + 4 * across)
        other = (foot[0] - 4 * down, foot[1] - 4 * across)
        corners = " ".join(f"{a:g},{b:g}" for a, b in ((x, y), one, other))
        self.lines.append(f'<polygon class="dot" points="{corners}"/>')

    def svg(self) -> str:
        """The text of the file."""
        return self.head + "\n".join([*self.lines, *self.shapes]) + "\n</svg>\n"

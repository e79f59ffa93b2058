"""Plots as SVG that needs nothing else: no script, no font, no file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, ROW, LABEL, VALUE = 720, 22, 250, 120
BAR = WIDTH - LABEL - VALUE
Z = 1.96


@dataclass(frozen=True, slots=True)
class Bar:
    """A share in [0, 1] with its name; of ``total`` cases, from which its uncertainty follows, None if unknown."""

    name: str
    value: float
    total: int | None = None


def wilson(share: float, total: int) -> tuple[float, float]:
    """The 95% interval of a share of ``total`` cases (Wilson 1927), which keeps within [0, 1] for few of them."""
    if total == 0:
        return 0.0, 1.0
    centre = share + Z * Z / (2 * total)
    spread = Z * math.sqrt(share * (1 - share) / total + Z * Z / (4 * total * total))
    scale = 1 + Z * Z / total
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def bars(title: str, rows: Sequence[Bar]) -> str:
    """Horizontal bars from 0 to 1, each with its 95% interval where the number of cases is known."""
    parts = [_open(title, len(rows) * ROW + 24)]
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = LABEL + tick * BAR
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{len(rows) * ROW}"/>')
        parts.append(f'<text class="tick" x="{x:.1f}" y="{len(rows) * ROW + 16}">{tick:g}</text>')
    for index, bar in enumerate(rows):
        y = index * ROW
        parts.append(f'<text x="{LABEL - 8}" y="{y + 15}" class="name">{escape(bar.name)}</text>')
        parts.append(f'<rect x="{LABEL}" y="{y + 4}" width="{bar.value * BAR:.1f}" height="{ROW - 8}"/>')
        said = f"{bar.value:.3f}"
        if bar.total is not None:
            low, high = (LABEL + edge * BAR for edge in wilson(bar.value, bar.total))
            middle = y + ROW / 2
            parts.append(f'<line class="range" x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}"/>')
            said += f" of {bar.total}"
        parts.append(f'<text x="{LABEL + BAR + 10}" y="{y + 15}">{said}</text>')
    return "".join([*parts, "</svg>"])


def histogram(title: str, values: Sequence[float], unit: str, bins: int = 24) -> str:
    """How often values fall into ``bins`` equal steps from 0 to the largest."""
    top = max(values, default=0.0) or 1.0
    counts = [0] * bins
    for value in values:
        counts[min(bins - 1, int(value / top * bins))] += 1
    height, step = 120, WIDTH / bins
    most = max(counts) or 1
    parts = [_open(title, height + 24)]
    for index, count in enumerate(counts):
        tall = count / most * (height - 14)
        low, high = top / bins * index, top / bins * (index + 1)
        parts.append(
            f'<rect x="{index * step + 1:.1f}" y="{height - tall:.1f}" width="{step - 2:.1f}" height="{tall:.1f}">'
            f"<title>{low:.4g} to {high:.4g} {escape(unit)}: {count}</title></rect>"
        )
    for place, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end")):
        said = f"{top * place:.3g} {escape(unit)}"
        parts.append(f'<text x="{place * WIDTH:.0f}" y="{height + 17}" text-anchor="{anchor}">{said}</text>')
    return "".join([*parts, "</svg>"])


def _open(title: str, height: float) -> str:
    named = escape(title)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{named}" viewBox="0 0 {WIDTH} {height}">'
        f"<title>{named}</title>"
    )

"""Bars of the room of figures as SVG text with real words inside; pure, the same every time.

A chart never stands alone: whoever shows one gives it alternative text and the table of its data.
"""

from collections.abc import Sequence
from xml.sax.saxutils import escape

#: Fill colours that stand apart in grey as well; each series also has its own place and name.
SERIES = ("#2f5d9e", "#c46a00", "#5a7a3a", "#7a4a7a")
_SHORT = 24


def grouped_bars(
    places: Sequence[str], series: Sequence[tuple[str, Sequence[int]]], *, title: str
) -> str:
    """Return groups of bars, one group for each place and one bar in it for each series.

    Args:
        places: names below the groups.
        series: name and values, none below nought, one for each place.
    """
    width, height, bottom, top = 680, 260, 214, 44
    most = max([value for _, values in series for value in values] + [1])
    step = (width - 20) / max(len(places), 1)
    bar = min(step * 4 / 5 / max(len(series), 1), 36)
    parts = [_opened(width, height, title), f'<path d="M10 {bottom}H{width - 10}" stroke="#667"/>']
    for number, (name, values) in enumerate(series):
        colour, left = SERIES[number % len(SERIES)], 10 + 150 * number
        parts.append(
            f'<rect x="{left}" y="6" width="11" height="11" fill="{colour}"/>'
            f'<text x="{left + 16}" y="16">{_escaped(name)}</text>'
        )
        for place, value in enumerate(values):
            tall = (bottom - top) * max(value, 0) / most
            x = 10 + step * place + (step - bar * len(series)) / 2 + bar * number
            parts.append(
                f'<rect x="{x:.1f}" y="{bottom - tall:.1f}" width="{bar * 23 / 25:.1f}" '
                f'height="{tall:.1f}" fill="{colour}"/>'
            )
    for place, name in enumerate(places):
        centre = 10 + step * (2 * place + 1) / 2
        parts.append(
            f'<text x="{centre:.1f}" y="{bottom + 16}" text-anchor="middle">{_escaped(name)}</text>'
        )
    return "".join([*parts, "</g></svg>"])


def long_bars(rows: Sequence[tuple[str, int, str]], *, title: str) -> str:
    """Return one lying bar for each row: name, value and the value as it is written."""
    width, line = 680, 26
    most = max([value for _, value, _ in rows] + [1])
    parts = [_opened(width, line * max(len(rows), 1) + 10, title)]
    for place, (name, value, said) in enumerate(rows):
        y = 4 + line * place
        long = 320 * max(value, 0) / most
        parts.append(
            f'<text x="10" y="{y + 16}">{_escaped(name[:_SHORT])}</text>'
            f'<rect x="200" y="{y + 3}" width="{long:.1f}" height="17" fill="{SERIES[0]}"/>'
            f'<text x="{206 + long:.1f}" y="{y + 16}">{_escaped(said)}</text>'
        )
    return "".join([*parts, "</g></svg>"])


def _opened(width: int, height: int, title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">'
        f"<title>{_escaped(title)}</title>"
        '<g font-family="Noto Sans CJK SC, sans-serif" font-size="11" fill="#333">'
    )


def _escaped(text: str) -> str:
    return escape(text, {'"': "&quot;"})

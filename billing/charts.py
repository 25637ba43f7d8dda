"""Charts of a report as SVG with real text inside: the same figures, the same bytes.

Pure. Every chart stands above a table of its figures and carries them as alternative text.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

from ledger.amounts import yuan_text

BLUE, ORANGE = "#2f5d9e", "#c46a00"
MOST_BARS = 8
LONGEST_NAME = 14  # characters of a name beside a bar


def micro(quantity: object) -> int:
    """Return a six-place decimal text as millionths."""
    whole, _, rest = str(quantity).partition(".")
    return int(whole) * 1_000_000 + int(rest.ljust(6, "0")[:6] or 0)


def short_yuan(fen: int) -> str:
    """Return an amount short enough to stand over a bar: in 万元 from ten thousand yuan up."""
    if abs(fen) < 1_000_000:
        return yuan_text(fen)
    return f"{yuan_text((fen + 5_000) // 10_000)}万"


def chart_svg(history: Sequence[Mapping[str, Any]]) -> str:
    """Return the months as bars (public share) with the computing as a line."""
    width, height, left, bottom, top = 680, 240, 10, 200, 34
    step = (width - 2 * left) / max(len(history), 1)
    most_fen = max([int(m["public_fen"]) for m in history] + [1])
    most_pfh = max([micro(m["pflops_hours"]) for m in history] + [1])
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">'
        '<g font-family="Noto Sans CJK SC" font-size="11" fill="#333">'
        f'<rect x="10" y="6" width="11" height="11" fill="{BLUE}"/>'
        '<text x="26" y="16">券抵扣（元）</text>'
        f'<circle cx="130" cy="12" r="4" fill="{ORANGE}"/>'
        '<text x="140" y="16">算力（PFLOPS·h，相对高度）</text>'
        f'<path d="M{left} {bottom}H{width - left}" stroke="#667" stroke-width="1"/>'
    ]
    dots = []
    for place, month in enumerate(history):
        centre = left + step * place + step / 2
        tall = (bottom - top - 16) * int(month["public_fen"]) / most_fen
        high = bottom - (bottom - top - 16) * micro(month["pflops_hours"]) / most_pfh
        bar = min(step * 0.5, 42)
        parts.append(
            f'<rect x="{centre - bar / 2:.1f}" y="{bottom - tall:.1f}" width="{bar:.1f}" '
            f'height="{tall:.1f}" fill="{BLUE}"/>'
            f'<text x="{centre:.1f}" y="{bottom - tall - 5:.1f}" text-anchor="middle" '
            f'font-size="9">{short_yuan(int(month["public_fen"]))}</text>'
            f'<text x="{centre:.1f}" y="{bottom + 16}" text-anchor="middle" '
            f'font-size="10">{month["month"]}</text>'
        )
        dots.append((centre, high))
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in dots)
    parts.append(f'<polyline points="{path}" fill="none" stroke="{ORANGE}" stroke-width="1.5"/>')
    parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{ORANGE}"/>' for x, y in dots]
    return "".join([*parts, "</g></svg>"])


def shares_svg(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the largest rows of a split as lying bars with their amounts."""
    shown = rows[:MOST_BARS]
    most = max([int(row["public_fen"]) for row in shown] + [1])
    step, left, width = 22, 170, 680
    height = max(step * len(shown), step)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">'
        '<g font-family="Noto Sans CJK SC" font-size="11" fill="#333">'
    ]
    for place, row in enumerate(shown):
        y = step * place
        long = (width - left - 120) * int(row["public_fen"]) / most
        name = str(row["name"])
        name = name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"
        parts.append(
            f'<text x="{left - 8}" y="{y + 15}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="{left}" y="{y + 4}" width="{long:.1f}" height="14" fill="{BLUE}"/>'
            f'<text x="{left + long + 6:.1f}" y="{y + 15}">'
            f"{yuan_text(int(row['public_fen']))}</text>"
        )
    return "".join([*parts, "</g></svg>"])


def months_words(history: Sequence[Mapping[str, Any]]) -> str:
    """Return what the chart of the months says, for those who do not see it."""
    said = "；".join(f"{m['title']} {yuan_text(int(m['public_fen']))} 元" for m in history)
    return f"各月券抵扣：{said}" if said else "尚无已结算的月份"


def shares_words(title: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """Return what the chart of a split says."""
    said = "；".join(f"{row['name']} {yuan_text(int(row['public_fen']))} 元" for row in rows)
    return f"{title}的券抵扣：{said}" if said else f"{title}：本期没有用量"

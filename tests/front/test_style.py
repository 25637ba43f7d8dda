"""The compiled look: readable colours, nothing reserved, nothing fetched from elsewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHEET = ROOT / "static" / "build" / "house.css"
TOKENS = ROOT / "static" / "styles" / "_tokens.scss"
TEXT_RATIO = 4.5
SHAPE_RATIO = 3.0

# (text, ground): every pair that carries words
PAIRS = [
    ("ink", "paper"),
    ("ink", "ground"),
    ("ink-soft", "paper"),
    ("ink-soft", "ground"),
    ("brand-bright", "paper"),
    ("brand-bright", "ground"),
    ("brand-deep", "brand-wash"),
    ("good", "good-wash"),
    ("wait", "wait-wash"),
    ("busy", "busy-wash"),
    ("idle", "idle-wash"),
    ("bad", "bad-wash"),
    ("paper", "brand"),
    ("paper", "brand-bright"),
    ("paper", "ink-soft"),
]
# (shape, ground): bars and dots that carry a meaning beside their words
SHAPES = [("spent", "paper"), ("brand-bright", "paper")]
# Colours of GOV.UK that its guidance reserves; the kit's green and its header blue.
RESERVED = ("#0f7a52", "#00703c", "#00ffe0", "GDS Transport", "crown", "crest")


def colours() -> dict[str, str]:
    text = TOKENS.read_text(encoding="utf-8")
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", text))


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_words_stand_out_from_their_ground(text: str, ground: str) -> None:
    assert contrast(colours()[text], colours()[ground]) >= TEXT_RATIO


@pytest.mark.parametrize(("shape", "ground"), SHAPES)
def test_shapes_stand_out_from_their_ground(shape: str, ground: str) -> None:
    assert contrast(colours()[shape], colours()[ground]) >= SHAPE_RATIO


def test_contrast_is_computed_as_the_guideline_says() -> None:
    assert round(contrast("#000000", "#ffffff"), 2) == 21
    assert round(contrast("#777777", "#ffffff"), 2) == 4.48


def test_the_sheet_fetches_nothing_and_uses_nothing_reserved() -> None:
    sheet = SHEET.read_text(encoding="utf-8")
    assert "url(" not in sheet
    assert "@import" not in sheet
    assert not [each for each in RESERVED if each in sheet]


def test_the_sheet_stays_light() -> None:
    assert SHEET.stat().st_size < 160_000


def test_the_lock_names_no_download_address() -> None:
    lock = (ROOT / "package-lock.json").read_text(encoding="utf-8")
    assert "resolved" not in lock
    assert '"integrity"' in lock
    assert "://registry" not in lock

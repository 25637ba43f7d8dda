"""The second language: what the house says in Chinese, said in English at the moment of showing.

Python text stays Chinese all the way: into the records, the letters and the signed log. Only
where a page shows it to somebody who reads English is it looked up, whole first, then by its
pattern (``第 {row} 行``), then piece by piece. What nobody wrote in the source (names, reasons that
people typed, titles of programmes) is not found and stays as it is.

Source: docs/decisions/0170-text-is-cut-when-a-template-is-read.md.
"""

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.utils.translation import get_language

from config.cutting import FOREIGN, IDEOGRAPH

CATALOGUES = Path(__file__).resolve().parent.parent / "locale" / "en" / "LC_MESSAGES"
ENGLISH = "en"
SLOT = re.compile(r"{(\w+)}")
PLACE = re.compile(r"{{.*?}}|{\w+}")
TIE = "\N{NO-BREAK SPACE}"  # a day is one word: it is neither wrapped nor taken apart
MONTHS = calendar.month_name
DAY = re.compile(r"(\d{4})\s*年\s*(\d{1,2})\s*月\s*(\d{1,2})\s*日")
MONTH = re.compile(r"(\d{4})\s*年\s*(\d{1,2})\s*月")
ENDS_IN_A_DAY = re.compile(r"\s\d{4}年\d{1,2}月\d{1,2}日( \d{1,2}:\d{2})?$")
DAY_OF_YEAR = re.compile(r"(?<!\d)(\d{1,2})\s*月\s*(\d{1,2})\s*日")
WEEKDAYS = {each: calendar.day_name[index] for index, each in enumerate("一二三四五六日")}
WEEKDAY = re.compile(r"(（?)(?:周|星期)([一二三四五六日])(）?)")
#: Chinese punctuation and what an English sentence has in its place.
MARKS = {
    "。": ". ", "，": ", ", "、": ", ", "；": "; ", "：": ": ", "？": "? ", "！": "! ",
    "（": " (", "）": ") ", "「": "“", "」": "”", "《": "“", "》": "”", "……": "…", "　": " ",
    "【": " [", "】": "] ", "～": "–", "＝": "=", "／": " / ",
}  # fmt: skip
MARK = re.compile("|".join(map(re.escape, MARKS)))
#: Where a sentence made of parts may be taken apart again, the widest joint first; whether one
#: known part is enough (a label before a name), or all of them must be known.
JOINTS = {
    "\n": True, "。": True, "；": True, " ÷ ": True, "：": True, " · ": True, "，": True,
    "　": True, "、": False, "（": False, "）": False, "“": False, " / ": False, "／": False,
    "/": False, " ": False,
}  # fmt: skip
UNIT = re.compile(r"{\w+} [\u3400-\u9fff]{1,4}")  # such a pattern fits numbers only
SHORT = 4  # a pattern with fewer characters of its own must know what stands in its places


@dataclass(frozen=True)
class Pattern:
    """A sentence with open places, as the source has it in an f-string."""

    form: re.Pattern[str]
    longest: str
    english: str
    short: bool


@dataclass(frozen=True)
class Catalogue:
    """All that is known: whole sentences, and sentences with open places."""

    whole: dict[str, str]
    patterns: tuple[Pattern, ...]


def speaks_english() -> bool:
    """Say whether this reader asked for English."""
    return get_language() == ENGLISH


@lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    """Return the catalogues of all rooms as one, read once by the first who needs English."""
    import polib  # noqa: PLC0415 - a process that speaks Chinese only never reads it

    entries = {
        each.msgid: each.msgstr
        for path in sorted(CATALOGUES.glob("*.po"))
        for each in polib.pofile(str(path))
        if each.msgstr
    }
    patterns = [
        pattern_of(known, english)
        for known, english in entries.items()
        if SLOT.search(known) and "{{" not in known and "}年{" not in known
    ]
    patterns.sort(key=lambda each: -len(SLOT.sub("", each.form.pattern)))
    return Catalogue(entries, tuple(patterns))


def pattern_of(known: str, english: str) -> Pattern:
    """Return a sentence with open places as something that recognises it.

    Args:
        known: the Chinese sentence with ``{name}`` where a value stands.
        english: the English one with the same names.
    """
    pieces = SLOT.split(known)
    value = r"[\d,.+-]+" if UNIT.fullmatch(known) else r".*?"
    form = "".join(
        f"(?P<{piece}>{value})" if index % 2 else re.escape(piece)
        for index, piece in enumerate(pieces)
    )
    short = len(re.sub(r"\s", "", "".join(pieces[::2]))) < SHORT
    return Pattern(re.compile(form, re.DOTALL), max(pieces[::2], key=len), english, short)


@lru_cache(maxsize=20_000)
def said(text: str) -> str:
    """Return the English of a text of the house; what is not known stays as it is.

    Args:
        text: a label, a sentence, or several of them joined.
    """
    body = text.strip()
    if not FOREIGN.search(body):
        return text
    english = _said(body)
    if english is None:
        return text
    at = text.index(body)
    return text[:at] + english + text[at + len(body) :]


def is_said(text: str) -> bool:
    """Say whether nothing Chinese is left of a text."""
    return not IDEOGRAPH.search(said(text))


def in_marks(text: str) -> str:
    """Return a text with its Chinese punctuation turned into English one."""
    return re.sub(r" +([.,;:?!)])", r"\1", MARK.sub(lambda found: MARKS[found[0]], text))


def _said(text: str) -> str | None:
    """Return the English of a text without blanks around it; None if nothing of it is known."""
    if not IDEOGRAPH.search(text):
        return in_marks(text).strip()
    known = _known(text)
    if known is not None:
        return known
    dated = _dated(text)
    if not IDEOGRAPH.search(dated):
        return in_marks(dated).strip()
    found = (
        _by_pattern(dated)
        or _by_parts(dated)
        or _by_beginning(dated)
        or _by_pattern(dated, greedy=True)
    )
    return found or (dated if ENDS_IN_A_DAY.search(text) else None)


def _known(text: str) -> str | None:
    """Return the English of a whole sentence, with or without its full stop."""
    whole = catalogue().whole
    if text in whole:
        return whole[text]
    stopped = whole.get(f"{text}。")
    return stopped.removesuffix(".") if stopped else None


def _dated(text: str) -> str:
    """Return a text with its days, months and deadlines as an Englishman writes them."""
    rest = DAY.sub(lambda found: f"{found[3]}{TIE}{_month(found[2])}{TIE}{found[1]}", text)
    rest = MONTH.sub(lambda found: f"{_month(found[2])}{TIE}{found[1]}", rest)
    rest = DAY_OF_YEAR.sub(lambda found: f"{found[2]}{TIE}{_month(found[1])}", rest)
    rest = WEEKDAY.sub(lambda found: f"{found[1]}{WEEKDAYS[found[2]]}{found[3]}", rest)
    if rest != text and rest.endswith("前") and not IDEOGRAPH.search(rest[:-1]):
        return f"by {rest[:-1]}"
    return rest


def _month(number: str) -> str:
    return MONTHS[min(max(int(number), 1), 12)]


def _by_pattern(text: str, *, greedy: bool = False) -> str | None:
    """Return a text that fits a pattern; unless greedy no place swallows the next sentence."""
    for pattern in catalogue().patterns:
        found = pattern.form.fullmatch(text) if pattern.longest in text else None
        if not found:
            continue
        if not greedy and "；" in text and "；" not in pattern.form.pattern:
            continue
        values = {name: said(value) for name, value in found.groupdict().items()}
        if pattern.short and any(IDEOGRAPH.search(each) for each in values.values()):
            continue
        if not all(map(_is_balanced, found.groups())):
            continue
        pieces = SLOT.split(pattern.english)
        pieces[1::2] = [values.get(name, name) for name in pieces[1::2]]
        return "".join(pieces)
    return None


def _is_balanced(text: str) -> bool:
    """Say whether every bracket of a text is opened before it is closed."""
    depth = 0
    for each in text:
        depth += {"（": 1, "）": -1}.get(each, 0)
        if depth < 0:
            return False
    return depth == 0


def _by_parts(text: str) -> str | None:
    """Take a joined text apart at its widest joint, the longest known run of parts first."""
    for joint, one_is_enough in JOINTS.items():
        parts = text.split(joint)
        if len(parts) < 2:
            continue
        pieces = list(_runs(parts, joint))
        known = [old for old, new in pieces if new is not None and IDEOGRAPH.search(old)]
        foreign = [each for each, english in pieces if english is None and IDEOGRAPH.search(each)]
        if known and (one_is_enough or not foreign):
            return _joined([old if new is None else new for old, new in pieces])
    return None


def _runs(parts: list[str], joint: str) -> Iterator[tuple[str, str | None]]:
    """Give runs of parts, joint and all, each with its English or None."""
    at = 0
    while at < len(parts):
        before = joint if at else ""
        for end in range(len(parts), at, -1):
            run = joint.join(parts[at:end])
            english = _run(before, run, whole=end - at == len(parts), single=end == at + 1)
            if english is not None or end == at + 1:
                yield in_marks(before) + run, english
                at = end
                break


def _run(before: str, run: str, *, whole: bool, single: bool) -> str | None:
    """Return the English of a run with the joint before it."""
    if whole:
        return None
    if before and (told := _known(before + run) or _by_pattern(before + run)):
        return told if before.isspace() or not told[0].isalnum() else f" {told}"
    body = run.strip()
    found = (_said(body) if single else _known(body) or _by_pattern(body)) if body else ""
    return None if found is None else f"{in_marks(before)}{found}"


def _by_beginning(text: str) -> str | None:
    """Return a text that begins with a known sentence and goes on with another."""
    for end in range(len(text) - 1, SHORT - 1, -1):
        if text[:end] in catalogue().whole and is_said(text[end:]):
            return _joined([catalogue().whole[text[:end]], " ", said(text[end:])])
    return None


def _joined(parts: list[str]) -> str:
    text = re.sub(r"\s{2,}", " ", "".join(parts))
    text = re.sub(r" +([.,;:?!)])", r"\1", text)
    return text.replace("( ", "(").replace("“ ", "“").strip()

"""How names and numbers are compared when somebody searches: forgiving, and the same both ways.

Pure. What is stored and what is typed go through the same mill, so full-width letters, spaces,
dashes, lower case and the letters O and I for 0 and 1 never matter. A Chinese name is also found
by the first letters of its pinyin; a character with several readings counts with each.
"""

import unicodedata
from itertools import islice, product

from pypinyin import Style, lazy_pinyin, pinyin

LOOKS_LIKE = str.maketrans({"O": "0", "I": "1"})
LEAST = 2  # one letter alone finds everything
MOST_READINGS = 8
LONGEST = 60  # of what somebody types


def folded(text: str) -> str:
    """Return the bare letters and figures of a text, in the one form that is compared."""
    plain = unicodedata.normalize("NFKC", text).upper()
    return "".join(each for each in plain if each.isalnum()).translate(LOOKS_LIKE)


def initials(name: str) -> list[str]:
    """Return the first letters of the pinyin of a name, one text a way of reading it.

    Letters and figures within the name stay as they are.
    """
    bare = "".join(each for each in unicodedata.normalize("NFKC", name) if each.isalnum())
    usual = folded("".join(lazy_pinyin(bare, style=Style.FIRST_LETTER)))
    readings = [
        sorted({folded(each) for each in heard} - {""})
        for heard in pinyin(bare, style=Style.FIRST_LETTER, heteronym=True)
    ]
    others = islice(product(*filter(None, readings)), MOST_READINGS)
    return list(dict.fromkeys([usual, *map("".join, others)]))


def searchable(*names: str, numbers: tuple[str, ...] = ()) -> str:
    """Return the one text under which a thing is found: numbers, names, first letters."""
    parts = [folded(each) for each in (*numbers, *names)]
    parts += [letters for name in names for letters in initials(name)]
    return "|".join(dict.fromkeys(each for each in parts if each))


def pieces(text: str) -> list[str]:
    """Return every pair of neighbours in a searchable text, each once; an index holds them."""
    found = {part[place : place + 2] for part in text.split("|") for place in range(len(part) - 1)}
    return sorted(found)


def wanted(typed: str) -> str:
    """Return what to look for, or nothing when it is too short to mean anything."""
    asked = folded(typed[:LONGEST])
    return asked if len(asked) >= LEAST else ""


def is_formula(text: str) -> bool:
    """Tell whether a spreadsheet would take a text for something to work out."""
    return text.lstrip(" ")[:1] in {"=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"}

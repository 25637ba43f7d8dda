"""The catalogue of everything that can be wrong with an upload, in both languages.

A code never changes its meaning; the texts may be polished. Every problem's ``type`` is the
address of its entry in this catalogue.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Problem:
    """One thing that can be wrong: its HTTP status, title and what to do about it."""

    code: str
    status: int
    zh: str
    en: str
    hint_zh: str
    hint_en: str

    def title(self, language: str) -> str:
        """Return the title in ``zh`` or ``en``."""
        return self.en if language == "en" else self.zh

    def hint(self, language: str) -> str:
        """Return what to do about it in ``zh`` or ``en``."""
        return self.hint_en if language == "en" else self.hint_zh


_FILE = Path(__file__).parent / "problems.toml"
RECORD_STATUS = 422


def _read_catalogue() -> dict[str, Problem]:
    """Read the catalogue file, keyed by code."""
    with _FILE.open("rb") as file:
        entries = tomllib.load(file)
    return {
        code: Problem(code=code, **({"status": RECORD_STATUS} | entry))
        for code, entry in entries.items()
    }


CATALOGUE = _read_catalogue()

"""What the tool says, in Chinese and in English; narration goes to stderr, never to stdout."""

import os
import sys
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

CHINESE, ENGLISH = "zh", "en"


@cache
def _catalogue() -> dict[str, dict[str, str]]:
    return tomllib.loads(files("slq").joinpath("words.toml").read_text(encoding="utf-8"))


def language_here(asked: str = "") -> str:
    """Return the language to speak: as asked, else by the machine's locale, else Chinese."""
    if asked:
        return asked
    local = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG", "")
    return ENGLISH if local.lower().startswith("en") else CHINESE


@dataclass(frozen=True)
class Speech:
    """Speaks one of the two languages."""

    language: str = CHINESE

    def __call__(self, word: str, **values: object) -> str:
        """Return a sentence of the catalogue with its values filled in."""
        return _catalogue()[word][self.language].format(**values)

    def tell(self, word: str, **values: object) -> None:
        """Say a sentence on stderr."""
        sys.stderr.write(self(word, **values) + "\n")

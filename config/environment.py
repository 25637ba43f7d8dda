"""The one typed reader of the environment: tells everything that is missing at once.

A start that fails one variable at a time costs an operator an evening; this one lists them all.
"""

from collections.abc import Mapping

import environ
from django.core.exceptions import ImproperlyConfigured


class EnvironmentReader:
    """Read typed values and remember every fault until ``finish``."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self._faults: list[str] = []

    def text(self, name: str, default: str | None = None, *, why: str = "") -> str:
        """Return the text under ``name``; without a default it must be given."""
        value = self._values.get(name, "").strip()
        if value:
            return value
        if default is None:
            self._faults.append(f"{name} is missing: {why}")
            return ""
        return default

    def flag(self, name: str, *, default: bool) -> bool:
        """Return a yes-or-no value written as 1/0, true/false, yes/no, on/off."""
        value = self.text(name, "1" if default else "0").lower()
        if value in {"1", "true", "yes", "on"}:
            return True
        if value not in {"0", "false", "no", "off"}:
            self._faults.append(f"{name} is {value!r}: write 1 or 0")
        return False

    def number(self, name: str, *, default: int, at_least: int = 0) -> int:
        """Return a whole number not below ``at_least``."""
        value = self.text(name, str(default))
        if value.isascii() and value.isdigit() and int(value) >= at_least:
            return int(value)
        self._faults.append(f"{name} is {value!r}: write a whole number >= {at_least}")
        return default

    def words(self, name: str, *, default: list[str]) -> list[str]:
        """Return a comma-separated list."""
        value = self.text(name, "")
        return [word.strip() for word in value.split(",") if word.strip()] or default

    def database(self, name: str) -> dict[str, object]:
        """Return Django's description of the PostgreSQL server behind a URL."""
        url = self.text(name, why="postgres://USER:PASSWORD@HOST:PORT/NAME of the database")
        if not url:
            return {}
        if not url.startswith(("postgres://", "postgresql://")):
            self._faults.append(f"{name} must start with postgres://: the house runs on no other")
            return {}
        return dict(environ.Env.db_url_config(url))

    def refuse(self, wrong: bool, sentence: str) -> None:
        """Remember ``sentence`` as a fault when ``wrong`` holds."""
        if wrong:
            self._faults.append(sentence)

    def finish(self) -> None:
        """Stop the start with the whole list, if there is any fault.

        Raises:
            ImproperlyConfigured: names every missing or wrong variable.
        """
        if self._faults:
            raise ImproperlyConfigured(
                "The environment does not allow a start:\n  - " + "\n  - ".join(self._faults)
            )

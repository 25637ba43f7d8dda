"""The one typed reader of the environment: tells everything that is missing at once.

A start that fails one variable at a time costs an operator an evening; this one lists them all.
"""

import re
from collections.abc import Callable, Mapping, Sequence

import environ
from django.core.exceptions import ImproperlyConfigured

#: Commands that come to the database as somebody else than the application, where an address for
#: them is given (``DATABASE_URL_MIGRATE`` and so on); see docs/operations.md.
ROLE_OF_COMMAND = {
    "migrate": "MIGRATE",
    "prepare_house": "MIGRATE",
    "prepare_roles": "MIGRATE",
    "sync_roles": "MIGRATE",
    "maintenance": "MIGRATE",
    "seal_log": "SEAL",
    "verify_log": "AUDIT",
    "check_books": "AUDIT",
    "export_log": "AUDIT",
    "verify_evidence": "AUDIT",
}


_SHORTEST_SECRET = 50


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

    def own_database(self, words: Sequence[str], prefix: str) -> dict[str, object]:
        """Return the database as the role that a program comes in as.

        Args:
            words: the program's command line; other programs than ``manage.py`` are the
                application.
            prefix: of the roles' names; whoever migrates becomes the owner of the tables.
        """
        is_command = len(words) > 1 and words[0].endswith("manage.py")
        role = ROLE_OF_COMMAND.get(words[1], "") if is_command else ""
        name = f"DATABASE_URL_{role}"
        if not role or not self.text(name, ""):
            found, role = self.database("DATABASE_URL"), ""
        else:
            found = self.database(name)
        options = {"assume_role": f"{prefix}_owner"} if role == "MIGRATE" else {}
        # A page that asks too much is ended long before the limit of its role.
        if seconds := self.number("STATEMENT_TIMEOUT", default=0):
            options["options"] = f"-c statement_timeout={seconds}s"
        return found | ({"OPTIONS": options} if options else {})

    def role_prefix(self) -> str:
        """Return the prefix of the database's roles."""
        prefix = self.text("DATABASE_ROLE_PREFIX", "voucher")
        plain = re.fullmatch(r"[a-z][a-z0-9_]{0,40}", prefix)
        self.refuse(not plain, f"DATABASE_ROLE_PREFIX is {prefix!r}: use a-z, 0-9 and _")
        return prefix

    def checked(self, name: str, default: str, fault_of: Callable[[str], str]) -> str:
        """Return a text that a rule has looked at."""
        value = self.text(name, default)
        self.refuse(bool(fault_of(value)), fault_of(value))
        return value

    def suites(self, name: str) -> list[str]:
        """Return the hash suites of the log: SHA-256 always, SM3 unless it is left out."""
        found = self.words(name, default=["sha256", "sm3"])
        allowed = found[:1] == ["sha256"] and found[1:] in ([], ["sm3"])
        self.refuse(not allowed, f"{name} is sha256 or sha256,sm3")
        return found

    def together(self, first: str, second: str) -> tuple[str, str]:
        """Return two texts of which the first makes no sense without the second."""
        values = self.text(first, ""), self.text(second, "")
        self.refuse(bool(values[0]) and not values[1], f"{first} needs {second} beside it")
        return values

    def refuse_for_the_world(self, https: bool, *, demo: bool, debug: bool, secret: str) -> None:
        """Refuse what must not be on where people come by https."""
        short = len(secret) < _SHORTEST_SECRET
        self.refuse(https and demo, "DEMO_MODE must be off where PUBLIC_ORIGIN is https")
        self.refuse(https and debug, "DEBUG must be off where PUBLIC_ORIGIN is https")
        self.refuse(https and short, "SECRET_KEY needs at least 50 characters")

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

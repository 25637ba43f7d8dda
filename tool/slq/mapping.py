"""The mapping file (TOML): what the operator declares because no export says it.

[orders]                  # group of the export (account, namespace, cluster) = order number
"team-a" = "O-2026-0001"
"*" = "O-2026-0002"       # every other group; leave it out and unknown groups are refused

[models]                  # their name of a model = the registry's
"NVIDIA A100-SXM4-80GB" = "nvidia-a100"

[shares]                  # slice of a device = thousandths
"1g.10gb" = 142

[columns]                 # --from csv: our field = their column
[fixed]                   # --from csv: our field = the same value in every row
[file]                    # --from csv: encoding, delimiter, time_form, group
"""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from slq.outcomes import Exit, Stopped
from slq.times import Unclear
from slq.words import Speech

_TABLES = ("orders", "models", "shares", "columns", "fixed", "file")
_FILE = frozenset({"encoding", "delimiter", "time_form", "group"})
#: What a record may say, in the order of the columns we write.
FIELDS = (
    "record_id", "order_no", "device_model", "device_count", "started_at",
    "share_milli", "ended_at", "basis", "job_state", "job_ref", "utilisation_pct",
    "energy_kwh", "device_seconds", "corrects", "reason",
)  # fmt: skip


@dataclass(frozen=True)
class Mapping:
    """What a mapping file declares."""

    orders: dict[str, str] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)
    shares: dict[str, str] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    fixed: dict[str, str] = field(default_factory=dict)
    file: dict[str, str] = field(default_factory=dict)

    def order_of(self, group: str) -> str:
        """Return the order of a group.

        Raises:
            Unclear: none is declared.
        """
        order = self.orders.get(group) or self.orders.get("*")
        if not order:
            raise Unclear("no_order", group=group)
        return order

    def model_of(self, name: str) -> str:
        """Return the registry's name of a model, or theirs where nothing is declared."""
        return self.models.get(name, name)

    def share_of(self, name: str) -> str:
        """Return the thousandths of a slice; a whole device has no slice.

        Raises:
            Unclear: none is declared.
        """
        if not name:
            return "1000"
        if name not in self.shares:
            raise Unclear("share_missing", name=name)
        return self.shares[name]


def read_mapping(path: Path, speech: Speech) -> Mapping:
    """Read a mapping file, strictly.

    Raises:
        Stopped: no TOML, or something in it that nobody would read.
    """
    try:
        known = tomllib.loads(path.read_text(encoding="utf-8"))
        tables = {
            name: {str(key): _plain(value) for key, value in table.items()}
            for name, table in known.items()
        }
        _insist(tables)
    except (OSError, ValueError, AttributeError) as error:
        sentence = speech("map_form", path=path, why=str(error))
        raise Stopped(Exit.USAGE, sentence) from error
    return Mapping(**tables)


def _insist(tables: dict[str, dict[str, str]]) -> None:
    strange = sorted(set(tables) - set(_TABLES))
    strange += sorted(set(tables.get("file", {})) - _FILE)
    for name in ("columns", "fixed"):
        strange += sorted(set(tables.get(name, {})) - set(FIELDS))
    if strange:
        raise ValueError(f"unknown: {', '.join(strange)}")


def _plain(value: object) -> str:
    if type(value) not in (str, int):
        raise ValueError(f"text or a whole number is needed, not {value!r}")
    return str(value)

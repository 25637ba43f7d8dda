"""Turn a Parquet file into CSV in a process of its own that may use little and reach nothing.

Run as a program by ``parquet`` with three words: the file, where the CSV goes, the limits as JSON.
It bounds itself before it looks at the file, reads the footer first, and writes one line of JSON:
``{"rows": N}`` or ``{"code": ..., "column": ..., "value": ...}``. It imports nothing of the house:
whatever takes it over finds no setting, no key and no database.
"""

import json
import resource
import sys
from typing import Any

import duckdb

WHOLE_NUMBERS = frozenset(
    {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"}
)
TEXT, MOMENT = "VARCHAR", "TIMESTAMP WITH TIME ZONE"
# What a column of the record may be in Parquet; times as text are read as in any other form.
KINDS: dict[str, frozenset[str]] = {
    "device_count": WHOLE_NUMBERS,
    "share_milli": WHOLE_NUMBERS,
    "started_at": frozenset({TEXT, MOMENT}),
    "ended_at": frozenset({TEXT, MOMENT}),
    "utilisation_pct": frozenset({TEXT}) | WHOLE_NUMBERS,
    "energy_kwh": frozenset({TEXT}) | WHOLE_NUMBERS,
    "device_seconds": frozenset({TEXT}) | WHOLE_NUMBERS,
}
# By the beginning of what the library says; whatever else it says, the file is malformed.
SAID = (
    ("Out of Memory", "parquet_budget"),
    ("not enough space", "parquet_budget"),
    ("could not allocate", "parquet_budget"),
    ("File too large", "too_large"),
    ("write failed", "too_large"),
    ("ould not write", "too_large"),
    ("not valid UTF8", "encoding"),
    ("Invalid string encoding", "encoding"),
)


class Unfit(Exception):  # noqa: N818 - says why a file will not do
    """The file will not do; carries what to tell."""

    def __init__(self, code: str, column: str = "", value: object = "") -> None:
        """Keep code, column and value."""
        super().__init__(code)
        self.told = {"code": code, "column": column[:100], "value": str(value)[:100]}


def bind(limits: dict[str, int]) -> None:
    """Bound this process for good: address space, time of the processor, size of any file."""
    for kind, most in (
        (resource.RLIMIT_AS, limits["memory"]),
        (resource.RLIMIT_CPU, limits["seconds"]),
        (resource.RLIMIT_FSIZE, limits["bytes"] + 1),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))


def open_database(paths: list[str], memory: int) -> duckdb.DuckDBPyConnection:
    """Open a database that may reach these files and nothing else."""
    database = duckdb.connect(
        ":memory:",
        config={
            "threads": 1,
            "memory_limit": f"{memory // 4 >> 20}MB",
            "temp_directory": "",
            "autoload_known_extensions": False,
            "autoinstall_known_extensions": False,
        },
    )
    names = ", ".join("'" + each.replace("'", "''") + "'" for each in paths)
    database.execute(f"SET allowed_paths = [{names}]")
    database.execute("SET enable_external_access = false")
    database.execute("SET lock_configuration = true")
    return database


def check_size(database: duckdb.DuckDBPyConnection, path: str, limits: dict[str, int]) -> int:
    """Return how many rows the footer declares; refuse crowds of rows, groups or notes."""
    rows, groups = database.execute(
        "SELECT num_rows, num_row_groups FROM parquet_file_metadata(?)", [path]
    ).fetchall()[0]
    if rows > limits["rows"]:
        raise Unfit("too_many_records", value=rows)
    if rows < 0 or groups > limits["groups"]:
        raise Unfit("parquet_layout", value=groups)
    notes = database.execute(
        "SELECT coalesce(sum(octet_length(key) + octet_length(value)), 0)"
        " FROM parquet_kv_metadata(?)",
        [path],
    ).fetchall()[0][0]
    if notes > limits["notes"]:
        raise Unfit("too_large", value=f"metadata {notes}")
    return int(rows)


def check_columns(
    database: duckdb.DuckDBPyConnection, path: str, fields: list[str], required: list[str]
) -> dict[str, str]:
    """Return name and kind of every column; refuse what is not flat, known and exact."""
    columns = database.execute(
        "SELECT name, duckdb_type, num_children, repetition_type, logical_type, type"
        " FROM parquet_schema(?) ORDER BY column_id OFFSET 1",
        [path],
    ).fetchall()
    kinds: dict[str, str] = {}
    for name, kind, children, repetition, logical, physical in columns:
        if children or repetition == "REPEATED":
            raise Unfit("parquet_schema", name, "nested")
        if name not in fields:
            raise Unfit("header_unknown", name)
        if name in kinds:
            raise Unfit("header_duplicate", name)
        said = kind if physical != "INT96" else "INT96"
        if "NANOS=NanoSeconds" in (logical or "") or said not in KINDS.get(name, {TEXT}):
            raise Unfit("parquet_schema", name, said or physical)
        kinds[name] = said
    for name in required:
        if name not in kinds:
            raise Unfit("header_missing", name)
    return kinds


def cell(name: str, kind: str, longest: int) -> str:
    """Return the expression that writes a cell as the other forms write it.

    No honest cell is half as long as ``longest``: what is longer is cut, and refused later.
    """
    if kind == MOMENT:
        return (
            f'strftime(make_timestamp(epoch_us("{name}")), \'%Y-%m-%dT%H:%M:%S.%fZ\') AS "{name}"'
        )
    if kind == TEXT:
        return f'left("{name}", {longest}) AS "{name}"'
    return f'"{name}"::VARCHAR AS "{name}"'


def convert(source: str, target: str, limits: dict[str, Any]) -> dict[str, Any]:
    """Check a file by its footer, then write its rows, if there is a place for them."""
    database = open_database([source, target] if target else [source], limits["memory"])
    rows = check_size(database, source, limits)
    kinds = check_columns(database, source, limits["fields"], limits["required"])
    if not target:
        return {"rows": rows}
    cells = [cell(name, kind, limits["longest"]) for name, kind in kinds.items()]
    # A row of nothing but nulls would be a blank line, and those are passed over.
    first = next(iter(kinds))
    nothing = " AND ".join(f"coalesce(\"{name}\", '') = ''" for name in kinds)
    database.execute(
        f"COPY (SELECT * REPLACE (CASE WHEN {nothing} THEN ' ' ELSE \"{first}\" END AS"  # noqa: S608 - known names
        f' "{first}") FROM (SELECT {", ".join(cells)} FROM read_parquet(?)))'
        f" TO '{target}' (FORMAT csv, HEADER)",
        [source],
    )
    return {"rows": rows}


def main(source: str, target: str, limits: dict[str, Any]) -> dict[str, Any]:
    """Return what is to be told of a file."""
    try:
        return convert(source, target, limits)
    except Unfit as unfit:
        return unfit.told
    except MemoryError:
        return {"code": "parquet_budget", "column": "", "value": ""}
    except duckdb.Error as error:
        said = str(error)
        code = next((code for words, code in SAID if words in said), "")
        if code:
            return {"code": code, "column": "", "value": ""}
        first = said.partition("\n")[0].replace(source, "body.parquet")
        return {"code": "malformed_parquet", "column": "", "value": first[:100]}


if __name__ == "__main__":
    given = json.loads(sys.argv[3])
    bind(given)
    sys.stdout.write(json.dumps(main(sys.argv[1], sys.argv[2], given)) + "\n")

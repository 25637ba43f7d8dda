"""Plant a fault as only the owner of the tables could, see what is found, and take it back."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from config.invariants import Finding, everything
from tests.guards import guards_off, table_names


@contextmanager
def planted(*statements: str) -> Iterator[list[Finding]]:
    """Change rows with every guard switched off; give all findings of the house."""
    with guards_off(connection, table_names(connection)) as cursor:
        for each in statements:
            cursor.execute(each)
            assert cursor.rowcount, f"changes nothing: {each}"
        yield everything()
        transaction.set_rollback(True)


def missed_of(faults: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return the invariants that did not find the fault planted for them, and what was found."""
    missed = {}
    for name, statements in faults.items():
        with planted(*statements) as found:
            names = sorted({each.name for each in found})
            if name not in names:
                missed[name] = names
    return missed

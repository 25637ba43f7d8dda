"""The guards of this room's tables, as statements."""

from collections.abc import Sequence


def edges_of(table: str, edges: Sequence[str]) -> str:
    """Return the trigger that lets a state move along these edges only."""
    words = ", ".join(f"'{edge}'" for edge in edges)
    return (
        f"CREATE TRIGGER guard_state BEFORE UPDATE ON providers_{table}"
        f" FOR EACH ROW EXECUTE FUNCTION providers_guard_state({words})"
    )


def kept(*tables: str) -> list[str]:
    """Return the triggers of tables whose rows stay as they were written."""
    return [
        statement
        for table in tables
        for statement in (
            f"CREATE TRIGGER guard_append BEFORE UPDATE OR DELETE OR TRUNCATE ON providers_{table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION providers_guard_change()",
            f"ALTER TABLE providers_{table} ENABLE ALWAYS TRIGGER guard_append",
        )
    ]


def never_deleted(*tables: str) -> list[str]:
    """Return the triggers of tables whose rows move and never go."""
    return [
        f"CREATE TRIGGER guard_delete BEFORE DELETE OR TRUNCATE ON providers_{table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION providers_guard_change()"
        for table in tables
    ]

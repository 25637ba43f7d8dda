"""What an entry may not pose as, now that the application writes entries but books no journals.

Whoever holds the application's password can write entries of its own, for ever visible. It must
not be able to write one that a reader of the log would take for a booking: an entry is of the
type ``ledger.journal`` exactly when it has a place in the books (a column that only the owner's
posting fills), and no other entry says in its bytes that it is one.

The check costs a booking nothing: the condition is false for every honest row.
"""

from django.db import migrations

GUARD = """
CREATE FUNCTION ledger_guard_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.type = 'ledger.journal') <> (NEW.journal_seq IS NOT NULL)
       OR convert_from(NEW.body, 'UTF8')::json ->> 'type' = 'ledger.journal' THEN
        RAISE EXCEPTION 'entry % poses as a journal', NEW.id
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER guard_entry AFTER INSERT ON ledger_logentry
    FOR EACH ROW WHEN (
        (NEW.type = 'ledger.journal') <> (NEW.journal_seq IS NOT NULL)
        OR (NEW.type <> 'ledger.journal'
            AND position(convert_to('"type":"ledger.journal"', 'UTF8') IN NEW.body) > 0)
    ) EXECUTE FUNCTION ledger_guard_entry();
ALTER TABLE ledger_logentry ENABLE ALWAYS TRIGGER guard_entry;
"""


class Migration(migrations.Migration):
    """Install the guard."""

    dependencies = [("ledger", "0006_incidents")]

    operations = [
        migrations.RunSQL(GUARD, "DROP FUNCTION ledger_guard_entry() CASCADE"),
    ]

"""Cases of claw-back move along their edges; what was told, decided and received is kept."""

from django.db import migrations

EDGES = {
    "clawback": [
        "opened>noticed",
        "opened>dropped",
        "noticed>dropped",
        "noticed>decided",
        "decided>recovering",
        "recovering>enforcement",
        "recovering>transferred",
        "enforcement>transferred",
        "recovering>recovered",
        "enforcement>recovered",
        "transferred>recovered",
        "recovering>offset",
        "enforcement>offset",
        "transferred>offset",
        "recovering>written_off",
        "enforcement>written_off",
        "transferred>written_off",
        "recovered>closed",
        "offset>closed",
        "written_off>closed",
    ],
}
FUNCTIONS = """
CREATE FUNCTION billing_guard_clawback() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.case_no, NEW.statement_id, NEW.provider_id, NEW.enterprise_id, NEW.cause,
        NEW.facts, NEW.proposed_fen, NEW.opened_at, NEW.opened_person)
       IS DISTINCT FROM
       (OLD.id, OLD.case_no, OLD.statement_id, OLD.provider_id, OLD.enterprise_id, OLD.cause,
        OLD.facts, OLD.proposed_fen, OLD.opened_at, OLD.opened_person)
       OR (OLD.notified_at IS NOT NULL AND (NEW.notified_at, NEW.hear_until)
          IS DISTINCT FROM (OLD.notified_at, OLD.hear_until))
       OR (OLD.heard_at IS NOT NULL AND (NEW.heard, NEW.heard_at, NEW.heard_name)
          IS DISTINCT FROM (OLD.heard, OLD.heard_at, OLD.heard_name))
       OR (OLD.decided_at IS NOT NULL AND (NEW.amount_fen, NEW.interest_fen, NEW.interest_bp,
           NEW.interest_days, NEW.ground, NEW.bar_until, NEW.asked_person, NEW.decided_at,
           NEW.decided_person, NEW.due_on)
          IS DISTINCT FROM (OLD.amount_fen, OLD.interest_fen, OLD.interest_bp, OLD.interest_days,
           OLD.ground, OLD.bar_until, OLD.asked_person, OLD.decided_at, OLD.decided_person,
           OLD.due_on))
       OR NEW.cash_fen < OLD.cash_fen OR NEW.offset_fen < OLD.offset_fen
       OR NEW.given_up_fen < OLD.given_up_fen THEN
        RAISE EXCEPTION 'what was told, said, decided or received in a case is kept'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION billing_guard_offset() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.line_id, NEW.clawback_id, NEW.statement_id, NEW.amount_fen)
       IS DISTINCT FROM
       (OLD.id, OLD.line_id, OLD.clawback_id, OLD.statement_id, OLD.amount_fen)
       OR (NEW.active AND NOT OLD.active) OR OLD.booked_at IS NOT NULL THEN
        RAISE EXCEPTION 'what a payment sets off is planned once, and booked or ended once'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
"""
GUARDED = {"clawback": "billing_guard_clawback", "paymentoffset": "billing_guard_offset"}
APPEND_ONLY = ["clawbackreceipt"]


def _triggers() -> list[str]:
    words = ", ".join(f"'{edge}'" for edge in EDGES["clawback"])
    made = [
        "CREATE TRIGGER guard_state BEFORE UPDATE ON billing_clawback"
        f" FOR EACH ROW EXECUTE FUNCTION billing_guard_state({words})"
    ]
    made += [
        f"CREATE TRIGGER guard_content BEFORE UPDATE ON billing_{table}"
        f" FOR EACH ROW EXECUTE FUNCTION {function}()"
        for table, function in GUARDED.items()
    ]
    made += [
        f"CREATE TRIGGER guard_append BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_{table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION billing_guard_change()"
        for table in APPEND_ONLY
    ]
    made += [
        f"CREATE TRIGGER guard_delete BEFORE DELETE OR TRUNCATE ON billing_{table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION billing_guard_change()"
        for table in GUARDED
    ]
    always = [
        ("clawback", "guard_state"),
        *[(table, "guard_content") for table in GUARDED],
        *[(table, "guard_append") for table in APPEND_ONLY],
    ]
    return made + [
        f"ALTER TABLE billing_{table} ENABLE ALWAYS TRIGGER {trigger}" for table, trigger in always
    ]


class Migration(migrations.Migration):
    dependencies = [("billing", "0012_clawbacks")]
    operations = [migrations.RunSQL([FUNCTIONS, *_triggers()], reverse_sql=migrations.RunSQL.noop)]

"""What the database refuses of claims and their papers, and that mode and payee never change."""

from django.db import migrations

EDGES = {
    "claim": [
        "draft>submitted",
        "supplement>submitted",
        "submitted>supplement",
        "submitted>checked",
        "checked>submitted",
        "checked>reviewed",
        "reviewed>written_off",
        "reviewed>partial",
        "reviewed>refused",
        "submitted>suspended",
        "checked>suspended",
        "suspended>submitted",
    ]
}

FUNCTIONS = """
CREATE FUNCTION billing_guard_payee() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.mode, NEW.payee_kind) IS DISTINCT FROM (OLD.mode, OLD.payee_kind) THEN
        RAISE EXCEPTION 'how and to whom a statement is paid never changes'
            USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.granted_fen IS NOT NULL AND NEW.granted_fen IS DISTINCT FROM OLD.granted_fen THEN
        RAISE EXCEPTION 'what a claim wrote off is written once'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION billing_guard_claim() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.claim_no, NEW.statement_id, NEW.opened_at)
       IS DISTINCT FROM (OLD.id, OLD.claim_no, OLD.statement_id, OLD.opened_at)
       OR OLD.state IN ('written_off', 'partial', 'refused') THEN
        RAISE EXCEPTION 'a claim keeps its statement, and stands as it was decided'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION billing_guard_paper() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.claim_id, NEW.kind, NEW.code, NEW.number, NEW.dated_on, NEW.amount_fen,
        NEW.payer_name, NEW.payer_uscc, NEW.payee_name, NEW.payee_uscc, NEW.file_id)
       IS DISTINCT FROM
       (OLD.id, OLD.claim_id, OLD.kind, OLD.code, OLD.number, OLD.dated_on, OLD.amount_fen,
        OLD.payer_name, OLD.payer_uscc, OLD.payee_name, OLD.payee_uscc, OLD.file_id)
       OR (NEW.active AND NOT OLD.active) THEN
        RAISE EXCEPTION 'a paper of a claim only ends' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION billing_guard_file() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.statement_id, NEW.kind, NEW.about_id, NEW.file_name, NEW.size, NEW.sha256,
        NEW.content_type, NEW.stored_path, NEW.attached_at)
       IS DISTINCT FROM
       (OLD.id, OLD.statement_id, OLD.kind, OLD.about_id, OLD.file_name, OLD.size, OLD.sha256,
        OLD.content_type, OLD.stored_path, OLD.attached_at)
       OR (OLD.scan <> 'quarantined' AND NEW.scan <> OLD.scan) THEN
        RAISE EXCEPTION 'a file is kept as handed in' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
"""
GUARDS = {
    ("statement", "guard_payee"): "billing_guard_payee()",
    ("claim", "guard_content"): "billing_guard_claim()",
    ("claimpaper", "guard_content"): "billing_guard_paper()",
    ("statementfile", "guard_content"): "billing_guard_file()",
    ("claim", "guard_state"): "billing_guard_state({})".format(
        ", ".join(f"'{edge}'" for edge in EDGES["claim"])
    ),
}
NEVER_DELETED = ("claim", "claimpaper", "statementfile")


def _triggers() -> list[str]:
    made = []
    for (table, name), call in GUARDS.items():
        made.append(
            f"CREATE TRIGGER {name} BEFORE UPDATE ON billing_{table}"
            f" FOR EACH ROW EXECUTE FUNCTION {call}"
        )
        made.append(f"ALTER TABLE billing_{table} ENABLE ALWAYS TRIGGER {name}")
    for table in NEVER_DELETED:
        made.append(
            f"CREATE TRIGGER guard_delete BEFORE DELETE OR TRUNCATE ON billing_{table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION billing_guard_change()"
        )
    return made


class Migration(migrations.Migration):
    dependencies = [("billing", "0004_claims")]
    operations = [migrations.RunSQL([FUNCTIONS, *_triggers()], reverse_sql=migrations.RunSQL.noop)]

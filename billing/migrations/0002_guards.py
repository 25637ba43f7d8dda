"""What the database refuses, whoever asks: illegal moves, and any change of what was recorded."""

from django.db import migrations

EDGES = {
    "monthclose": ["open>closing", "closing>review", "review>closed", "closed>paid"],
    "statement": [
        "draft>in_review",
        "in_review>confirmed",
        "in_review>disputed",
        "disputed>in_review",
        "confirmed>prepared",
        "disputed>prepared",
        "prepared>confirmed",
        "prepared>disputed",
        "prepared>approved",
        "approved>paid",
        "paid>approved",
    ],
    "paymentline": ["waiting>paid", "paid>returned"],
    "report": ["rendering>ready", "ready>superseded"],
}
APPEND_ONLY = ["staterow", "statementline", "confirmation", "paymentbatch"]
NEVER_DELETED = ["objection", "paymentitem", *EDGES]

FUNCTIONS = """
CREATE FUNCTION billing_guard_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state IS DISTINCT FROM OLD.state
       AND NOT (OLD.state || '>' || NEW.state) = ANY (TG_ARGV) THEN
        RAISE EXCEPTION '% may not go from % to %', TG_TABLE_NAME, OLD.state, NEW.state
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION billing_guard_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is kept as written: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'check_violation';
END $$;

CREATE FUNCTION billing_guard_statement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.statement_no, NEW.close_id, NEW.month, NEW.provider_id, NEW.enterprise_id,
        NEW.order_id, NEW.voucher_id, NEW.terms, NEW.binding, NEW.rating_version, NEW.generated_at)
       IS DISTINCT FROM
       (OLD.id, OLD.statement_no, OLD.close_id, OLD.month, OLD.provider_id, OLD.enterprise_id,
        OLD.order_id, OLD.voucher_id, OLD.terms, OLD.binding, OLD.rating_version,
        OLD.generated_at) THEN
        RAISE EXCEPTION 'what a statement is about and how it was computed never changes'
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.version = OLD.version
       AND (NEW.gross_fen, NEW.public_fen, NEW.self_fen, NEW.digest)
           IS DISTINCT FROM (OLD.gross_fen, OLD.public_fen, OLD.self_fen, OLD.digest) THEN
        RAISE EXCEPTION 'the amounts of a statement change only with its version'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION billing_guard_objection() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'open'
       OR (NEW.id, NEW.statement_id, NEW.line_id, NEW.side, NEW.reason, NEW.amount_fen,
           NEW.raised_at, NEW.raised_person)
          IS DISTINCT FROM
          (OLD.id, OLD.statement_id, OLD.line_id, OLD.side, OLD.reason, OLD.amount_fen,
           OLD.raised_at, OLD.raised_person) THEN
        RAISE EXCEPTION 'an objection is kept as raised and decided once'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION billing_guard_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.batch_id, NEW.provider_id, NEW.amount_fen, NEW.payee_name,
        NEW.account_masked)
       IS DISTINCT FROM
       (OLD.id, OLD.batch_id, OLD.provider_id, OLD.amount_fen, OLD.payee_name,
        OLD.account_masked)
       OR (OLD.bank_reference <> '' AND NEW.bank_reference <> OLD.bank_reference) THEN
        RAISE EXCEPTION 'a listed payment keeps its payee, amount and bank reference'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION billing_guard_item() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.line_id, NEW.statement_id, NEW.part, NEW.amount_fen)
       IS DISTINCT FROM (OLD.id, OLD.line_id, OLD.statement_id, OLD.part, OLD.amount_fen)
       OR (NEW.active AND NOT OLD.active) THEN
        RAISE EXCEPTION 'a part of a payment only ends' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION billing_guard_report() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.report_no, NEW.version, NEW.content, NEW.content_sha256, NEW.check_code)
       IS DISTINCT FROM
       (OLD.id, OLD.report_no, OLD.version, OLD.content, OLD.content_sha256, OLD.check_code)
       OR (OLD.sha256 <> '' AND NEW.sha256 <> OLD.sha256) THEN
        RAISE EXCEPTION 'a report is kept as made; what changed is a new version'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
"""
GUARDED = {
    "statement": "billing_guard_statement",
    "objection": "billing_guard_objection",
    "paymentline": "billing_guard_payment",
    "paymentitem": "billing_guard_item",
    "report": "billing_guard_report",
}


def _triggers() -> list[str]:
    made = [
        f"CREATE TRIGGER guard_content BEFORE UPDATE ON billing_{table}"
        f" FOR EACH ROW EXECUTE FUNCTION {function}()"
        for table, function in GUARDED.items()
    ]
    for table, edges in EDGES.items():
        words = ", ".join(f"'{edge}'" for edge in edges)
        made.append(
            f"CREATE TRIGGER guard_state BEFORE UPDATE ON billing_{table}"
            f" FOR EACH ROW EXECUTE FUNCTION billing_guard_state({words})"
        )
    made += [
        f"CREATE TRIGGER guard_append BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_{table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION billing_guard_change()"
        for table in APPEND_ONLY
    ]
    made += [
        f"CREATE TRIGGER guard_delete BEFORE DELETE OR TRUNCATE ON billing_{table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION billing_guard_change()"
        for table in NEVER_DELETED
    ]
    always = [
        *[(table, "guard_append") for table in APPEND_ONLY],
        *[(table, "guard_content") for table in GUARDED],
        *[(table, "guard_state") for table in EDGES],
    ]
    made += [
        f"ALTER TABLE billing_{table} ENABLE ALWAYS TRIGGER {trigger}" for table, trigger in always
    ]
    return made


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial")]
    operations = [migrations.RunSQL([FUNCTIONS, *_triggers()], reverse_sql=migrations.RunSQL.noop)]

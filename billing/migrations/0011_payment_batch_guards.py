"""Payment lists move along their edges; signatures and bank files are kept as written."""

from django.db import migrations

EDGES = {
    "paymentbatch": [
        "draft>approved",
        "approved>finance_review",
        "finance_review>finance_approved",
        "finance_approved>sent",
        "sent>paid",
        "sent>partly_returned",
        "paid>partly_returned",
        "closed>partly_returned",
        "paid>closed",
        "partly_returned>closed",
        "draft>dropped",
        "approved>dropped",
        "finance_review>dropped",
        "finance_approved>dropped",
    ],
    "paymentline": [
        "waiting>suspended",
        "suspended>waiting",
        "waiting>sent",
        "waiting>netted",
        "sent>paid",
        "sent>failed",
        "paid>returned",
        "waiting>withdrawn",
        "suspended>withdrawn",
    ],
}
APPEND_ONLY = ["paymentsign", "bankfile"]
NEVER_DELETED = ["paymentbatch", "paymenthold", "bankresult"]
#: What was listed before lists were signed had been released already.
BEFORE = """
UPDATE billing_paymentbatch SET state = 'sent';
UPDATE billing_paymentline SET state = 'sent' WHERE state = 'waiting';
"""
FUNCTIONS = """
CREATE FUNCTION billing_guard_batch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.batch_no, NEW.close_id, NEW.count, NEW.total_fen, NEW.offset_fen, NEW.content,
        NEW.sha256, NEW.head_needed, NEW.exported_at, NEW.prepared_person, NEW.approved_person,
        NEW.released_name, NEW.released_person)
       IS DISTINCT FROM
       (OLD.id, OLD.batch_no, OLD.close_id, OLD.count, OLD.total_fen, OLD.offset_fen, OLD.content,
        OLD.sha256, OLD.head_needed, OLD.exported_at, OLD.prepared_person, OLD.approved_person,
        OLD.released_name, OLD.released_person) THEN
        RAISE EXCEPTION 'a payment list keeps what it lists and who drew it up'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION billing_guard_result() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.booked_at IS NOT NULL
       OR (NEW.id, NEW.file_id, NEW.content, NEW.sha256, NEW.rows, NEW.loaded_at, NEW.loaded_name)
          IS DISTINCT FROM
          (OLD.id, OLD.file_id, OLD.content, OLD.sha256, OLD.rows, OLD.loaded_at, OLD.loaded_name)
       THEN
        RAISE EXCEPTION 'the answers of a bank are kept as they came, and booked once'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION billing_guard_hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.ended_at IS NOT NULL
       OR (NEW.id, NEW.line_id, NEW.kind, NEW.reason, NEW.put_at, NEW.put_name)
          IS DISTINCT FROM
          (OLD.id, OLD.line_id, OLD.kind, OLD.reason, OLD.put_at, OLD.put_name)
       OR (OLD.asked_person <> '' AND (NEW.asked_person, NEW.asked_at, NEW.asked_reason)
          IS DISTINCT FROM (OLD.asked_person, OLD.asked_at, OLD.asked_reason)) THEN
        RAISE EXCEPTION 'why a payment waits is kept as written, and ended once'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION billing_guard_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.batch_id, NEW.provider_id, NEW.enterprise_id, NEW.amount_fen, NEW.offset_fen,
        NEW.payee_name, NEW.account_masked)
       IS DISTINCT FROM
       (OLD.id, OLD.batch_id, OLD.provider_id, OLD.enterprise_id, OLD.amount_fen, OLD.offset_fen,
        OLD.payee_name, OLD.account_masked)
       OR (OLD.bank_reference <> '' AND NEW.bank_reference <> OLD.bank_reference) THEN
        RAISE EXCEPTION 'a listed payment keeps its payee, amount and bank reference'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
"""
GUARDED = {
    "paymentbatch": "billing_guard_batch",
    "bankresult": "billing_guard_result",
    "paymenthold": "billing_guard_hold",
}


def _triggers() -> list[str]:
    made = [
        "DROP TRIGGER guard_append ON billing_paymentbatch",
        "DROP TRIGGER guard_state ON billing_paymentline",
        BEFORE,
    ]
    for table, edges in EDGES.items():
        words = ", ".join(f"'{edge}'" for edge in edges)
        made.append(
            f"CREATE TRIGGER guard_state BEFORE UPDATE ON billing_{table}"
            f" FOR EACH ROW EXECUTE FUNCTION billing_guard_state({words})"
        )
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
        for table in NEVER_DELETED
    ]
    always = [
        *[(table, "guard_append") for table in APPEND_ONLY],
        *[(table, "guard_content") for table in GUARDED],
        *[(table, "guard_state") for table in EDGES],
    ]
    return made + [
        f"ALTER TABLE billing_{table} ENABLE ALWAYS TRIGGER {trigger}" for table, trigger in always
    ]


class Migration(migrations.Migration):
    dependencies = [("billing", "0010_payment_batches")]
    operations = [migrations.RunSQL([FUNCTIONS, *_triggers()], reverse_sql=migrations.RunSQL.noop)]

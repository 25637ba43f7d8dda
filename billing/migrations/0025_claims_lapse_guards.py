"""What the database lets a claim do, now that it may lapse; a lapsed one stands as it is."""

from django.db import migrations

EDGES = {
    "claim": [
        "draft>submitted",
        "draft>lapsed",
        "supplement>submitted",
        "supplement>lapsed",
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

FUNCTION = """
CREATE OR REPLACE FUNCTION billing_guard_claim() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.claim_no, NEW.statement_id, NEW.opened_at)
       IS DISTINCT FROM (OLD.id, OLD.claim_no, OLD.statement_id, OLD.opened_at)
       OR OLD.state IN ('written_off', 'partial', 'refused', 'lapsed') THEN
        RAISE EXCEPTION 'a claim keeps its statement, and stands as it was decided'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
"""
WORDS = ", ".join(f"'{edge}'" for edge in EDGES["claim"])
TRIGGER = [
    "DROP TRIGGER guard_state ON billing_claim",
    "CREATE TRIGGER guard_state BEFORE UPDATE ON billing_claim"
    f" FOR EACH ROW EXECUTE FUNCTION billing_guard_state({WORDS})",
    "ALTER TABLE billing_claim ENABLE ALWAYS TRIGGER guard_state",
]


class Migration(migrations.Migration):
    dependencies = [("billing", "0024_claims_lapse")]

    operations = [migrations.RunSQL([FUNCTION, *TRIGGER], migrations.RunSQL.noop)]

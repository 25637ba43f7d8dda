"""What the database refuses of versions, proofs, matches, inspections and certificates."""

from django.db import migrations

APPEND_ONLY = (
    "statementversion",
    "serviceproof",
    "matchrun",
    "matchrow",
    "providertotal",
    "inspectionitem",
    "inspectionresult",
    "certificate",
)

FUNCTION = """
CREATE FUNCTION billing_guard_inspection() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.close_id, NEW.seed, NEW.seed_digest, NEW.share_bp, NEW.committed_at,
        NEW.committed_name)
       IS DISTINCT FROM
       (OLD.id, OLD.close_id, OLD.seed, OLD.seed_digest, OLD.share_bp, OLD.committed_at,
        OLD.committed_name)
       OR OLD.drawn_at IS NOT NULL THEN
        RAISE EXCEPTION 'an inspection keeps its seed and is drawn once'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

ALTER TABLE billing_inspection ADD CONSTRAINT inspection_digest_of_seed
    CHECK (seed_digest = encode(sha256(convert_to(seed, 'UTF8')), 'hex'));
"""


def _triggers() -> list[str]:
    made = [
        "CREATE TRIGGER guard_content BEFORE UPDATE ON billing_inspection"
        " FOR EACH ROW EXECUTE FUNCTION billing_guard_inspection()",
        "ALTER TABLE billing_inspection ENABLE ALWAYS TRIGGER guard_content",
        "CREATE TRIGGER guard_delete BEFORE DELETE OR TRUNCATE ON billing_inspection"
        " FOR EACH STATEMENT EXECUTE FUNCTION billing_guard_change()",
    ]
    for table in APPEND_ONLY:
        made.append(
            f"CREATE TRIGGER guard_append BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_{table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION billing_guard_change()"
        )
        made.append(f"ALTER TABLE billing_{table} ENABLE ALWAYS TRIGGER guard_append")
    return made


class Migration(migrations.Migration):
    dependencies = [("billing", "0018_answers")]
    operations = [migrations.RunSQL([FUNCTION, *_triggers()], reverse_sql=migrations.RunSQL.noop)]

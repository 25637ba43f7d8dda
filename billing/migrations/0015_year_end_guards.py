"""An annual closing is kept as prepared and approved once."""

from django.db import migrations

SQL = """
CREATE FUNCTION billing_guard_year_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.approved_at IS NOT NULL
       OR (NEW.id, NEW.programme_id, NEW.no, NEW.use, NEW.successor_id, NEW.document_no,
           NEW.figures, NEW.digest, NEW.returned_fen, NEW.prepared_at, NEW.prepared_person)
          IS DISTINCT FROM
          (OLD.id, OLD.programme_id, OLD.no, OLD.use, OLD.successor_id, OLD.document_no,
           OLD.figures, OLD.digest, OLD.returned_fen, OLD.prepared_at, OLD.prepared_person) THEN
        RAISE EXCEPTION 'an annual closing is kept as prepared, and approved once'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_content BEFORE UPDATE ON billing_yearend
    FOR EACH ROW EXECUTE FUNCTION billing_guard_year_end();
CREATE TRIGGER guard_delete BEFORE DELETE OR TRUNCATE ON billing_yearend
    FOR EACH STATEMENT EXECUTE FUNCTION billing_guard_change();
ALTER TABLE billing_yearend ENABLE ALWAYS TRIGGER guard_content;
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0014_year_end")]
    operations = [migrations.RunSQL(SQL, reverse_sql=migrations.RunSQL.noop)]

"""A document also keeps which note or annual closing it is about."""

from django.db import migrations

FORWARD = """
CREATE OR REPLACE FUNCTION billing_guard_report() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.kind, NEW.close_id, NEW.provider_id, NEW.enterprise_id, NEW.statement_id,
        NEW.batch_id, NEW.programme_id, NEW.note_id, NEW.year_end_id, NEW.report_no, NEW.version,
        NEW.content, NEW.content_sha256, NEW.check_code)
       IS DISTINCT FROM
       (OLD.id, OLD.kind, OLD.close_id, OLD.provider_id, OLD.enterprise_id, OLD.statement_id,
        OLD.batch_id, OLD.programme_id, OLD.note_id, OLD.year_end_id, OLD.report_no, OLD.version,
        OLD.content, OLD.content_sha256, OLD.check_code)
       OR (OLD.sha256 <> '' AND
           (NEW.sha256, NEW.plain_sha256, NEW.plain_size, NEW.signed_with)
           IS DISTINCT FROM
           (OLD.sha256, OLD.plain_sha256, OLD.plain_size, OLD.signed_with)) THEN
        RAISE EXCEPTION 'a report is kept as made; what changed is a new version'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0022_papers_on_notes")]

    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]

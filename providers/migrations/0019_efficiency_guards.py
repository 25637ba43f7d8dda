"""What was filed about a site stays as it was filed; it is decided once and never deleted."""

from django.db import migrations

from providers.migrations._guards import edges_of, never_deleted

TABLE = "efficiencyfiling"
EDGES = {TABLE: ["proposed>approved", "proposed>declined"]}
CONTENT = """
CREATE FUNCTION providers_guard_efficiency() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.provider_id, NEW.month, NEW.version, NEW.pue_milli, NEW.green_bp, NEW.latency_us,
        NEW.note, NEW.file_name, NEW.size, NEW.sha256, NEW.content_type, NEW.pages,
        NEW.stored_path, NEW.filed_at, NEW.proposed_by_person)
       IS DISTINCT FROM
       (OLD.provider_id, OLD.month, OLD.version, OLD.pue_milli, OLD.green_bp, OLD.latency_us,
        OLD.note, OLD.file_name, OLD.size, OLD.sha256, OLD.content_type, OLD.pages,
        OLD.stored_path, OLD.filed_at, OLD.proposed_by_person)
       OR (OLD.state <> 'proposed'
           AND (NEW.approved_by_person, NEW.decided_at, NEW.reason)
               IS DISTINCT FROM (OLD.approved_by_person, OLD.decided_at, OLD.reason))
       OR (OLD.scan <> 'quarantined'
           AND (NEW.scan, NEW.scanner, NEW.scanned_at)
               IS DISTINCT FROM (OLD.scan, OLD.scanner, OLD.scanned_at)) THEN
        RAISE EXCEPTION 'an efficiency filing is kept as filed and decided once'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_content BEFORE UPDATE ON providers_efficiencyfiling
    FOR EACH ROW EXECUTE FUNCTION providers_guard_efficiency();
"""


class Migration(migrations.Migration):
    dependencies = [("providers", "0018_efficiency")]
    operations = [
        migrations.RunSQL(
            [
                CONTENT,
                edges_of(TABLE, EDGES[TABLE]),
                *never_deleted(TABLE),
            ],
            reverse_sql=migrations.RunSQL.noop,
        )
    ]

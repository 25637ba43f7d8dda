"""A factor of the grid stays as it was proposed; it is decided once and never deleted."""

from django.db import migrations

from providers.migrations._guards import edges_of, never_deleted

TABLE = "gridfactor"
EDGES = {TABLE: ["proposed>approved", "proposed>declined"]}
CONTENT = """
CREATE FUNCTION providers_guard_grid_factor() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.year, NEW.version, NEW.mg_per_kwh, NEW.source, NEW.proposed_at,
        NEW.proposed_by_person)
       IS DISTINCT FROM
       (OLD.id, OLD.year, OLD.version, OLD.mg_per_kwh, OLD.source, OLD.proposed_at,
        OLD.proposed_by_person)
       OR OLD.state <> 'proposed' THEN
        RAISE EXCEPTION 'a factor of the grid is kept as proposed and decided once'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_content BEFORE UPDATE ON providers_gridfactor
    FOR EACH ROW EXECUTE FUNCTION providers_guard_grid_factor();
"""


class Migration(migrations.Migration):
    dependencies = [("providers", "0022_grid_factor")]
    operations = [
        migrations.RunSQL(
            [CONTENT, edges_of(TABLE, EDGES[TABLE]), *never_deleted(TABLE)],
            reverse_sql=migrations.RunSQL.noop,
        )
    ]

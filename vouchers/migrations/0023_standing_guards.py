"""The life cycle of an enterprise in the database, and its cap counted by the year.

A year is a calendar year in Shanghai, by the day of issue, as ``caps`` counts it.
"""

from django.db import migrations

EDGES = {
    "enterprise": (
        "registered>active active>watch watch>active registered>suspended active>suspended "
        "watch>suspended suspended>active registered>barred active>barred watch>barred "
        "suspended>barred moved_out>barred barred>watch active>moved_out watch>moved_out "
        "suspended>moved_out moved_out>active registered>deregistered active>deregistered "
        "watch>deregistered suspended>deregistered barred>deregistered moved_out>deregistered"
    )
}

OLD_EDGES = "registered>active registered>suspended active>suspended suspended>active"

CAP = """
CREATE OR REPLACE FUNCTION vouchers_guard_cap() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    scheme text;
    cap bigint;
    used bigint;
    this_year timestamp;
BEGIN
    -- One issue at a time per enterprise: the second waits here and then sees the first.
    PERFORM 1 FROM vouchers_enterprise WHERE id = NEW.enterprise_id FOR UPDATE;
    SELECT slug, cap_fen INTO scheme, cap FROM vouchers_programme WHERE id = NEW.programme_id;
    this_year := date_trunc('year', NEW.issued_at AT TIME ZONE 'Asia/Shanghai');
    SELECT coalesce(sum(v.face_fen - v.returned_fen), 0) INTO used
    FROM vouchers_voucher v JOIN vouchers_programme p ON p.id = v.programme_id
    WHERE v.enterprise_id = NEW.enterprise_id AND p.slug = scheme AND v.id <> NEW.id
      AND date_trunc('year', v.issued_at AT TIME ZONE 'Asia/Shanghai') = this_year;
    IF used + NEW.face_fen - NEW.returned_fen > cap THEN
        RAISE EXCEPTION 'cap of % fen exceeded: % + %', cap, used, NEW.face_fen
            USING ERRCODE = 'check_violation', CONSTRAINT = 'voucher_within_cap';
    END IF;
    RETURN NEW;
END $$;
"""


def _edges(edges: str) -> str:
    return f"""
DROP TRIGGER guard_edge ON vouchers_enterprise;
CREATE TRIGGER guard_edge BEFORE UPDATE OF state ON vouchers_enterprise
    FOR EACH ROW EXECUTE FUNCTION vouchers_guard_edge('{edges}');
"""


class Migration(migrations.Migration):
    dependencies = [("vouchers", "0022_standing")]

    operations = [
        migrations.RunSQL(_edges(EDGES["enterprise"]), _edges(OLD_EDGES)),
        migrations.RunSQL(CAP, migrations.RunSQL.noop),
    ]

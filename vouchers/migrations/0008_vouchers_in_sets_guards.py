"""The guards of a voucher that is one of a set: its place, digest and code never change.

An enterprise may surrender a voucher; the edges are written out here on purpose.
"""

from django.db import migrations

EDGES = {
    "voucher": "active>used_up active>expired active>revoked active>surrendered",
}
BEFORE = "active>used_up active>expired active>revoked"
FROZEN = """
CREATE OR REPLACE FUNCTION vouchers_guard_voucher() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR NEW.face_fen <> OLD.face_fen OR NEW.enterprise_id <> OLD.enterprise_id
       OR NEW.programme_id <> OLD.programme_id OR NEW.voucher_no <> OLD.voucher_no
       OR NEW.application_id <> OLD.application_id OR NEW.returned_fen < OLD.returned_fen{more} THEN
        RAISE EXCEPTION 'face, owner and number of a voucher never change'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
"""
MORE = """
       OR NEW.set_no <> OLD.set_no OR NEW.issue_digest <> OLD.issue_digest
       OR NEW.check_code IS DISTINCT FROM OLD.check_code"""


def _guard(edges: str) -> str:
    return f"""
DROP TRIGGER guard_edge ON vouchers_voucher;
CREATE TRIGGER guard_edge BEFORE UPDATE OF state ON vouchers_voucher
    FOR EACH ROW EXECUTE FUNCTION vouchers_guard_edge('{edges}');
"""


class Migration(migrations.Migration):
    dependencies = [("vouchers", "0007_vouchers_in_sets")]

    operations = [
        migrations.RunSQL(_guard(EDGES["voucher"]), _guard(BEFORE)),
        migrations.RunSQL(FROZEN.replace("{more}", MORE), FROZEN.replace("{more}", "")),
    ]

"""The guards of the money set aside, in plain SQL.

- places in line, reservations, their ends, seeds, reveals and lines of a run never change;
- the pool's sum follows every reservation and end by itself;
- when a transaction ends, what is set aside is within the budget that is left: whoever issued,
  set aside or both at once;
- an application has at most one open reservation.
"""

from django.db import migrations

APPEND_ONLY = (
    "intake", "reservation", "reservationend", "drawseed", "drawreveal", "allocationline",
    "budgetalert",
)  # fmt: skip

FUNCTIONS = """
CREATE SEQUENCE vouchers_intake_position;

CREATE FUNCTION vouchers_pool_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM fresh f JOIN vouchers_reservation v ON v.intake_id = f.intake_id
        WHERE NOT EXISTS (SELECT FROM vouchers_reservationend e WHERE e.reservation_id = v.id)
        GROUP BY f.id HAVING count(*) > 1
    ) THEN
        RAISE EXCEPTION 'an application has money set aside already'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    UPDATE vouchers_budgetpool p SET reserved_fen = p.reserved_fen + s.fen
    FROM (SELECT slug, sum(amount_fen) AS fen FROM fresh GROUP BY slug) s WHERE p.slug = s.slug;
    RETURN NULL;
END $$;

CREATE FUNCTION vouchers_pool_shrinks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE vouchers_budgetpool p SET reserved_fen = p.reserved_fen - s.fen
    FROM (SELECT v.slug, sum(v.amount_fen) AS fen FROM fresh f
        JOIN vouchers_reservation v ON v.id = f.reservation_id GROUP BY v.slug) s
    WHERE p.slug = s.slug;
    RETURN NULL;
END $$;

CREATE FUNCTION vouchers_refuse_overbooking(scheme text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    aside bigint;
    left_over bigint;
BEGIN
    SELECT reserved_fen INTO aside FROM vouchers_budgetpool WHERE slug = scheme;
    IF coalesce(aside, 0) = 0 THEN RETURN; END IF;
    SELECT b.credits_posted - b.debits_posted - b.debits_pending INTO left_over
    FROM ledger_account a JOIN ledger_accountbalance b ON b.account_id = a.id
    WHERE a.code = '1100' AND a.programme = scheme AND a.subject = '';
    IF aside > coalesce(left_over, 0) THEN
        RAISE EXCEPTION 'set aside % fen of %, only % left', aside, scheme, coalesce(left_over, 0)
            USING ERRCODE = 'check_violation', CONSTRAINT = 'reserved_within_budget';
    END IF;
END $$;

CREATE FUNCTION vouchers_guard_pool() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM vouchers_refuse_overbooking(NEW.slug);
    RETURN NULL;
END $$;

CREATE FUNCTION vouchers_guard_pool_on_issue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM vouchers_refuse_overbooking(p.slug) FROM vouchers_programme p
    WHERE p.id = NEW.programme_id;
    RETURN NULL;
END $$;
"""

TRIGGERS = """
CREATE TRIGGER pool_grows AFTER INSERT ON vouchers_reservation REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION vouchers_pool_grows();
CREATE TRIGGER pool_shrinks AFTER INSERT ON vouchers_reservationend REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION vouchers_pool_shrinks();
CREATE CONSTRAINT TRIGGER guard_pool AFTER INSERT OR UPDATE ON vouchers_budgetpool
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION vouchers_guard_pool();
CREATE CONSTRAINT TRIGGER guard_pool AFTER INSERT ON vouchers_voucher
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION vouchers_guard_pool_on_issue();
"""

DROP = """
DROP FUNCTION vouchers_guard_pool_on_issue, vouchers_guard_pool, vouchers_refuse_overbooking,
    vouchers_pool_shrinks, vouchers_pool_grows CASCADE;
DROP SEQUENCE vouchers_intake_position;
"""


def _append_only(table: str) -> str:
    return f"""
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON vouchers_{table}
    FOR EACH ROW EXECUTE FUNCTION vouchers_refuse_change();
CREATE TRIGGER append_only_table BEFORE TRUNCATE ON vouchers_{table}
    FOR EACH STATEMENT EXECUTE FUNCTION vouchers_refuse_change();
ALTER TABLE vouchers_{table} ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE vouchers_{table} ENABLE ALWAYS TRIGGER append_only_table;
"""


def _release(table: str) -> str:
    return f"""
DROP TRIGGER append_only ON vouchers_{table};
DROP TRIGGER append_only_table ON vouchers_{table};
"""


class Migration(migrations.Migration):
    dependencies = [("vouchers", "0026_allocation")]

    operations = [
        migrations.RunSQL(FUNCTIONS + TRIGGERS, DROP),
        migrations.RunSQL(
            "".join(map(_append_only, APPEND_ONLY)), "".join(map(_release, APPEND_ONLY))
        ),
    ]

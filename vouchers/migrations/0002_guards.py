"""The guards of this room in plain SQL: what no program may do, whatever it believes.

- a state changes only along a legal edge, and each change leaves its state row in the same
  transaction (checked when the transaction ends);
- state rows, redemptions, enterprise facts and budget grants cannot be changed or removed;
- the rules of a published edition cannot be changed;
- the vouchers of one enterprise under one scheme never exceed the cap, two issues at once included.

The edges are written out here on purpose; a test holds them against the life cycles.
"""

from django.db import migrations

APPEND_ONLY = ("staterow", "redemption", "enterprisefact", "budgetgrant")

EDGES = {
    "programme": "draft>published published>paused paused>published published>closed paused>closed",
    "enterprise": "registered>active registered>suspended active>suspended suspended>active",
    "application": (
        "draft>submitted submitted>accepted accepted>supplement supplement>accepted "
        "accepted>in_second_review in_second_review>accepted in_second_review>proposed "
        "in_second_review>rejected proposed>in_notice in_notice>notice_done "
        "notice_done>approved approved>issued draft>withdrawn submitted>withdrawn "
        "accepted>withdrawn supplement>withdrawn in_second_review>withdrawn proposed>withdrawn"
    ),
    "publicnotice": "published>closed",
    "voucher": "active>used_up active>expired active>revoked",
    "hold": "open>closed",
}

FUNCTIONS = """
CREATE FUNCTION vouchers_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE FUNCTION vouchers_guard_edge() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state IS DISTINCT FROM OLD.state
       AND NOT (OLD.state || '>' || NEW.state) = ANY (string_to_array(TG_ARGV[0], ' ')) THEN
        RAISE EXCEPTION 'no edge from % to % for %', OLD.state, NEW.state, TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION vouchers_guard_memory() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state IS DISTINCT FROM OLD.state AND NOT EXISTS (
        SELECT 1 FROM vouchers_staterow r
        WHERE r.subject_id = NEW.id AND r.from_state = OLD.state AND r.to_state = NEW.state
          AND r.txid = txid_current()
    ) THEN
        RAISE EXCEPTION 'move of % % from % to % left no state row',
            TG_TABLE_NAME, NEW.id, OLD.state, NEW.state
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION vouchers_guard_rules() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.locked_at IS NOT NULL AND (
        NEW.rules IS DISTINCT FROM OLD.rules OR NEW.digest <> OLD.digest
        OR NEW.slug <> OLD.slug OR NEW.edition_no <> OLD.edition_no
        OR NEW.cap_fen <> OLD.cap_fen OR NEW.locked_at IS DISTINCT FROM OLD.locked_at
    ) THEN
        RAISE EXCEPTION 'edition %/% is locked', OLD.slug, OLD.edition_no
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION vouchers_guard_cap() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    scheme text;
    cap bigint;
    used bigint;
BEGIN
    -- One issue at a time per enterprise: the second waits here and then sees the first.
    PERFORM 1 FROM vouchers_enterprise WHERE id = NEW.enterprise_id FOR UPDATE;
    SELECT slug, cap_fen INTO scheme, cap FROM vouchers_programme WHERE id = NEW.programme_id;
    SELECT coalesce(sum(v.face_fen - v.returned_fen), 0) INTO used
    FROM vouchers_voucher v JOIN vouchers_programme p ON p.id = v.programme_id
    WHERE v.enterprise_id = NEW.enterprise_id AND p.slug = scheme AND v.id <> NEW.id;
    IF used + NEW.face_fen - NEW.returned_fen > cap THEN
        RAISE EXCEPTION 'cap of % fen exceeded: % + %', cap, used, NEW.face_fen
            USING ERRCODE = 'check_violation', CONSTRAINT = 'voucher_within_cap';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION vouchers_guard_voucher() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR NEW.face_fen <> OLD.face_fen OR NEW.enterprise_id <> OLD.enterprise_id
       OR NEW.programme_id <> OLD.programme_id OR NEW.voucher_no <> OLD.voucher_no
       OR NEW.application_id <> OLD.application_id OR NEW.returned_fen < OLD.returned_fen THEN
        RAISE EXCEPTION 'face, owner and number of a voucher never change'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
"""

TRIGGERS = """
-- The transaction that wrote a row, whatever savepoints lay between; the house never reads it.
ALTER TABLE vouchers_staterow ADD COLUMN txid bigint NOT NULL DEFAULT txid_current();
CREATE TRIGGER guard_rules BEFORE UPDATE ON vouchers_programme
    FOR EACH ROW EXECUTE FUNCTION vouchers_guard_rules();
CREATE TRIGGER guard_cap BEFORE INSERT ON vouchers_voucher
    FOR EACH ROW EXECUTE FUNCTION vouchers_guard_cap();
CREATE TRIGGER guard_voucher BEFORE UPDATE OR DELETE ON vouchers_voucher
    FOR EACH ROW EXECUTE FUNCTION vouchers_guard_voucher();
"""

DROP = """
DROP FUNCTION vouchers_guard_voucher, vouchers_guard_cap, vouchers_guard_rules,
    vouchers_guard_memory, vouchers_guard_edge, vouchers_refuse_change CASCADE;
ALTER TABLE vouchers_staterow DROP COLUMN txid;
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


def _edges(table: str, edges: str) -> str:
    return f"""
CREATE TRIGGER guard_edge BEFORE UPDATE OF state ON vouchers_{table}
    FOR EACH ROW EXECUTE FUNCTION vouchers_guard_edge('{edges}');
CREATE CONSTRAINT TRIGGER guard_memory AFTER UPDATE OF state ON vouchers_{table}
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION vouchers_guard_memory();
"""


def _sql() -> str:
    parts = [FUNCTIONS, TRIGGERS]
    parts += [_append_only(table) for table in APPEND_ONLY]
    parts += [_edges(table, edges) for table, edges in EDGES.items()]
    return "".join(parts)


class Migration(migrations.Migration):
    dependencies = [("vouchers", "0001_initial")]

    operations = [migrations.RunSQL(_sql(), DROP)]

"""Guards for registers, inquiries, decisions on criteria and successions, in plain SQL.

- lines of a register, decisions and successions are never changed or removed;
- of an import nothing changes but its decision, once; an inquiry moves along its edges.
"""

from django.db import migrations

EDGES = {"inquiry": "open>upheld open>dismissed"}
APPEND_ONLY = ("registerrow", "criteriondecision", "succession", "contractuse")

FUNCTIONS = """
CREATE FUNCTION vouchers_guard_import() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.confirmed_at IS NOT NULL OR OLD.discarded_at IS NOT NULL
       OR (NEW.register, NEW.source, NEW.as_of, NEW.file_name, NEW.sha256, NEW.row_count,
           NEW.prepared_at, NEW.prepared_by, NEW.prepared_person)
          IS DISTINCT FROM
          (OLD.register, OLD.source, OLD.as_of, OLD.file_name, OLD.sha256, OLD.row_count,
           OLD.prepared_at, OLD.prepared_by, OLD.prepared_person) THEN
        RAISE EXCEPTION 'a register is decided once and never changed'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE FUNCTION vouchers_guard_register_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM vouchers_registerimport
               WHERE id = NEW.batch_id
                 AND (confirmed_at IS NOT NULL OR discarded_at IS NOT NULL)) THEN
        RAISE EXCEPTION 'a decided register takes no more lines'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_import BEFORE UPDATE OR DELETE ON vouchers_registerimport
    FOR EACH ROW EXECUTE FUNCTION vouchers_guard_import();
CREATE FUNCTION vouchers_guard_request() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.decided_at IS NOT NULL
       OR (NEW.enterprise_id, NEW.event, NEW.until, NEW.successor_id, NEW.reason,
           NEW.prepared_at, NEW.prepared_by, NEW.prepared_person)
          IS DISTINCT FROM
          (OLD.enterprise_id, OLD.event, OLD.until, OLD.successor_id, OLD.reason,
           OLD.prepared_at, OLD.prepared_by, OLD.prepared_person) THEN
        RAISE EXCEPTION 'a request is decided once and never changed'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_request BEFORE UPDATE OR DELETE ON vouchers_standingrequest
    FOR EACH ROW EXECUTE FUNCTION vouchers_guard_request();
CREATE TRIGGER guard_late BEFORE INSERT ON vouchers_registerrow
    FOR EACH ROW EXECUTE FUNCTION vouchers_guard_register_row();
"""

DROP = """
DROP FUNCTION vouchers_guard_import, vouchers_guard_register_row, vouchers_guard_request CASCADE;
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
    parts = [FUNCTIONS]
    parts += [_append_only(table) for table in APPEND_ONLY]
    parts += [_edges(table, edges) for table, edges in EDGES.items()]
    return "".join(parts)


class Migration(migrations.Migration):
    dependencies = [("vouchers", "0024_registers")]

    operations = [migrations.RunSQL(_sql(), DROP)]

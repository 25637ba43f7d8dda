"""What a declared conflict of interest forbids, whatever a program believes.

- nobody moves an enterprise, its applications or its vouchers who declared a tie to it (compared
  as natural persons, by the state row that every move leaves);
- a declaration is only ever ended, once, and never removed.
"""

from django.db import migrations

GUARDS = """
CREATE FUNCTION vouchers_guard_abstention() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    concerned uuid;
BEGIN
    IF NEW.actor_person = '' THEN
        RETURN NEW;
    END IF;
    concerned := CASE NEW.subject_kind
        WHEN 'enterprise' THEN NEW.subject_id
        WHEN 'application' THEN (
            SELECT a.enterprise_id FROM vouchers_application a WHERE a.id = NEW.subject_id)
        WHEN 'voucher' THEN (
            SELECT v.enterprise_id FROM vouchers_voucher v WHERE v.id = NEW.subject_id)
    END;
    IF concerned IS NOT NULL AND EXISTS (
        SELECT 1 FROM vouchers_conflictdeclaration c
        WHERE c.enterprise_id = concerned AND c.person = NEW.actor_person AND c.ended_at IS NULL
    ) THEN
        RAISE EXCEPTION 'who declared a tie to enterprise % moves nothing of it', concerned
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION vouchers_guard_declaration() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.ended_at IS NOT NULL
       OR NEW.id <> OLD.id OR NEW.person <> OLD.person OR NEW.enterprise_id <> OLD.enterprise_id
       OR NEW.officer_id <> OLD.officer_id OR NEW.declared_at <> OLD.declared_at
       OR NEW.relation <> OLD.relation THEN
        RAISE EXCEPTION 'a declared conflict is ended once and otherwise left as it is'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER guard_abstention BEFORE INSERT ON vouchers_staterow
    FOR EACH ROW EXECUTE FUNCTION vouchers_guard_abstention();
CREATE TRIGGER guard_declaration BEFORE UPDATE OR DELETE ON vouchers_conflictdeclaration
    FOR EACH ROW EXECUTE FUNCTION vouchers_guard_declaration();
"""

DROP = "DROP FUNCTION vouchers_guard_abstention, vouchers_guard_declaration CASCADE;"


class Migration(migrations.Migration):
    dependencies = [("vouchers", "0009_conflicts")]

    operations = [migrations.RunSQL(GUARDS, DROP)]

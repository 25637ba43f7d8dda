"""Objections move along their edges alone; a second look is not taken by who decided first."""

from django.db import migrations

EDGES = {
    "noticeobjection": (
        "received>accepted received>investigated accepted>investigated investigated>accepted "
        "investigated>upheld investigated>dismissed investigated>not_admitted"
    ),
}

GUARDS = f"""
CREATE TRIGGER guard_edge BEFORE UPDATE OF state ON vouchers_noticeobjection
    FOR EACH ROW EXECUTE FUNCTION vouchers_guard_edge('{EDGES["noticeobjection"]}');
CREATE CONSTRAINT TRIGGER guard_memory AFTER UPDATE OF state ON vouchers_noticeobjection
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION vouchers_guard_memory();

CREATE FUNCTION vouchers_guard_second_look() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.outcome <> '' THEN
        RAISE EXCEPTION 'a second look is decided once'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.decider_person <> '' AND EXISTS (
        SELECT 1 FROM vouchers_staterow r
        WHERE r.subject_id = NEW.application_id AND r.actor_person = NEW.decider_person
          AND r.event IN ('refuse_acceptance', 'recommend', 'agree', 'reject', 'hit',
                          'uphold_objection')
    ) THEN
        RAISE EXCEPTION 'who decided first does not take the second look'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_second_look BEFORE UPDATE ON vouchers_reconsideration
    FOR EACH ROW EXECUTE FUNCTION vouchers_guard_second_look();
"""

DROP = """
DROP FUNCTION vouchers_guard_second_look CASCADE;
DROP TRIGGER guard_edge ON vouchers_noticeobjection;
DROP TRIGGER guard_memory ON vouchers_noticeobjection;
"""


class Migration(migrations.Migration):
    dependencies = [("vouchers", "0015_objections")]

    operations = [migrations.RunSQL(GUARDS, DROP)]

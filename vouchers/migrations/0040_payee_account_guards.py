"""A filed account keeps what was filed and is decided once; the same for every kind of payee."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION vouchers_guard_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.outcome <> ''
       OR (NEW.id, NEW.payee_id, NEW.holder, NEW.bank_name, NEW.number_closed, NEW.last4,
           NEW.filed_at, NEW.filed_name, NEW.filed_person)
          IS DISTINCT FROM
          (OLD.id, OLD.payee_id, OLD.holder, OLD.bank_name, OLD.number_closed, OLD.last4,
           OLD.filed_at, OLD.filed_name, OLD.filed_person) THEN
        RAISE EXCEPTION 'an account is kept as filed and decided once'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_account BEFORE UPDATE OR DELETE ON vouchers_enterpriseaccount
    FOR EACH ROW EXECUTE FUNCTION vouchers_guard_account();
"""


class Migration(migrations.Migration):
    dependencies = [("vouchers", "0039_payee_accounts")]

    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]

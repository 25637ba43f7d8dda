"""A payment also keeps its bank and the filing its account rests on."""

from django.db import migrations

FORWARD = """
CREATE OR REPLACE FUNCTION billing_guard_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.batch_id, NEW.provider_id, NEW.enterprise_id, NEW.amount_fen, NEW.offset_fen,
        NEW.payee_name, NEW.bank_name, NEW.account_masked, NEW.account_id)
       IS DISTINCT FROM
       (OLD.id, OLD.batch_id, OLD.provider_id, OLD.enterprise_id, OLD.amount_fen, OLD.offset_fen,
        OLD.payee_name, OLD.bank_name, OLD.account_masked, OLD.account_id)
       OR (OLD.bank_reference <> '' AND NEW.bank_reference <> OLD.bank_reference) THEN
        RAISE EXCEPTION 'a listed payment keeps its payee, account, amount and bank reference'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0020_account_of_a_payment")]

    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]

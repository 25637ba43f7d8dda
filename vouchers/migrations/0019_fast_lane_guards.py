"""A batch of the fast lane is filled once; its seed is the one whose digest was published."""

from django.db import migrations

GUARD = """
CREATE FUNCTION vouchers_guard_fast_batch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.confirmed_at IS NOT NULL OR NEW.seed <> OLD.seed
       OR NEW.seed_digest <> OLD.seed_digest OR NEW.share_bp <> OLD.share_bp
       OR NEW.programme_id <> OLD.programme_id THEN
        RAISE EXCEPTION 'the seed of a batch and a confirmed batch never change'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_fast_batch BEFORE UPDATE OR DELETE ON vouchers_fastbatch
    FOR EACH ROW EXECUTE FUNCTION vouchers_guard_fast_batch();
ALTER TABLE vouchers_fastbatch ADD CONSTRAINT fastbatch_digest_of_seed
    CHECK (seed_digest = encode(sha256(convert_to(seed, 'UTF8')), 'hex'));
"""

DROP = """
ALTER TABLE vouchers_fastbatch DROP CONSTRAINT fastbatch_digest_of_seed;
DROP FUNCTION vouchers_guard_fast_batch CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [("vouchers", "0018_fast_lane")]

    operations = [migrations.RunSQL(GUARD, DROP)]

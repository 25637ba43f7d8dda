"""Decisions of the desk are kept as taken; a record may be refused, but never after it counted."""

from django.db import migrations

EDGES = {"deskrequest": ["proposed>approved", "proposed>declined"]}
APPEND_ONLY = ["finding", "findingdecision"]

# As in 0002, with three more moves: what waits may be refused, a correction to nothing is zero.
USAGE = """
CREATE OR REPLACE FUNCTION providers_guard_usage() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- The one narrow path: the releasing and correcting statements say so for their transaction.
    IF current_setting('providers.moving_usage', true) IS DISTINCT FROM 'on' THEN
        RAISE EXCEPTION 'a usage record is never changed by hand'
            USING ERRCODE = 'check_violation';
    END IF;
    IF (NEW.id, NEW.provider_id, NEW.livemode, NEW.record_id, NEW.segment, NEW.batch_id,
        NEW.row_no, NEW.order_id, NEW.device_model, NEW.device_count, NEW.share_milli,
        NEW.started_at, NEW.ended_at, NEW.month, NEW.device_milli_seconds, NEW.content_digest,
        NEW.received_at, NEW.corrects, NEW.basis)
       IS DISTINCT FROM
       (OLD.id, OLD.provider_id, OLD.livemode, OLD.record_id, OLD.segment, OLD.batch_id,
        OLD.row_no, OLD.order_id, OLD.device_model, OLD.device_count, OLD.share_milli,
        OLD.started_at, OLD.ended_at, OLD.month, OLD.device_milli_seconds, OLD.content_digest,
        OLD.received_at, OLD.corrects, OLD.basis) THEN
        RAISE EXCEPTION 'the content of a usage record is kept as sent'
            USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.counted AND (NOT NEW.counted OR NEW.rate_id <> OLD.rate_id
                        OR NEW.gflops <> OLD.gflops OR NEW.settle_month <> OLD.settle_month) THEN
        RAISE EXCEPTION 'what counts stays counted; correct it by a new record'
            USING ERRCODE = 'check_violation';
    END IF;
    IF NOT (OLD.state = NEW.state AND OLD.state = 'held')
       AND NOT (OLD.state || '>' || NEW.state) = ANY (ARRAY[
           'held>accepted', 'held>superseded', 'open>superseded', 'zero>superseded',
           'accepted>superseded', 'held>refused', 'open>refused', 'held>zero']) THEN
        RAISE EXCEPTION 'a usage record may not go from % to %', OLD.state, NEW.state
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
"""
REQUEST = """
CREATE FUNCTION providers_guard_desk() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'proposed'
       OR (NEW.kind, NEW.provider_id, NEW.subject, NEW.names, NEW.reason, NEW.proposed_at,
           NEW.proposed_by, NEW.proposed_by_person)
          IS DISTINCT FROM
          (OLD.kind, OLD.provider_id, OLD.subject, OLD.names, OLD.reason, OLD.proposed_at,
           OLD.proposed_by, OLD.proposed_by_person) THEN
        RAISE EXCEPTION 'a request is kept as asked and decided once'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_desk BEFORE UPDATE ON providers_deskrequest
    FOR EACH ROW EXECUTE FUNCTION providers_guard_desk();
CREATE TRIGGER guard_state BEFORE UPDATE ON providers_deskrequest
    FOR EACH ROW EXECUTE FUNCTION providers_guard_state('proposed>approved', 'proposed>declined');
CREATE TRIGGER guard_delete BEFORE DELETE OR TRUNCATE ON providers_deskrequest
    FOR EACH STATEMENT EXECUTE FUNCTION providers_guard_change();
"""
KEPT = """
CREATE TRIGGER guard_append BEFORE UPDATE OR DELETE OR TRUNCATE ON providers_{table}
    FOR EACH STATEMENT EXECUTE FUNCTION providers_guard_change();
ALTER TABLE providers_{table} ENABLE ALWAYS TRIGGER guard_append;
"""


class Migration(migrations.Migration):
    dependencies = [("providers", "0012_desk")]
    operations = [
        migrations.RunSQL(
            [USAGE, REQUEST, *(KEPT.format(table=table) for table in APPEND_ONLY)],
            reverse_sql=migrations.RunSQL.noop,
        )
    ]

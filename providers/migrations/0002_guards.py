"""What the database refuses, whoever asks: illegal moves, and any change of what was recorded."""

from django.db import migrations

EDGES = {
    "provider": [
        "applied>admitted",
        "applied>declined",
        "admitted>suspended",
        "suspended>admitted",
        "admitted>removed",
        "suspended>removed",
    ],
    "providerkey": ["proposed>active", "proposed>revoked", "active>revoked"],
    "capacity": ["proposed>approved", "proposed>declined"],
    "acceleratoralias": ["proposed>approved", "proposed>declined"],
    "acceleratorrate": ["proposed>approved", "proposed>declined"],
    "offering": ["draft>published", "draft>withdrawn", "published>withdrawn"],
    "order": [
        "placed>accepted",
        "placed>refused",
        "placed>cancelled",
        "accepted>cancelled",
        "accepted>completed",
    ],
}
APPEND_ONLY = ["staterow", "batchrow", "zerodeclaration", "manifest", "offeringprice"]
NEVER_DELETED = ["usagebatch", "uploadanswer", "usageconflict", "meteringmonth", *EDGES]

FUNCTIONS = """
CREATE FUNCTION providers_guard_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state IS DISTINCT FROM OLD.state
       AND NOT (OLD.state || '>' || NEW.state) = ANY (TG_ARGV) THEN
        RAISE EXCEPTION '% may not go from % to %', TG_TABLE_NAME, OLD.state, NEW.state
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION providers_guard_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is kept as written: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'check_violation';
END $$;

CREATE FUNCTION providers_guard_usage() RETURNS trigger LANGUAGE plpgsql AS $$
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
           'accepted>superseded']) THEN
        RAISE EXCEPTION 'a usage record may not go from % to %', OLD.state, NEW.state
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION providers_guard_conflict() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.resolved_at IS NOT NULL
       OR (NEW.record_id, NEW.given_digest, NEW.batch_id, NEW.row_no, NEW.given)
          IS DISTINCT FROM
          (OLD.record_id, OLD.given_digest, OLD.batch_id, OLD.row_no, OLD.given) THEN
        RAISE EXCEPTION 'a conflict is kept as found and resolved once'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION providers_guard_batch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.provider_id, NEW.livemode, NEW.body_sha256, NEW.received_at, NEW.signature,
        NEW.signature_input)
       IS DISTINCT FROM
       (OLD.provider_id, OLD.livemode, OLD.body_sha256, OLD.received_at, OLD.signature,
        OLD.signature_input)
       OR (OLD.status <> 'processing'
           AND (NEW.status, NEW.rows, NEW.accepted, NEW.rejected, NEW.device_milli_seconds)
               IS DISTINCT FROM
               (OLD.status, OLD.rows, OLD.accepted, OLD.rejected, OLD.device_milli_seconds)) THEN
        RAISE EXCEPTION 'a finished batch is kept as it is' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION providers_guard_rate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'approved' AND (NEW.gflops, NEW.model_id, NEW.number_format, NEW.version,
                                   NEW.valid_from)
       IS DISTINCT FROM (OLD.gflops, OLD.model_id, OLD.number_format, OLD.version,
                         OLD.valid_from) THEN
        RAISE EXCEPTION 'an approved rate changes only by a new version'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
"""


def _triggers() -> list[str]:
    made = [
        "CREATE TRIGGER guard_usage BEFORE UPDATE ON providers_usagerecord"
        " FOR EACH ROW EXECUTE FUNCTION providers_guard_usage()",
        "CREATE TRIGGER guard_usage_delete BEFORE DELETE OR TRUNCATE ON providers_usagerecord"
        " FOR EACH STATEMENT EXECUTE FUNCTION providers_guard_change()",
        "CREATE TRIGGER guard_conflict BEFORE UPDATE ON providers_usageconflict"
        " FOR EACH ROW EXECUTE FUNCTION providers_guard_conflict()",
        "CREATE TRIGGER guard_batch BEFORE UPDATE ON providers_usagebatch"
        " FOR EACH ROW EXECUTE FUNCTION providers_guard_batch()",
        "CREATE TRIGGER guard_rate BEFORE UPDATE ON providers_acceleratorrate"
        " FOR EACH ROW EXECUTE FUNCTION providers_guard_rate()",
    ]
    for table, edges in EDGES.items():
        words = ", ".join(f"'{edge}'" for edge in edges)
        made.append(
            f"CREATE TRIGGER guard_state BEFORE UPDATE ON providers_{table}"
            f" FOR EACH ROW EXECUTE FUNCTION providers_guard_state({words})"
        )
    made += [
        f"CREATE TRIGGER guard_append BEFORE UPDATE OR DELETE OR TRUNCATE ON providers_{table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION providers_guard_change()"
        for table in APPEND_ONLY
    ]
    made += [
        f"CREATE TRIGGER guard_delete BEFORE DELETE OR TRUNCATE ON providers_{table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION providers_guard_change()"
        for table in NEVER_DELETED
    ]
    always = [
        f"ALTER TABLE providers_{table} ENABLE ALWAYS TRIGGER {trigger}"
        for table, trigger in [
            ("usagerecord", "guard_usage"),
            ("usagerecord", "guard_usage_delete"),
            *[(table, "guard_append") for table in APPEND_ONLY],
        ]
    ]
    return made + always


class Migration(migrations.Migration):
    dependencies = [("providers", "0001_initial")]
    operations = [migrations.RunSQL([FUNCTIONS, *_triggers()], reverse_sql=migrations.RunSQL.noop)]

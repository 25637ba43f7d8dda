"""Usage lies by settlement month; that a record counts once is kept in a table of its own.

A unique index of a partitioned table must hold the partition key, so it would hold within a month
only. ``providers_usageidentity`` is not partitioned: one row for each stored part of a record,
written by the database itself whenever a usage record is, never changed. Decision 0083.
"""

import django.db.models.deletion
from django.db import migrations, models

# Test data lies together whatever its month: it never enters a settlement.
TABLE = """
CREATE TABLE providers_usagerecord_new
    (LIKE providers_usagerecord INCLUDING DEFAULTS INCLUDING CONSTRAINTS)
    PARTITION BY RANGE (livemode, settle_month);
CREATE TABLE providers_usageidentity (
    provider_id uuid NOT NULL,
    livemode boolean NOT NULL,
    record_id varchar(128) NOT NULL,
    segment smallint NOT NULL,
    content_digest bytea NOT NULL
);
"""

# Made by whoever stores the first usage of a month. Attaching takes a lock that keeps neither
# readers nor writers of the other months waiting; who comes at the same moment looks again.
MONTHS = """
CREATE FUNCTION providers_make_part(name text, bounds text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    EXECUTE format('CREATE TABLE public.%I (LIKE public.providers_usagerecord'
                   ' INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name);
    EXECUTE format('ALTER TABLE public.providers_usagerecord ATTACH PARTITION public.%I'
                   ' FOR VALUES %s', name, bounds);
    -- Triggers of rows come with the parent's; those of statements do not.
    EXECUTE format('CREATE TRIGGER guard_usage_delete BEFORE DELETE OR TRUNCATE ON public.%I'
                   ' FOR EACH STATEMENT EXECUTE FUNCTION providers_guard_change()', name);
    EXECUTE format('ALTER TABLE public.%I ENABLE ALWAYS TRIGGER guard_usage_delete', name);
END $$;

CREATE FUNCTION providers_open_months(months text[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    month text;
    made integer := 0;
BEGIN
    FOREACH month IN ARRAY months LOOP
        IF month !~ '^(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])$' THEN
            RAISE EXCEPTION '% is no month that usage can lie in', month
                USING ERRCODE = 'check_violation';
        END IF;
        IF to_regclass('public.providers_usage_' || replace(month, '-', '_')) IS NULL THEN
            LOCK TABLE public.providers_usagerecord IN SHARE UPDATE EXCLUSIVE MODE;
            IF to_regclass('public.providers_usage_' || replace(month, '-', '_')) IS NULL THEN
                PERFORM providers_make_part(
                    'providers_usage_' || replace(month, '-', '_'),
                    format('FROM (true, %L) TO (true, %L)', month, to_char(
                        to_date(month, 'YYYY-MM') + interval '1 month', 'YYYY-MM')));
                made := made + 1;
            END IF;
        END IF;
    END LOOP;
    RETURN made;
END $$;
REVOKE ALL ON FUNCTION providers_make_part(text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION providers_open_months(text[]) FROM PUBLIC;
"""

MOVE = """
ALTER TABLE providers_usagerecord_new RENAME TO providers_usagerecord_moving;
ALTER TABLE providers_usagerecord RENAME TO providers_usagerecord_old;
ALTER TABLE providers_usagerecord_moving RENAME TO providers_usagerecord;
SELECT providers_make_part('providers_usage_test', 'FROM (false, MINVALUE) TO (false, MAXVALUE)');
SELECT providers_open_months(coalesce(array_agg(DISTINCT settle_month), '{}'))
  FROM providers_usagerecord_old WHERE livemode;
INSERT INTO providers_usagerecord SELECT * FROM providers_usagerecord_old ORDER BY id;
INSERT INTO providers_usageidentity
    SELECT provider_id, livemode, record_id, segment, content_digest
      FROM providers_usagerecord_old ORDER BY id;
DROP TABLE providers_usagerecord_old;
"""

KEYS = """
CREATE SEQUENCE providers_usagerecord_id_seq OWNED BY providers_usagerecord.id;
SELECT setval('providers_usagerecord_id_seq', coalesce(max(id), 0) + 1, false)
  FROM providers_usagerecord;
ALTER TABLE providers_usagerecord
    ALTER COLUMN id SET DEFAULT nextval('providers_usagerecord_id_seq');
ALTER TABLE providers_usagerecord ADD PRIMARY KEY (id, livemode, settle_month);
CREATE INDEX providers_usage_record ON providers_usagerecord (record_id);
CREATE INDEX providers_usage_batch ON providers_usagerecord (batch_id, row_no);
CREATE INDEX providers_usage_order ON providers_usagerecord (order_id) WHERE counted;
CREATE INDEX providers_usage_time ON providers_usagerecord (provider_id, started_at);
CREATE INDEX providers_usage_corrects ON providers_usagerecord (corrects) WHERE corrects <> '';
CREATE INDEX providers_usage_reversals ON providers_usagerecord (record_id) WHERE segment >= 1000;
CREATE INDEX providers_usage_waiting ON providers_usagerecord (provider_id, state)
    WHERE state IN ('held', 'open');
ALTER TABLE providers_usageidentity ADD CONSTRAINT usage_record_once
    PRIMARY KEY (provider_id, livemode, record_id, segment);
"""

GUARDS = """
CREATE FUNCTION providers_keep_identity() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO public.providers_usageidentity
        SELECT provider_id, livemode, record_id, segment, content_digest FROM stored;
    RETURN NULL;
END $$;
CREATE TRIGGER keep_identity AFTER INSERT ON providers_usagerecord
    REFERENCING NEW TABLE AS stored
    FOR EACH STATEMENT EXECUTE FUNCTION providers_keep_identity();
ALTER TABLE providers_usagerecord ENABLE ALWAYS TRIGGER keep_identity;
CREATE TRIGGER guard_usage BEFORE UPDATE ON providers_usagerecord
    FOR EACH ROW EXECUTE FUNCTION providers_guard_usage();
ALTER TABLE providers_usagerecord ENABLE ALWAYS TRIGGER guard_usage;
CREATE TRIGGER guard_usage_delete BEFORE DELETE OR TRUNCATE ON providers_usagerecord
    FOR EACH STATEMENT EXECUTE FUNCTION providers_guard_change();
ALTER TABLE providers_usagerecord ENABLE ALWAYS TRIGGER guard_usage_delete;
CREATE TRIGGER guard_append BEFORE UPDATE OR DELETE OR TRUNCATE ON providers_usageidentity
    FOR EACH STATEMENT EXECUTE FUNCTION providers_guard_change();
ALTER TABLE providers_usageidentity ENABLE ALWAYS TRIGGER guard_append;
"""

_PROVIDER = {
    "db_constraint": False,
    "db_index": False,
    "on_delete": django.db.models.deletion.PROTECT,
    "related_name": "+",
    "to": "providers.provider",
}
STATE = [
    migrations.RemoveConstraint("usagerecord", "usage_record_once"),
    migrations.RemoveIndex("usagerecord", "providers_usage_settle"),
    migrations.RemoveIndex("usagerecord", "providers_usage_model_time"),
    migrations.AddIndex(
        "usagerecord", models.Index(fields=["record_id"], name="providers_usage_record")
    ),
    migrations.AddIndex(
        "usagerecord",
        models.Index(
            fields=["order"], name="providers_usage_order", condition=models.Q(counted=True)
        ),
    ),
    migrations.AddIndex(
        "usagerecord", models.Index(fields=["provider", "started_at"], name="providers_usage_time")
    ),
    migrations.AddIndex(
        "usagerecord",
        models.Index(
            fields=["corrects"],
            name="providers_usage_corrects",
            condition=models.Q(("corrects", ""), _negated=True),
        ),
    ),
    migrations.AddIndex(
        "usagerecord",
        models.Index(
            fields=["record_id"],
            name="providers_usage_reversals",
            condition=models.Q(segment__gte=1000),
        ),
    ),
    migrations.CreateModel(
        name="UsageIdentity",
        fields=[
            (
                "pk",
                models.CompositePrimaryKey(
                    "provider",
                    "livemode",
                    "record_id",
                    "segment",
                    blank=True,
                    editable=False,
                    primary_key=True,
                    serialize=False,
                ),
            ),
            ("provider", models.ForeignKey(**_PROVIDER)),
            ("livemode", models.BooleanField(verbose_name="正式")),
            ("record_id", models.CharField(max_length=128, verbose_name="记录编号")),
            ("segment", models.SmallIntegerField(verbose_name="分段")),
            ("content_digest", models.BinaryField(max_length=32, verbose_name="内容摘要")),
        ],
        options={"verbose_name": "记录登记", "verbose_name_plural": "记录登记"},
    ),
]


class Migration(migrations.Migration):
    dependencies = [("providers", "0010_removed_bodies")]
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(TABLE),
                migrations.RunSQL(MONTHS),
                migrations.RunSQL(MOVE),
                migrations.RunSQL(KEYS),
                migrations.RunSQL(GUARDS),
            ],
            state_operations=STATE,
        )
    ]

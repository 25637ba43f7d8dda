"""Rates with evidence that never overlap in time; aliases in versions."""

from django.db import migrations, models

from providers.migrations._guards import edges_of

EDGES = {"acceleratoralias": ["proposed>approved", "proposed>declined", "approved>retired"]}
FUNCTIONS = """
CREATE FUNCTION providers_guard_rate_time() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> 'approved' THEN
        RETURN NEW;
    END IF;
    -- One at a time per model: what is looked at below cannot change meanwhile.
    PERFORM 1 FROM providers_acceleratormodel WHERE id = NEW.model_id FOR NO KEY UPDATE;
    IF EXISTS (
        SELECT 1 FROM providers_acceleratorrate r
         WHERE r.model_id = NEW.model_id AND r.number_format = NEW.number_format
           AND r.state = 'approved' AND r.id <> NEW.id
           AND tstzrange(r.valid_from, r.valid_until) && tstzrange(NEW.valid_from, NEW.valid_until)
    ) THEN
        RAISE EXCEPTION 'two approved rates of a model and number format overlap in time'
            USING ERRCODE = 'exclusion_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION providers_guard_rate_evidence() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.source, NEW.page, NEW.document_sha256, NEW.grade, NEW.dense, NEW.proposed_by_person,
        NEW.gflops, NEW.model_id, NEW.number_format, NEW.version, NEW.caution)
       IS DISTINCT FROM
       (OLD.source, OLD.page, OLD.document_sha256, OLD.grade, OLD.dense, OLD.proposed_by_person,
        OLD.gflops, OLD.model_id, OLD.number_format, OLD.version, OLD.caution) THEN
        RAISE EXCEPTION 'a rate is kept as proposed; propose the next version'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION providers_guard_alias() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.alias, NEW.model_id, NEW.version, NEW.proposed_by_person) IS DISTINCT FROM
       (OLD.alias, OLD.model_id, OLD.version, OLD.proposed_by_person) THEN
        RAISE EXCEPTION 'an alias is kept as proposed; propose the next version'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
"""


def _triggers() -> list[str]:
    return [
        "DROP TRIGGER guard_state ON providers_acceleratoralias",
        edges_of("acceleratoralias", EDGES["acceleratoralias"]),
        "CREATE TRIGGER guard_rate_time BEFORE INSERT OR UPDATE ON providers_acceleratorrate"
        " FOR EACH ROW EXECUTE FUNCTION providers_guard_rate_time()",
        "CREATE TRIGGER guard_rate_evidence BEFORE UPDATE ON providers_acceleratorrate"
        " FOR EACH ROW EXECUTE FUNCTION providers_guard_rate_evidence()",
        "CREATE TRIGGER guard_alias BEFORE UPDATE ON providers_acceleratoralias"
        " FOR EACH ROW EXECUTE FUNCTION providers_guard_alias()",
    ]


class Migration(migrations.Migration):
    dependencies = [("providers", "0014_access")]
    operations = [
        migrations.RemoveConstraint(
            model_name="acceleratoralias",
            name="alias_state_known",
        ),
        migrations.RemoveConstraint(
            model_name="acceleratoralias",
            name="alias_once",
        ),
        migrations.AddField(
            model_name="acceleratoralias",
            name="version",
            field=models.PositiveSmallIntegerField(default=1, verbose_name="版本"),
        ),
        migrations.AddField(
            model_name="acceleratorrate",
            name="caution",
            field=models.CharField(blank=True, max_length=200, verbose_name="提示批准人"),
        ),
        migrations.AddField(
            model_name="acceleratorrate",
            name="dense",
            field=models.BooleanField(default=True, verbose_name="稠密"),
        ),
        migrations.AddField(
            model_name="acceleratorrate",
            name="document_sha256",
            field=models.CharField(blank=True, max_length=64, verbose_name="文件摘要"),
        ),
        migrations.AddField(
            model_name="acceleratorrate",
            name="page",
            field=models.CharField(blank=True, max_length=50, verbose_name="页码或条目"),
        ),
        migrations.AlterField(
            model_name="acceleratoralias",
            name="state",
            field=models.CharField(
                choices=[
                    ("proposed", "待批准"),
                    ("approved", "已批准"),
                    ("declined", "未批准"),
                    ("retired", "已停用"),
                ],
                default="proposed",
                max_length=50,
                verbose_name="状态",
            ),
        ),
        migrations.AlterField(
            model_name="acceleratorrate",
            name="number_format",
            field=models.CharField(
                choices=[
                    ("FP16_DENSE", "FP16/BF16"),
                    ("FP8_DENSE", "FP8"),
                    ("INT8_DENSE", "INT8"),
                    ("TF32_DENSE", "TF32"),
                    ("FP32_DENSE", "FP32（通用单元）"),
                ],
                default="FP16_DENSE",
                max_length=20,
                verbose_name="数制",
            ),
        ),
        migrations.AddConstraint(
            model_name="acceleratoralias",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["proposed", "approved", "declined", "retired"])),
                name="alias_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="acceleratoralias",
            constraint=models.UniqueConstraint(
                models.F("alias"), condition=models.Q(("state", "approved")), name="alias_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="acceleratoralias",
            constraint=models.UniqueConstraint(
                models.F("alias"),
                condition=models.Q(("state", "proposed")),
                name="alias_proposed_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="acceleratoralias",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "declined"), _negated=True),
                fields=("alias", "version"),
                name="alias_version_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="acceleratorrate",
            constraint=models.CheckConstraint(
                condition=models.Q(("dense", True)), name="rate_dense"
            ),
        ),
        migrations.AddConstraint(
            model_name="acceleratorrate",
            constraint=models.CheckConstraint(
                condition=models.Q(("source", ""), _negated=True), name="rate_has_evidence"
            ),
        ),
        migrations.AddConstraint(
            model_name="acceleratorrate",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "number_format__in",
                        ["FP16_DENSE", "FP8_DENSE", "INT8_DENSE", "TF32_DENSE", "FP32_DENSE"],
                    )
                ),
                name="rate_format_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="acceleratorrate",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("valid_until__isnull", True),
                    ("valid_until__gt", models.F("valid_from")),
                    _connector="OR",
                ),
                name="rate_validity_forward",
            ),
        ),
        migrations.RunSQL([FUNCTIONS, *_triggers()], migrations.RunSQL.noop),
    ]

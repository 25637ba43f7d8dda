"""Batches remember when their raw bytes were removed, and cannot forget it again."""

from django.db import migrations, models

GUARD = """
CREATE FUNCTION providers_guard_removed_body() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'when the raw bytes of a batch went is written once'
        USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER guard_removed_body BEFORE UPDATE ON providers_usagebatch
    FOR EACH ROW WHEN (OLD.body_removed_at IS NOT NULL
                       AND NEW.body_removed_at IS DISTINCT FROM OLD.body_removed_at)
    EXECUTE FUNCTION providers_guard_removed_body();
"""


class Migration(migrations.Migration):
    dependencies = [("providers", "0002_guards")]
    operations = [
        migrations.AddField(
            model_name="usagebatch",
            name="body_removed_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="原始文件清理时间"),
        ),
        migrations.AddIndex(
            model_name="usagebatch",
            index=models.Index(fields=["body_sha256"], name="providers_batch_body"),
        ),
        migrations.RunSQL(GUARD, reverse_sql=migrations.RunSQL.noop),
    ]

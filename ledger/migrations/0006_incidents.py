"""Incidents of the books, and the safe mode that lasts while one is open."""

import django.db.models.deletion
from django.db import migrations, models

import ledger.identifiers
from ledger.migrations._append_only import append_only

APPEND_ONLY = ("incident", "incidentrequest", "incidentclosing")

FUNCTIONS = """
-- Asked by every posting that redeems, settles or pays.
CREATE OR REPLACE FUNCTION ledger_safe_mode() RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM ledger_incident i WHERE NOT EXISTS (
        SELECT FROM ledger_incidentclosing c WHERE c.incident_id = i.id))
$$;

CREATE FUNCTION ledger_guard_closing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM ledger_incidentrequest r
        WHERE r.id = NEW.request_id AND r.incident_id = NEW.incident_id
          AND r.asked_person = NEW.asked_person) THEN
        RAISE EXCEPTION 'a closing confirms a request for the same incident'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_closing BEFORE INSERT ON ledger_incidentclosing
    FOR EACH ROW EXECUTE FUNCTION ledger_guard_closing();
ALTER TABLE ledger_incidentclosing ENABLE ALWAYS TRIGGER guard_closing;
"""
NO_FUNCTIONS = """
CREATE OR REPLACE FUNCTION ledger_safe_mode() RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT false
$$;
DROP FUNCTION ledger_guard_closing() CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0005_rollups"),
    ]

    operations = [
        migrations.CreateModel(
            name="Incident",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=ledger.identifiers.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("opened_at", models.DateTimeField()),
                ("opened_by", models.JSONField()),
                ("findings", models.JSONField()),
                ("digest", models.CharField(max_length=64)),
                ("entry_id", models.UUIDField()),
            ],
            options={
                "verbose_name": "核对异常",
                "permissions": [
                    ("view_incidents", "查看账簿核对结果"),
                    ("lift_safe_mode", "申请与确认解除安全模式"),
                ],
            },
        ),
        migrations.CreateModel(
            name="IncidentRequest",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=ledger.identifiers.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("reason", models.TextField()),
                ("asked_at", models.DateTimeField()),
                ("asked_by", models.JSONField()),
                ("asked_name", models.CharField(max_length=100)),
                ("asked_person", models.CharField(max_length=64)),
                (
                    "incident",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="requests",
                        to="ledger.incident",
                    ),
                ),
            ],
            options={
                "verbose_name": "解除申请",
                "ordering": ["asked_at", "id"],
            },
        ),
        migrations.CreateModel(
            name="IncidentClosing",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=ledger.identifiers.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("closed_at", models.DateTimeField()),
                ("closed_by", models.JSONField()),
                ("closed_name", models.CharField(max_length=100)),
                ("closed_person", models.CharField(max_length=64)),
                ("asked_person", models.CharField(max_length=64)),
                ("entry_id", models.UUIDField()),
                (
                    "incident",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="closing",
                        to="ledger.incident",
                    ),
                ),
                (
                    "request",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="closing",
                        to="ledger.incidentrequest",
                    ),
                ),
            ],
            options={
                "verbose_name": "安全模式解除",
            },
        ),
        migrations.AddConstraint(
            model_name="incidentrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("asked_person", ""), _negated=True),
                    models.Q(("reason", ""), _negated=True),
                ),
                name="incident_asked_by_somebody",
            ),
        ),
        migrations.AddConstraint(
            model_name="incidentclosing",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("closed_person", ""), _negated=True),
                    models.Q(("closed_person", models.F("asked_person")), _negated=True),
                ),
                name="incident_two_persons",
            ),
        ),
        migrations.RunSQL(FUNCTIONS, NO_FUNCTIONS),
        *append_only(*APPEND_ONLY),
    ]

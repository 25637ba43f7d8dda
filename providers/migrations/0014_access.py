"""Keys with one algorithm, address lists, windows of use, clearances, webhooks."""

import django.db.models.deletion
import django_fsm
from django.db import migrations, models

import ledger.identifiers
from providers.migrations._guards import edges_of, kept, never_deleted

EDGES = {"networkfiling": ["proposed>approved", "proposed>declined"]}
FUNCTIONS = """
CREATE FUNCTION providers_guard_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.key_id, NEW.provider_id, NEW.mode, NEW.algorithm, NEW.public_key, NEW.token_digest,
        NEW.challenge, NEW.replaces_id, NEW.valid_from, NEW.proposed_by_person)
       IS DISTINCT FROM
       (OLD.key_id, OLD.provider_id, OLD.mode, OLD.algorithm, OLD.public_key, OLD.token_digest,
        OLD.challenge, OLD.replaces_id, OLD.valid_from, OLD.proposed_by_person)
       OR NEW.valid_until > OLD.valid_until
       OR (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS DISTINCT FROM OLD.revoked_at)
       OR (OLD.compromised_since IS NOT NULL
           AND (NEW.compromised_since IS NULL OR NEW.compromised_since > OLD.compromised_since))
    THEN
        RAISE EXCEPTION 'a key is kept as proposed; make a new one'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION providers_guard_evidence() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.key_id IS NOT NULL AND NEW.livemode IS DISTINCT FROM
           (SELECT mode = 'live' FROM providers_providerkey WHERE id = NEW.key_id) THEN
            RAISE EXCEPTION 'a test key sends tests and a live key what counts'
                USING ERRCODE = 'check_violation';
        END IF;
    ELSIF (NEW.key_id, NEW.signed_components) IS DISTINCT FROM
          (OLD.key_id, OLD.signed_components) THEN
        RAISE EXCEPTION 'the evidence of a batch is kept as it came'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION providers_guard_nonce() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Signatures are judged by real time, so this is the one question for the server's clock.
    IF OLD.expires_at > clock_timestamp() THEN
        RAISE EXCEPTION 'a nonce that could still be replayed is not forgotten'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN OLD;
END $$;

CREATE FUNCTION providers_guard_filing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.key_id, NEW.networks, NEW.proposed_by_person) IS DISTINCT FROM
       (OLD.key_id, OLD.networks, OLD.proposed_by_person) THEN
        RAISE EXCEPTION 'an address list is kept as filed' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION providers_guard_webhook() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.provider_id, NEW.url, NEW.events, NEW.public_key) IS DISTINCT FROM
       (OLD.provider_id, OLD.url, OLD.events, OLD.public_key) OR OLD.removed_at IS NOT NULL THEN
        RAISE EXCEPTION 'a webhook is kept as made; make a new one'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION providers_guard_delivery() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.webhook_id, NEW.message_id, NEW.event, NEW.payload, NEW.created_at)
       IS DISTINCT FROM
       (OLD.webhook_id, OLD.message_id, OLD.event, OLD.payload, OLD.created_at)
       OR NEW.attempts < OLD.attempts THEN
        RAISE EXCEPTION 'what was told is kept as told' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
"""


def _triggers() -> list[str]:
    rows = [
        ("key", "UPDATE", "providerkey"),
        ("evidence", "INSERT OR UPDATE", "usagebatch"),
        ("nonce", "DELETE", "usagenonce"),
        ("filing", "UPDATE", "networkfiling"),
        ("webhook", "UPDATE", "webhook"),
        ("delivery", "UPDATE", "webhookdelivery"),
    ]
    made = [
        f"CREATE TRIGGER guard_{what} BEFORE {when} ON providers_{table}"
        f" FOR EACH ROW EXECUTE FUNCTION providers_guard_{what}()"
        for what, when, table in rows
    ]
    return [
        *made,
        edges_of("networkfiling", EDGES["networkfiling"]),
        *kept("batchclearance", "webhookattempt"),
        *never_deleted("networkfiling", "webhook", "webhookdelivery"),
    ]


class Migration(migrations.Migration):
    dependencies = [("providers", "0013_desk_guards")]
    operations = [
        migrations.CreateModel(
            name="BatchClearance",
            fields=[
                (
                    "id",
                    models.BigAutoField(primary_key=True, serialize=False),
                ),
                (
                    "batch",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="clearance",
                        to="providers.usagebatch",
                        verbose_name="批次",
                    ),
                ),
                ("cleared_at", models.DateTimeField(verbose_name="核实时间")),
                ("cleared_by", models.CharField(max_length=100, verbose_name="核实人")),
                ("cleared_by_person", models.CharField(max_length=64, verbose_name="核实自然人")),
                ("reason", models.CharField(max_length=200, verbose_name="核实依据")),
            ],
            options={
                "verbose_name": "批次核实",
                "verbose_name_plural": "批次核实",
            },
        ),
        migrations.CreateModel(
            name="NetworkFiling",
            fields=[
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("proposed", "待批准"),
                            ("approved", "已批准"),
                            ("declined", "未批准"),
                        ],
                        default="proposed",
                        max_length=50,
                        verbose_name="状态",
                    ),
                ),
                (
                    "id",
                    models.UUIDField(
                        default=ledger.identifiers.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("networks", models.JSONField(default=list, verbose_name="网段")),
                ("reason", models.CharField(blank=True, max_length=200, verbose_name="理由")),
                ("filed_at", models.DateTimeField(verbose_name="提出时间")),
                (
                    "proposed_by_person",
                    models.CharField(blank=True, max_length=64, verbose_name="提出自然人"),
                ),
                (
                    "approved_by_person",
                    models.CharField(blank=True, max_length=64, verbose_name="确认自然人"),
                ),
            ],
            options={
                "verbose_name": "来源网段",
                "verbose_name_plural": "来源网段",
            },
            bases=(django_fsm.FSMModelMixin, models.Model),
        ),
        migrations.CreateModel(
            name="RateWindow",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("started_at", models.DateTimeField(verbose_name="窗口起")),
                ("requests", models.BigIntegerField(verbose_name="请求数")),
                ("records", models.BigIntegerField(verbose_name="记录数")),
            ],
            options={
                "verbose_name": "限流窗口",
                "verbose_name_plural": "限流窗口",
            },
        ),
        migrations.CreateModel(
            name="Webhook",
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
                ("url", models.CharField(max_length=500, verbose_name="地址")),
                ("events", models.JSONField(default=list, verbose_name="事件")),
                ("public_key", models.CharField(max_length=60, verbose_name="验签公钥")),
                ("created_at", models.DateTimeField(verbose_name="登记时间")),
                ("created_by", models.CharField(max_length=100, verbose_name="登记人")),
                (
                    "removed_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="停用时间"),
                ),
            ],
            options={
                "verbose_name": "通知地址",
                "verbose_name_plural": "通知地址",
            },
        ),
        migrations.CreateModel(
            name="WebhookAttempt",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("number", models.PositiveSmallIntegerField(verbose_name="第几次")),
                ("at", models.DateTimeField(verbose_name="时间")),
                ("status", models.PositiveSmallIntegerField(default=0, verbose_name="应答码")),
                ("error", models.CharField(blank=True, max_length=200, verbose_name="问题")),
            ],
            options={
                "verbose_name": "通知尝试",
                "verbose_name_plural": "通知尝试",
            },
        ),
        migrations.CreateModel(
            name="WebhookDelivery",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "message_id",
                    models.CharField(max_length=40, unique=True, verbose_name="消息编号"),
                ),
                ("event", models.CharField(max_length=30, verbose_name="事件")),
                ("payload", models.JSONField(default=dict, verbose_name="内容")),
                ("created_at", models.DateTimeField(verbose_name="产生时间")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "待送达"),
                            ("delivered", "已送达"),
                            ("given_up", "未送达"),
                        ],
                        default="waiting",
                        max_length=10,
                        verbose_name="状态",
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0, verbose_name="尝试次数")),
                (
                    "round_count",
                    models.PositiveSmallIntegerField(default=0, verbose_name="本轮尝试次数"),
                ),
                ("next_at", models.DateTimeField(verbose_name="下次尝试")),
            ],
            options={
                "verbose_name": "通知",
                "verbose_name_plural": "通知",
            },
        ),
        migrations.AddField(
            model_name="providerkey",
            name="networks",
            field=models.JSONField(default=list, verbose_name="来源网段"),
        ),
        migrations.AddField(
            model_name="providerkey",
            name="replaces",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="successors",
                to="providers.providerkey",
                verbose_name="替换的密钥",
            ),
        ),
        migrations.AddField(
            model_name="usagebatch",
            name="signed_components",
            field=models.JSONField(default=dict, verbose_name="签名覆盖的内容"),
        ),
        migrations.AlterField(
            model_name="providerkey",
            name="algorithm",
            field=models.CharField(
                choices=[
                    ("ed25519", "Ed25519"),
                    ("ecdsa-p256-sha256", "ECDSA P-256"),
                    ("sm2-sm3", "SM2（国密）"),
                ],
                default="ed25519",
                max_length=20,
                verbose_name="签名算法",
            ),
        ),
        migrations.AlterField(
            model_name="providerkey",
            name="challenge",
            field=models.CharField(blank=True, max_length=250, verbose_name="挑战值"),
        ),
        migrations.AddConstraint(
            model_name="providerkey",
            constraint=models.CheckConstraint(
                condition=models.Q(("algorithm__in", ["ed25519", "ecdsa-p256-sha256", "sm2-sm3"])),
                name="key_algorithm_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="providerkey",
            constraint=models.UniqueConstraint(
                condition=models.Q(("mode", "live"), models.Q(("state", "revoked"), _negated=True)),
                fields=("public_key",),
                name="key_signs_for_one",
            ),
        ),
        migrations.AddField(
            model_name="networkfiling",
            name="key",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="network_filings",
                to="providers.providerkey",
                verbose_name="密钥",
            ),
        ),
        migrations.AddField(
            model_name="ratewindow",
            name="key",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="rate_windows",
                to="providers.providerkey",
            ),
        ),
        migrations.AddField(
            model_name="webhook",
            name="provider",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="webhooks",
                to="providers.provider",
                verbose_name="供方",
            ),
        ),
        migrations.AddField(
            model_name="webhookdelivery",
            name="webhook",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="deliveries",
                to="providers.webhook",
                verbose_name="通知地址",
            ),
        ),
        migrations.AddField(
            model_name="webhookattempt",
            name="delivery",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="tries",
                to="providers.webhookdelivery",
                verbose_name="通知",
            ),
        ),
        migrations.AddConstraint(
            model_name="networkfiling",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["proposed", "approved", "declined"])),
                name="networks_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="networkfiling",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("approved_by_person", ""),
                    models.Q(("proposed_by_person", models.F("approved_by_person")), _negated=True),
                    _connector="OR",
                ),
                name="networks_two_persons",
            ),
        ),
        migrations.AddConstraint(
            model_name="ratewindow",
            constraint=models.UniqueConstraint(
                fields=("key", "started_at"), name="rate_window_once"
            ),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(
                condition=models.Q(("state", "waiting")),
                fields=["next_at"],
                name="providers_delivery_due",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(fields=["webhook", "-id"], name="providers_delivery_newest"),
        ),
        migrations.AddConstraint(
            model_name="webhookdelivery",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["waiting", "delivered", "given_up"])),
                name="delivery_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookattempt",
            constraint=models.UniqueConstraint(
                fields=("delivery", "number"), name="webhook_attempt_once"
            ),
        ),
        migrations.RunSQL([FUNCTIONS, *_triggers()], migrations.RunSQL.noop),
    ]

"""Roll-ups: what lies in an account without a balance row is found in flat time.

The indexes of the two sides of a transfer gain the place in the order of booking, so that a sum
may begin behind a roll-up and a statement may be read page by page.
"""

import django.db.models.deletion
from django.db import migrations, models

from ledger.migrations._append_only import append_only

APPEND_ONLY = ("accountrollup", "periodclose")

FUNCTIONS = """
-- The four sums of one account up to a place in the order of booking: the last roll-up that lies
-- there or before, and the transfers behind it. The planner is told to go by the indexes: a plan
-- made while the table was small must not read all of it when it is large.
CREATE FUNCTION ledger_sums_upto(account bigint, place bigint)
RETURNS TABLE(debits_pending bigint, debits_posted bigint,
              credits_pending bigint, credits_posted bigint)
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
    WITH last AS MATERIALIZED (
        SELECT r.upto_seq, r.debits_pending, r.debits_posted, r.credits_pending, r.credits_posted
        FROM ledger_accountrollup r WHERE r.account_id = account AND r.upto_seq <= place
        ORDER BY r.upto_seq DESC LIMIT 1
    ), tail AS MATERIALIZED (
        SELECT true AS debit, t.phase, t.amount, t.pending_id FROM ledger_transfer t
        WHERE t.debit_id = account AND t.journal_id <= place
          AND t.journal_id > coalesce((SELECT upto_seq FROM last), 0)
        UNION ALL
        SELECT false, t.phase, t.amount, t.pending_id FROM ledger_transfer t
        WHERE t.credit_id = account AND t.journal_id <= place
          AND t.journal_id > coalesce((SELECT upto_seq FROM last), 0)
    ), lines AS (
        SELECT debit,
            CASE n.phase WHEN 'pending' THEN n.amount WHEN 'single' THEN 0
                ELSE -(SELECT p.amount FROM ledger_transfer p WHERE p.id = n.pending_id)
            END AS held,
            CASE WHEN n.phase IN ('single', 'post') THEN n.amount ELSE 0 END AS moved
        FROM tail n
    ), sums AS (
        SELECT coalesce(sum(held) FILTER (WHERE debit), 0) AS dp,
            coalesce(sum(moved) FILTER (WHERE debit), 0) AS d,
            coalesce(sum(held) FILTER (WHERE NOT debit), 0) AS cp,
            coalesce(sum(moved) FILTER (WHERE NOT debit), 0) AS c
        FROM lines
    )
    SELECT (coalesce(last.debits_pending, 0) + dp)::bigint,
        (coalesce(last.debits_posted, 0) + d)::bigint,
        (coalesce(last.credits_pending, 0) + cp)::bigint,
        (coalesce(last.credits_posted, 0) + c)::bigint
    FROM sums LEFT JOIN last ON true
$$;

-- How accounts without a balance row stand now. Whoever decides by it locks the accounts first,
-- in a statement of its own, so that this one sees what was booked meanwhile.
CREATE FUNCTION ledger_deferred_sums(ids bigint[])
RETURNS TABLE(account_id bigint, debits_pending bigint, debits_posted bigint,
              credits_pending bigint, credits_posted bigint)
LANGUAGE sql STABLE AS $$
    SELECT asked.id, s.* FROM unnest(ids) AS asked (id)
    CROSS JOIN LATERAL ledger_sums_upto(asked.id, 9223372036854775807) AS s
$$;

-- What may be taken out of an account without a balance row, its row being locked: posting asks
-- it, and from here on it begins behind the last roll-up too.
CREATE OR REPLACE FUNCTION ledger_deferred_available(account bigint) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT credits_posted - debits_posted - debits_pending
    FROM public.ledger_sums_upto(account, 9223372036854775807)
$$;
"""
DROP_FUNCTIONS = """
DROP FUNCTION ledger_deferred_sums(bigint[]);
DROP FUNCTION ledger_sums_upto(bigint, bigint);
"""


def side(name: str) -> migrations.AlterField:
    field = models.ForeignKey(
        db_constraint=False,
        db_index=False,
        on_delete=django.db.models.deletion.PROTECT,
        related_name="+",
        to="ledger.account",
    )
    return migrations.AlterField("transfer", name, field)


class Migration(migrations.Migration):
    dependencies = [("ledger", "0004_posting")]

    operations = [
        migrations.CreateModel(
            name="AccountRollup",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("upto_seq", models.BigIntegerField()),
                ("debits_pending", models.BigIntegerField()),
                ("debits_posted", models.BigIntegerField()),
                ("credits_pending", models.BigIntegerField()),
                ("credits_posted", models.BigIntegerField()),
                ("made_at", models.DateTimeField()),
                (
                    "account",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="ledger.account",
                    ),
                ),
            ],
            options={
                "verbose_name": "账户汇总",
                "indexes": [models.Index(fields=["upto_seq"], name="rollup_newest")],
                "constraints": [
                    models.UniqueConstraint(fields=("account", "upto_seq"), name="rollup_place"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("debits_pending__gte", 0),
                            ("debits_posted__gte", 0),
                            ("credits_pending__gte", 0),
                            ("credits_posted__gte", 0),
                        ),
                        name="rollup_sums_not_negative",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PeriodClose",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("programme", models.CharField(default="", max_length=100)),
                ("month", models.CharField(max_length=7)),
                ("upto_seq", models.BigIntegerField()),
                ("trial_balance_hash", models.CharField(max_length=64)),
                ("closed_at", models.DateTimeField()),
            ],
            options={
                "verbose_name": "账期关闭",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("programme", "month"), name="period_closed_once"
                    )
                ],
            },
        ),
        migrations.AddIndex(
            "transfer", models.Index(fields=["debit", "journal"], name="transfer_debit")
        ),
        migrations.AddIndex(
            "transfer", models.Index(fields=["credit", "journal"], name="transfer_credit")
        ),
        side("debit"),
        side("credit"),
        migrations.RunSQL(FUNCTIONS, DROP_FUNCTIONS),
        *append_only(*APPEND_ONLY),
    ]

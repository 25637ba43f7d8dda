"""Others doing the work of P4 and P5 one at a time, as their documents show.

``python -m benchmarks.rivals NAME COUNT`` migrates the database of DATABASE_URL, posts and
prints one JSON line. They come with ``make setup EXTRA=bench``; the site never installs them.
"""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import django
from django.apps import apps
from django.core.management import call_command
from django.db import transaction

from benchmarks.made_entries import made

#: Name of the package as people install it, and the module that tells whether it is there.
RIVALS = {
    "django-hordak": "hordak",
    "django-ledger": "django_ledger",
    "pymerkle": "pymerkle",
    "pymerkle in bulk": "pymerkle",
}
#: They are slow enough for so few to be told apart from nothing.
MOST = {"pymerkle": 5_000, "pymerkle in bulk": 200_000}
MOST_TRANSFERS = 500
AT = datetime(2026, 10, 1, tzinfo=UTC)
#: The registry without the types of this project, whose apps these are not.
MODELS: Any = apps
Step = Callable[[int], None]


def installed(name: str) -> bool:
    """Say whether a rival is there to be measured."""
    return importlib.util.find_spec(RIVALS[name]) is not None


def most(name: str, size: int) -> int:
    """Return how many of ``size`` a rival is asked for."""
    return min(size, MOST.get(name, MOST_TRANSFERS))


def measure(name: str, size: int, database_url: str) -> dict[str, float]:
    """Run a rival in a process of its own; return its seconds and how many it posted."""
    told = subprocess.run(
        [sys.executable, "-m", "benchmarks.rivals", name, str(most(name, size))],
        env=os.environ
        | {"DATABASE_URL": database_url, "DJANGO_SETTINGS_MODULE": "benchmarks.rivals_settings"},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    answer: dict[str, float] = json.loads(told.stdout.splitlines()[-1])
    return answer


def hordak() -> Step:
    """Two accounts, and ``Account.transfer_to`` in a database transaction each."""
    account: Any = MODELS.get_model("hordak", "Account")
    money = importlib.import_module("moneyed").Money
    voucher = account.objects.create(name="voucher", code="1", type="LI", currencies=["CNY"])
    redeemed = account.objects.create(name="redeemed", code="2", type="LI", currencies=["CNY"])

    def step(number: int) -> None:
        with transaction.atomic():
            voucher.transfer_to(redeemed, money(1 + number % 1000, "CNY"))

    return step


def django_ledger() -> Step:
    """An entity with the default chart, and ``LedgerModel.commit_txs`` for each, posted."""
    user = MODELS.get_model("auth", "User").objects.create_user("bureau")
    entity: Any = MODELS.get_model("django_ledger", "EntityModel").create_entity(
        name="bureau", admin=user, use_accrual_method=True, fy_start_month=1
    )
    chart = entity.create_chart_of_accounts(assign_as_default=True, commit=True)
    entity.populate_default_coa(activate_accounts=True, coa_model=chart)
    ledger = entity.create_ledger(name="vouchers", posted=True)
    cash, income = (
        entity.get_default_coa_accounts().filter(role=role).first()
        for role in ("asset_ca_cash", "in_operational")
    )

    def step(number: int) -> None:
        amount = 1 + number % 1000
        ledger.commit_txs(
            je_timestamp=AT + timedelta(seconds=number),
            je_txs=[
                {"account": cash, "amount": amount, "tx_type": "debit", "description": "c"},
                {"account": income, "amount": amount, "tx_type": "credit", "description": "c"},
            ],
            je_posted=True,
        )

    return step


def merkle(name: str, count: int) -> dict[str, float]:
    """Append entries to pymerkle's tree over an SQLite file and ask for its root once."""
    entries = list(made(count))
    tree_of = importlib.import_module("pymerkle").SqliteTree
    with tempfile.TemporaryDirectory() as folder, tree_of(f"{folder}/merkle.db") as tree:
        started = time.perf_counter()
        if name == "pymerkle":
            for each in entries:
                tree.append_entry(each)
        else:
            tree.append_entries(entries)
        tree.get_root()
        return {"seconds": time.perf_counter() - started, "units": count}


def main(name: str, count: int) -> None:
    """Prepare untimed, do ``count`` units of work timed, tell both."""
    if name in MOST:
        print(json.dumps(merkle(name, count)))
        return
    django.setup()
    call_command("migrate", verbosity=0)
    step = {"django-hordak": hordak, "django-ledger": django_ledger}[name]()
    started = time.perf_counter()
    for number in range(count):
        step(number)
    print(json.dumps({"seconds": time.perf_counter() - started, "units": count}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

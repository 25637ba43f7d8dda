"""Is the process alive, and may it be sent work?"""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from config import health
from ledger import clock
from ledger.audit import record
from ledger.models import LogLeaf
from ledger.refusals import Broken
from ledger.sealing import sealing_lag
from tests.guards import guards_off
from tests.ledger.making import ACTOR, seal_all


def test_alive_asks_neither_database_nor_broker(client):
    # No database mark: touching it would fail this test.
    response = client.get("/livez")
    assert (response.status_code, response.json()) == (200, {"status": "alive"})


@pytest.mark.django_db
def test_ready_when_database_migrations_and_broker_answer(client):
    response = client.get("/readyz")
    assert response.json() == {
        "status": "ready",
        "checks": {"database": "ok", "migrations": "ok", "broker": "ok"},
        "sealing_lag_seconds": 0,
    }
    assert response.status_code == 200


@pytest.mark.django_db
def test_the_wait_of_the_oldest_unsealed_entry_is_told(client):
    record("test.event", {}, actor=ACTOR, at=clock.now() - timedelta(seconds=90))
    response = client.get("/readyz")
    assert response.status_code == 200
    assert 90 <= response.json()["sealing_lag_seconds"] < 120


@pytest.mark.unbalanced
@pytest.mark.django_db(transaction=True)
def test_a_lag_that_cannot_be_told_keeps_nobody_away(client):
    """The entry of the last leaf is gone: a fault for the inspection, not for who is served."""
    record("test.event", {}, actor=ACTOR, at=clock.now())
    seal_all()
    last = LogLeaf.objects.order_by("-index").values_list("entry_id", flat=True).first()
    with guards_off(connection, ["ledger_logentry"]) as cursor:
        cursor.execute("DELETE FROM ledger_logentry WHERE seq = %s", [last])
    with pytest.raises(Broken, match="is gone"):
        sealing_lag(clock.now())
    response = client.get("/readyz")
    assert (response.status_code, response.json()["sealing_lag_seconds"]) == (200, None)


@pytest.mark.django_db
@pytest.mark.superuser
def test_a_waiting_migration_means_not_ready(client):
    leaf = MigrationLoader(connection).graph.leaf_nodes("ledger")[0]
    MigrationRecorder(connection).record_unapplied(*leaf)
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["checks"]["migrations"] == "fail"


@pytest.mark.django_db
def test_a_dead_broker_means_not_ready_and_is_told_in_time(client, monkeypatch):
    dead = health.app.connection("redis://127.0.0.1:1/0", connect_timeout=1)
    monkeypatch.setattr(health.app, "connection_for_write", lambda **_: dead)
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["checks"]["broker"] == "fail"


def test_a_dead_database_is_named_without_its_address(monkeypatch):
    class Dead:
        def cursor(self):
            raise DatabaseError("connection to 10.0.0.5 refused")

    monkeypatch.setattr(health, "connection", Dead())
    assert health.database_answers() == "DatabaseError"


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_a_probe_only_looks(client, path):
    assert client.post(path).status_code == 405

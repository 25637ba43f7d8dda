"""The stage on which every address is opened."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as house
from django.db import transaction
from django.test import Client

from ledger import clock
from tests.house.address_world import NOW, Stage, set_stage
from tests.house.addresses import walkable


@pytest.fixture(scope="module")
def stage(django_db_setup, django_db_blocker, tmp_path_factory) -> Iterator[Stage]:
    """Set the stage once for all readers; nothing of it stays."""
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        folder = tmp_path_factory.mktemp("stage")
        patch.setattr(house, "VAR_DIR", folder)
        patch.setattr(house, "MEDIA_ROOT", folder / "attachments")
        with transaction.atomic(), clock.set_to(NOW):
            made = set_stage()
            made.things["folder"] = folder
            yield made
            transaction.set_rollback(True)


@pytest.fixture
def walk(stage, settings, db):
    """Return a function that asks for every address as one reader and collects what is wrong."""
    settings.VAR_DIR = stage.things["folder"]
    settings.MEDIA_ROOT = stage.things["folder"] / "attachments"

    def walk_as(reader: str, judge: Any, method: str = "get", **options: Any) -> dict[str, int]:
        client = Client(raise_request_exception=False, **options)
        if reader:
            client.force_login(stage.people[reader])
        wrong = {}
        for address in walkable():
            with transaction.atomic():
                answer = getattr(client, method)(address.fill(stage.things))
                if not judge(address, answer):
                    wrong[f"{method} {address.route} ({address.right})"] = answer.status_code
                transaction.set_rollback(True)
        return wrong

    with clock.set_to(NOW):
        yield walk_as

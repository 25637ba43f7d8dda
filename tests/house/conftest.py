"""The stage on which every address is opened."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.conf import settings as house
from django.db import transaction
from django.test import Client

from ledger import clock
from tests.house.address_world import NOW, Stage, set_stage
from tests.house.addresses import Address, walkable


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


@dataclass(frozen=True)
class Answer:
    """What an address answered, without its body: all that the judges look at."""

    status_code: int
    headers: dict[str, str]

    def get(self, name: str, default: str = "") -> str:
        """Return a header, or what stands for it."""
        return self.headers.get(name.lower(), default)

    @property
    def url(self) -> str:
        """Return where a redirect leads."""
        return self.get("Location")


@dataclass
class Walk:
    """Ask for every address as one reader; who asks the same again is told the same answers."""

    stage: Stage
    told: dict[Any, list[tuple[Address, Answer]]] = field(default_factory=dict)

    def __call__(
        self, reader: str, judge: Any, method: str = "get", **options: Any
    ) -> dict[str, int]:
        """Return the addresses of which the judge does not approve, with the answer's status."""
        asked = (reader, method, *sorted(options.items()))
        if asked not in self.told:
            self.told[asked] = self._ask(reader, method, options)
        return {
            f"{method} {address.route} ({address.right})": answer.status_code
            for address, answer in self.told[asked]
            if not judge(address, answer)
        }

    def _ask(self, reader: str, method: str, options: dict[str, Any]) -> list[Any]:
        client = Client(raise_request_exception=False, **options)
        if reader:
            client.force_login(self.stage.people[reader])
        told = []
        for address in walkable():
            with transaction.atomic():
                answer = getattr(client, method)(address.fill(self.stage.things))
                headers = {name.lower(): value for name, value in answer.items()}
                told.append((address, Answer(answer.status_code, headers)))
                transaction.set_rollback(True)
        return told


@pytest.fixture(scope="module")
def walks(stage) -> Walk:
    """Keep the answers for all tests of a file: the stage is the same, and so are they."""
    return Walk(stage)


@pytest.fixture
def walk(walks, settings, db) -> Iterator[Walk]:
    """Return a function that asks for every address as one reader and collects what is wrong."""
    settings.VAR_DIR = walks.stage.things["folder"]
    settings.MEDIA_ROOT = walks.stage.things["folder"] / "attachments"
    with clock.set_to(NOW):
        yield walks

"""The README, walked by a stranger: its commands as they stand, in a shell, against the service."""

import re
import subprocess
import sys

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from ledger import audit, clock
from providers.models import ProviderSeat, UsageRecord
from tests.providers import world
from tests.providers.world import World
from tests.tool.program import TOOL

pytestmark = pytest.mark.django_db(transaction=True)
FIVE_MINUTES = "## A first record in five minutes"


def commands(name: str, heading: str) -> list[str]:
    """Return the shell blocks under a heading, in order."""
    text = (TOOL / name).read_text(encoding="utf-8").partition(heading)[2].partition("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", text, re.DOTALL)


class Shell:
    """A stranger's shell: ``slq`` is on the path, and nothing of the house is."""

    def __init__(self, program) -> None:
        self.folder = program.folder
        (self.folder / "bin").mkdir()
        slq = self.folder / "bin" / "slq"
        slq.write_text(f'#!/bin/sh\nexec {sys.executable} -m slq "$@"\n')
        slq.chmod(0o755)
        path = f"{self.folder / 'bin'}:{program.environment['PATH']}"
        self.environment = program.environment | {"PATH": path}

    def run(self, script: str) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def make_test_key(provider, public_key: str) -> str:
    """Make a test key in the console, as the README says; return the token it shows once."""
    user = get_user_model().objects.create_user(username="engineer", password="x")
    ProviderSeat.objects.create(user=user, provider=provider, role="provider_admin", active=True)
    browser = Client()
    browser.force_login(user)
    form = {"mode": "test", "title": "试用", "public_key": public_key}
    page = browser.post(reverse("console_keys"), form).content.decode()
    found = re.search(r"pk_test_[0-9a-f]{16}\.[A-Za-z0-9_-]{20,100}", page)
    assert found, page
    return found[0]


@pytest.mark.parametrize(
    ("name", "heading"),
    [("README.md", FIVE_MINUTES), ("README.zh-CN.md", "## 五分钟完成第一条上报")],
)
def test_the_five_minutes_lead_from_keygen_to_a_queried_number(
    program, live_server, settings, name, heading
):
    settings.PUBLIC_ORIGIN = live_server.url
    there, shell = World(), Shell(program)
    with clock.set_to(world.LATER):
        audit.ensure_key(world.AT)
        install, first = commands(name, heading)[0].strip().splitlines()
        assert install.startswith("pip install ./tool")  # tried by test_package
        public_key = shell.run(first)
        program.write("token", make_test_key(there.provider, public_key))
        rest = commands(name, heading)[1]
        assert "ORIGIN=http://127.0.0.1:8000" in rest
        told = shell.run(rest.replace("http://127.0.0.1:8000", live_server.url))
    assert "pflops_hours\t2.496000" in told
    assert re.search(r"^total\t\t\t\t2\.496000\t", told, re.MULTILINE)
    assert "promised" in told
    assert not UsageRecord.objects.get().livemode

"""Watching the processes of the site: one that ends is started again, but not for ever."""

import os
import signal
import socket
from pathlib import Path

import httpx
import pytest

from deploy.auditor import known_witnesses
from deploy.servers import Postgres, ServerFailed, Valkey
from deploy.site import MOST_RESTARTS, Site
from ledger.policies import parse_policy, satisfied
from tests.ledger.small_log import SmallLog


@pytest.fixture
def site(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    said = []
    site = Site(tmp_path, tmp_path, dict(os.environ), port, said.append)
    site.said = said
    yield site
    site.stop()


def test_a_process_that_ends_is_started_again_and_its_last_words_are_told(site):
    child = site._start("worker", ["sh", "-c", "echo no memory; exit 1"])
    child.wait()
    site._restart(child)
    assert "no memory" in site.said[0]
    assert "已重新启动" in site.said[1]
    child.wait()


def test_a_process_that_keeps_ending_stops_the_house(site):
    child = site._start("worker", ["sh", "-c", "exit 1"])
    for _ in range(MOST_RESTARTS):
        child.wait()
        site._restart(child)
    child.wait()
    with pytest.raises(ServerFailed, match="反复结束"):
        site._restart(child)


class Enough(Exception):  # noqa: N818 - nothing went wrong
    """The watching has shown what the test wants to see."""


@pytest.mark.parametrize("kind", [Postgres, Valkey])
def test_a_server_that_is_killed_under_the_house_comes_up_again(site, tmp_path, kind):
    def say(text):
        if "已重新启动" in text:
            raise Enough

    site.say = say
    server = kind(tmp_path, "secret")
    server.start()
    try:
        address = server.port
        os.kill(server.child.number, signal.SIGKILL)
        with pytest.raises(Enough):
            site.watch([server])
        assert server.child.is_running
        assert server.port == address
    finally:
        server.stop()


def test_a_port_in_use_is_told_with_the_way_out(site):
    with socket.socket() as other:
        other.bind(("127.0.0.1", site.port))
        other.listen()
        with pytest.raises(ServerFailed, match="PORT="):
            site.start_web()


def test_notes_are_gone_after_a_clean_stop(site, tmp_path):
    site._start("worker", ["sleep", "1000"])
    assert (tmp_path / "run" / "worker.pid").exists()
    site.stop()
    assert not (tmp_path / "run" / "worker.pid").exists()


def test_the_witness_of_the_demonstration_runs_without_the_secrets_of_the_house(site, tmp_path):
    site.environment["SECRET_KEY"] = "secret"
    site.start_witness(SmallLog().key.text + "\n")
    child = site.children[0]
    seen = Path(f"/proc/{child.number}/environ").read_bytes()
    assert b"SECRET_KEY" not in seen
    policy = parse_policy(Path(site.environment["LOG_WITNESSES"]).read_bytes())
    assert [each.name for each in policy.witnesses] == ["审计局", "审计局-抗量子"]
    answer = httpx.post(f"{policy.witnesses[0].url}/add-checkpoint",
                        content=SmallLog().body(0, 5), trust_env=False)  # fmt: skip
    assert satisfied(SmallLog().note(5) + answer.text, parse_policy(
        f"log {SmallLog().key.text}\n{policy.text}".encode()))  # fmt: skip
    assert known_witnesses(tmp_path) == {"LOG_WITNESSES": site.environment["LOG_WITNESSES"]}
    assert known_witnesses(tmp_path / "other") == {}


def test_each_program_knows_the_address_of_its_own_role_and_no_other(site):
    site.environment |= {
        "DATABASE_URL": "app's",
        "DATABASE_URL_SEAL": "sealer's",
        "DATABASE_URL_MIGRATE": "owner's",
    }
    for name, own in (("web", "app's"), ("worker", "app's"), ("sealer", "sealer's")):
        given = site._environment(name)
        assert [(k, v) for k, v in given.items() if k.startswith("DATABASE_URL")] == [
            ("DATABASE_URL", own)
        ]


def test_a_house_of_one_role_runs_all_its_programs_with_it(site):
    site.environment = {"DATABASE_URL": "one"}
    assert site._environment("sealer") == {"DATABASE_URL": "one"}

"""The embedded servers, started for real: they keep what they were given, whatever befell them."""

import contextlib
import json
import os
import signal
import socket
import stat
import time

import psycopg
import pytest

from deploy.launcher import only_one, read_secrets
from deploy.processes import Child, is_alive, stop_leftover
from deploy.servers import Postgres, ServerFailed, Valkey, port_of, wheel_folder


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "a folder with spaces"
    place.mkdir(mode=0o700)
    return place


@contextlib.contextmanager
def started(server):
    server.start()
    try:
        yield server
    finally:
        server.stop()


def rows(server, statement, *values):
    with psycopg.connect(server.url("house"), autocommit=True) as connection:
        answer = connection.execute(statement, values)
        return answer.fetchall() if answer.description else []


def ask(server, *words):
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as line:
        for word in words:
            line.sendall(f"{word}\r\n".encode())
            time.sleep(0.1)
        return line.recv(1000).decode()


def test_the_database_keeps_its_rows_over_a_stop_and_a_kill(folder):
    with started(Postgres(folder, "secret", quick=True)) as server:
        assert server.create("house")
        assert not server.create("house")
        rows(server, "CREATE TABLE kept (id int)")
        rows(server, "INSERT INTO kept VALUES (1)")
        port = server.port
    with started(Postgres(folder, "secret", quick=True)) as server:
        assert server.port == port
        assert rows(server, "SELECT id FROM kept") == [(1,)]
        assert rows(server, "SHOW data_checksums") == [("on",)]
        os.kill(server.child.process.pid, signal.SIGKILL)
        server.child.process.wait()
        # Orphaned backends leave only after a moment; the second start has to wait for them.
        again = Postgres(folder, "secret", quick=True)
        with started(again):
            assert rows(again, "SELECT id FROM kept") == [(1,)]


def test_a_server_that_outlived_its_launcher_is_taken_over(folder):
    left = Postgres(folder, "secret", quick=True)
    left.start()
    try:
        with started(Postgres(folder, "secret", quick=True)) as server:
            assert server.create("house")
            assert left.child.status is not None
    finally:
        left.stop()


def test_nobody_comes_in_without_the_password(folder):
    with started(Postgres(folder, "secret", quick=True)) as server:
        wrong = server.url("postgres").replace("secret", "guess")
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(wrong)
    assert stat.S_IMODE((folder / "pg").stat().st_mode) == 0o700
    assert not (folder / ".pg-password").exists()


def test_two_houses_stand_side_by_side(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    for each in (first, second):
        each.mkdir()
    with (
        started(Postgres(first, "one", quick=True)) as one,
        started(Postgres(second, "two", quick=True)) as two,
    ):
        assert one.port != two.port
        assert one.create("house")
        assert two.create("house")


def test_a_cluster_half_made_is_made_again(folder):
    (folder / "pg").mkdir()
    (folder / "pg" / "half").write_text("interrupted")
    with started(Postgres(folder, "secret", quick=True)) as server:
        assert server.create("house")


def test_a_server_that_cannot_start_says_why(folder):
    server = Postgres(folder, "secret", quick=True)
    with started(server):
        pass
    (folder / "pg" / "postgresql.conf").write_text("nonsense = 1\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("deploy.servers.START_TRIES", 2)
        with pytest.raises(ServerFailed, match="nonsense"):
            server.start()


def test_the_broker_keeps_messages_and_asks_for_its_password(folder):
    with started(Valkey(folder, "secret")) as broker:
        assert "NOAUTH" in ask(broker, "LPUSH queue message")
        assert ":1" in ask(broker, "AUTH secret", "LPUSH queue message")
    with started(Valkey(folder, "secret")) as broker:
        assert ":1" in ask(broker, "AUTH secret", "LLEN queue")


def test_a_port_is_remembered_until_somebody_else_has_it(folder):
    port = port_of(folder, "web")
    assert port_of(folder, "web") == port
    assert port_of(folder, "web", running=True) == port
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        assert port_of(folder, "web") != port
    assert set(json.loads((folder / "ports.json").read_text())) == {"web"}


def test_secrets_are_made_once_for_their_owner_alone(folder):
    made = read_secrets(folder)
    assert read_secrets(folder) == made
    assert len(made["SECRET_KEY"]) >= 50
    assert stat.S_IMODE((folder / "secrets.env").stat().st_mode) == 0o600


def test_only_one_launcher_holds_a_folder(folder):
    with only_one(folder) as first, only_one(folder) as second:
        assert (first, second) == (True, False)
    with only_one(folder) as again:
        assert again


def test_a_missing_wheel_is_named():
    with pytest.raises(ServerFailed, match="no_such_package"):
        wheel_folder("no_such_package")


def shell(folder, script):
    return Child(
        "child",
        ["sh", "-c", script],
        log=folder / "log" / "child.log",
        environment=dict(os.environ),
        folder=folder,
    )


def test_a_stopped_child_takes_its_own_children_along(folder):
    child = shell(folder, "sleep 1000 & echo $! > grandchild; wait")
    child.start()
    while not (folder / "grandchild").exists() or not (folder / "grandchild").read_text():
        time.sleep(0.01)
    grandchild = int((folder / "grandchild").read_text())
    assert is_alive(grandchild, "sleep")
    child.stop()
    give_up = time.monotonic() + 5
    while is_alive(grandchild, "sleep") and time.monotonic() < give_up:
        time.sleep(0.01)
    assert not is_alive(grandchild, "sleep")


def test_a_child_that_does_not_listen_is_killed(folder):
    child = shell(folder, "trap '' TERM; touch ready; while true; do sleep 0.1; done")
    child.start()
    while not (folder / "ready").exists():
        time.sleep(0.01)
    child.stop(seconds=0.3)
    assert child.status == -signal.SIGKILL


def test_the_last_words_of_a_child_are_kept(folder):
    child = shell(folder, "echo out of memory >&2; exit 3")
    child.start()
    assert child.wait() == 3
    child.stop()
    assert "out of memory" in child.last_words()


def test_another_process_with_a_reused_number_is_left_alone():
    assert not is_alive(os.getpid(), "surely not on this command line")


def test_a_child_that_outlived_its_launcher_is_stopped_by_its_note(folder):
    child = shell(folder, "sleep 1000")
    child.start()
    note = folder / "child.pid"
    note.write_text(str(child.number))
    stop_leftover(note, folder)
    assert child.wait() != 0
    assert not note.exists()


def test_a_process_of_another_folder_is_left_alone(folder, tmp_path):
    child = shell(tmp_path, "sleep 1000")
    child.start()
    note = folder / "child.pid"
    note.write_text(str(child.number))
    stop_leftover(note, folder)
    assert child.is_running
    child.stop()

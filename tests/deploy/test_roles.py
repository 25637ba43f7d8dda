"""Roles made on a server of its own: at once, again, from an older house, by two at a time."""

import re
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from deploy import launcher, rights, roles
from deploy.servers import Postgres

PASSWORDS = {role: f"secret-{role}" for role in roles.LOGINS}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    made = Postgres(tmp_path_factory.mktemp("roles"), "secret", quick=True)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def database(server, request):
    name = re.sub(r"\W", "_", request.node.name)[:40]
    server.create(name)
    return name


def sign_in(server: Postgres, database: str, role: str, prefix: str = "voucher"):
    address = server.addresses(database, prefix, PASSWORDS)
    name = "DATABASE_URL" if role == "app" else f"DATABASE_URL_{role.upper()}"
    return psycopg.connect(address[name], autocommit=True)


def make(server: Postgres, database: str, prefix: str = "voucher") -> None:
    roles.make(server.url(database), prefix, PASSWORDS, guard=True)


def test_each_role_signs_in_with_its_own_password_and_the_owner_never(server, database):
    make(server, database)
    for role in roles.LOGINS:
        with sign_in(server, database, role) as session:
            assert session.execute("SELECT session_user").fetchone() == (f"voucher_{role}",)
    with psycopg.connect(server.url(database), autocommit=True) as superuser:
        superuser.execute("ALTER ROLE voucher_owner PASSWORD 'known'")
    with pytest.raises(psycopg.OperationalError, match="not permitted to log in"):
        psycopg.connect(server.url(database, "voucher_owner", "known"))


def test_making_them_again_changes_nothing_and_mends_what_was_bent(server, database):
    make(server, database)
    with psycopg.connect(server.url(database), autocommit=True) as superuser:
        superuser.execute("ALTER ROLE voucher_app SUPERUSER CREATEROLE")
        superuser.execute("CREATE TABLE ledger_work (id int)")
        superuser.execute("GRANT ALL ON ledger_work TO PUBLIC, voucher_read")
        make(server, database)
        make(server, database)
        bent = superuser.execute(
            "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = 'voucher_app'"
        )
        assert bent.fetchone() == (False,)
    with sign_in(server, database, "read") as session:
        session.execute("SET default_transaction_read_only = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute("INSERT INTO ledger_work VALUES (1)")


def test_tables_of_an_older_house_are_handed_to_the_owner(server, database):
    with psycopg.connect(server.url(database), autocommit=True) as superuser:
        superuser.execute("CREATE TABLE ledger_logentry (seq bigserial, type text, at timestamptz)")
        superuser.execute("CREATE FUNCTION ledger_x() RETURNS int LANGUAGE sql AS 'SELECT 1'")
        superuser.execute("INSERT INTO ledger_logentry (type) VALUES ('x')")
        make(server, database)
        owners = superuser.execute(
            "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname LIKE 'ledger_logentry%'"
            " UNION ALL SELECT pg_get_userbyid(proowner) FROM pg_proc WHERE proname = 'ledger_x'"
        )
        assert set(owners.fetchall()) == {("voucher_owner",)}
    with sign_in(server, database, "app") as session:
        assert session.execute("SELECT count(*) FROM ledger_logentry").fetchone() == (1,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute("SELECT ledger_x()")


def test_two_databases_of_one_server_are_made_ready_at_the_same_moment(server):
    names = [f"side_by_side_{number}" for number in range(4)]
    for name in names:
        server.create(name)
    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(lambda name: make(server, name, "parallel"), names))
    for name in names:
        sign_in(server, name, "seal", "parallel").close()


def test_a_password_is_never_sent_in_the_clear(server, database):
    with psycopg.connect(server.url(database), autocommit=True) as superuser:
        make(server, database)
        stored = superuser.execute(
            "SELECT rolpassword FROM pg_authid WHERE rolname = 'voucher_app'"
        ).fetchone()[0]
    assert stored.startswith("SCRAM-SHA-256$")
    assert not [each for each in roles.making("voucher", database) if "secret" in each]


def test_what_is_printed_for_an_administrator_does_the_same(server, database):
    with psycopg.connect(server.url(database)) as superuser:
        for each in roles.making("printed", database):
            superuser.execute(each)
    with psycopg.connect(server.url(database)) as superuser:
        known = superuser.execute("SELECT rolname FROM pg_roles WHERE rolname ~ '^printed_'")
        assert {row[0] for row in known} == set(roles.names("printed").values())


@pytest.mark.parametrize("prefix", ["", "Voucher", "a b", "x;drop", "1a"])
def test_a_prefix_that_would_need_quotes_is_refused(prefix):
    with pytest.raises(ValueError, match="prefix"):
        roles.names(prefix)


def test_rights_are_written_out_column_by_column_where_they_are_few():
    given = {
        rights.Right("table", "ledger_logentry", "id", "app", "INSERT"),
        rights.Right("table", "ledger_logentry", "at", "app", "INSERT"),
        rights.Right("function", "f(integer)", "", "public", "EXECUTE"),
    }
    assert rights.statements(given, "GRANT", {"app": "voucher_app"}) == [
        "GRANT EXECUTE ON function f(integer) TO PUBLIC",
        'GRANT INSERT ("at", "id") ON table "ledger_logentry" TO voucher_app',
    ]


def test_an_older_house_gets_the_secrets_it_lacks_and_keeps_those_it_has(tmp_path):
    (tmp_path / "secrets.env").write_text("SECRET_KEY=old\nPOSTGRES_PASSWORD=kept\n")
    first = launcher.read_secrets(tmp_path)
    assert (first["SECRET_KEY"], first["POSTGRES_PASSWORD"]) == ("old", "kept")
    assert set(first) == set(launcher.SECRETS)
    assert launcher.read_secrets(tmp_path) == first

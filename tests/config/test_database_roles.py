"""The roles of the database, each signed in for real: what it may do and what it may not.

The matrix stands here once more, written out by hand, so that a wrong line in the table of
rights (``deploy.rights``) is not believed by its own test.
"""

import contextlib

import psycopg
import pytest
from django.db import connection, transaction
from psycopg import errors

from config.management.commands import prepare_roles
from deploy import rights, roles
from tests.ledger.making import a_small_month, seal_all
from tests.roles import PREFIX, SUPERUSER, address_of, as_role, name_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.unbalanced]

#: Rows that are only ever added, in all rooms.
APPEND_ONLY = (
    "billing_certificate", "billing_inspectionitem", "billing_inspectionresult",
    "billing_matchrow", "billing_matchrun", "billing_providertotal", "billing_serviceproof",
    "billing_statementversion",
    "billing_bankfile", "billing_clawbackreceipt", "billing_settlementnote",
    "billing_confirmation", "billing_paymentsign", "billing_statementline",
    "billing_staterow",
    "billing_whatif", "billing_whatifresult",
    "billing_trial",
    "ledger_account", "ledger_checkpoint", "ledger_journal", "ledger_logentry", "ledger_logleaf",
    "ledger_logtile", "ledger_refusedid", "ledger_transfer",
    "providers_batchclearance", "providers_batchrow", "providers_finding",
    "providers_findingdecision", "providers_manifest", "providers_offeringprice",
    "providers_orderdiscount", "providers_orderpart",
    "providers_staterow", "providers_usageidentity", "providers_webhookattempt",
    "providers_zerodeclaration",
    "vouchers_clockmark", "vouchers_handedin", "vouchers_jointreply", "vouchers_supplementitem",
    "vouchers_consultationcomment", "vouchers_editionopinion",
    "vouchers_allocationline", "vouchers_drawreveal", "vouchers_drawseed", "vouchers_intake",
    "vouchers_reservation", "vouchers_reservationend", "vouchers_budgetalert",
    "vouchers_letter", "vouchers_notice", "vouchers_noticeattempt", "vouchers_noticeread",
    "vouchers_contractuse", "vouchers_criteriondecision", "vouchers_registerrow",
    "vouchers_succession",
    "vouchers_budgetgrant", "vouchers_casebatch", "vouchers_casebatchitem", "vouchers_casenote",
    "vouchers_enterprisefact", "vouchers_readevent", "vouchers_redemption", "vouchers_staterow",
)  # fmt: skip
#: What nobody may do with any table of the ledger, whoever signed in.
NEVER = (
    "ALTER TABLE {} DISABLE TRIGGER append_only",
    "ALTER TABLE {} ADD COLUMN x int",
    "DROP TABLE {} CASCADE",
    "TRUNCATE {} CASCADE",
    "CREATE TRIGGER t BEFORE INSERT ON {} FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change()",
    "CREATE RULE r AS ON INSERT TO {} DO INSTEAD NOTHING",
)
ESCAPES = (
    "SET session_replication_role = replica",
    "SET event_triggers = off",
    "SET ROLE testhouse_owner",
    "SET ROLE testhouse_migrate",
    "SET SESSION AUTHORIZATION {superuser}",
    "CREATE ROLE friend SUPERUSER",
    "ALTER ROLE testhouse_app SUPERUSER",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE TABLE mine (a int)",
    "CREATE SCHEMA mine",
    "ALTER FUNCTION ledger_refuse_change() RENAME TO x",
    "SELECT pg_read_file('PG_VERSION')",
    "COPY django_migrations TO PROGRAM 'true'",
    "SELECT rolpassword FROM pg_authid",
)
ENTRY = "INSERT INTO ledger_logentry ({}) VALUES ({})"
HONEST = "gen_random_uuid(), 'test.event', now(), '{}'"


class Somebody:
    """A person or program signed in to the test database under a role of its own."""

    def __init__(self, role: str) -> None:
        self.connection = psycopg.connect(address_of(role), autocommit=True)

    def may(self, statement: str) -> bool:
        """Say whether a statement goes through; it is taken back either way."""
        try:
            with self.connection.transaction(force_rollback=True):
                self.connection.execute(statement)
        except (errors.InsufficientPrivilege, errors.ReadOnlySqlTransaction):
            return False
        return True

    def refused(self, *statements: str) -> bool:
        """Say whether every one of the statements is refused."""
        passed = [each for each in statements if self.may(each)]
        assert passed == []
        return True


@pytest.fixture
def sign_in(transactional_db):
    """Return a function that signs in under a role, and sign everybody out afterwards."""
    there: list[Somebody] = []

    def come(role: str) -> Somebody:
        there.append(Somebody(role))
        return there[-1]

    yield come
    for each in there:
        each.connection.close()


def tables() -> list[str]:
    return sorted(rights.APP)


def test_the_tests_do_not_come_as_an_owner_or_superuser():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT r.rolname, r.rolsuper, r.rolbypassrls, count(c.oid) FROM pg_roles r"
            " LEFT JOIN pg_class c ON c.relowner = r.oid"
            " WHERE r.rolname = current_user GROUP BY 1, 2, 3"
        )
        assert cursor.fetchone() == (name_of("app"), False, False, 0)
        cursor.execute(
            "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class"
            " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'S')"
        )
        assert cursor.fetchall() == [(name_of("owner"),)]


def test_every_table_and_function_has_a_line_in_the_table_of_rights():
    assert rights.without_line(roles.things(prepare_roles.ask)) == []
    held = roles.things(prepare_roles.ask)
    assert set(rights.APP) == set(held.tables), "a line for a table that is gone"


def test_the_database_says_the_same_as_the_table_of_rights():
    assert not roles.differences(prepare_roles.ask, PREFIX)


def test_a_function_that_runs_as_the_owner_looks_names_up_where_it_was_written():
    found = prepare_roles.ask(
        "SELECT proname FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace"
        " AND array_to_string(coalesce(proconfig, '{}'), ' ') NOT LIKE '%search_path=%'"
    )
    assert found == [], "SECURITY DEFINER without SET search_path"


@pytest.mark.parametrize("role", ["app", "seal", "read", "audit"])
def test_no_login_gets_past_the_guards(sign_in, role):
    somebody = sign_in(role)
    ledger = [each for each in APPEND_ONLY if each.startswith("ledger_")]
    assert somebody.refused(*(each.format(table) for table in ledger for each in NEVER))
    superuser = connection.settings_dict["USER"]
    assert somebody.refused(*(each.format(superuser=superuser) for each in ESCAPES))


@pytest.mark.parametrize("role", ["app", "seal", "read", "audit"])
def test_what_is_recorded_is_not_changed_by_anybody(sign_in, role):
    a_small_month()
    seal_all()
    somebody = sign_in(role)
    for table in APPEND_ONLY:
        column = "size" if table == "ledger_checkpoint" else "id"
        column = {
            "ledger_journal": "kind",
            "ledger_logleaf": "hash",
            "providers_usageidentity": "segment",
            "vouchers_drawreveal": "seed_id",
            "vouchers_reservationend": "reservation_id",
        }.get(table, column)
        assert somebody.refused(
            f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}", f"TRUNCATE {table}"
        )


def test_a_right_cannot_be_passed_on(sign_in):
    application = sign_in("app").connection
    for table in tables():
        with contextlib.suppress(errors.InsufficientPrivilege):
            # PostgreSQL only warns when somebody has no right to give.
            application.execute(f"GRANT ALL ON {table} TO PUBLIC")
    assert not roles.differences(prepare_roles.ask, PREFIX)


def test_the_application_deletes_nothing_but_what_is_forgotten(sign_in):
    """Sessions, factors, counts of a window, and nonces (a guard keeps what could be replayed).

    A group goes with the end of its grant, which stays.
    """
    application = sign_in("app")
    may = [each for each in tables() if application.may(f"DELETE FROM {each} WHERE false")]
    assert may == [
        "account_emailaddress", "account_emailconfirmation", "config_cache", "config_user_groups",
        "django_session", "mfa_authenticator", "providers_ratewindow", "providers_usagenonce",
        "socialaccount_socialaccount", "usersessions_usersession",
    ]  # fmt: skip


def test_an_entry_cannot_take_a_place_or_pose_as_a_journal(sign_in):
    application = sign_in("app")
    assert application.may(ENTRY.format("id, type, at, body", HONEST))
    assert application.refused(
        ENTRY.format("id, type, at, body, seq", f"{HONEST}, 1"),
        ENTRY.format("id, type, at, body, xid", f"{HONEST}, '1'"),
        ENTRY.format("id, type, at, body", HONEST.replace("test.event", "ledger.journal")),
        ENTRY.format("id, type, at, body", HONEST.replace("{}", '{"type":"ledger.journal"}')),
        ENTRY.format("id, type, at, body, journal_seq", f"{HONEST}, 1"),
    )
    # What is said of journals elsewhere is no journal.
    nested = HONEST.replace("{}", '{"body":{"type":"ledger.journal"},"type":"schema.publish"}')
    assert application.may(ENTRY.format("id, type, at, body", nested))


def test_the_sealer_seals_and_does_nothing_else(sign_in):
    a_small_month()
    sealer = sign_in("seal")
    assert sealer.may("INSERT INTO ledger_logleaf (index, entry_id, hash) VALUES (0, 1, 'x')")
    assert sealer.may("INSERT INTO ledger_checkpoint (size, root, sealed_at, key_id, note)"
                      " VALUES (1, 'x', now(), 'k', 'n')")  # fmt: skip
    assert sealer.may("INSERT INTO ledger_logtile (level, number, hashes, root)"
                      " VALUES (0, 0, 'x', 'x')")  # fmt: skip
    assert sealer.refused(
        ENTRY.format("id, type, at, body", HONEST),
        "INSERT INTO ledger_transfer SELECT * FROM ledger_transfer",
        "INSERT INTO ledger_journal SELECT * FROM ledger_journal",
        "UPDATE ledger_accountbalance SET credits_posted = 0",
    )
    seen = [each for each in tables() if sealer.may(f"SELECT FROM {each}")]
    assert seen == ["ledger_checkpoint", "ledger_logentry", "ledger_logleaf", "ledger_logtile"]


@pytest.mark.parametrize("role", ["read", "audit"])
def test_who_only_looks_sees_all_but_secrets_and_writes_nothing(sign_in, role):
    somebody = sign_in(role)
    unseen = [each for each in tables() if not somebody.may(f"SELECT FROM {each}")]
    assert unseen == [
        "account_emailconfirmation", "config_cache", "django_session", "mfa_authenticator",
        "socialaccount_socialapp", "socialaccount_socialtoken", "usersessions_usersession",
    ]  # fmt: skip
    assert somebody.refused("SELECT password FROM config_user", "SELECT * FROM config_user")
    assert somebody.may("SELECT username FROM config_user")
    somebody.connection.execute("SET default_transaction_read_only = off")
    for table in tables():
        assert somebody.refused(
            f"INSERT INTO {table} DEFAULT VALUES", f"DELETE FROM {table}",
            f"SELECT FROM {table} FOR UPDATE",
        )  # fmt: skip
    assert somebody.refused("CREATE TEMP TABLE t (a int)")


def test_nobody_else_comes_in(sign_in):
    with as_role(SUPERUSER), connection.cursor() as cursor, transaction.atomic():
        cursor.execute("CREATE ROLE stranger LOGIN")
        for privilege in ("CONNECT", "TEMPORARY", "CREATE"):
            cursor.execute(
                f"SELECT has_database_privilege('stranger', current_database(), '{privilege}')"
            )
            assert cursor.fetchone() == (False,)
        transaction.set_rollback(True)


def test_each_login_has_its_limits(sign_in):
    for role, limits in roles.LIMITS.items():
        somebody = sign_in(role).connection
        shown = {
            name: somebody.execute("SELECT current_setting(%s)", [name]).fetchone()[0]
            for name in limits
        }
        same = {"60s": "1min"}
        assert shown == {name: same.get(value, value) for name, value in limits.items()}


def test_whoever_migrates_becomes_the_owner_only_when_told(sign_in):
    migrating = sign_in("migrate")
    assert migrating.refused("SELECT FROM ledger_account", "ALTER TABLE config_user ADD x int")
    migrating.connection.execute(f"SET ROLE {name_of('owner')}")
    assert migrating.may("ALTER TABLE config_user ADD x int")
    assert migrating.refused("CREATE ROLE friend", "SET session_replication_role = replica")

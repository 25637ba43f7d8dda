"""The table of rights: what each role of the database may do with each table, as data.

One line a table. ``manage.py prepare_roles`` gives and takes rights until the database says the
same as this file; ``doctor`` tells what differs; a table without a line fails a test.

Everybody named here may connect; ``read`` and ``audit`` may look at all but ``HIDDEN`` and write
nothing. Nobody may empty a table, hang a trigger on it or refer to it; the owner cannot sign in.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

#: Roles that hold rights: the application (web and worker), the sealer, reports, auditors.
HOLDERS = ("app", "seal", "read", "audit")
PUBLIC = "public"

#: How the application uses a table, beside reading it.
FIXED = ""  # filled by migrations and prepare_house
KEPT = "insert"  # rows come; none is ever changed
MOVED = "insert update"  # rows come and move along their life cycle; none goes
LOOSE = "insert update delete"

#: table -> what the application may do with it. Place and time of an entry (``seq``, ``xid``)
#: are given by the database alone, and an entry cannot pose as a journal's.
APP: dict[str, str] = {
    "account_emailaddress": LOOSE,
    "account_emailconfirmation": LOOSE,
    "auth_group": FIXED,
    "auth_group_permissions": FIXED,
    "auth_permission": FIXED,
    "billing_certificate": KEPT,
    "billing_claim": MOVED,
    "billing_claimpaper": MOVED,
    "billing_confirmation": KEPT,
    "billing_inspection": MOVED,
    "billing_inspectionitem": KEPT,
    "billing_inspectionresult": KEPT,
    "billing_matchrow": KEPT,
    "billing_matchrun": KEPT,
    "billing_monthclose": MOVED,
    "billing_objection": MOVED,
    "billing_clawback": MOVED,
    "billing_clawbackreceipt": KEPT,
    "billing_paymentoffset": MOVED,
    "billing_settlementnote": KEPT,
    "billing_yearend": MOVED,
    "billing_bankfile": KEPT,
    "billing_bankresult": MOVED,
    "billing_paymentbatch": MOVED,
    "billing_paymenthold": MOVED,
    "billing_paymentsign": KEPT,
    "billing_paymentitem": MOVED,
    "billing_paymentline": MOVED,
    "billing_providertotal": KEPT,
    "billing_report": MOVED,
    "billing_serviceproof": KEPT,
    "billing_statement": MOVED,
    "billing_statementfile": MOVED,
    "billing_statementline": KEPT,
    "billing_statementversion": KEPT,
    "billing_staterow": KEPT,
    "billing_whatif": KEPT,
    "billing_whatifresult": KEPT,
    "billing_trial": KEPT,
    "config_bindingappeal": MOVED,
    "config_cache": LOOSE,  # counters of sign-in limits
    "config_delegation": MOVED,
    "config_invitation": MOVED,
    "config_rolegrant": MOVED,
    "config_tenure": FIXED,  # triggers keep it
    "config_user": MOVED,
    "config_user_groups": "insert delete",  # with a confirmed grant only: a trigger
    "config_user_user_permissions": FIXED,
    "django_content_type": FIXED,
    "django_migrations": FIXED,
    "django_session": LOOSE,
    "ledger_account": FIXED,
    "ledger_accountbalance": FIXED,
    "ledger_accountrollup": KEPT,
    "ledger_anchor": KEPT,
    "ledger_checkpoint": FIXED,
    "ledger_cosignature": KEPT,
    "ledger_entryreference": KEPT,
    "ledger_incident": KEPT,
    "ledger_incidentclosing": KEPT,
    "ledger_incidentrequest": KEPT,
    "ledger_journal": FIXED,
    "ledger_logentry": "insert(id, type, at, body)",
    "ledger_logleaf": FIXED,
    "ledger_logtile": FIXED,
    "ledger_periodclose": KEPT,
    "ledger_promise": KEPT,
    "ledger_refusedid": FIXED,
    "ledger_timestamp": KEPT,
    "ledger_transfer": FIXED,
    "ledger_work": MOVED,
    "mfa_authenticator": LOOSE,
    "providers_acceleratoralias": MOVED,
    "providers_acceleratormodel": MOVED,
    "providers_acceleratorrate": MOVED,
    "providers_batchclearance": KEPT,
    "providers_batchrow": KEPT,
    "providers_capacity": MOVED,
    "providers_deskrequest": MOVED,
    "providers_efficiencyfiling": MOVED,
    "providers_finding": KEPT,
    "providers_findingdecision": KEPT,
    "providers_gridfactor": MOVED,
    "providers_manifest": KEPT,
    "providers_meteringmonth": MOVED,
    "providers_networkfiling": MOVED,
    "providers_offering": MOVED,
    "providers_offeringprice": KEPT,
    "providers_order": MOVED,
    "providers_orderdiscount": KEPT,
    "providers_orderpart": KEPT,
    "providers_provider": MOVED,
    "providers_provideraccount": MOVED,
    "providers_providerkey": MOVED,
    "providers_providerseat": MOVED,
    "providers_ratewindow": LOOSE,
    "providers_staterow": KEPT,
    "providers_uploadanswer": MOVED,
    "providers_usagebatch": MOVED,
    "providers_usageconflict": MOVED,
    "providers_usageidentity": FIXED,
    "providers_usagenonce": "insert delete",  # a guard keeps what could still be replayed
    "providers_usagerecord": MOVED,
    "providers_webhook": MOVED,
    "providers_webhookattempt": KEPT,
    "providers_webhookdelivery": MOVED,
    "providers_zerodeclaration": KEPT,
    "vouchers_allocationline": KEPT,
    "vouchers_allocationrun": MOVED,
    "socialaccount_socialaccount": LOOSE,
    "socialaccount_socialapp": FIXED,
    "socialaccount_socialtoken": FIXED,
    "usersessions_usersession": LOOSE,
    "vouchers_application": MOVED,
    "vouchers_attachment": MOVED,
    "vouchers_budgetalert": KEPT,
    "vouchers_budgetgrant": KEPT,
    "vouchers_budgetpool": MOVED,
    "vouchers_calendaryear": KEPT,
    "vouchers_conflictdeclaration": MOVED,
    "vouchers_caseassignment": MOVED,
    "vouchers_casebatch": KEPT,
    "vouchers_casebatchitem": KEPT,
    "vouchers_caseexport": MOVED,
    "vouchers_casenote": KEPT,
    "vouchers_caseseen": MOVED,
    "vouchers_clockmark": KEPT,
    "vouchers_consultation": MOVED,
    "vouchers_consultationcomment": KEPT,
    "vouchers_editionopinion": KEPT,
    "vouchers_contractuse": KEPT,
    "vouchers_criteriondecision": KEPT,
    "vouchers_drawreveal": KEPT,
    "vouchers_drawseed": KEPT,
    "vouchers_enterprise": MOVED,
    "vouchers_enterpriseaccount": MOVED,
    "vouchers_enterprisefact": KEPT,
    "vouchers_enterpriseseat": MOVED,
    "vouchers_fastbatch": MOVED,
    "vouchers_grantrequest": MOVED,
    "vouchers_handedin": KEPT,
    "vouchers_hold": MOVED,
    "vouchers_holiday": KEPT,
    "vouchers_intake": KEPT,
    "vouchers_issuebatch": MOVED,
    "vouchers_issueitem": MOVED,
    "vouchers_letter": KEPT,
    "vouchers_mailchoice": MOVED,
    "vouchers_notice": KEPT,
    "vouchers_noticeattempt": KEPT,
    "vouchers_noticedelivery": MOVED,
    "vouchers_jointreply": KEPT,
    "vouchers_inquiry": MOVED,
    "vouchers_noticeitem": KEPT,
    "vouchers_noticeread": KEPT,
    "vouchers_noticeobjection": MOVED,
    "vouchers_numberseries": MOVED,
    "vouchers_programme": MOVED,
    "vouchers_publicnotice": MOVED,
    "vouchers_readevent": KEPT,
    "vouchers_reconsideration": MOVED,
    "vouchers_redemption": KEPT,
    "vouchers_registerimport": MOVED,
    "vouchers_registerrow": KEPT,
    "vouchers_standingrequest": MOVED,
    "vouchers_reservation": KEPT,
    "vouchers_reservationend": KEPT,
    "vouchers_savedview": MOVED,
    "vouchers_searchrow": MOVED,
    "vouchers_staterow": KEPT,
    "vouchers_supplementitem": KEPT,
    "vouchers_succession": KEPT,
    "vouchers_voucher": MOVED,
    "vouchers_voucherrequest": MOVED,
}

#: table -> what the sealer may do; of everything else it sees nothing.
SEAL: dict[str, str] = {
    "ledger_checkpoint": "select insert",
    "ledger_logentry": "select",
    "ledger_logleaf": "select insert",
    "ledger_logtile": "select insert",
}

#: What neither reports nor auditors see: whoever reads a session can be its owner. An empty
#: set hides the whole table.
HIDDEN: dict[str, frozenset[str]] = {
    "account_emailconfirmation": frozenset(),
    "config_cache": frozenset(),
    "config_user": frozenset({"password"}),
    "config_invitation": frozenset({"digest"}),
    "django_session": frozenset(),
    # Whoever knows the seed of an open batch knows which cases will be looked into.
    "vouchers_fastbatch": frozenset({"seed"}),
    "billing_inspection": frozenset({"seed"}),
    "vouchers_drawseed": frozenset({"seed"}),  # told to everybody when the window is closed
    "mfa_authenticator": frozenset(),
    "socialaccount_socialapp": frozenset(),
    "socialaccount_socialtoken": frozenset(),
    "usersessions_usersession": frozenset(),
}

#: function -> who may call it. Functions of triggers need no right and are given none; those with
#: nobody behind them are parts of the posting function, which runs as the owner.
FUNCTIONS: dict[str, tuple[str, ...]] = {
    "config_is_owner": ("app",),
    "config_sits_in": (),
    "ledger_deferred_available": (),
    "ledger_deferred_sums": ("app", "read", "audit"),
    "ledger_judge": (),
    "ledger_keep_refusals": ("app",),
    "ledger_lock_accounts": (),
    "ledger_moment": (),
    "ledger_open_accounts": (),
    "ledger_phase": (),
    "ledger_pools": (),
    "ledger_post": ("app",),
    "ledger_routes": (),
    "ledger_safe_mode": ("app", "read", "audit"),
    "ledger_sums_upto": ("app", "read", "audit"),
    "providers_make_part": (),
    "providers_open_months": ("app",),
    "vouchers_refuse_overbooking": ("app",),
}

#: Sequences of columns that are no identity columns (a partitioned table has none before
#: PostgreSQL 17): sequence -> what the application may do with it.
DRAWN: dict[str, str] = {
    "providers_usagerecord_id_seq": "usage",
    "vouchers_intake_position": "usage",
}

_WORD = re.compile(r"(\w+)(?:\(([^)]*)\))?")


class Right(NamedTuple):
    """One privilege of one role on one thing; ``column`` is empty for the whole of it."""

    kind: str
    name: str
    column: str
    role: str
    privilege: str


@dataclass
class Things:
    """What a database holds: tables and views with their columns, sequences, functions.

    Args:
        tables: name -> columns; parts of a partitioned table are not listed.
        functions: signature -> name, those of triggers too.
        triggers: signatures of functions that only triggers call.
    """

    tables: dict[str, list[str]] = field(default_factory=dict)
    sequences: list[str] = field(default_factory=list)
    functions: dict[str, str] = field(default_factory=dict)
    triggers: set[str] = field(default_factory=set)


def _read(kind: str, name: str, role: str, words: str) -> Iterable[Right]:
    for privilege, columns in _WORD.findall(words):
        for column in [each.strip() for each in columns.split(",")] if columns else [""]:
            yield Right(kind, name, column, role, privilege.upper())


def _looking(name: str, columns: list[str], role: str) -> Iterable[Right]:
    hidden = HIDDEN.get(name)
    if hidden is None:
        yield Right("table", name, "", role, "SELECT")
    elif hidden:
        for column in columns:
            if column not in hidden:
                yield Right("table", name, column, role, "SELECT")


def wanted(things: Things) -> set[Right]:
    """Return every right that this file gives on what a database holds.

    Columns that an older version does not have yet are left out until it is migrated.
    """
    found: set[Right] = set()
    for name, columns in things.tables.items():
        if name in APP:
            for words in ("select", APP[name]):
                found.update(_read("table", name, "app", words))
            found.update(_read("table", name, "seal", SEAL.get(name, "")))
            for role in ("read", "audit"):
                found.update(_looking(name, columns, role))
    for name in things.sequences:
        found.update(_read("sequence", name, "audit", "select"))
        found.update(_read("sequence", name, "app", DRAWN.get(name, "")))
    for signature, name in things.functions.items():
        for role in FUNCTIONS.get(name, ()):
            found.add(Right("function", signature, "", role, "EXECUTE"))
    return {each for each in found if not each.column or each.column in things.tables[each.name]}


def without_line(things: Things) -> list[str]:
    """Return the tables and functions that this file says nothing about."""
    unknown = set(things.tables) - set(APP)
    unknown |= {
        name
        for signature, name in things.functions.items()
        if name not in FUNCTIONS and signature not in things.triggers
    }
    return sorted(unknown)


def statements(rights: Iterable[Right], verb: str, names: Mapping[str, str]) -> list[str]:
    """Return GRANT or REVOKE statements for some rights, columns of one table together.

    Args:
        verb: ``GRANT`` or ``REVOKE``.
        names: role of this file -> name of the role in the database.
    """
    columns: dict[tuple[str, str, str, str], list[str]] = {}
    for each in sorted(rights):
        key = (each.kind, each.name, each.role, each.privilege)
        columns.setdefault(key, []).append(each.column)
    made = []
    for (kind, name, role, privilege), listed in columns.items():
        whom = "PUBLIC" if role == PUBLIC else names[role]
        on = name if kind == "function" else f'"{name}"'
        parts = [each for each in listed if each]
        word = "TO" if verb == "GRANT" else "FROM"
        if "" in listed:
            made.append(f"{verb} {privilege} ON {kind} {on} {word} {whom}")
        if parts:
            shown = ", ".join(f'"{each}"' for each in parts)
            made.append(f"{verb} {privilege} ({shown}) ON {kind} {on} {word} {whom}")
    return made

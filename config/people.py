"""What the pages about people show: members, accounts with their roles, who stands in for whom."""

from datetime import datetime
from typing import Any
from uuid import UUID

from config.delegating import DELEGABLE, rights_by_role
from config.inviting import invitations_of, organisation_of
from config.models import Delegation, RoleGrant, User
from config.roles import ROLE_TITLES
from vouchers.models import ConflictDeclaration, Enterprise


def members(seat: Any, at: datetime) -> dict[str, Any]:
    """Return who sits in the organisation of a seat, and who was asked in."""
    owner = organisation_of(seat)
    rows = owner.seats.filter(active=True).select_related("user").order_by("role", "id")
    return {
        "organisation": owner,
        "seats": [
            {
                "seat": each,
                "own": each.user_id == seat.user_id,
                "masked": masked_mail(each.user.email),
            }
            for each in rows
        ],
        "invitations": invitations_of(owner.pk, at),
        "manages": seat.role == type(seat).Role.ADMIN,
    }


def member(seat: Any, pk: UUID) -> Any:
    """Return a colleague's seat by its number, or nothing: never one of another organisation."""
    return organisation_of(seat).seats.filter(pk=pk, active=True).first()


def masked_mail(address: str) -> str:
    """Return an address as colleagues may see it, "w***@example.org"."""
    name, at, host = address.partition("@")
    return f"{name[:1]}***{at}{host}" if at else ""


def masked_name(name: str) -> str:
    """Return a name as strangers may see it, "张＊＊"."""
    return name[:1] + "＊" * max(len(name) - 1, 1) if name else "＊＊"


def accounts() -> list[dict[str, Any]]:
    """Return the accounts of the bureau with their roles, and what waits for the second person."""
    rows = (
        User.objects.filter(role_grants__isnull=False)
        .distinct()
        .order_by("display_name", "username")
        .prefetch_related("role_grants")
    )
    return [
        {
            "user": each,
            "grants": [g for g in each.role_grants.all() if g.confirmed_at and not g.ended_at],
        }
        for each in rows
    ]


def waiting_grants(person: str, role: str) -> list[dict[str, Any]]:
    """Return the proposed roles, and whether this reader may be the second person."""
    rows = RoleGrant.objects.filter(confirmed_at__isnull=True, ended_at__isnull=True)
    return [
        {
            "grant": each,
            "mine": person in (each.proposed_by_person, each.person)
            or role == each.proposed_by_role,
        }
        for each in rows.select_related("user").order_by("proposed_at")
    ]


def account(pk: UUID) -> User | None:
    """Return an account by its number."""
    return User.objects.filter(pk=pk).first()


def grant(pk: UUID) -> RoleGrant | None:
    """Return a grant by its number."""
    return RoleGrant.objects.filter(pk=pk).select_related("user").first()


def standing_in(user: Any, at: datetime) -> dict[str, Any]:
    """Return what an officer gave, took, and may still give."""
    rows = Delegation.objects.select_related("giver", "taker").order_by("until")
    lasting = rows.filter(until__gt=at, ended_at__isnull=True)
    own = rights_by_role(user)
    return {
        "given": _told(lasting.filter(giver=user)),
        "taken": _told(lasting.filter(taker=user)),
        "past": _told(
            (rows.filter(giver=user) | rows.filter(taker=user)).exclude(pk__in=lasting)[:20]
        ),
        "rights": [(right, title) for right, title in DELEGABLE.items() if right in own],
        "colleagues": [
            (str(each.pk), f"{_roles(each)}：{each.display_name}")
            for each in User.objects.filter(is_active=True, groups__isnull=False)
            .exclude(groups__name__in=("platform", "auditor"))
            .exclude(person_hash=user.person_hash)
            .distinct()
            .order_by("display_name")
        ],
    }


def delegation(user: Any, pk: UUID) -> Delegation | None:
    """Return a delegation one gave or took; nobody else's."""
    rows = Delegation.objects.filter(pk=pk)
    return (rows.filter(giver=user) | rows.filter(taker=user)).first()


def _told(rows: Any) -> list[dict[str, Any]]:
    return [{"delegation": each, "title": DELEGABLE.get(each.right, each.right)} for each in rows]


def _roles(user: User) -> str:
    return "、".join(ROLE_TITLES.get(each.name, each.name) for each in user.groups.all())


def declared(person: str) -> list[dict[str, Any]]:
    """Return the lasting declarations of ties, and which are the reader's own."""
    rows = ConflictDeclaration.objects.lasting().order_by("-declared_at")
    return [{"declaration": each, "own": each.person == person} for each in rows]


def declaration(pk: UUID) -> ConflictDeclaration | None:
    """Return a declaration by its number."""
    return ConflictDeclaration.objects.filter(pk=pk).first()


def enterprise_named(typed: str) -> Enterprise | None:
    """Return an enterprise by its full name or its credit code."""
    wanted = typed.strip()
    rows = Enterprise.objects.filter(name=wanted) | Enterprise.objects.filter(uscc=wanted.upper())
    return rows.first()

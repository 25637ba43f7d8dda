"""Ask a colleague in by a link that works once: enterprise, provider or bureau (P3, U19).

The secret of the link is shown once and never kept; accepting gives a seat, or, for the bureau, a
proposed role that a third person still has to confirm.
"""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.urls import reverse

from config.granting import propose_role
from config.models import Invitation, User
from config.realms import Realm
from config.roles import ROLE_TITLES
from config.sessions import end_sessions
from ledger import audit
from ledger.actors import Actor
from ledger.refusals import Refused
from providers.models import Provider, ProviderSeat
from vouchers.models import Enterprise, EnterpriseSeat

HOLDS = timedelta(days=7)
SECRET_BYTES = 24
ROLES_OF: dict[str, dict[str, str]] = {
    Realm.ENTERPRISE: dict(EnterpriseSeat.Role.choices),
    Realm.PROVIDER: dict(ProviderSeat.Role.choices),
    Realm.BUREAU: ROLE_TITLES,
}


@dataclass(frozen=True)
class Asked:
    """Whom somebody asks in, and as what."""

    name: str
    email: str
    role: str
    may_submit: bool = False


@dataclass(frozen=True)
class Sent:
    """An invitation with the secret of its link, which is known at this moment only."""

    invitation: Invitation
    secret: str


def digest_of(secret: str) -> str:
    """Return what is kept of a link's secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


@transaction.atomic
def invite_person(
    organisation: Enterprise | Provider | None,
    asked: Asked,
    *,
    inviter: User,
    actor: Actor,
    at: datetime,
) -> Sent:
    """Ask somebody in; ``organisation`` is nothing for the bureau.

    Writes: invitation, log entry (without name and address).

    Raises:
        Refused: no name, or a role that does not exist there.
    """
    realm = _realm_of(organisation)
    if not asked.name.strip():
        raise Refused("name_invalid", "请填写受邀人姓名。", field="name")
    if asked.role not in ROLES_OF[realm]:
        raise Refused("unknown_role", "请选择一个角色。", field="role")
    secret = secrets.token_urlsafe(SECRET_BYTES)
    made = Invitation.objects.create(
        digest=digest_of(secret),
        realm=realm,
        organisation=organisation.pk if organisation else None,
        organisation_name=organisation.name if organisation else "主管部门",
        role=asked.role,
        may_submit=asked.may_submit,
        name=asked.name.strip(),
        email=asked.email,
        invited_at=at,
        invited_by=inviter,
        expires_at=at + HOLDS,
    )
    _log("account.invite", made, actor, at)
    return Sent(made, secret)


@transaction.atomic
def withdraw_invitation(invitation: Invitation, *, actor: Actor, at: datetime) -> Invitation:
    """Take an invitation back before it is used.

    Writes: invitation, log entry.

    Raises:
        Refused: used, withdrawn or expired.
    """
    held = Invitation.objects.select_for_update(of=("self",)).get(pk=invitation.pk)
    _open(held, at)
    held.withdrawn_at = at
    held.save()
    _log("account.withdraw_invitation", held, actor, at)
    return held


@transaction.atomic
def accept_invitation(invitation: Invitation, user: User, *, actor: Actor, at: datetime) -> User:
    """Come in by a link; once, and only on one side of the table.

    Writes: invitation, seat (or a proposed role of the bureau), log entry.

    Raises:
        Refused: used, withdrawn or expired; or the person sits on another side.
    """
    held = Invitation.objects.select_for_update(of=("self",)).get(pk=invitation.pk)
    _open(held, at)
    refuse_other_realm(user, Realm(held.realm))
    held.accepted_at, held.accepted_by = at, user
    held.save()
    organisation = held.organisation or ""
    if held.realm == Realm.ENTERPRISE:
        EnterpriseSeat.objects.update_or_create(
            user=user,
            enterprise_id=organisation,
            defaults={"role": held.role, "active": True, "may_submit": held.may_submit},
        )
    elif held.realm == Realm.PROVIDER:
        ProviderSeat.objects.update_or_create(
            user=user,
            provider_id=organisation,
            defaults={"role": held.role, "active": True},
        )
    else:
        inviter = held.invited_by
        reason = f"受{inviter.display_name}邀请"
        propose_role(user, held.role, reason=reason, actor=_as_inviter(inviter), at=at)
    _log("account.accept_invitation", held, actor, at)
    return user


@transaction.atomic
def end_seat(
    seat: EnterpriseSeat | ProviderSeat, *, actor: Actor, at: datetime
) -> EnterpriseSeat | ProviderSeat:
    """Take a seat away; the sessions of the account end at once. The last administrator stays.

    Writes: seat, log entry.

    Raises:
        Refused: no seat any more, one's own, or the last administrator.
    """
    model = type(seat)
    held: Any = model._default_manager.select_for_update(of=("self",)).get(pk=seat.pk)
    owner, admin = organisation_of(held), model.Role.ADMIN
    if not held.active:
        raise Refused("not_waiting", "这位成员已经移除。")
    if str(held.user_id) == actor.id:
        raise Refused("oneself", "不能移除自己，请由其他管理员办理。")
    admins = owner.seats.select_for_update(of=("self",)).filter(active=True, role=admin)
    if held.role == admin and admins.count() < 2:
        raise Refused("last_admin", "至少保留一位管理员。")
    held.active = False
    held.save()
    audit.record(
        "account.unseat", {"organisation": owner.pk, "user": held.user_id}, actor=actor, at=at
    )
    end_sessions(held.user)
    return held  # type: ignore[no-any-return]


def organisation_of(seat: EnterpriseSeat | ProviderSeat) -> Any:
    """Return the enterprise or the provider of a seat."""
    return seat.enterprise if isinstance(seat, EnterpriseSeat) else seat.provider


def refuse_other_realm(user: User, realm: Realm) -> None:
    """Refuse a person, under any account, who already sits on another side of the table.

    Raises:
        Refused: with the side in words.
    """
    same = User.objects.filter(person_hash=user.person_hash).exclude(person_hash="")
    sides = {
        Realm.BUREAU: ("主管部门", same.filter(groups__isnull=False)),
        Realm.PROVIDER: ("服务商", same.filter(provider_seats__active=True)),
        Realm.ENTERPRISE: ("企业", same.filter(enterprise_seats__active=True)),
    }
    for side, (title, people) in sides.items():
        if side is not realm and people.exists():
            raise Refused(
                "two_realms",
                f"您已是{title}的人员。同一自然人不能同时代表两方，请先由原单位移除您的席位。",
            )


def link_of(sent: Sent | None, absolute: Callable[[str], str]) -> str:
    """Return the whole address of an invitation just made; empty if none was."""
    return absolute(reverse("invitation", args=[sent.secret])) if sent else ""


def open_invitation(secret: str, at: datetime) -> Invitation | None:
    """Return the invitation behind a link while it can be used."""
    found = Invitation.objects.filter(digest=digest_of(secret)).first()
    if found is None or _closed(found, at):
        return None
    return found


def invitations_of(organisation: UUID | None, at: datetime) -> list[Invitation]:
    """Return what an organisation (or the bureau) sent and nobody used yet."""
    rows = Invitation.objects.filter(
        organisation=organisation, accepted_at__isnull=True, withdrawn_at__isnull=True
    )
    return list(rows.filter(expires_at__gt=at).order_by("-invited_at"))


def _as_inviter(inviter: User) -> Actor:
    roles = set(inviter.groups.values_list("name", flat=True))
    return Actor(
        kind="user",
        id=str(inviter.pk),
        name=inviter.display_name,
        role="platform" if "platform" in roles else "approver",
        person=inviter.person_hash,
    )


def _realm_of(organisation: Enterprise | Provider | None) -> Realm:
    if organisation is None:
        return Realm.BUREAU
    return Realm.ENTERPRISE if isinstance(organisation, Enterprise) else Realm.PROVIDER


def _closed(held: Invitation, at: datetime) -> bool:
    return bool(held.accepted_at or held.withdrawn_at) or held.expires_at <= at


def _open(held: Invitation, at: datetime) -> None:
    if _closed(held, at):
        raise Refused("link_used", "这个邀请链接已经用过、撤回或过期，请让邀请人重新发送。")


def _log(kind: str, held: Invitation, actor: Actor, at: datetime) -> None:
    body = {"invitation": held.pk, "realm": held.realm, "role": held.role}
    audit.record(kind, body, actor=actor, at=at)

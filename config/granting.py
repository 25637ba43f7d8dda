"""Roles of the bureau: one person proposes, another confirms, anybody entitled ends (matrix 33)."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import Group
from django.db import transaction

from config.models import RoleGrant, User
from config.roles import ROLE_TITLES
from config.sessions import end_sessions
from ledger import audit
from ledger.actors import Actor
from ledger.refusals import Refused

BOTH = {"platform", "approver"}  # one of each signs a grant
ALONE = ("platform", "auditor")
SHORTEST_REASON = 4


@transaction.atomic
def propose_role(user: User, role: str, *, reason: str, actor: Actor, at: datetime) -> RoleGrant:
    """Propose a role of the bureau for a person; it counts only after another confirmed it.

    Writes: grant, log entry.

    Raises:
        Refused: no reason, an unknown role, for oneself, or held or proposed already.
    """
    user = _taken(user)
    _reasoned(reason)
    if role not in ROLE_TITLES:
        raise Refused("unknown_role", "请选择一个角色。", field="role")
    if not actor.person or actor.person == user.person_hash:
        raise Refused("same_person", "不能为自己申请角色，请由他人提出。")
    _fitting(user, role)
    if user.role_grants.filter(role=role, ended_at__isnull=True).exists():
        raise Refused("already_granted", f"{user.display_name}已有或正在等待这个角色。")
    grant = RoleGrant.objects.create(
        user=user,
        person=user.person_hash,
        role=role,
        reason=reason.strip(),
        proposed_at=at,
        proposed_by_name=actor.name,
        proposed_by_person=actor.person,
        proposed_by_role=actor.role,
    )
    _log("account.propose_role", grant, actor, at)
    return grant


@transaction.atomic
def confirm_role(grant: RoleGrant, *, actor: Actor, at: datetime) -> RoleGrant:
    """Confirm a proposed role as the second of two people; sessions of the account end.

    Writes: grant, the account's group, log entry.

    Raises:
        Refused: the proposer, or the person themselves, confirms; or it is not waiting.
    """
    held = RoleGrant.objects.select_for_update(of=("self",)).get(pk=grant.pk)
    if held.confirmed_at is not None or held.ended_at is not None:
        raise Refused("not_waiting", "这项角色申请已经办过。")
    if not actor.person or actor.person in (held.proposed_by_person, held.person):
        raise Refused("same_person", "须由提出人和本人之外的第三人确认。")
    if {actor.role, held.proposed_by_role} != BOTH:
        raise Refused("needs_both", "角色须由平台管理和审定人员各一人先后办理。")
    _fitting(held.user, held.role)
    held.confirmed_at = at
    held.confirmed_by_name, held.confirmed_by_person = actor.name, actor.person
    held.confirmed_by_role = actor.role
    held.save()
    held.user.groups.add(Group.objects.get(name=held.role))
    _log("account.grant_role", held, actor, at)
    end_sessions(held.user)
    return held


@transaction.atomic
def end_role(grant: RoleGrant, *, reason: str, actor: Actor, at: datetime) -> RoleGrant:
    """End a role, or decline a proposed one; one person is enough, and it counts at once.

    Writes: grant, the account's group, log entry; all sessions of the account end.

    Raises:
        Refused: no reason, or ended already.
    """
    held = RoleGrant.objects.select_for_update(of=("self",)).get(pk=grant.pk)
    _reasoned(reason)
    if held.ended_at is not None:
        raise Refused("not_waiting", "这项角色已经终止。")
    held.ended_at, held.ended_by_name = at, actor.name
    held.save()
    held.user.groups.remove(Group.objects.get(name=held.role))
    _log("account.end_role", held, actor, at)
    end_sessions(held.user)
    return held


@transaction.atomic
def found_role(user: User, role: str, *, actor: Actor, at: datetime) -> RoleGrant:
    """Give the first platform and the first approver of a new house their role.

    From then on it takes two (a trigger refuses a second founding).

    Writes: grant, the account's group, log entry.
    """
    grant = RoleGrant.objects.create(
        user=user,
        person=user.person_hash,
        role=role,
        reason="初始设立",
        founding=True,
        proposed_at=at,
        proposed_by_name=actor.name,
        proposed_by_person=actor.id,
        proposed_by_role=actor.role,
        confirmed_at=at,
        confirmed_by_name=actor.name,
        confirmed_by_person=actor.id,
        confirmed_by_role=actor.role,
    )
    user.groups.add(Group.objects.get(name=role))
    _log("account.grant_role", grant, actor, at)
    return grant


@transaction.atomic
def disable_account(user: User, *, reason: str, actor: Actor, at: datetime) -> User:
    """Disable an account; its sessions end at once.

    Writes: account, log entry.

    Raises:
        Refused: oneself, no reason, or disabled already.
    """
    held = _taken(user)
    _reasoned(reason)
    if str(held.pk) == actor.id:
        raise Refused("oneself", "不能停用自己的账号。")
    if not held.is_active:
        raise Refused("not_waiting", "这个账号已经停用。")
    held.is_active = False
    held.save()
    audit.record("account.disable", {"user": held.pk}, actor=actor, at=at)
    end_sessions(held)
    return held


@transaction.atomic
def enable_account(user: User, *, reason: str, actor: Actor, at: datetime) -> User:
    """Take a disabled account into use again; its roles are what they were.

    Writes: account, log entry.

    Raises:
        Refused: no reason, or in use.
    """
    held = _taken(user)
    _reasoned(reason)
    if held.is_active:
        raise Refused("not_waiting", "这个账号正在使用。")
    held.is_active = True
    held.save()
    audit.record("account.enable", {"user": held.pk}, actor=actor, at=at)
    return held


def _taken(user: User) -> User:
    return User.objects.select_for_update(of=("self",)).get(pk=user.pk)


def _reasoned(reason: str) -> None:
    if len(reason.strip()) < SHORTEST_REASON:
        raise Refused("reason_missing", "请写明依据，至少四个字。", field="reason")


def _fitting(user: Any, role: str) -> None:
    """Refuse what the database would refuse: two realms, or platform and audit beside others."""
    same = User.objects.filter(person_hash=user.person_hash).exclude(person_hash="")
    seated = same.filter(enterprise_seats__active=True) | same.filter(provider_seats__active=True)
    if seated.exists():
        raise Refused("two_realms", "此人是企业或服务商的成员，同一自然人不能同时是工作人员。")
    others = set(same.values_list("groups__name", flat=True)) - {None, role}
    if others and (role in ALONE or others & set(ALONE)):
        raise Refused("stands_alone", "平台管理和审计须专人担任，不能与其他角色兼任。")


def _log(kind: str, grant: RoleGrant, actor: Actor, at: datetime) -> None:
    body = {"grant": grant.pk, "user": grant.user_id, "role": grant.role}
    audit.record(kind, body, actor=actor, at=at)

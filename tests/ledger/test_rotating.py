"""The life of the log's keys: by two persons, by the size of the log, with an overlap."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model

from ledger import audit, models
from ledger.actors import Actor, system_actor
from ledger.entries import decode
from ledger.exporting import export_log
from ledger.identifiers import new_id
from ledger.inspecting import inspect_log
from ledger.keyfiles import STEMS
from ledger.keys import key_history, key_store, sign_head, sign_text
from ledger.refusals import Broken, Refused
from ledger.rotating import confirm_proposal, propose_key, propose_retirement
from ledger.signing import Algorithm, TreeHead, VerificationKey, open_note, split_note
from ledger.suites import SHA256, SM3
from ledger.verifying import NotOk, verify
from tests.ledger.making import AT, KEYS, book, grant, seal_all
from tests.ledger.test_inspecting import as_owner

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.sealer]
KINDS = [Algorithm.ED25519, Algorithm.COSIGN_MLDSA44, Algorithm.SM2_SM3]


def officer(name: str, person: str = "") -> Actor:
    user = get_user_model().objects.create(
        username=name, display_name=name, person_hash=person or f"person of {name}"
    )
    return Actor(
        kind="user", id=str(user.pk), name=name, role="key_officer", person=user.person_hash
    )


@pytest.fixture
def two() -> tuple[Actor, Actor]:
    return officer("first"), officer("second")


def replace(kind: Algorithm, two: tuple[Actor, Actor]) -> VerificationKey:
    proposal = propose_key(kind, "年度更换", actor=two[0], at=AT)
    return confirm_proposal(proposal.id, actor=two[1], at=AT)


def retire(key: VerificationKey, two: tuple[Actor, Actor]) -> None:
    proposal = propose_retirement(key.key_id.hex(), "年度更换", actor=two[0], at=AT)
    confirm_proposal(proposal.id, actor=two[1], at=AT)


def signers_of(note: str) -> list[str]:
    return [blob[:4].hex() for _, blob in split_note(note)[1]]


def ids(*keys: VerificationKey) -> list[str]:
    return [each.key_id.hex() for each in keys]


def test_a_new_log_has_a_key_of_every_kind_and_both_lines_on_its_first_checkpoint():
    ed, ml, sm = audit.ensure_keys(AT)
    assert [each.algorithm for each in (ed, ml, sm)] == KINDS
    assert sm.name == settings.LOG_ORIGIN + "/sm3"
    checkpoint = seal_all()
    assert checkpoint.size == KEYS
    assert signers_of(checkpoint.note) == ids(ed, ml)
    assert key_history().faults == []
    head = TreeHead(SM3.origin(settings.LOG_ORIGIN), 3, bytes(32))
    assert open_note(sign_head(head, suite=SM3, at=AT), sm, alone=True) == head.text


def test_checkpoints_before_during_and_after_the_overlap_bear_exactly_the_right_lines(
    two, tmp_path
):
    old, ml, _ = audit.ensure_keys(AT)
    before = seal_all()
    fresh = replace(Algorithm.ED25519, two)
    during = seal_all()
    retire(old, two)
    after = seal_all()
    book(grant(1))
    last = seal_all()
    assert signers_of(before.note) == ids(old, ml)
    assert signers_of(during.note) == ids(old, fresh, ml)
    assert signers_of(after.note) == signers_of(last.note) == ids(fresh, ml)
    assert [each.as_dict() for each in inspect_log()] == []
    export_log(tmp_path / "log.bundle")
    for pinned in (None, [fresh], [fresh, ml]):
        with (tmp_path / "log.bundle").open("rb") as file:
            assert verify(file, pinned).manifest.entries == last.size
    with (tmp_path / "log.bundle").open("rb") as file, pytest.raises(NotOk):
        verify(file, [old])


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_of_every_kind_is_replaced_and_retired(two, kind):
    old = next(each for each in audit.ensure_keys(AT) if each.algorithm is kind)
    fresh = replace(kind, two)
    retire(old, two)
    seal_all()
    history = key_history()
    assert history.faults == []
    span, later = history.span_of(old.text), history.span_of(fresh.text)
    assert span.last is not None
    assert later.first <= span.last
    assert fresh in audit.ensure_keys(AT)
    assert old not in audit.ensure_keys(AT)


def test_what_was_decided_and_by_whom_stands_in_the_log(two):
    audit.ensure_keys(AT)
    proposal = propose_key(Algorithm.ED25519, " 人员变动 ", actor=two[0], at=AT)
    key = confirm_proposal(proposal.id, actor=two[1], at=AT)
    entry = models.LogEntry.objects.filter(type="key.introduce").latest("seq")
    stated = decode(bytes(entry.body))
    assert stated["auth"] == {"approvals": [two[0].for_log(), two[1].for_log()]}
    assert stated["links"] == [str(proposal.id)]
    assert (stated["body"]["vkey"], stated["body"]["reason"]) == (key.text, "人员变动")
    assert two[0].person not in bytes(entry.body).decode()


def test_receipts_can_be_checked_with_the_old_and_the_new_key_while_both_count(two):
    old = audit.ensure_key(AT)
    fresh = replace(Algorithm.ED25519, two)
    note = sign_text("here/receipt\n{}\n", at=AT)
    assert open_note(note, old) == open_note(note, fresh) == "here/receipt\n{}\n"
    retire(old, two)
    assert signers_of(sign_text("here/receipt\n{}\n", at=AT)) == ids(fresh)
    with pytest.raises(Broken, match="only the sealer"):
        sign_text(TreeHead(settings.LOG_ORIGIN, 1, bytes(32)).text, at=AT)


def test_one_person_alone_changes_no_key(two):
    audit.ensure_keys(AT)
    proposal = propose_key(Algorithm.ED25519, "x", actor=two[0], at=AT)
    twin = officer("other account", person=two[0].person)
    for alone in (two[0], twin):
        with pytest.raises(Refused) as told:
            confirm_proposal(proposal.id, actor=alone, at=AT)
        assert told.value.code == "same_person"
    assert len(audit.ensure_keys(AT)) == KEYS


@pytest.mark.parametrize(
    "actor", [system_actor("job"), Actor(kind="user", id="1", name="x", role="x")]
)
def test_only_a_known_person_proposes_and_confirms(two, actor):
    audit.ensure_keys(AT)
    for act in (
        lambda: propose_key(Algorithm.ED25519, "x", actor=actor, at=AT),
        lambda: propose_retirement("00000000", "x", actor=actor, at=AT),
    ):
        with pytest.raises(Refused) as told:
            act()
        assert told.value.code == "not_a_person"
    proposal = propose_key(Algorithm.ED25519, "x", actor=two[0], at=AT)
    with pytest.raises(Refused) as told:
        confirm_proposal(proposal.id, actor=actor, at=AT)
    assert told.value.code == "not_a_person"


def refused(act) -> str:
    with pytest.raises(Refused) as told:
        act()
    return told.value.code


def test_a_proposal_is_confirmed_once_soon_and_only_if_it_exists(two):
    first, second = two
    audit.ensure_keys(AT)
    proposal = propose_key(Algorithm.ED25519, "x", actor=first, at=AT)
    late = AT + timedelta(days=7, seconds=1)
    assert refused(lambda: confirm_proposal(proposal.id, actor=second, at=late)) == (
        "proposal_too_old"
    )
    confirm_proposal(proposal.id, actor=second, at=AT)
    assert refused(lambda: confirm_proposal(proposal.id, actor=second, at=AT)) == "already_done"
    assert refused(lambda: confirm_proposal(new_id(), actor=second, at=AT)) == "no_such_proposal"
    gone = propose_key(Algorithm.ED25519, "x", actor=first, at=AT)
    get_user_model().objects.filter(pk=first.id).update(is_active=False)
    assert refused(lambda: confirm_proposal(gone.id, actor=second, at=AT)) == "proposer_unknown"
    for odd in ("not an account", str(UUID(int=5))):
        proposer = Actor(kind="user", id=odd, name="x", role="x", person="x")
        made = propose_key(Algorithm.ED25519, "x", actor=proposer, at=AT)
        why = refused(lambda made=made: confirm_proposal(made.id, actor=second, at=AT))
        assert why == "proposer_unknown"


def test_the_last_key_of_a_tree_stays(two):
    ed, ml, sm = audit.ensure_keys(AT)
    for last in (ed, sm):
        asked = last.key_id.hex()
        why = refused(lambda asked=asked: propose_retirement(asked, "x", actor=two[0], at=AT))
        assert why == "last_key"
    replace(Algorithm.ED25519, two)
    fresh = key_history().lasting()[-1]
    first, second = (
        propose_retirement(each.key_id.hex(), "x", actor=two[0], at=AT) for each in (ed, fresh)
    )
    confirm_proposal(first.id, actor=two[1], at=AT)
    assert refused(lambda: confirm_proposal(second.id, actor=two[1], at=AT)) == "last_key"
    assert refused(lambda: confirm_proposal(first.id, actor=two[1], at=AT)) == "already_done"
    assert ml in key_history().lasting()


def test_what_cannot_be_proposed_is_refused(two):
    assert refused(lambda: propose_key(Algorithm.ED25519, "x", actor=two[0], at=AT)) == (
        "no_such_key"
    )
    audit.ensure_keys(AT)
    assert refused(lambda: propose_key(Algorithm.ED25519, "  ", actor=two[0], at=AT)) == (
        "reason_missing"
    )
    assert refused(lambda: propose_retirement("ffffffff", "x", actor=two[0], at=AT)) == (
        "no_such_key"
    )


def test_an_installation_with_one_key_gets_the_others_at_its_next_start(tmp_path, settings):
    """As it was before there were several kinds: one file, one bare entry, one line."""
    ed = VerificationKey(settings.LOG_ORIGIN, key_store().make(Algorithm.ED25519))
    settings.LOG_SUITES = ["sha256"]
    bare = {"vkey": ed.text, "algorithm": "Ed25519", "key_id": ed.key_id.hex()}
    audit.record("key.introduce", bare, actor=system_actor("log_key"), at=AT)
    while (old := audit.seal(AT)) is None:
        continue
    assert signers_of(old.note) == ids(ed)
    found, ml, sm = audit.ensure_keys(AT)
    assert found == ed
    settings.LOG_SUITES = ["sha256", "sm3"]
    later = seal_all()
    assert signers_of(later.note) == ids(ed, ml)
    assert key_history().active(1, "sm3") == [sm]
    assert [each.as_dict() for each in inspect_log()] == []
    entries = models.LogEntry.objects.filter(type="key.introduce").order_by("seq")
    assert ["endorsement" in decode(bytes(each.body))["body"] for each in entries] == [
        False, True, True,
    ]  # fmt: skip
    export_log(tmp_path / "log.bundle")
    with (tmp_path / "log.bundle").open("rb") as file:
        assert verify(file, [ed]).manifest.checkpoints == 2


def test_a_key_of_an_earlier_installation_is_taken_as_it_lies_there():
    public = key_store().make(Algorithm.ED25519)
    assert audit.ensure_key(AT).public == public
    assert len(list((settings.VAR_DIR / "keys").glob("log-ed25519*.pem"))) == 1


def test_a_lost_key_file_is_told_and_no_other_key_takes_its_place():
    key = audit.ensure_key(AT)
    (settings.VAR_DIR / "keys" / "log-ed25519.pem").unlink()
    with pytest.raises(Broken, match=f"signing key {key.key_id.hex()} is not in"):
        audit.ensure_keys(AT)
    with pytest.raises(Broken, match="is not in"):
        audit.seal(AT)


@pytest.mark.parametrize("kind", KINDS)
def test_a_lost_key_is_replaced_while_another_can_speak_for_it(two, kind, tmp_path):
    lost = next(each for each in audit.ensure_keys(AT) if each.algorithm is kind)
    seal_all()
    (settings.VAR_DIR / "keys" / f"{STEMS[kind]}.pem").unlink()
    fresh = replace(kind, two)
    retire(lost, two)
    checkpoint = seal_all()
    assert lost.key_id.hex() not in signers_of(checkpoint.note)
    assert fresh in audit.ensure_keys(AT)
    assert [each.as_dict() for each in inspect_log()] == []
    export_log(tmp_path / "log.bundle")
    with (tmp_path / "log.bundle").open("rb") as file:
        assert verify(file).manifest.entries == checkpoint.size


def test_an_introduction_that_nobody_signed_for_is_found_and_signs_nothing(tmp_path, settings):
    settings.LOG_OPEN_ROOMS = ("key",)
    audit.ensure_keys(AT)
    seal_all()
    stranger = VerificationKey(settings.LOG_ORIGIN, bytes(32))
    audit.record("key.introduce", {"vkey": stranger.text}, actor=system_actor("x"), at=AT)
    checkpoint = seal_all()
    assert stranger.key_id.hex() not in signers_of(checkpoint.note)
    assert [each.name for each in inspect_log()] == ["key"]
    export_log(tmp_path / "log.bundle")
    with (tmp_path / "log.bundle").open("rb") as file, pytest.raises(NotOk, match="密钥条目"):
        verify(file)


@pytest.mark.unbalanced
def test_a_checkpoint_that_bears_a_retired_key_is_found(two):
    """The signature of the old key is right; only its time is over."""
    old, ml, _ = audit.ensure_keys(AT)
    fresh = replace(Algorithm.ED25519, two)
    retire(old, two)
    size = seal_all().size
    assert inspect_log() == []
    row = models.Checkpoint.objects.of(SHA256).get(size=size)
    text = split_note(row.note)[0]
    for keys in ((old, ml), (old, fresh, ml), (fresh,)):
        forged = f"{text}\n" + "".join(key_store().line(key, text, AT) for key in keys)
        as_owner(f"UPDATE ledger_checkpoint SET note = '{forged}' WHERE id = {row.pk}")
        assert {each.name for each in inspect_log()} == {"checkpoint"}

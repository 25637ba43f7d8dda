"""The stand-alone verifier: says OK to what is whole, and names what is not."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.bundles import FIRST_LINE, entry_line, note_line
from ledger.merkle import leaf_hash
from ledger.signing import TreeHead
from ledger.verifying import main
from tests.ledger.log_making import (
    OTHER,
    SIGNER,
    booked,
    bundle,
    checked,
    event,
    introduction,
    judged,
    small,
)
from tests.ledger.making import grant, issue, redeem

ROOT = Path(__file__).resolve().parents[2]


WHOLE = bundle(small(), cuts=(1, 4))


def test_a_whole_bundle_is_ok_and_gives_the_balances():
    report = checked(WHOLE)
    line = report.vouchers[0]
    assert (line.issued, line.available, line.held, line.spent) == (60, 30, 0, 30)
    assert (report.journals, report.transfers, report.manifest.entries) == (4, 4, 6)


def test_no_byte_of_a_bundle_can_be_changed():
    """Every byte, with its lowest, its case or its top bit turned, in turn."""
    for place in range(len(WHOLE)):
        flip = (0x01, 0x20, 0x80)[place % 3]
        bent = bytearray(WHOLE)
        bent[place] ^= flip
        assert judged(bytes(bent)) != "OK", f"byte {place} xor {flip:#x}"


def test_no_byte_of_a_bundle_can_be_left_out_or_added():
    for place in range(0, len(WHOLE), 3):
        assert judged(WHOLE[:place] + WHOLE[place + 1 :]) != "OK", f"without byte {place}"
        assert judged(WHOLE[:place] + b" " + WHOLE[place:]) != "OK", f"blank at {place}"
    for tail in (b"\n", b" ", b"\x00", b"{}", WHOLE):
        assert judged(WHOLE + tail) != "OK"


@given(st.integers(0, len(WHOLE) - 1))
def test_a_bundle_cut_off_anywhere_is_refused(end):
    assert judged(WHOLE[:end]) != "OK"


@given(st.integers(0, len(WHOLE) - 1), st.binary(min_size=1, max_size=40))
def test_bytes_written_over_a_bundle_are_found(place, fresh):
    bent = WHOLE[:place] + fresh + WHOLE[place + len(fresh) :]
    assert (judged(bent) == "OK") == (bent == WHOLE)


@given(st.binary(max_size=300))
def test_random_bytes_are_refused_without_a_fault(raw):
    assert judged(raw) != "OK"
    assert judged(FIRST_LINE + raw) != "OK"
    assert judged(FIRST_LINE + raw + b"\n" * 5) != "OK"


def test_the_changed_entry_is_named():
    lines = WHOLE.split(b"\n")
    place = next(each for each, line in enumerate(lines) if b'"60"' in line)
    lines[place] = lines[place].replace(b'"60"', b'"61"')
    assert judged(b"\n".join(lines)).startswith(f"第 {place + 1} 行：条目内容与其摘要不一致")


def test_a_changed_entry_with_a_matching_leaf_contradicts_the_checkpoint_after_it():
    entries = small()
    bent = [*entries]
    bent[2] = bent[2].replace(b'"60"', b'"61"')
    raw = WHOLE.replace(
        entry_line(leaf_hash(entries[2]), entries[2]), entry_line(leaf_hash(bent[2]), bent[2])
    )
    raw = bundle(entries, cuts=(1, 4)).replace(
        entry_line(leaf_hash(entries[2]), entries[2]), entry_line(leaf_hash(bent[2]), bent[2])
    )
    assert "第 1 至 3 条之间有条目被改动" in judged(raw)


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ([event()], "没有引入密钥"),
        ([introduction(), booked(issue(1), 1)], "第 1 条凭证不能成立"),
        ([introduction(), booked(grant(1), 1), booked(grant(1), 1)], "重复或倒退"),
        ([introduction(), booked(grant(5), 2), booked(issue(5), 1)], "透支"),
        ([introduction(), b"{}"], "第 1 条不是规范的日志条目"),
        ([introduction(), event().replace(b'"log":"here', b'"log":"else')], "不属于这份日志"),
        ([introduction(), event().replace(b'"v":"1"', b'"v":"2"')], "不属于这份日志"),
        ([introduction(), event().replace(b'"test.event"', b"null")], "不属于这份日志"),
        ([introduction(), event().replace(b'"body":{}', b'"body":[]')], "不成形"),
        ([introduction(), *(2 * [event()])], "出现两次"),
        ([introduction(), event("ledger.journal", journal="x")], "凭证编号与条目编号不一致"),
        ([], "没有检查点"),
    ],
)
def test_a_signed_log_that_breaks_the_rules_is_not_ok(entries, told):
    """The signature is right and the tree is whole: only what the entries say is wrong."""
    assert told in judged(bundle(entries))


def test_journals_may_lie_in_the_log_in_another_order_than_they_were_booked():
    made = [introduction(), booked(issue(5), 2), booked(grant(5), 1)]
    assert judged(bundle(made)) == "OK"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"entries": 5}, "与清单不一致"),
        ({"entries": 7}, "与清单不一致"),
        ({"entries": 0}, "与清单不一致"),
        ({"checkpoints": 2}, "与清单不一致"),
        ({"checkpoints": 4}, "第 6 行"),
        ({"checkpoints": 0}, "没有检查点"),
        ({"root": "00"}, "与清单不一致"),
        ({"keys": ()}, "密钥无效"),
        ({"keys": (SIGNER.verification.text,) * 2}, "密钥无效"),
        ({"keys": (SIGNER.verification.text, OTHER.verification.text)}, "使用的不一致"),
        ({"keys": (OTHER.verification.text,)}, "签名无效"),
        ({"keys": ("x",)}, "密钥无效"),
        ({"origin": "else/log"}, "名称与日志来源不一致"),
        ({"entries": 10**10}, "合理的整数"),
        ({"entries": -1}, "合理的整数"),
    ],
)
def test_a_manifest_that_says_anything_else_is_not_ok(change, told):
    assert told in judged(bundle(small(), cuts=(1, 4), **change))


@pytest.mark.parametrize(
    "manifest",
    [b"", b"x", b"[]", b"{}", b"1", b"[" * 60_000, b'"' * 3, b"\xff", b'{"entries":1}',
     b"9" * 60_000, b"x" * 200_000],
)  # fmt: skip
def test_a_hostile_manifest_gets_a_message(manifest):
    assert judged(FIRST_LINE + manifest + b"\n").startswith("第 2 行")


def test_the_key_must_be_the_one_known_from_elsewhere():
    assert judged(WHOLE, [SIGNER.verification]) == "OK"
    assert "没有您指定的密钥的签名" in judged(WHOLE, [OTHER.verification])
    forged = bundle([introduction(OTHER), *small()[1:]], signer=OTHER)
    assert judged(forged) == "OK"
    assert judged(forged, [SIGNER.verification]) != "OK"


def test_checkpoints_of_another_log_or_order_are_refused():
    notes = WHOLE.split(b"\n")
    swapped = [*notes[:2], notes[3], notes[2], *notes[4:]]
    assert "逐个增大" in judged(b"\n".join(swapped))
    stranger = note_line(SIGNER.sign(TreeHead("else/log", 1, bytes(32)).text))[:-1]
    assert "属于另一份日志" in judged(b"\n".join([*notes[:2], stranger, *notes[3:]]))


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ledger.verifying", *arguments],
        capture_output=True, text=True, cwd=ROOT, check=False, timeout=60, encoding="utf-8",
        env={"PATH": "/usr/bin:/bin", "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip


def test_the_command_says_ok_with_the_balances(tmp_path):
    file, keys = tmp_path / "log.bundle", tmp_path / "key.txt"
    file.write_bytes(WHOLE)
    keys.write_text(SIGNER.verification.text + "\n")
    told = run(str(file), "--vkey", str(keys), "--balances")
    assert told.returncode == 0, told.stderr
    assert "\np-2026\tv1\t60\t30\t0\t30\n" in told.stdout
    assert told.stdout.splitlines()[-1].startswith("OK: 6 条日志")
    assert "提示" in run(str(file)).stdout


def test_the_command_says_what_is_wrong_and_fails(tmp_path):
    file = tmp_path / "log.bundle"
    for raw in (b"", WHOLE[:-1], WHOLE.replace(b'"60"', b'"61"'), b"\x00" * 1000):
        file.write_bytes(raw)
        told = run(str(file))
        assert told.returncode == 1
        assert told.stdout.splitlines()[-1].startswith("NOT OK: ")
        assert told.stderr == ""
    assert run(str(tmp_path / "missing")).returncode == 1
    file.write_bytes(WHOLE)
    assert run(str(file), "--vkey", str(file)).returncode == 1


def test_the_verifier_needs_no_django():
    told = subprocess.run(
        [sys.executable, "-c",
         "import sys; sys.modules['django'] = None; import ledger.verifying;"
         "print(sorted(each for each in sys.modules if each.startswith('ledger.')))"],
        capture_output=True, text=True, cwd=ROOT, check=True, timeout=60,
    )  # fmt: skip
    assert "ledger.models" not in told.stdout
    assert "ledger.book" not in told.stdout


def test_a_terminal_that_knows_no_chinese_still_gets_an_answer(tmp_path, monkeypatch):
    file = tmp_path / "log.bundle"
    file.write_bytes(WHOLE)
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    assert main([str(file)]) == 0
    sys.stdout.flush()
    assert b"\nOK: 6 ???" in raw.getvalue()


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=30), st.data())
def test_any_bundle_of_any_shape_is_ok_and_any_flip_is_not(spends, data):
    made = [grant(1000), issue(1000), *(redeem(each) for each in spends)]
    entries = [introduction(), *(booked(each, seq) for seq, each in enumerate(made, start=1))]
    cuts = data.draw(st.sets(st.integers(1, len(entries)), max_size=4))
    raw = bundle(entries, cuts=tuple(cuts))
    assert judged(raw) == "OK"
    for _ in range(10):
        bent = bytearray(raw)
        bent[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
        assert judged(bytes(bent)) != "OK"

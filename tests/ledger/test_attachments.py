"""What others said, in the audit bundle: packed in one form, checked for real, bound by the log."""

import hashlib
import io
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.time_authority import Server, TimeAuthority
from ledger import audit, models, tokens
from ledger.anchoring import import_receipt
from ledger.attachments import cosignature_lines, time_stamps
from ledger.packing import export_audit
from ledger.periods import Month
from ledger.signing import Algorithm, VerificationKey
from ledger.stamping import stamp_newest
from ledger.tokens import request_for
from ledger.verifying import main, verify_audit
from ledger.witnessing import witness_newest
from tests.ledger.bodies import honest, listing, served
from tests.ledger.making import ACTOR, AT, book, grant, issue, seal_all
from tests.ledger.small_log import AUDIT, FINANCE, SmallLog
from tests.ledger.test_packing import clean, judged, members, packed

pytestmark = pytest.mark.django_db(transaction=True)
OCTOBER = Month(2026, 10)
RECEIPT = "回执：区块 1024".encode()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    made = TimeAuthority(tmp_path_factory.mktemp("tsa"))
    made.make()
    return made


def attest(settings, folder: Path, authority: TimeAuthority, *cosigners) -> None:
    """Have the newest checkpoint witnessed and stamped."""
    for each in cosigners:
        with honest(each, folder) as address:
            settings.LOG_WITNESSES = listing(*((address, key) for key in each.keys))
            witness_newest(datetime.now(UTC))
    settings.LOG_TSA_ROOTS = str(authority.root)
    with served(Server(("127.0.0.1", 0), authority)) as address:
        settings.LOG_TSA_URL = address
        assert stamp_newest(datetime.now(UTC))


@pytest.fixture
def made(tmp_path, settings, authority) -> bytes:
    """Give an audit bundle whose log was witnessed by two, stamped twice and anchored."""
    audit.publish_schemas(AT)
    book(grant(100), issue(60))
    first = seal_all()
    attest(settings, tmp_path, authority, AUDIT)
    import_receipt(RECEIPT, size=first.size, source="浦江数链", actor=ACTOR, at=AT)
    newest = seal_all()
    attest(settings, tmp_path, authority, FINANCE, AUDIT)
    again = authority.answer(request_for(newest.note.encode()).body)
    models.TimeStamp.objects.create(
        size=newest.size, digest=hashlib.sha256(newest.note.encode()).digest(), token=again,
        tsa="x", serial="2", at=AT,
    )  # fmt: skip
    both = [("http://w.test/", key) for each in (AUDIT, FINANCE) for key in each.keys]
    settings.LOG_WITNESSES = listing(*both)
    export_audit(tmp_path / "new.zip", OCTOBER, {})
    return (tmp_path / "new.zip").read_bytes()


def names(raw: bytes, folder: str) -> list[str]:
    return [each for each in members(raw) if each.startswith(folder)]


def asked(tmp_path, capsys, *words: object) -> tuple[int, str]:
    """Run the command over the bundle and return its status and what it says."""
    status = main([str(tmp_path / "new.zip"), *map(str, words)])
    return status, capsys.readouterr().out


def test_the_bundle_holds_what_others_said_in_one_form(made, tmp_path):
    sizes = sorted(models.Cosignature.objects.values_list("size", flat=True).distinct())
    assert names(made, "cosignatures/") == [f"cosignatures/{each}.txt" for each in sizes]
    assert names(made, "timestamps/") == [
        f"timestamps/{sizes[0]}-1.tsr", f"timestamps/{sizes[1]}-1.tsr",
        f"timestamps/{sizes[1]}-2.tsr",
    ]  # fmt: skip
    digest = hashlib.sha256(RECEIPT).hexdigest()
    assert names(made, "anchors/") == [f"anchors/{sizes[0]}-{digest}.bin"]
    assert members(made)["policy.txt"].startswith(b"log shuanli.putuo.example/ledger+")
    export_audit(tmp_path / "again.zip", OCTOBER, {})
    assert (tmp_path / "again.zip").read_bytes() == made


def test_without_anything_from_elsewhere_the_rest_is_told(made, tmp_path, capsys):
    status, said = asked(tmp_path, capsys)
    assert status == 0
    assert "有 2 个见证人签名（audit.test/witness、finance.test/witness），达到" in said
    assert "见证：6 行见证签名全部有效。" in said
    assert "请用 --policy 指定从别处取得的策略" in said
    assert "未检查：3 个时间戳（请用 --tsa-roots" in said
    assert "存证：1 份链上凭证的摘要与日志登记的一致。" in said
    assert "已核验：sha256、sm3 树" in said


def test_with_policy_and_roots_everything_is_checked(made, tmp_path, capsys, authority):
    policy = tmp_path / "policy.txt"
    policy.write_bytes(members(made)["policy.txt"])
    status, said = asked(tmp_path, capsys, "--policy", policy, "--tsa-roots", authority.root)
    assert status == 0
    assert "时间戳：3 个有效" in said
    assert "未检查" not in said
    assert "取自文件本身" not in said
    # The entries of this test bear a time of their own, long before the stamps around them.
    assert "条的时间不在前后两个时间戳之间" in said


def test_a_quorum_from_elsewhere_that_is_not_reached_is_not_ok(made, tmp_path, capsys):
    policy = tmp_path / "strict.txt"
    text = members(made)["policy.txt"].decode()
    log = text.splitlines()[0]
    stranger = SmallLog(seed=3).signer.private.public_key().public_bytes_raw()
    absent = VerificationKey("absent.test/w", stranger, Algorithm.COSIGN_ED25519).text
    policy.write_text(text.replace("quorum witnesses", f"witness x {absent}\nquorum x"))
    status, said = asked(tmp_path, capsys, "--policy", policy)
    assert status == 1
    assert "没有达到策略要求的见证人数" in said
    only = f"{log}\nwitness a {FINANCE.keys[1].text}\nquorum a\n"
    policy.write_text(only)
    status, said = asked(tmp_path, capsys, "--policy", policy)
    assert status == 0
    assert "与您给出的策略不同" in said
    assert "未检查：5 行见证签名的公钥不在策略中。" in said


def test_the_newest_checkpoint_must_be_cosigned_under_a_policy(made, tmp_path, capsys, settings):
    policy = tmp_path / "policy.txt"
    policy.write_bytes(members(made)["policy.txt"])
    size = max(models.Cosignature.objects.values_list("size", flat=True))
    book(grant(1))
    seal_all()
    export_audit(tmp_path / "new.zip", OCTOBER, {})
    status, said = asked(tmp_path, capsys, "--policy", policy)
    assert status == 1
    assert f"没有达到策略要求的见证人数。达到的最近一个是 {size} 条。" in said
    status, said = asked(tmp_path, capsys)
    assert status == 0
    assert "没有见证人签名，没有达到策略要求的见证人数" in said


def test_the_strict_file_cannot_satisfy_a_quorum(made, tmp_path, capsys):
    (tmp_path / "log").write_bytes(members(made)["log.bundle"])
    (tmp_path / "policy").write_bytes(members(made)["policy.txt"])
    assert main([str(tmp_path / "log"), "--policy", str(tmp_path / "policy")]) == 1
    assert "见证签名只在月度审计包中" in capsys.readouterr().out


def test_time_stamps_of_a_stranger_are_not_ok(made, tmp_path, capsys):
    other = TimeAuthority(tmp_path / "other", "另一机构")
    other.make()
    status, said = asked(tmp_path, capsys, "--tsa-roots", other.root)
    assert (status, "时间戳 timestamps/" in said) == (1, True)
    for raw in (b"", b"no certificate", b"x" * 300_000):
        (tmp_path / "roots").write_bytes(raw)
        assert asked(tmp_path, capsys, "--tsa-roots", tmp_path / "roots")[0] == 1


def test_without_the_package_time_stamps_are_told_as_unchecked(made, tmp_path, authority):
    """The single file in a Python that has cryptography and nothing else."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "bundle.zip").write_bytes(made)
    (folder / "roots.pem").write_bytes(authority.root.read_bytes())
    (folder / "policy.txt").write_bytes(members(made)["policy.txt"])
    told = clean(folder, "bundle.zip", "--tsa-roots", "roots.pem", "--policy", "policy.txt")
    assert (told.returncode, told.stderr) == (0, "")
    assert "未检查：3 个时间戳（没有 rfc3161-client 程序包）。" in told.stdout
    assert "达到策略要求的见证人数" in told.stdout
    assert tokens.TOKENS_READABLE


def change_of(content: dict[str, bytes], folder: str, change) -> str:
    """Change the last file of a folder, mend the inventory, and return the answer."""
    name = [each for each in content if each.startswith(folder)][-1]
    changed = change(content[name])
    kept = {each: raw for each, raw in content.items() if each != name}
    return judged(packed(kept if changed is None else {**kept, name: changed}))


def reversed_lines(raw: bytes) -> bytes:
    return b"".join(reversed(raw.splitlines(keepends=True)))


def another_signature(raw: bytes) -> bytes:
    return raw[:-10] + (b"B" if raw[-10:-9] == b"A" else b"A") + raw[-9:]


CHANGES = [
    ("cosignatures/", another_signature, "签名"),
    ("cosignatures/", reversed_lines, "不是规范写法"),
    ("cosignatures/", lambda raw: raw + raw, "不是规范写法"),
    ("cosignatures/", lambda raw: raw[:-1], "不是签名行"),
    ("cosignatures/", lambda _raw: b"", "不是规范写法"),
    ("cosignatures/", lambda _raw: b"\xff", "不是签名行"),
    ("cosignatures/", lambda raw: raw * 100, "超过"),
    ("anchors/", lambda raw: raw + b" ", "摘要与日志登记的不一致"),
    ("anchors/", lambda _raw: b"x" * 1_048_577, "超过"),
    ("anchors/", lambda _raw: None, "文件中却没有"),
    ("timestamps/", lambda raw: raw * 100, "超过"),
    ("policy.txt", lambda raw: raw.replace(b"\n", b" \n"), "不是规范写法"),
    ("policy.txt", lambda raw: raw[:-1], "不是信任策略"),
    ("policy.txt", lambda _raw: b"\x00", "不是信任策略"),
    ("policy.txt", lambda raw: raw * 10_000, "超过"),
]


def test_a_changed_attachment_is_found_although_the_inventory_fits(made):
    content = members(made)
    for number, (folder, change, told) in enumerate(CHANGES):
        assert told in change_of(content, folder, change), number


ABOUT_NOTHING = {
    "cosignatures/1.txt": "所说的检查点不在日志中", "timestamps/1-1.tsr": "不在日志中",
    "timestamps/2-2.tsr": "不在日志中", f"anchors/1-{'0' * 64}.bin": "没有登记",
    "cosignatures/01.txt": "不合写法", "cosignatures/1": "不合写法",
    f"cosignatures/{'9' * 20}.txt": "不合写法", "timestamps/1.tsr": "不合写法",
    "anchors/1-00.bin": "不合写法", "timestamps/x/1-1.tsr": "不合写法",
}  # fmt: skip


def test_a_file_about_nothing_is_found(made):
    content = members(made)
    for name, told in ABOUT_NOTHING.items():
        assert told in judged(packed(content | {name: b"x"})), name


def test_time_stamps_have_one_numbering_and_come_once(made):
    content = members(made)
    *_, first, second = [each for each in content if each.startswith("timestamps/")]
    swapped = {**content, first: content[second], second: content[first]}
    assert "没有按规定编号" in judged(packed(swapped))
    assert "没有按规定编号" in judged(packed({**content, second: content[first]}))
    del content[first]
    assert "没有按规定编号" in judged(packed(content))


def test_no_bit_of_a_cosignature_can_be_turned(made):
    """Lines of keys that the policy knows; a sample of places and bits."""
    content = members(made)
    name = names(made, "cosignatures/")[-1]
    for place in range(0, len(content[name]), 97):
        bent = bytearray(content[name])
        bent[place] ^= 1 << place % 8
        verdict = judged(packed({**content, name: bytes(bent)}))
        assert verdict != "OK" or strangers(packed({**content, name: bytes(bent)})), place


def strangers(raw: bytes) -> bool:
    """Say whether lines are told as being of nobody known: a bent name or key id."""
    report = verify_audit(io.BytesIO(raw))
    return any("公钥不在策略中" in each for each in report.unchecked)


def test_lines_and_tokens_have_one_order_whatever_the_rows_have():
    text = f"x\n1\n{'A' * 43}=\n"
    both = AUDIT.lines(text, 5) + FINANCE.lines(text, 5)
    lines = both.splitlines(keepends=True)
    assert cosignature_lines(lines) == cosignature_lines(lines[::-1])
    assert time_stamps(7, [b"a", b"b", b"a"]) == time_stamps(7, [b"b", b"a"])
    assert list(time_stamps(7, [b"a", b"b"])) == ["timestamps/7-1.tsr", "timestamps/7-2.tsr"]

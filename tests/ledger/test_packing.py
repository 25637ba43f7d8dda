"""The monthly audit bundle: same log, same bytes; whole, and nothing in it can be changed."""

import hashlib
import io
import json
import random
import subprocess
import sys
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings

from ledger import audit
from ledger.archives import ArchiveReader, ArchiveWriter
from ledger.audit_bundles import INVENTORY, Inventory
from ledger.balances import balance
from ledger.bundles import BundleReader
from ledger.identifiers import new_id
from ledger.packing import export_audit
from ledger.periods import Month
from ledger.refusals import Refused
from ledger.signing import VerificationKey
from ledger.standalone import needed_modules, verifier_program
from ledger.verifying import NotOk, main, verify_audit
from tests.ledger.making import ACTOR, AT, BUDGET, a_small_month, book, grant, issue, seal_all

pytestmark = pytest.mark.django_db(transaction=True)
OCTOBER = Month(2026, 10)
PDF = b"%PDF-1.7 report"
H = "0" * 64


def log_report(number: str = "PT-2026-10-0001", content: bytes = PDF, month: str = "2026-10"):
    report = {"report": new_id(), "report_no": number, "content_sha256": H}
    audit.record("report.made", {**report, "month": month, "version": 1}, actor=ACTOR, at=AT)
    sha256 = hashlib.sha256(content).hexdigest()
    made = {**report, "sha256": sha256, "pages": 1, "size": len(content)}
    made |= {"plain_sha256": sha256, "signed_with": ""}
    audit.record("report.pdf", made, actor=ACTOR, at=AT)


@pytest.fixture
def papers(tmp_path) -> dict[str, Path]:
    path = tmp_path / "kept.pdf"
    path.write_bytes(PDF)
    return {"PT-2026-10-0001": path, "PT-2026-09-0001": path}


@pytest.fixture
def house(papers):
    audit.publish_schemas(AT)
    a_small_month()
    log_report()
    log_report("PT-2026-09-0001", b"another month", "2026-09")
    seal_all()
    return papers


@pytest.fixture
def made(house, tmp_path) -> bytes:
    export_audit(tmp_path / "2026-10.zip", OCTOBER, house)
    return (tmp_path / "2026-10.zip").read_bytes()


def judged(raw: bytes) -> str:
    try:
        verify_audit(io.BytesIO(raw))
    except NotOk as told:
        return str(told)
    return "OK"


def members(raw: bytes) -> dict[str, bytes]:
    reader = ArchiveReader(io.BytesIO(raw))
    return {name: reader.read(name, 10**9)[0] for name in reader.members}


def packed(content: dict[str, bytes], *, honest_inventory: bool = True) -> bytes:
    """Put an archive together by hand; its inventory fits unless said otherwise."""
    if honest_inventory and INVENTORY in content:
        lines = content[INVENTORY].decode().split("\n")
        digests = {
            name: hashlib.sha256(each).hexdigest()
            for name, each in content.items()
            if name != INVENTORY
        }
        facts = [line.partition(" ")[2] for line in lines[1:5]]
        stated = Inventory(facts[0], facts[1], int(facts[2]), facts[3], digests)
        content = {**content, INVENTORY: stated.encoded()}
    file = io.BytesIO()
    writer = ArchiveWriter(file)
    for name in sorted(content):
        writer.add(name, content[name])
    writer.close()
    return file.getvalue()


def test_the_bundle_is_whole_and_gives_the_balances(made):
    report = verify_audit(io.BytesIO(made))
    assert report.unchecked == ()
    assert sum(each.issued for each in report.vouchers) == 1_500_00
    assert any("1 份报告" in each for each in report.remarks)
    assert sorted(members(made))[:4] == [
        "README.txt", "checkpoints-sm3.txt", "inventory.txt", "keys.txt",
    ]  # fmt: skip


def test_the_tree_under_sm3_is_checked_as_well(made):
    report = verify_audit(io.BytesIO(made))
    assert report.suites == ("sha256", "sm3")
    content = members(made)
    keys = content["keys.txt"].decode().splitlines()
    names = [VerificationKey.parse(each).name for each in keys]
    assert names == [settings.LOG_ORIGIN] * (len(names) - 1) + [f"{settings.LOG_ORIGIN}/sm3"]
    assert tuple(keys[:-1]) == report.manifest.keys
    count, origin = BundleReader(io.BytesIO(content["checkpoints-sm3.txt"])).heading()
    assert (count, origin) == (report.manifest.checkpoints, settings.LOG_ORIGIN)
    note = content["checkpoints-sm3.txt"].splitlines()[1]
    root = json.loads(note).split("\n")[2]
    other = ("B" if root[0] == "A" else "A") + root[1:]
    changed = content["checkpoints-sm3.txt"].replace(root.encode(), other.encode())
    assert "checkpoints-sm3.txt" in judged(packed(content | {"checkpoints-sm3.txt": changed}))


def test_the_same_log_gives_the_same_bytes(made, house, tmp_path):
    export_audit(tmp_path / "again.zip", OCTOBER, house)
    assert (tmp_path / "again.zip").read_bytes() == made
    assert not [each for each in tmp_path.iterdir() if each.name.startswith(".")]


def test_the_trial_balance_is_that_of_the_end_of_the_month(house, tmp_path):
    """What counts from November on is in the log, but not in October's trial balance."""
    later = datetime(2026, 10, 31, 16, tzinfo=UTC)  # midnight in Shanghai
    book(replace(grant(777), effective_at=later))
    seal_all()
    sums = {}
    for month in (OCTOBER, Month(2026, 11), Month(2026, 8)):
        path = tmp_path / f"{month}.zip"
        export_audit(path, month, house)
        lines = members(path.read_bytes())["trial-balance.txt"].decode().splitlines()
        rows = [json.loads(each) for each in lines[1:]]
        sums[str(month)] = {tuple(each[:3]): each[3:] for each in rows}
        assert judged(path.read_bytes()) == "OK"
    key = tuple(BUDGET.for_log())
    assert int(sums["2026-11"][key][3]) - int(sums["2026-10"][key][3]) == 777
    assert sums["2026-08"] == {}
    assert int(sums["2026-11"][key][3]) == balance(BUDGET).credits_posted


def test_no_byte_of_it_can_be_changed(made):
    """All bits of the bytes around the members, and a sample of the rest."""
    chance = random.Random(20261001)
    directory = made.rindex(b"PK\x01\x02", 0, made.index(b"PK\x01\x02") + 4)
    places = [chance.randrange(len(made)) for _ in range(150)]
    places += [chance.randrange(directory, len(made)) for _ in range(60)]
    for place in places:
        bent = bytearray(made)
        bent[place] ^= 1 << chance.randrange(8)
        assert judged(bytes(bent)) != "OK", f"byte {place}"


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("trial-balance.txt", lambda raw: raw.replace(b'"100000"', b'"100001"'), "试算表第"),
        ("trial-balance.txt", lambda raw: raw[: raw.rindex(b"[")], "试算表第"),
        ("trial-balance.txt", lambda raw: raw + b"[]\n", "比由日志重算的结果多"),
        ("reports/PT-2026-10-0001.pdf", lambda raw: raw + b" ", "摘要与日志登记的不一致"),
        ("reports/PT-2026-10-0001.pdf", None, "文件中却没有"),
        ("reports/PT-2026-10-0009.pdf", lambda _raw: b"x", "摘要与日志登记的不一致"),
        ("reports/PT-2026-09-0001.pdf", lambda _raw: b"another month", "摘要与日志登记的不一致"),
        ("schemas/voucher.issue.1.json", None, "日志公布了格式 voucher.issue.1"),
        ("schemas/voucher.issue.1.json", lambda raw: raw.replace(b"face", b"fact"), "公布了格式"),
        ("schemas/voucher.issue.1.json", lambda _raw: b"{}", "条目格式"),
        ("keys.txt", lambda raw: raw + raw, "密钥无效"),
        ("keys.txt", lambda _raw: b"", "密钥无效"),
        ("log.bundle", lambda raw: raw[:-1], "行"),
        ("inventory.txt", None, "没有 inventory.txt"),
        ("voucher-verify.pyz", None, "没有 voucher-verify.pyz"),
        ("surprise.exe", lambda _raw: b"MZ", "不应有的文件 surprise.exe"),
        ("checkpoints-sm3.txt", lambda _raw: b"", "checkpoints-sm3.txt"),
    ],
)
def test_a_changed_member_is_found_although_the_inventory_fits(made, name, change, told):
    content = members(made)
    if change is None:
        del content[name]
    else:
        content[name] = change(content.get(name, b""))
    assert told in judged(packed(content))


def test_a_member_that_does_not_fit_the_inventory_is_found(made):
    content = members(made)
    content["README.txt"] += b" "
    assert "inventory.txt 与压缩包的内容不一致" in judged(packed(content, honest_inventory=False))
    content[INVENTORY] = content[INVENTORY].replace(b"2026-10", b"2026-13")
    assert "不成形" in judged(packed(content, honest_inventory=False))


def test_a_report_that_is_missing_or_changed_is_refused(house, papers, tmp_path):
    papers["PT-2026-10-0001"].write_bytes(PDF + b"!")
    with pytest.raises(Refused, match="摘要"):
        export_audit(tmp_path / "x.zip", OCTOBER, papers)
    with pytest.raises(Refused, match="不在"):
        export_audit(tmp_path / "x.zip", OCTOBER, {})
    assert not list(tmp_path.glob("*x.zip*"))


def test_the_auditors_month_compares_old_and_new(made, house, tmp_path, capsys):
    book(grant(5), issue(5, "late"))
    seal_all()
    export_audit(tmp_path / "new.zip", OCTOBER, house)
    old, new = tmp_path / "2026-10.zip", tmp_path / "new.zip"
    assert main([str(old), str(new)]) == 0
    assert "后一份都以前一份开头" in capsys.readouterr().out
    assert main([str(new), str(old)]) == 1
    assert "比前一份文件短" in capsys.readouterr().out


def clean(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the single file in an isolated Python that sees cryptography and nothing else."""
    packages = folder / "packages"
    if not packages.exists():
        packages.mkdir()
        home = Path(sys.modules["cryptography"].__file__).parent.parent
        for each in home.iterdir():
            if each.name.split("-")[0].split(".")[0] in ("cryptography", "cffi", "_cffi_backend",
                                                         "pycparser"):  # fmt: skip
                (packages / each.name).symlink_to(each)
    program = folder / "voucher-verify.pyz"
    program.write_bytes(verifier_program())
    start = (
        f"import sys, runpy; sys.path.append({str(packages)!r}); "
        f"sys.argv = {[str(program), *arguments]!r}; "
        f"runpy.run_path({str(program)!r}, run_name='__main__')"
    )
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", start], cwd=folder, capture_output=True, text=True,
        check=False, timeout=120, encoding="utf-8",
        env={"PATH": "/usr/bin:/bin", "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip


def test_the_verifier_runs_as_one_file_with_cryptography_alone(made, tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "bundle.zip").write_bytes(made)
    told = clean(folder, "bundle.zip")
    assert told.stdout.splitlines()[-1].startswith("OK: "), told.stderr
    assert (told.returncode, told.stderr) == (0, "")
    (folder / "bundle.zip").write_bytes(made[:-1])
    told = clean(folder, "bundle.zip")
    assert told.stdout.startswith("NOT OK: ")
    assert (told.returncode, told.stderr) == (1, "")


def test_the_single_file_is_the_same_each_time_and_in_the_bundle(made):
    assert verifier_program() == verifier_program() == members(made)["voucher-verify.pyz"]
    names = set(needed_modules())
    assert {"verifying", "replay", "chart", "archives"} <= names
    assert names.isdisjoint({"models", "audit", "book", "limits", "periods", "clock", "packing"})
    with zipfile.ZipFile(io.BytesIO(verifier_program())) as program:
        assert "__main__.py" in program.namelist()


def test_with_nothing_sealed_there_is_nothing_to_export(tmp_path):
    with pytest.raises(Refused, match="检查点"):
        export_audit(tmp_path / "x.zip", OCTOBER, {})
    assert not list(tmp_path.glob("*x.zip*"))
    assert settings.LOG_ORIGIN

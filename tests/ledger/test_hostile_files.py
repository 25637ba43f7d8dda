"""Files made to break the verifier: each gets one clear sentence, little memory, no traceback."""

import io
import os
import random
import resource
import subprocess
import sys
import tarfile

import pytest
from django.conf import settings

from ledger.archives import ArchiveWriter
from ledger.bundles import FIRST_LINE, entry_line, note_line
from ledger.merkle import leaf_hash
from ledger.signing import TreeHead
from ledger.suites import SHA256
from ledger.verifying import main
from ledger.walks import MOST_SIGNERS, Heads, NotOk
from tests.house.source_tree import ROOT
from tests.ledger.log_making import (
    ORIGIN,
    OTHER,
    SIGNER,
    booked,
    bundle,
    event,
    introduction,
    judged,
    small,
)
from tests.ledger.making import grant, issue

ENTRIES = small()
WHOLE = bundle(ENTRIES, cuts=(1, 4))
HEAD = WHOLE.split(b"\n", 2)[0] + b"\n" + WHOLE.split(b"\n", 2)[1] + b"\n"
VECTORS = settings.SHARED_DATA_DIR / "inputs" / "json_test_suite.tar.gz"


def answered(*arguments: object) -> tuple[int, str]:
    """Run the command in this process and return its status and last line."""
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", out)
        status = main([str(each) for each in arguments])
    return status, out.getvalue().splitlines()[-1]


def in_little_memory(*arguments: object, mib: int = 160) -> subprocess.CompletedProcess[str]:
    """Run the command in a child that may use no more than ``mib`` of address space."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (mib << 20, mib << 20))

    return subprocess.run(
        [sys.executable, "-m", "ledger.verifying", *map(str, arguments)],
        capture_output=True, text=True, cwd=ROOT, check=False, timeout=120, encoding="utf-8",
        env={"PATH": "/usr/bin:/bin", "PYTHONIOENCODING": "utf-8"}, preexec_fn=limit,
    )  # fmt: skip


def entry(body: bytes) -> bytes:
    """Return an entry with any bytes as its body."""
    return event().replace(b'"body":{}', b'"body":' + body)


DEEP = b"[" * 30_000 + b"]" * 30_000


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":"1","a":"2"}', b'{"a":1}', b'{"a":1e999}', b'{"a":' + b"9" * 60_000 + b"}",
        b'{"a":-0}', b'{"a":NaN}', b'{"a":Infinity}', b'{"a":"\xff"}', b'{"a":"\xed\xa0\x80"}',
        b'{"a":"\\ud800"}', b'{"a":"\\u0041"}', b'{"a":"\\/"}', b'{ "a":""}', b'{"b":"","a":""}',
        b'{"a":"\x00"}', b'{"a":"\x1f"}', b'{"a":"\\u001F"}', b'{"a":"' + b"x" * 70_000 + b'"}',
        b'{"a":' + DEEP + b"}", b'{"a":' * 20_000, '{"键":""}'.encode(), b"[]", b"null", b'""',
        b"\xef\xbb\xbf{}", b"{}{}", b"{}//", b'{"a":""},"x":{}',
    ],
    ids=range(28),
)  # fmt: skip
def test_an_entry_in_another_form_is_named(raw):
    told = judged(bundle([introduction(), entry(raw)]))
    assert told.startswith(("第 1 条", "第 5 行"))
    assert len(told) < 300


def test_no_text_of_the_public_json_suite_passes_in_a_form_of_its_own():
    """What the house could not have written is refused; nothing makes the verifier fall."""
    if not VECTORS.exists():
        pytest.skip("the shared inputs are not beside this checkout (SHARED_DATA_DIR)")
    passed = []
    with tarfile.open(VECTORS) as archive:
        for member in archive.getmembers():
            if not member.name.endswith(".json"):
                continue
            raw = archive.extractfile(member).read()
            if b"\n" in raw or len(raw) > 60_000:
                continue
            if judged(bundle([introduction(), entry(b'{"a":' + raw + b"}")])) == "OK":
                passed.append(member.name.rpartition("/")[2])
    assert not [each for each in passed if each.startswith("n_")]
    assert "y_string_simple_ascii.json" in passed or "y_string_space.json" in passed


@pytest.mark.parametrize(
    "raw",
    [
        FIRST_LINE, FIRST_LINE * 2, FIRST_LINE[:-1], HEAD, HEAD + b"\n", HEAD + b'"x"\n',
        HEAD + b'"' + b"x" * 200_000 + b'"\n', HEAD + b"1\n", HEAD + DEEP + b"\n",
        HEAD + b'"\\ud800"\n', HEAD + b"\xff\n",
        HEAD + note_line(SIGNER.sign("a\n")), HEAD + note_line(SIGNER.sign("a\n0\nAA==\n")),
        HEAD + note_line(SIGNER.sign("here/log\n" + "9" * 18 + "\n" + "A" * 43 + "=\n")),
        WHOLE.replace(b"here/log", b"here/l\x00g"), WHOLE.replace(b"\n", b"\r\n"),
        WHOLE + WHOLE, b"PK\x03\x04", b"PK\x03\x04" + bytes(100), b"\x00" * 10_000,
        b"\x1f\x8b" + bytes(100), "算力券\n".encode() * 100,
    ],
    ids=range(22),
)  # fmt: skip
def test_a_misshapen_file_gets_one_sentence(raw, tmp_path):
    path = tmp_path / "log.bundle"
    path.write_bytes(raw)
    status, told = answered(path)
    assert (status, told[:8]) == (1, "NOT OK: ")
    assert len(told) < 400


def test_neighbours_of_a_file_get_one_sentence(tmp_path):
    empty = tmp_path / "empty"
    empty.touch()
    secret = tmp_path / "secret"
    secret.write_bytes(WHOLE)
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    for path, said in (
        (empty, "空的"), (tmp_path, "文件夹"), (tmp_path / "missing", "没有这个文件"),
        (fifo, "不是普通文件"), ("/dev/zero", "不是普通文件"), ("a\x00b", "文件名无效"),
        (secret / "below", "无法读取"), ("x" * 5_000, "无法读取"),
    ):  # fmt: skip
        status, told = answered(path)
        assert status == 1
        assert said in told, (path, told)


def test_a_file_one_may_not_read_is_told(tmp_path):
    """Root may read everything, so the child steps down first."""
    path = tmp_path / "secret"
    path.write_bytes(WHOLE)
    path.chmod(0)
    code = (
        "import locale, os, sys; sys.path.insert(0, sys.argv[1]); "
        "from ledger.verifying import main; "
        "os.getuid() or os.setuid(65534); sys.exit(main([sys.argv[2]]))"
    )
    tmp_path.chmod(0o755)
    told = subprocess.run(
        [sys.executable, "-c", code, str(ROOT), str(path)], capture_output=True, text=True,
        check=False, encoding="utf-8",
        env={"PATH": "/usr/bin:/bin", "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    assert told.returncode == 1
    assert "没有读取权限" in told.stdout
    assert told.stderr == ""


def test_two_logs_in_one_call_and_a_fork_are_told(tmp_path):
    first, second, forked = tmp_path / "a", tmp_path / "b", tmp_path / "c"
    entries = small()
    first.write_bytes(bundle(entries[:4]))
    second.write_bytes(bundle(entries, cuts=(2,)))
    forked.write_bytes(bundle([entries[0], *(booked(each, seq) for seq, each in
                                             enumerate((grant(9), issue(9)), 1)), *(
        event(note=str(each)) for each in range(5))]))  # fmt: skip
    assert answered(first, second)[0] == 0
    assert answered(second, second)[0] == 0
    assert "比前一份文件短" in answered(second, first)[1]
    assert "相互矛盾" in answered(first, forked)[1]
    stranger = tmp_path / "d"
    stranger.write_bytes(bundle(entries).replace(b"here/log", b"here/lox"))
    assert answered(first, stranger)[0] == 1


def test_keys_and_policies_from_elsewhere_bind(tmp_path):
    log, keys, policy = tmp_path / "log", tmp_path / "keys", tmp_path / "policy"
    log.write_bytes(WHOLE)
    keys.write_text(OTHER.verification.text + "\n")
    assert "没有您指定的密钥的签名" in answered(log, "--vkey", keys)[1]
    policy.write_text(f"# trusted\nlog {SIGNER.verification.text}\n\nquorum none\n")
    assert answered(log, "--policy", policy)[0] == 0
    policy.write_text(f"log {OTHER.verification.text}\n")
    assert "没有您指定的密钥的签名" in answered(log, "--policy", policy)[1]
    for raw in (b"", b"nonsense here\n", b"\xff", b"log x\n", b"x" * 70_000):
        policy.write_bytes(raw)
        assert answered(log, "--policy", policy)[0] == 1
        assert answered(log, "--vkey", policy)[0] == 1


def test_one_endless_line_costs_no_memory(tmp_path):
    path = tmp_path / "endless"
    with path.open("wb") as file:
        file.write(FIRST_LINE)
        file.truncate(8 << 30)  # eight GiB of zero bytes, none of them on the disk
    told = in_little_memory(path)
    assert told.stdout.startswith("NOT OK: 第 2 行：这一行过长")
    assert told.stderr == ""


def test_an_archive_of_many_gigabytes_costs_no_memory(tmp_path):
    path = tmp_path / "big.zip"
    with path.open("wb") as file:
        writer = ArchiveWriter(file)
        writer.add("README.txt", b"")
        writer.close()
        end = file.tell()
        file.truncate(6 << 30)
        file.seek(0, io.SEEK_END)
        file.write(path.read_bytes()[:end][-22:])
    told = in_little_memory(path)
    assert told.stdout.startswith("NOT OK: 压缩包")
    assert told.stderr == ""


def test_a_large_honest_log_is_checked_in_little_memory(tmp_path):
    """Twenty thousand fat entries in one window: the bodies must not stay in memory."""
    made = [introduction(), *(event(note="x" * 4_000 + str(each)) for each in range(20_000))]
    path = tmp_path / "log.bundle"
    path.write_bytes(bundle(made))
    told = in_little_memory(path)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "OK: 20001 条日志" in told.stdout.splitlines()[-1]


def test_too_little_memory_is_told_and_no_traceback(tmp_path):
    made = [introduction(), *(booked(grant(1), seq) for seq in range(1, 30_001))]
    path = tmp_path / "log.bundle"
    path.write_bytes(bundle(made))
    for mib in (48, 56, 64, 80):
        told = in_little_memory(path, mib=mib)
        if told.stdout:
            assert told.stdout.splitlines()[-1].startswith(("NOT OK: ", "OK: "))
            assert "Traceback" not in told.stderr


def test_random_edits_never_make_it_fall():
    """Splices of the file with itself and with noise: always a sentence, never OK."""
    chance = random.Random(20261001)
    for _ in range(1500):
        begin, end = sorted(chance.randrange(len(WHOLE) + 1) for _ in range(2))
        source = chance.choice([WHOLE, bytes(chance.randrange(256) for _ in range(64))])
        piece = source[chance.randrange(len(source)) :][: chance.randrange(1, 80)]
        bent = WHOLE[:begin] + piece + WHOLE[end:]
        assert (judged(bent) == "OK") == (bent == WHOLE)


def test_key_entries_of_any_shape_introduce_nothing():
    for body in ({}, {"vkey": []}, {"vkey": None}, {"vkey": {"a": "b"}}, {"vkey": "x" * 9_000}):
        told = judged(bundle([introduction(), event("key.introduce", **body)]))
        assert "第 1 条密钥条目不成立" in told
        assert "第 0 条密钥条目不成立" in judged(bundle([event("key.introduce", **body)]))


def test_signed_heads_do_not_wear_an_endless_choice_of_signers():
    heads = Heads(SHA256, ORIGIN)
    for size in range(1, MOST_SIGNERS + 1):
        heads.add(TreeHead(ORIGIN, size, bytes(32)), frozenset([str(size)]))
    heads.add(TreeHead(ORIGIN, 5_000, bytes(32)), frozenset(["1"]))
    with pytest.raises(NotOk, match="签名组合过多"):
        heads.add(TreeHead(ORIGIN, 5_001, bytes(32)), frozenset(["other"]))


def test_a_leaf_that_is_not_hexadecimal_in_small_letters_is_refused():
    line = entry_line(leaf_hash(ENTRIES[1]), ENTRIES[1])
    assert "摘要不一致" in judged(WHOLE.replace(line, line[:64].upper() + line[64:]))

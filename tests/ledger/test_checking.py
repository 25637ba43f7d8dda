"""Whatever somebody drops gets the verdict of the table, offline, and never a traceback."""

import subprocess
import sys
import zipfile
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.checking import check, kind_of, main
from ledger.evidence import Package
from ledger.proofs import LogProof, Promise
from ledger.verdicts import GOOD, SENTENCES, STEPS, UNDECIDED, NotProven
from tests.front import log_files as files

ROOT = Path(__file__).resolve().parents[2]
KEYS = [files.KEY]


@pytest.mark.parametrize("case", files.CASES, ids=lambda case: case.name)
def test_each_file_of_the_table_gets_its_verdict(case):
    verdict = check(case.files, KEYS)
    assert verdict.code == case.code, verdict.sentence
    assert "{" not in verdict.sentence + "".join(each.sentence for each in verdict.steps)


def test_the_table_reaches_every_verdict_that_can_be_reached_offline():
    needs_a_log = {"checkpoint_consistent", "checkpoint_forked", "checkpoint_newer"}
    assert {each.code for each in files.CASES} == set(SENTENCES) - needs_a_log
    assert set(SENTENCES) >= GOOD | UNDECIDED


def test_the_steps_say_what_was_looked_at():
    steps = check([files.noted(files.cosigned()), files.ENTRY], KEYS).steps
    assert [each.code for each in steps] == ["form", "signature", "unknown_lines", "leaf", "path"]
    assert files.KEY.key_id.hex() in steps[1].sentence
    assert files.LEAVES[files.INDEX].hex() in steps[3].sentence
    assert {each.code for each in steps} <= set(STEPS)


def test_no_byte_of_a_proof_can_be_changed():
    raw = files.PROOF
    for place in range(len(raw)):
        for bit in range(8):
            verdict = check([files.flipped(raw, place, bit), files.ENTRY], KEYS)
            assert verdict.good is False, (place, bit, verdict)


def test_no_byte_of_a_package_can_be_changed():
    raw = files.PACKAGE.encoded
    for place in range(len(raw)):
        verdict = check([files.flipped(raw, place, place % 8)], KEYS)
        assert verdict.good is False, (place, verdict)


def test_no_byte_of_a_promise_or_a_checkpoint_can_be_changed():
    for raw in (files.promised(files.INDEX), files.NOTE.encode()):
        for place in range(len(raw)):
            assert check([files.flipped(raw, place, place % 8)], KEYS).good is False, place


def test_no_byte_of_a_bundle_can_be_changed():
    raw = files.bundle()
    for place in range(0, len(raw), 2):
        verdict = check([files.flipped(raw, place, place % 8)], KEYS)
        assert verdict.good is False, (place, verdict)


def test_an_unknown_signature_may_change_but_that_of_a_trusted_key_must_hold():
    note = files.cosigned()
    changed = note[:-10] + ("A" if note[-10] != "A" else "B") + note[-9:]
    assert check([files.noted(changed), files.ENTRY], KEYS).code == "proof_holds"
    both = [files.KEY, files.WITNESS.verification]
    assert check([files.noted(note), files.ENTRY], both).code == "proof_holds"
    assert check([files.noted(changed), files.ENTRY], both).code == "bad_signature"


@given(st.binary(max_size=400), st.sampled_from([b"", b"PK\x03\x04", b"c2sp.org/tlog-proof@v1\n",
       b"compute-voucher-log-bundle 1\n", b"{", b"x/promise\n"]))  # fmt: skip
def test_hostile_bytes_get_a_reason_and_no_traceback(raw, start):
    verdict = check([start + raw], KEYS)
    assert verdict.good is not True
    assert verdict.sentence


@given(st.integers(0, 2**63 - 1), st.lists(st.binary(min_size=32, max_size=32), max_size=63),
       st.binary(max_size=200))  # fmt: skip
def test_a_proof_is_read_back_as_it_was_written(index, hashes, extra):
    written = LogProof(index, tuple(hashes), files.NOTE, extra)
    assert LogProof.parse(written.text.encode()) == written


@given(st.text(max_size=300))
def test_a_proof_has_one_spelling(text):
    raw = f"c2sp.org/tlog-proof@v1\n{text}".encode("utf-8", "surrogatepass")
    with suppress(NotProven):
        assert LogProof.parse(raw).text.encode() == raw


@given(st.integers(0, 2**31), st.integers(0, 86_400))
def test_a_promise_is_read_back_as_it_was_written(number, delay):
    written = files.promise(files.INDEX, leaf=number.to_bytes(32, "big"), delay=delay)
    assert Promise.parse(written.text) == written


def test_a_package_opens_in_any_zip_program():
    with zipfile.ZipFile(BytesIO(files.PACKAGE.encoded)) as opened:
        assert opened.testzip() is None
        assert opened.read("entry-13.json") == files.ENTRY
        assert opened.read("checkpoint").decode() == files.NOTE
    assert Package.parse(files.PACKAGE.encoded) == files.PACKAGE


def test_the_kind_of_a_file_is_told_from_its_content():
    kinds = [kind_of(each) for each in (files.PROOF, files.ENTRY, files.NOTE.encode(),
             files.bundle(), files.PACKAGE.encoded, files.promised(3))]  # fmt: skip
    assert kinds == ["proof", "entry", "checkpoint", "bundle", "package", "promise"]


@pytest.fixture
def kept(tmp_path):
    (tmp_path / "e.tlog-proof").write_bytes(files.PROOF)
    (tmp_path / "e.json").write_bytes(files.ENTRY)
    (tmp_path / "changed.json").write_bytes(files.changed_entry())
    (tmp_path / "keys.txt").write_text(files.KEY.text + "\n")
    return tmp_path


def test_the_command_line_answers_with_its_exit_status(kept, capsys):
    keys = ["--vkey", str(kept / "keys.txt")]
    proof, entry, changed = (
        str(kept / each) for each in ("e.tlog-proof", "e.json", "changed.json")
    )
    assert main([proof, entry, *keys]) == 0
    assert "OK: 核验通过" in capsys.readouterr().out
    assert main([proof, changed, *keys]) == 1
    assert "NOT OK: 核验未通过" in capsys.readouterr().out
    assert main([proof, *keys]) == 2
    assert main([proof, "--vkey", str(kept / "nowhere")]) == 1
    big = kept / "big"
    big.write_bytes(b"x" * 5_242_881)
    assert main([str(big), *keys]) == 1


def test_the_command_line_needs_no_framework(kept):
    program = (
        "import sys; from ledger import checking; checking.main(sys.argv[1:]);"
        " sys.exit('django' in sys.modules)"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, str(kept / "e.tlog-proof"), str(kept / "e.json"),
         "--vkey", str(kept / "keys.txt")],
        cwd=ROOT, env={"PYTHONUTF8": "1"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "OK: 核验通过" in told.stdout

"""The pages of the log: searching, one entry, checkpoints, checking a file on the server."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ledger import audit, models
from ledger.book import post_set
from ledger.checkpoints import latest_checkpoint
from ledger.references import catch_up
from ledger.signing import to_base64
from ledger.suites import SM3
from tests.front import log_files as files
from tests.guards import guards_off
from tests.ledger.making import ACTOR, AT, CLERK, KEYS, a_small_month, grant, issue, seal_all

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def log(client: Client, settings) -> Client:
    settings.LOG_OPEN_ROOMS = ("voucher", "objection")  # entries as short as the test needs them
    a_small_month()
    first = audit.record(
        "voucher.issue", {"voucher_no": "PTSLJ-2026-000001", "face_fen": 50_000}, actor=CLERK, at=AT
    )
    audit.record(
        "objection.decided",
        {"voucher_no": "PTSLJ-2026-000001", "reason": "数量更正", "before": "10", "after": "8"},
        actor=CLERK, at=AT, links=(first.id,), auth={"approvals": [ACTOR.for_log()]},
    )  # fmt: skip
    seal_all()
    return client


def page(client: Client, query: str = "", status: int = 200) -> str:
    answer = client.get(f"/public/log/{query}", follow=True)
    assert answer.status_code == status, query
    return answer.content.decode()


def test_everything_that_names_an_entry_finds_it(log):
    leaf = models.LogLeaf.objects.select_related("entry").get(entry__type="voucher.issue")
    raw = bytes(leaf.hash)
    words = [str(leaf.index), str(leaf.entry.id), raw.hex(), raw.hex().upper(), to_base64(raw)]
    for each in words:
        answer = log.get("/public/log/", {"q": each})
        assert answer["Location"] == f"/public/log/entries/{leaf.index}/", each
    for each in ("PTSLJ-2026-000001", "ptslj-2026-000001", " ＰＴＳＬＪ-2026-000001 "):
        text = log.get("/public/log/", {"q": each}).content.decode()
        assert "符合的条目" in text
        assert text.count("/public/log/entries/") == 2
    assert log.get("/public/log/", {"q": "c-1"})["Location"].startswith("/public/log/entries/")
    for each in ("PTSLJ-2026-000009", "ref:c-1", "day:2026-10-01", "x" * 5_000, "a\x001", "%"):
        assert "没有找到符合的条目" in log.get("/public/log/", {"q": each}).content.decode()


def test_types_and_days_narrow_the_list(log):
    def shown(**asked: str) -> int:
        text = log.get("/public/log/", asked).content.decode()
        return text.count("/public/log/entries/")

    assert shown(type="voucher.issue") == 1
    assert shown(type="voucher") == 1
    assert shown(type="ledger.journal/voucher.redeem") == 1
    assert shown(type="ledger.journal") == 10
    assert shown(type="nothing.at_all") == 0
    assert shown(since="2026-10-01", until="2026-10-01") == 12 + KEYS
    assert shown(since="2026-10-02") == 0
    assert shown(until="2026-09-30") == 0
    assert shown(type="voucher.issue", since="2026-10-01") == 1
    assert shown(q="PTSLJ-2026-000001", type="voucher.issue") == 1
    for wrong in ("2026-13-01", "yesterday", "２０２６-10-01"):
        assert "请按 2026-10-03 的写法填写日期" in page(log, f"?since={wrong}")


def test_an_entry_tells_who_what_why_and_what_changed(log):
    leaf = models.LogLeaf.objects.get(entry__type="objection.decided")
    text = page(log, f"entries/{leaf.index}/")
    for each in ("核验通过", "异议 · 答复", "财务", "u-1", "系统任务", "数量更正",
                 "PTSLJ-2026-000001", "之前", "之后", bytes(leaf.hash).hex(), "Ed25519", "有效",
                 "下载证据包", "本条所依据的条目"):  # fmt: skip
        assert each in text, each
    assert "张三" not in text
    issued = page(log, f"entries/{leaf.index - 1}/")
    assert "500.00 元" in issued
    assert "依据本条的条目" in issued
    assert "同一对象前后的条目" in issued


def test_the_checkpoint_page_names_signatures_and_history(log):
    old = audit.latest_checkpoint()
    a_small_month()
    newest = seal_all()
    text = page(log, "checkpoints/")
    for each in (newest.root_hex, f"checkpoints/{old.size}", "Ed25519", "有效", "比对您手中的"):
        assert each in text, each
    assert f"checkpoints/{newest.size}" not in page(log, f"checkpoints/?before={newest.size}")


def test_a_checkpoint_can_be_pasted_or_sent_as_a_file(log):
    note = audit.latest_checkpoint().note
    for given in (note, note.strip(), "\r\n".join(note.split("\n"))):
        text = log.post("/public/log/checkpoints/compare/", {"note": given}).content.decode()
        assert 'data-code="checkpoint_consistent"' in text
    file = SimpleUploadedFile("checkpoint", note.encode())
    text = log.post("/public/log/checkpoints/compare/", {"file": file}).content.decode()
    assert 'data-code="checkpoint_consistent"' in text
    empty = log.post("/public/log/checkpoints/compare/", {})
    assert empty.status_code == 400
    large = SimpleUploadedFile("checkpoint", b"x" * 131_073)
    answer = log.post("/public/log/checkpoints/compare/", {"file": large})
    assert answer.status_code == 413
    assert 'data-code="too_large"' in answer.content.decode()


def send(client: Client, *contents: bytes, **more: str):
    uploads = [SimpleUploadedFile(f"f{n}", each) for n, each in enumerate(contents)]
    return client.post("/public/log/check/", {"files": uploads, **more})


def test_a_file_is_checked_on_the_server_where_no_script_runs(log):
    proof = log.get("/public/log/proofs/5.tlog-proof").content
    assert 'data-code="proof_holds"' in send(log, proof).content.decode()
    answer = send(log, files.PROOF, files.ENTRY)
    assert 'data-code="wrong_key"' in answer.content.decode()
    answer = send(log, files.PROOF, files.ENTRY, vkey=files.KEY.text)
    assert 'data-code="proof_holds"' in answer.content.decode()


def test_what_cannot_be_checked_is_told_clearly(log):
    for answer, status, words in (
        (send(log), 400, "请选择要核验的文件"),
        (send(log, *[b"x"] * 5), 400, "一次最多 4 个"),
        (send(log, b"x", vkey="nonsense"), 400, "验证密钥不是规范写法"),
        (send(log, b"x" * 5_242_881), 413, "文件超过 5242880 字节"),
        (send(log, b"x"), 200, "认不出这种文件"),
    ):
        assert answer.status_code == status
        assert words in answer.content.decode()


def test_a_page_asks_a_bounded_number_of_times_however_long_the_log(client):
    post_set([grant(10**9)], actor=ACTOR, at=AT)
    for begin in range(0, 10_000, 2_500):
        batch = [issue(1, f"v{begin + each}") for each in range(2_500)]
        post_set(batch, actor=ACTOR, at=AT)
    assert seal_all().size == 10_001 + KEYS
    catch_up()
    for address in ("", "?before=5000", "?type=ledger.journal&since=2026-10-01", "?q=v77",
                    "entries/7000/", "checkpoints/", "check/"):  # fmt: skip
        with CaptureQueriesContext(connection) as asked:
            assert client.get(f"/public/log/{address}").status_code in (200, 302)
        assert len(asked) <= 40, (address, len(asked))


def test_the_second_trees_checkpoint_stands_beside_the_first(log):
    newest = latest_checkpoint(SM3)
    text = log.get("/public/log/checkpoints/").content.decode()
    assert newest.root_hex in text
    assert "SM2-SM3" in text
    assert text.count(f"由全部 {newest.size} 条叶子重算的树根与之一致") == 2


@pytest.mark.unbalanced
def test_a_changed_checkpoint_of_the_second_tree_is_told(log):
    note = latest_checkpoint(SM3).note
    root = note.split("\n")[2]
    with guards_off(connection, ["ledger_checkpoint"]) as cursor:
        cursor.execute(
            "UPDATE ledger_checkpoint SET note = replace(note, %s, %s) WHERE suite = 'sm3'",
            [root, to_base64(bytes(32))],
        )
    text = log.get("/public/log/checkpoints/").content.decode()
    assert "核验未通过：检查点的签名无效。" in text
    assert text.count("重算的树根与之一致") == 1

"""The log over HTTP: the addresses of C2SP tlog-tiles, proofs, pages."""

import base64
import json

import pytest
from django.test import Client

from ledger import audit, models
from ledger.book import post_set
from ledger.merkle import leaf_hash, perfect_root, verify_inclusion
from ledger.signing import TreeHead, VerificationKey, open_note
from tests.ledger.making import ACTOR, AT, a_small_month, grant, issue, seal_all
from tests.ledger.test_inspecting import as_owner

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def log(client: Client) -> Client:
    a_small_month()
    post_set([grant(10**6), *(issue(1, str(each)) for each in range(300))], actor=ACTOR, at=AT)
    assert seal_all().size == 314
    return client


def body(client: Client, address: str, status: int = 200) -> bytes:
    answer = client.get(f"/public/log/{address}")
    assert answer.status_code == status, address
    return answer.content


def test_a_stranger_checks_the_whole_log_from_its_files(log):
    """Key, checkpoint, entry bundles and tiles are enough; nothing else of the house is used."""
    key = VerificationKey.parse(body(log, "key").decode().split()[0])
    head = TreeHead.parse(open_note(body(log, "checkpoint").decode(), key))
    assert head.size == 314
    raw = body(log, "tile/entries/000") + body(log, "tile/entries/001.p/58")
    leaves = []
    while raw:
        length = int.from_bytes(raw[:2], "big")
        leaves.append(leaf_hash(raw[2 : 2 + length]))
        raw = raw[2 + length :]
    assert b"".join(leaves) == body(log, "tile/0/000") + body(log, "tile/0/001.p/58")
    assert body(log, "tile/1/000.p/1") == perfect_root(leaves[:256])
    for index in (0, 1, 255, 256, 313):
        found = json.loads(body(log, f"proof?index={index}"))
        assert leaf_hash(found["entry"].encode()) == leaves[index]
        hashes = [bytes.fromhex(each) for each in found["hashes"]]
        verify_inclusion(index, head.size, leaves[index], hashes, head.root)
        assert found["checkpoint"].splitlines()[2] == base64.b64encode(head.root).decode()


def test_files_say_their_kind_and_that_they_never_change(log):
    for address, kind in (("checkpoint", "text/plain; charset=utf-8"),
                          ("key", "text/plain; charset=utf-8")):  # fmt: skip
        answer = log.get(f"/public/log/{address}")
        assert answer["Content-Type"] == kind
        assert answer["Cache-Control"] == "no-cache"
    for address in ("tile/0/000", "tile/0/001.p/58", "tile/entries/000"):
        answer = log.get(f"/public/log/{address}")
        assert answer["Content-Type"] == "application/octet-stream"
        assert "immutable" in answer["Cache-Control"]


MISSING = (
    "tile/0/001", "tile/0/001.p/59", "tile/0/001.p/0", "tile/0/001.p/256", "tile/0/001.p/",
    "tile/0/002.p/1", "tile/1/000", "tile/1/000.p/2", "tile/2/000.p/1", "tile/8/000.p/1",
    "tile/-1/000", "tile/00/000", "tile/0/0", "tile/0/x000/000", "tile/0/999999",
    "tile/0/..%2F..", "tile/entries/001", "tile/entries/x", "tile/x/000", "tile/0/000.p/5.p/5",
    "tile/data/000", "tile/0/" + "x999/" * 6 + "999",
)  # fmt: skip


def test_a_file_that_does_not_exist_is_not_found(log):
    for address in MISSING:
        body(log, address, 404)


ASKED = {
    400: ("", "?index=", "?index=x", "?index=-1", "?index=1.0", "?index=٣", "?index=" + "9" * 40,
          "?index=9223372036854775808", "?index=0&size=x", "?index=0&size="),
    404: ("?index=314", "?index=9223372036854775807", "?index=5&size=5", "?index=5&size=315"),
    200: ("?index=5&size=6", "?index=0"),
}  # fmt: skip


def test_a_proof_is_given_for_what_exists_and_else_a_clear_answer(log):
    for status, queries in ASKED.items():
        for query in queries:
            answer = json.loads(body(log, f"proof{query}", status))
            assert ("error" in answer) == (status != 200), query


def test_nothing_can_be_changed_over_these_addresses(log):
    for address in ("", "checkpoint", "key", "proof", "tile/0/000", "entries/0/"):
        for method in (log.post, log.put, log.delete, log.patch):
            assert method(f"/public/log/{address}").status_code == 405
        assert log.head(f"/public/log/{address}").status_code in (200, 400)


def page(client: Client, address: str, status: int = 200) -> str:
    return body(client, address, status).decode()


def test_before_the_first_entry_the_log_says_so(client):
    assert "尚未签发第一个检查点" in page(client, "")
    for address in ("checkpoint", "key", "tile/0/000", "proof?index=0", "entries/0/"):
        body(client, address, 404)


def test_the_explorer_shows_the_newest_entries_and_that_all_is_well(log):
    text = page(log, "")
    assert "核验通过" in text
    assert audit.latest_checkpoint().root_hex in text
    assert "/public/log/entries/313/" in text
    assert "/public/log/entries/291/" not in text
    older = page(log, "?before=292")
    assert "/public/log/entries/291/" in older
    assert "/public/log/entries/292/" not in older
    assert "/public/log/entries/310/" not in page(log, "?type=key.introduce")


def test_an_entry_is_found_by_its_place_and_its_id(log):
    leaf = models.LogLeaf.objects.select_related("entry").get(index=7)
    for words in ("7", f" {leaf.entry.id} "):
        answer = log.get("/public/log/", {"q": words})
        assert answer["Location"] == "/public/log/entries/7/"
    for words in ("314", "9" * 30, "nonsense", "00000000-0000-7000-8000-000000000000", "%", "'"):
        assert "没有找到" in log.get("/public/log/", {"q": words}).content.decode()


def test_an_entry_shows_what_it_says_and_its_proof(log):
    leaf = models.LogLeaf.objects.select_related("entry").get(entry__type="ledger.journal",
                                                              index=5)  # fmt: skip
    text = page(log, "entries/5/")
    assert "核验通过：本条是已签名日志（共 314 条）中的第 5 条" in text
    assert bytes(leaf.hash).hex() in text
    assert str(leaf.entry.id) in text
    assert "GFLOPS·秒" in text
    assert "300.00 元" in text
    assert "entries/4/" in text
    assert "entries/6/" in text
    page(log, "entries/314/", 404)
    page(log, "entries/9223372036854775808/", 404)


@pytest.mark.unbalanced
def test_a_changed_entry_turns_its_page_and_the_list_red(log):
    as_owner("UPDATE ledger_logentry SET body = convert_to(replace(convert_from(body, 'UTF8'),"
             " '\"1\"', '\"2\"'), 'UTF8') WHERE type = 'ledger.journal'")  # fmt: skip
    assert "核验未通过" in page(log, "")
    assert "核验未通过" in page(log, "entries/310/")
    assert "核验通过" in page(log, "entries/313/")


@pytest.mark.unbalanced
def test_a_changed_leaf_or_checkpoint_turns_the_log_red(log):
    as_owner("UPDATE ledger_checkpoint SET note = replace(note, '314', '313')")
    assert "签名无效" in page(log, "")
    assert "核验未通过" in page(log, "entries/5/")


@pytest.mark.unbalanced
def test_a_changed_tree_turns_the_log_red(log):
    as_owner("UPDATE ledger_logtile SET root = sha256(root)")
    assert "树根与已签名的树根不一致" in page(log, "")

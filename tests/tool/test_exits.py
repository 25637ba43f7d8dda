"""Each exit code, reached by what really leads there."""

import json

import pytest

from providers import admitting, ordering
from providers.models import UsageRecord
from tests.providers import world
from tests.tool.unsteady import LOSE_THE_ANSWER

pytestmark = pytest.mark.django_db(transaction=True)


def test_all_accepted_is_0_and_so_is_a_second_run(line, program):
    name = line.file("usage.csv", *(line.row(n) for n in range(20)))
    assert program.run("push", name).code == 0
    posts = len(line.server.seen)
    assert program.run("push", name).code == 0
    assert len(line.server.seen) == posts, "the state says that nothing is left to send"
    (program.folder / "usage.csv.slq-state").unlink()
    again = program.run("push", name, "--json")
    assert (again.code, again.json["counts"]["accepted"]) == (0, 20)
    assert line.stored() == 20


def test_duplicates_alone_are_0(line, program):
    rows = [line.row(n) for n in range(20)]
    program.run("push", line.file("usage.csv", *rows))
    ran = program.run("push", line.file("again.csv", *reversed(rows)), "--json")
    assert (ran.code, ran.json["counts"]["duplicate"]) == (0, 20)
    assert line.stored() == 20


WRONG_USE = [
    ["push"],
    ["push", "nowhere.csv"],
    ["push", "key.pem"],
    ["push", "a.csv", "--spool", "b"],
    ["dance"],
    ["status"],
    ["push", "usage.csv", "--on-error", "pray"],
    ["login", "--endpoint", "ftp://x", "--token-file", "token"],
    ["login", "--endpoint", "http://example.org", "--token-file", "token"],
    ["keygen", "--out", "key.pem"],
    ["status", "00000000-0000-0000-0000-000000000000"],
    ["prove", "two words", "--key", "key.pem"],
]


def test_wrong_use_is_2(line, program):
    line.file("usage.csv", line.row(1))
    for words in WRONG_USE:
        ran = program.run(*words)
        assert (ran.code, ran.out) == (2, ""), (words, ran.err)


def test_without_a_login_nothing_is_sent_and_that_is_2(program):
    program.write("usage.csv", "record_id\n")
    ran = program.run("push", "usage.csv")
    assert (ran.code, ran.out) == (2, "")
    assert "slq login" in ran.err


def test_a_refused_file_is_3_and_the_mended_file_goes_by_the_same_command(line, program):
    good = [line.row(n) for n in range(11)]
    bad = [line.row(n, device_count="-1") for n in range(11)]
    ran = program.run("push", line.file("usage.csv", line.row(99), *bad))
    assert ran.code == 3
    assert "前 10 处错误（共列出 11 处）" in ran.err
    assert "完整错误见 usage.errors.csv；修正后直接重新执行同一命令" in ran.err
    assert program.read("usage.errors.csv").count("out_of_range") == 11
    assert line.stored() == 0
    mended = program.run("push", line.file("usage.csv", line.row(99), *good))
    assert mended.code == 0
    assert line.stored() == 12


def test_what_a_service_refused_can_be_sent_again_when_the_reason_is_gone(line, program):
    order = world.an_order(line.there.offering, line.there.order.enterprise, accept=False)
    name = line.file("usage.csv", line.row(1).replace(line.there.order.order_no, order.order_no))
    assert program.run("push", name).code == 3
    ordering.accept_order(order, actor=world.ENGINEER, at=world.AT)
    assert program.run("push", name).code == 0
    assert len({each["idempotency-key"] for each in line.server.seen}) == 2
    assert line.stored() == 1


def test_an_old_refusal_is_asked_again_even_when_the_state_is_lost(line, program):
    name = line.file("usage.csv", line.row(1, device_count="-1"))
    program.run("push", name)
    (program.folder / "usage.csv.slq-state").unlink()
    assert program.run("push", name).code == 3
    first, old, fresh = (each["idempotency-key"] for each in line.server.seen)
    assert first == old != fresh


def test_a_part_taken_is_4(line, program):
    name = line.file("usage.csv", line.row(1), line.row(2, device_count="x"))
    ran = program.run("push", name, "--on-error", "accept_valid", "--json")
    assert ran.code == 4
    assert ran.json["counts"]["accepted"] == ran.json["counts"]["rejected"] == 1
    assert [each["row"] for each in ran.json["errors"]] == [2]
    assert line.stored() == 1


def test_a_revoked_key_is_5(line, program):
    admitting.revoke_key(line.key, reason="丢失", actor=world.CLERK, at=world.LATER)
    ran = program.run("push", line.file("usage.csv", line.row(1)))
    assert (ran.code, ran.out) == (5, "")
    assert "key_revoked" in ran.err
    assert program.run("doctor").code == 5


def test_a_wrong_private_key_is_5(line, program):
    program.run("keygen", "--out", "other.pem")
    ran = program.run(
        "push", line.file("usage.csv", line.row(1)), SLQ_KEY_FILE=str(program.folder / "other.pem")
    )
    assert ran.code == 5
    assert "signature" in ran.err
    assert line.stored() == 0


def test_a_service_that_does_not_answer_is_6(line, program):
    name = line.file("usage.csv", line.row(1))
    line.server.planned = [(503, {}), (503, {})]
    ran = program.run("push", name, "--tries", "2")
    assert (ran.code, ran.out) == (6, "")
    assert "重新执行同一命令" in ran.err
    gone = program.run("push", name, "--tries", "1", SLQ_ENDPOINT="http://127.0.0.1:1")
    assert gone.code == 6
    assert program.run("push", name).code == 0


def test_a_pause_that_is_asked_for_is_kept_with_the_same_key_and_a_new_signature(line, program):
    line.server.planned = [(429, {"Retry-After": "0"}), (LOSE_THE_ANSWER, {}), (500, {})]
    ran = program.run("push", line.file("usage.csv", line.row(1)), "--json")
    assert (ran.code, ran.json["counts"]["accepted"]) == (0, 1)
    assert len(line.server.seen) == 4
    assert len({each["idempotency-key"] for each in line.server.seen}) == 1
    assert len({each["signature-input"] for each in line.server.seen}) == 4
    assert "429，0.0 秒后重试" in ran.err
    assert line.stored() == 1


def test_a_pause_that_is_too_long_is_left_to_the_next_run(line, program):
    line.server.planned = [(503, {"Retry-After": "86400"})]
    assert program.run("push", line.file("usage.csv", line.row(1))).code == 6
    assert len(line.server.seen) == 1


def test_another_content_under_a_known_id_is_7(line, program):
    program.run("push", line.file("usage.csv", line.row(1)))
    ran = program.run("push", line.file("other.csv", line.row(1, device_count="2")), "--json")
    assert (ran.code, ran.json["counts"]["conflict"]) == (7, 1)
    assert UsageRecord.objects.get().device_count == 1


def test_every_sentence_exists_in_two_languages(line, program):
    name = line.file("usage.csv", line.row(1, device_count="-1"))
    chinese = program.run("push", name)
    english = program.run("push", name, LANG="en_GB.UTF-8")
    asked = program.run("--lang", "en", "push", name, LANG="zh_CN.UTF-8")
    assert "修正后直接重新执行同一命令" in chinese.err
    assert "run the same command again" in english.err
    assert "run the same command again" in asked.err
    assert not any("\u4e00" <= each <= "\u9fff" for each in english.err)


def test_a_value_can_not_write_to_the_terminal(line, program):
    name = line.file("usage.csv", line.row(1, device_count="\x1b[31m[bold]7"))
    ran = program.run("push", name)
    assert ran.code == 3
    assert "\x1b" not in ran.err


def test_what_is_told_to_programs_is_json_alone(line, program):
    ran = program.run("push", line.file("usage.csv", line.row(1)), "--json")
    told = json.loads(ran.out)
    assert told["exit"] == 0
    assert told["receipts_file"] == "usage.receipts.ndjson"

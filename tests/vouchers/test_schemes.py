"""Other schemes by data alone: model and corpus vouchers go from the file to the verdict.

Goal: another kind, another ratio, another allocation without a line of code.
Method: the house runs each file the way it runs the first; amounts are counted by hand.
"""

from datetime import timedelta

import pytest

from tests.vouchers.story import (
    AT,
    CHIEF,
    CLERK,
    FILE,
    a_draft,
    a_programme,
    an_approved,
    an_enterprise,
    propose,
    published,
    refused,
    submit,
)
from tests.vouchers.walk import REVIEWER, at, bureau, of_enterprise, text_of
from vouchers import dividing, issuing, programming
from vouchers.models import Application, Programme

pytestmark = pytest.mark.django_db
MODEL = FILE.parent / "putuo-model-demo-2026.toml"
CORPUS = FILE.parent / "putuo-corpus-demo-2026.toml"
#: file, project, need, what may be granted at most (fen), by hand
SCHEMES = [
    (
        MODEL,
        {"purpose": "API"},
        {
            "model_name": "某大模型 API",
            "model_filing_no": "Shanghai-XXX-20260101",
            "million_tokens": "2500",
            "token_price_fen": "8.00",
            "requested_fen": "8000.00",
        },
        800_000,  # 2,500 x 8.00 yuan x 40 %
    ),
    (
        CORPUS,
        {"purpose": "TUNING"},
        {
            "data_product_no": "SDE-2026-0001",
            "corpus_source": "公开医学文献，已取得授权，共三十万篇。",
            "corpus_price_fen": "90000.00",
            "requested_fen": "27000.00",
        },
        2_700_000,  # 90,000.00 yuan x 30 %
    ),
]


def load(path, when=AT):
    return published(programming.load_edition(path.read_text(), actor=CLERK, at=when), when)


def test_another_kind_runs_from_the_file_to_the_decision():
    for no, (path, project, need, most_fen) in enumerate(SCHEMES):
        firm = an_enterprise(f"91310107MAFAKE0{('195', '270')[no]}", f"某某{no}公司")
        programme = load(path)
        assert programme.state == "published"
        done = submit(a_draft(firm, programme, project=project, need=need))
        assert done.verdict["outcome"] == "passed", done.verdict
        told = {each["code"]: each for each in done.verdict["criteria"]}
        assert "额度" in told["C11"]["title"]
        assert f"{most_fen // 100:,}.00" in told["C11"]["facts"][0]["note"]
        assert "device_model" not in done.answers["need"]
        assert propose(done).state == "proposed"


def test_model_vouchers_are_drawn_and_issued_in_their_denominations():
    programme = a_programme(MODEL.read_text(), grant_fen=4_000_000)
    seed = dividing.commit_seed(programme, 1, public_source="福彩 3D", actor=CLERK, at=AT)
    _, project, need, _ = SCHEMES[0]
    asked = need | {"token_price_fen": "20.00", "requested_fen": "20000.00"}  # 50,000.00 x 40 %
    for code in ("91310107MAFAKE0195", "91310107MAFAKE0270", "91310107MADEMP0X1P"):
        an_approved(an_enterprise(code, f"公司{code}"), programme, project=project, need=asked)
    closed = programme.edition.windows.items[0].closes_at
    dividing.reveal_seed(seed, public_word="385", actor=CLERK, at=closed)
    run = dividing.prepare_run(programme, 1, actor=CLERK, at=closed)
    run = dividing.confirm_run(run, digest=run.digest, actor=CHIEF, at=closed)
    first, second, third = run.lines.order_by("rank")
    for line in (first, second):
        voucher = issuing.issue_voucher(line.application, actor=CHIEF, at=closed)
        faces = voucher.application.vouchers.values_list("face_fen", flat=True)
        assert list(faces) == [1_000_000, 1_000_000]
    with refused("insufficient_funds"):
        issuing.issue_voucher(third.application, actor=CHIEF, at=closed)


def test_what_a_kind_asks_is_judged():
    path, project, need, _ = SCHEMES[0]
    programme = load(path)
    unfiled = submit(
        a_draft(an_enterprise(), programme, project=project, need=need | {"model_filing_no": ""})
    )
    failed = [e["code"] for e in unfiled.verdict["criteria"] if e["outcome"] == "fail"]
    assert (unfiled.verdict["outcome"], failed) == ("failed", ["C14"])
    path, project, need, _ = SCHEMES[1]
    other = an_enterprise("91310107MAFAKE0270", "某某公司")
    unlisted = need | {"data_product_no": "", "requested_fen": "27000.01"}
    flagged = submit(a_draft(other, load(path), project=project, need=unlisted))
    outcomes = {e["code"]: e["outcome"] for e in flagged.verdict["criteria"]}
    assert (outcomes["C14"], outcomes["C11"]) == ("flag", "fail")


def test_schemes_stand_side_by_side_on_the_pages(client):
    first, other = load(MODEL, AT - timedelta(days=1)), a_programme(grant_fen=0)
    firm = an_enterprise()
    with at(AT):
        home = text_of(client.get("/"))
        assert "租用加速卡" in home
        assert first.title in home
        told = text_of(client.get("/", {"programme": str(first.pk)}))
        for words in ("模型券", "购买模型服务", "模型备案或登记证明", other.title):
            assert words in told
        assert "租用加速卡" in text_of(client.get("/", {"programme": "x"}))
        asked = client.get("/portal/check/all/", {"programme": str(first.pk)})
        assert "调用模型接口" in text_of(asked)
        assert f'name="programme" value="{first.pk}"' in text_of(asked)
        browser = of_enterprise(firm)
        assert first.title in text_of(browser.get("/portal/"))
        made = browser.post("/portal/apply/", {"programme": str(first.pk)})
        draft = Application.objects.get()
        assert (made.status_code, draft.programme) == (302, first)
        page = text_of(browser.get(f"/portal/apply/{draft.pk}/need/"))
        assert "模型备案号或登记号" in page
        assert "计划使用的加速卡" not in page
        shown = text_of(bureau("王初审", REVIEWER).get(f"/office/vouchers/programmes/{first.pk}/"))
    for words in ("公开摇号", "定额券（固定面额）", "10,000.00 元、50,000.00 元", "40%"):
        assert words in shown


def test_a_draft_of_one_scheme_is_nothing_of_another():
    load(MODEL)
    assert Programme.objects.current().slug == "putuo-model-demo-2026"
    assert [each.slug for each in Programme.objects.taking()] == ["putuo-model-demo-2026"]

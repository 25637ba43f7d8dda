"""New editions without code: copied, changed chapter by chapter, compared, previewed, written."""

import copy
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.vouchers.story import AT, CLERK, FILE, entries, published, refused
from tests.vouchers.walk import AUDITOR, REVIEWER, at, bureau, text_of
from vouchers import editing, programming
from vouchers.edition_words import typed
from vouchers.models import Programme, StateRow
from vouchers.parameters import BY_CODE, CHAPTERS
from vouchers.rulebook_reader import parse_edition

pytestmark = pytest.mark.django_db
BASE = "/office/vouchers/programmes/"


@pytest.fixture(autouse=True)
def _in_september():
    with at(AT):
        yield


def clerk():
    return bureau("王初审", REVIEWER)


def a_draft():
    return programming.load_edition(FILE.read_text(), actor=CLERK, at=AT)


def a_copy(source, **changes):
    told = {"slug": source.slug, "title": source.title, "kind": source.kind} | changes
    return editing.copy_edition(source, **told, actor=CLERK, at=AT)


def revise(draft, chapter, content, digest=""):
    told = {"digest": digest or draft.digest, "actor": CLERK, "at": AT}
    return editing.revise_chapter(draft, chapter, content, **told)


def filled(code, rules, **changes):
    """Return the page of a chapter as a browser would send it back, with changes."""
    chapter, standing = BY_CODE[code], rules.get(code, [])
    data = {}
    if not chapter.listed:
        below = standing.get(chapter.below[0], {}) if chapter.below else {}
        data = {p.name: typed(p, (standing | below).get(p.name)) for p in chapter.flat()}
    if chapter.items:
        rows = standing if chapter.listed else standing.get(chapter.items.name, [])
        for no, row in enumerate([*rows, {}]):
            data |= {f"{no}-{p.name}": typed(p, row.get(p.name)) for p in chapter.items.parameters}
    return data | changes


def test_a_copy_is_the_next_edition_or_another_scheme_with_the_same_rules():
    source = published(a_draft())
    second, third = a_copy(source), a_copy(source)
    assert (second.edition_no, third.edition_no, second.state) == (2, 3, "draft")
    other = a_copy(source, slug="Putuo-Model-2026 ", title="模型券", kind="MODEL")
    assert (other.slug, other.edition_no, other.kind) == ("putuo-model-2026", 1, "MODEL")
    assert other.edition.ratio == source.edition.ratio
    assert StateRow.objects.of(other).first().event_label.startswith("以“普陀区算力券演示方案")
    for faulty, code in (
        ({"slug": "普陀"}, "slug_invalid"),
        ({"slug": "a" * 41}, "slug_invalid"),
        ({"slug": "a--b"}, "slug_invalid"),
        ({"title": " "}, "title_missing"),
        ({"kind": "GOLD"}, "edition_invalid"),
    ):
        with refused(code):
            a_copy(source, **faulty)


def test_a_chapter_is_judged_with_the_whole_edition_and_never_over_somebody_elses():
    draft = a_draft()
    old = draft.digest
    ratio = draft.rules["ratio"] | {"base_bp": 2000}
    changed = revise(draft, "ratio", ratio)
    assert (changed.edition.ratio.base_bp, changed.digest != old) == (2000, True)
    assert revise(changed, "ratio", ratio).digest == changed.digest
    assert entries("programme.load") == 2, "saving what stands there is no change"
    with refused("stale_draft", "他人修改"):
        revise(draft, "caps", draft.rules["caps"], digest=old)
    with refused("edition_invalid", "不能高于最高比例"):
        revise(changed, "ratio", ratio | {"base_bp": 9000})
    head = {"title": "新名称", "kind": "MODEL", "slug": "other", "edition_no": 9}
    renamed = revise(changed, "edition", changed.rules["edition"] | head | {"slug": "x-y"})
    assert (renamed.title, renamed.kind) == ("新名称", "MODEL")


def test_the_rules_of_a_published_edition_are_not_edited():
    programme = published(a_draft())
    with refused("edition_locked", "另起一版"):
        revise(programme, "ratio", programme.rules["ratio"] | {"base_bp": 1})
    page = clerk().post(f"{BASE}{programme.pk}/edit/ratio/", filled("ratio", programme.rules))
    assert page.status_code == 409


def test_every_chapter_shows_and_saves_as_it_stands_without_any_change():
    draft, browser = a_draft(), clerk()
    for chapter in CHAPTERS:
        address = f"{BASE}{draft.pk}/edit/{chapter.code}/"
        page = text_of(browser.get(address))
        assert chapter.title in page
        assert all(each.title in page for each in chapter.flat())
        data = filled(chapter.code, draft.rules, digest=draft.digest)
        answer = browser.post(address, data)
        assert answer.status_code == 302, (
            chapter.code,
            re.findall("错误：</span>.*", text_of(answer)),
        )
    draft.refresh_from_db()
    assert draft.rules == parse_edition(FILE.read_text())
    assert entries("programme.load") == 1


def test_items_are_added_changed_and_removed_on_the_page():
    draft, browser = a_draft(), clerk()
    address = f"{BASE}{draft.pk}/edit/ratio/"
    new = {"1-code": "STARTUP", "1-title": "成立不满一年", "1-add_bp": "10", "1-clause": "第四条"}
    data = filled("ratio", draft.rules, digest=draft.digest, base_bp="25%", **new)
    assert browser.post(address, data | {"again": "1"})["Location"] == address
    draft.refresh_from_db()
    assert [each.code for each in draft.edition.ratio.bonuses] == ["DOMESTIC", "STARTUP"]
    data = filled("ratio", draft.rules, digest=draft.digest) | {"0-remove": "on"}
    assert browser.post(address, data).status_code == 302
    draft.refresh_from_db()
    assert [each.code for each in draft.edition.ratio.bonuses] == ["STARTUP"]


FAULTS = [
    ("ratio", {"base_bp": "三成"}, "id_base_bp", "0 到 10000 的整数"),
    ("ratio", {"0-add_bp": "101"}, "id_0-add_bp", "0 到 10000 的整数"),
    ("ratio", {"1-title": "无编号"}, "id_1-code", "非空文字"),
    ("caps", {"enterprise_year": "五十万"}, "id_enterprise_year", "以元为单位"),
    ("budget", {"MODEL": "21"}, "", "相加须为"),
    ("validity", {"form": "FIXED"}, "id_denominations", "须列出面额"),
    ("allocation", {"rule": "SCORED"}, "", "须列出评分项"),
    ("windows", {"0-opens_at": "明天"}, "id_0-opens_at", "带时区的时刻"),
    ("settlement", {"mode": "LATER"}, "id_mode", "即用即抵"),
    ("criterion", {"3-test": ""}, "id_3-test", "非空文字"),
    ("criterion", {"3-code": "C01"}, "", "不能重复"),
    ("evidence", {"0-required": ""}, "id_0-required", "true 或 false"),
]


def test_a_faulty_value_is_told_on_its_field_and_what_was_typed_stays():
    draft, browser = a_draft(), clerk()
    for code, changes, field, words in FAULTS:
        data = filled(code, draft.rules, digest=draft.digest) | changes
        answer = browser.post(f"{BASE}{draft.pk}/edit/{code}/", data)
        page = text_of(answer)
        assert answer.status_code == 409, changes
        assert words in page, changes
        assert not field or f'href="#{field}"' in page, (changes, re.findall('href="#[^"]*"', page))
        assert all(each in page for each in changes.values()), changes
    draft.refresh_from_db()
    assert draft.rules == parse_edition(FILE.read_text())


def test_a_stale_page_shows_what_was_saved_meanwhile_and_saves_when_asked_again():
    draft, browser = a_draft(), clerk()
    stale = filled("caps", draft.rules, digest=draft.digest, enterprise_year="400,000.00")
    revise(draft, "caps", copy.deepcopy(draft.rules["caps"]) | {"enterprise_year": "300000.00"})
    address = f"{BASE}{draft.pk}/edit/caps/"
    page = text_of(browser.post(address, stale))
    for words in ("他人修改", "300,000.00 元", "400,000.00"):
        assert words in page
    digest = re.search('name="digest" value="([0-9a-f]{64})"', page)[1]
    assert browser.post(address, stale | {"digest": digest}).status_code == 302
    draft.refresh_from_db()
    assert draft.edition.caps.enterprise_year_fen == 40_000_000


def test_another_scheme_is_made_compared_previewed_and_handed_out_by_the_pages():
    source, browser = published(a_draft()), clerk()
    told = {"slug": "putuo-model", "title": "模型券方案", "kind": "MODEL"}
    made = browser.post(f"{BASE}{source.pk}/copy/", told)
    draft = Programme.objects.get(slug="putuo-model")
    assert made["Location"] == f"{BASE}{draft.pk}/edit/"
    assert browser.post(f"{BASE}{source.pk}/copy/", told | {"slug": "？"}).status_code == 409
    data = filled("ratio", draft.rules, digest=draft.digest, base_bp="35")
    browser.post(f"{BASE}{draft.pk}/edit/ratio/", data)
    page = text_of(browser.get(f"{BASE}{draft.pk}/compare/?with={source.pk}"))
    for words in ("30%", "35%", "演示方案第四条（支持比例）", "模型券"):
        assert words in page
    assert "没有可以比较的版本" in text_of(browser.get(f"{BASE}{draft.pk}/compare/?with=x"))
    shown = text_of(browser.get(f"{BASE}{draft.pk}/preview/"))
    assert "返回编辑" in shown
    assert "按 35 % 到" in shown
    assert "支持比例与加成" in text_of(browser.get(f"{BASE}{draft.pk}/edit/"))
    file = browser.get(f"{BASE}{draft.pk}/file/")
    assert file["Content-Disposition"] == 'attachment; filename="putuo-model-1.toml"'
    again = browser.post(BASE, {"file": SimpleUploadedFile("p.toml", file.content)})
    assert again["Location"] == f"{BASE}{draft.pk}/"


def test_who_only_looks_may_compare_and_not_edit():
    draft, auditor = a_draft(), bureau("钱审计", AUDITOR)
    for page, status in (("edit/", 200), ("compare/", 200), ("preview/", 200), ("file/", 200),
                         ("edit/ratio/", 403), ("copy/", 403)):  # fmt: skip
        assert auditor.get(f"{BASE}{draft.pk}/{page}").status_code == status
    assert clerk().get(f"{BASE}{draft.pk}/edit/dreams/").status_code == 404

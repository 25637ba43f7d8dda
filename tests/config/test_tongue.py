"""Two languages: templates are cut into units, values are spoken when they are shown."""

import pytest
from django.template import Context, Engine
from django.utils import translation

from config import tongue
from config.cutting import cut, unit_of
from config.gathering import texts_of
from config.tongue import Catalogue, pattern_of, said

WHOLE = {
    "面额 {{ face }} 元": "Face value CNY {{ face }}",
    "请先{{ verb }}，再{{ other }}": "{{ other }} after you {{ verb }}",
    "已提交": "submitted",
    "刷新页面": "reload the page",
    "没有更新时请": "If nothing changes,",
    "处理进度": "Progress",
    "必填": "required",
}
PATTERNS = {"第 {row} 行：{reason}": "Row {row}: {reason}", "{count} 天": "{count} days"}
CUTS = [
    ("<p>面额 {{ face }} 元</p>", "<p>Face value CNY 5</p>"),
    (
        "<p>没有更新时请<a href='/'>刷新页面</a>。</p>",
        "<p>If nothing changes, <a href='/'>reload the page</a>.</p>",
    ),
    ("<p>请先{{ verb }}，再{{ other }}</p>", "<p>look after you read</p>"),
    ('<i aria-label="处理进度"></i>', '<i aria-label="Progress"></i>'),
    ('<input value="已提交" title="{{ state }}">', '<input value="已提交" title="submitted">'),
    ("<script>let a = '已提交';</script>", "<script>let a = '已提交';</script>"),
    ("<textarea>{{ state }}</textarea>", "<textarea>已提交</textarea>"),
    ("<!-- 已提交 --><b>{{ state }}</b>", "<!-- 已提交 --><b>submitted</b>"),
    ("<b>{{ name }}</b>", '<b><span lang="zh-CN">上海 &lt;算力&gt;</span></b>'),
    ("<option>{{ name }}</option>", "<option>上海 &lt;算力&gt;</option>"),
    ("{% firstof nothing '已提交' %}", "submitted"),
    ("<b>{{ row }}</b>", "<b>Row 3: required</b>"),
    ("<b>{{ safe|safe }}</b>", "<b><em>已提交</em></b>"),
    ("{% load i18n %}{% blocktranslate %}a {{ state }}{% endblocktranslate %}", "a 已提交"),
    ("{% block title %}{{ name }}{% endblock %}", "上海 &lt;算力&gt;"),
]  # fmt: skip
I18N = {"i18n": "django.templatetags.i18n"}
GIVEN = {
    "face": 5,
    "verb": "read",
    "other": "look",
    "state": "已提交",
    "name": "上海 <算力>",
    "row": "第 3 行：必填",
    "safe": "<em>已提交</em>",
}


@pytest.fixture
def small_catalogue(monkeypatch):
    patterns = tuple(pattern_of(*each) for each in PATTERNS.items())
    small = Catalogue(WHOLE, patterns)
    monkeypatch.setattr("config.tongue.catalogue", lambda: small)
    monkeypatch.setattr("config.templatetags.tongue.catalogue", lambda: small)
    said.cache_clear()
    yield
    said.cache_clear()


def shown(source: str, language: str) -> str:
    engine = Engine(builtins=["config.templatetags.tongue"], libraries=I18N)
    with translation.override(language):
        return engine.from_string(cut(source).source).render(Context(GIVEN))


def test_every_cut_of_a_template_speaks_as_it_should(small_catalogue):
    wrong = [(source, shown(source, "en")) for source, said in CUTS if shown(source, "en") != said]
    assert wrong == []


def test_a_cut_template_says_in_chinese_what_its_author_wrote():
    engine = Engine(builtins=["config.templatetags.tongue"], libraries=I18N)
    for source, _ in CUTS:
        assert shown(source, "zh-hans") == engine.from_string(source).render(Context(GIVEN))
        assert cut(source).source.count("\n") == source.count("\n")


def test_a_sentence_is_known_whole_by_its_pattern_or_by_its_parts(small_catalogue):
    spoken = {
        "2026年10月3日": "3\N{NO-BREAK SPACE}October\N{NO-BREAK SPACE}2026",
        "2026年10月3日 14:05": "3\N{NO-BREAK SPACE}October\N{NO-BREAK SPACE}2026 14:05",
        "2026年10月": "October\N{NO-BREAK SPACE}2026",
        "必填；已提交": "required; submitted",
        "第 3 行：已提交": "Row 3: submitted",
        "3 天": "3 days",
        "2026年10月 3 天": "October\N{NO-BREAK SPACE}2026 3 days",
        "11月27日（周五）前": "by 27\N{NO-BREAK SPACE}November (Friday)",
        "几 天": "几 天",
        "上海某某有限公司": "上海某某有限公司",
        "a, b": "a, b",
    }
    assert {text: said(text) for text in spoken} == spoken


def test_texts_of_python_are_found_with_their_open_places():
    source = '''
"""说明。"""
class Meta: verbose_name = "名"
def f(n, rows):
    """说明。"""
    first = "请填写"
    second = f"第 {n} 行：{rows[0].reason}，{n}"
    third = "共 %d 条"
    return models.CharField("列名", choices=[("a", "甲")])
'''
    found = ["请填写", "第 {n} 行：{reason}，{n2}", "共 {value} 条", "甲"]
    assert list(texts_of(source, fields=True)) == found


def test_a_unit_is_known_whatever_its_blanks():
    assert unit_of("  面额\n  {{face|yuan}}  元 ") == "面额 {{ face|yuan }} 元"


def test_every_english_keeps_the_open_places_of_its_chinese():
    wrong = [
        known
        for known, english in tongue.catalogue().whole.items()
        if sorted(set(tongue.PLACE.findall(known))) != sorted(set(tongue.PLACE.findall(english)))
    ]
    assert wrong == []

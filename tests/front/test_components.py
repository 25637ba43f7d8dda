"""Every component renders with the least and the most it can be given."""

import re

import pytest
from django import forms
from django.core.paginator import Paginator
from django.template import Context, Template
from django.template.loader import render_to_string
from django.test import RequestFactory

from ledger.clock import now


class Sample(forms.Form):
    name = forms.CharField(label="企业名称", help_text="与营业执照一致")
    note = forms.CharField(label="说明", widget=forms.Textarea, required=False)
    size = forms.ChoiceField(label="规模", choices=[("S", "小型"), ("M", "中型")])
    way = forms.ChoiceField(
        label="方式", choices=[("A", "甲"), ("B", "乙")], widget=forms.RadioSelect
    )
    many = forms.MultipleChoiceField(
        label="场景", choices=[("A", "医疗"), ("B", "制造")], widget=forms.CheckboxSelectMultiple
    )
    agree = forms.BooleanField(label="我已阅读并承诺")
    file = forms.FileField(label="营业执照")
    key = forms.CharField(widget=forms.HiddenInput)

    def clean(self) -> None:
        raise forms.ValidationError("两项内容互相矛盾")


COMPONENTS = [
    ("tag", {"text": "已完成"}, "已完成"),
    ("tag", {"text": "待处理", "colour": "yellow"}, "govuk-tag--yellow"),
    ("summary_list", {"rows": [{"key": "企业", "value": "甲"}]}, "甲"),
    (
        "summary_list",
        {"rows": [{"key": "企业", "value": "", "action_url": "/x", "action_text": "更改"}]},
        "未填写",
    ),
    ("task_list", {"items": [{"title": "上传材料", "status": "暂不能填写"}]}, "暂不能填写"),
    (
        "task_list",
        {
            "items": [
                {"title": "甲", "hint": "乙", "url": "/x", "status": "未完成", "colour": "grey"}
            ],
            "prefix": "a",
        },
        "task-a1-status",
    ),
    ("timeline", {"items": [{"title": "受理", "by": "李工", "at": now(), "text": "齐全"}]}, "受理"),
    ("empty", {"text": "当前没有待办"}, "当前没有待办"),
    ("empty", {"text": "没有办件", "action_url": "/check", "action_text": "先测一测"}, "/check"),
    ("panel", {"title": "申请已提交"}, "申请已提交"),
    ("panel", {"title": "申请已提交", "text": "受理编号", "number": "PTSLQ-1"}, "PTSLQ-1"),
    ("inset", {"text": "最高 50 万元"}, "最高"),
    ("inset", {"text": "超期", "title": "注意", "kind": "bad"}, "inset--bad"),
    ("progress", {"done": 3, "total": 10, "message": "正在试算", "poll_url": "/p"}, "3 / 10"),
    ("progress", {}, "等待开始"),
    ("figures", {"items": [{"label": "待受理", "value": 12}]}, "待受理"),
    (
        "figures",
        {"items": [{"label": "余额", "value": "1.00", "unit": "元", "hint": "今天", "url": "/x"}]},
        "今天",
    ),
    ("steps", {"steps": ["申请", "审核", "公示"], "current": 2}, 'aria-current="step"'),
    ("breadcrumbs", {"items": [{"title": "首页", "url": "/"}, {"title": "办件"}]}, "首页"),
]


@pytest.mark.parametrize(("name", "given", "expected"), COMPONENTS)
def test_a_component_renders(name: str, given: dict, expected: str) -> None:
    request = RequestFactory().get("/x/?a=1")
    assert expected in render_to_string(f"components/{name}.html", given, request)


def test_pages_are_turned_and_keep_the_filters() -> None:
    request = RequestFactory().get("/x/?state=open&page=2")
    page = Paginator(range(50), 10).page(2)
    html = render_to_string("components/pagination.html", {"page_obj": page}, request)
    assert "第 2 页，共 5 页" in html
    assert "state=open&amp;page=3" in html


def test_no_component_carries_a_style_or_a_script() -> None:
    request = RequestFactory().get("/x/")
    for name, given, _ in COMPONENTS:
        html = render_to_string(f"components/{name}.html", given, request)
        assert not re.search(r"\sstyle=|<script|\son[a-z]+=|javascript:", html), name


def test_a_fresh_form_has_labels_hints_and_no_browser_bubbles() -> None:
    html = str(Sample())
    assert 'class="govuk-input"' in html
    assert 'id="id_name_helptext"' in html
    assert 'aria-describedby="id_name_helptext"' in html
    assert " required" not in html
    assert "说明（选填）" in html
    assert html.count("govuk-radios__item") == 2
    assert html.count("govuk-checkboxes__item") == 3
    assert '<input type="hidden" name="key" id="id_key">' in html
    assert "govuk-error-message" not in html


def test_every_label_points_at_a_control() -> None:
    html = str(Sample())
    ids = set(re.findall(r'\bid="([^"]+)"', html))
    targets = re.findall(r'<label[^>]* for="([^"]+)"', html)
    assert targets
    assert set(targets) <= ids


def test_an_error_stands_at_its_field_and_in_the_summary() -> None:
    form = Sample({"size": "S"})
    html = str(form)
    assert 'id="id_name_error"' in html
    assert 'aria-invalid="true"' in html
    assert "govuk-input--error" in html
    assert "govuk-form-group--error" in html
    summary = render_to_string("components/error_summary.html", {"form": form})
    ids = set(re.findall(r'\bid="([^"]+)"', html))
    targets = set(re.findall(r'href="#([^"]+)"', summary))
    assert {"id_name", "id_way_0", "id_many_0", "id_agree", "id_file", "form-errors"} <= targets
    assert targets - {"id_key"} <= ids


def test_a_form_without_errors_has_no_summary() -> None:
    assert not render_to_string("components/error_summary.html", {"form": Sample()}).strip()


def test_a_voucher_card_shows_what_is_left() -> None:
    class Voucher:
        voucher_no = "PTSLQ-Q-1"
        state = "issued"
        valid_from = valid_until = now()

        def get_state_display(self) -> str:
            return "可用"

    position = {"face": 100, "available": 60, "held": 30, "redeemed": 10}
    html = Template('{% include "components/voucher_card.html" %}').render(
        Context({"voucher": Voucher(), "position": position, "url": "/v"})
    )
    assert "0.60" in html
    assert "可用" in html
    assert 'width="6000"' in html

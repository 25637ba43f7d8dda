"""What a firm does in its own pages, told in the words on the buttons."""

import re
from io import BytesIO

import pikepdf
from playwright.sync_api import Locator, Page

USCC = "91310107MA1FYP3K95"
NAME = "上海旅程智能科技有限公司"
ANSWERS = {
    "企业基本信息": {
        "注册地所在区": "普陀区",
        "税收户管地所在区": "普陀区",
        "所在街镇": "桃浦镇",
        "组织形式": "公司",
        "成立日期": "2019-03-12",
        "国民经济行业代码": "I6513",
        "从业人员": "36",
        "上年度营业收入": "820.5",
        "上年末资产总额": "1500",
        "是否被大型企业直接控制或管理": "否",
        "近三年是否有严重失信记录": "否",
        "以上资料截至日期": "2025-12-31",
    },
    "联系人": {"联系人姓名": "王敏", "联系电话": "13800000000"},
    "用算项目说明": {
        "项目名称": "客服大模型微调",
        "应用场景": "其他",
        "用途": "训练",
        "项目简介": "用自有语料微调七十亿参数的模型。",
    },
    "用算需求与申请金额": {
        "计划使用的加速卡": "昇腾 910B",
        "是否使用国产加速卡": "是",
        "预计用量": "20000",
        "预计单价": "6.00",
        "计划开始日期": "2026-08-01",
        "计划结束日期": "2027-01-31",
        "与意向服务商是否有关联关系": "否",
        "同一合同的其他财政资金": "0",
        "申请金额": "48000.00",
    },
}


def paper() -> bytes:
    """Return a small real PDF, as a firm would scan its licence."""
    document = pikepdf.new()
    document.add_blank_page(page_size=(595, 842))
    written = BytesIO()
    document.save(written)
    return written.getvalue()


def answer(page: Page, label: str, value: str) -> None:
    """Answer one question, whatever kind of control the page chose for it."""
    group = page.get_by_role("group", name=label)
    if group.count():
        group.get_by_label(value, exact=True).check()
        return
    control: Locator = page.get_by_label(label).first
    if page.get_by_role("combobox", name=label).count():
        matching = control.locator("option", has_text=value).first
        control.select_option(value=matching.get_attribute("value"))
    else:
        control.fill(value)


def press(page: Page, name: str) -> None:
    """Press a button of the page itself (not of the frame)."""
    page.get_by_role("main").get_by_role("button", name=name).first.click()


def follow(page: Page, name: str) -> None:
    """Follow a link of the page itself."""
    page.get_by_role("main").get_by_role("link", name=name).first.click()


def enrols(page: Page, name: str = NAME, uscc: str = USCC) -> None:
    """Bind the enterprise to the account that is signed in."""
    page.goto("/portal/")
    answer(page, "企业名称", name)
    answer(page, "统一社会信用代码", uscc)
    press(page, "登记企业")
    page.get_by_role("heading", level=1, name=name).wait_for()


def starts(page: Page) -> None:
    """Begin the application."""
    page.goto("/portal/")
    press(page, "开始申请")
    page.get_by_role("heading", level=1, name="申请算力券").wait_for()


def fills_in(page: Page, title: str, **changes: str) -> None:
    """Answer one page of the task list and save it."""
    page.get_by_role("heading", level=1, name=title).wait_for()
    for label, value in (ANSWERS[title] | changes).items():
        answer(page, label, value)
    press(page, "保存并继续")


def fills_in_everything(page: Page) -> None:
    """Answer all pages one after the other; each is saved on the way."""
    follow(page, "企业基本信息")
    for title in ANSWERS:
        fills_in(page, title)
    page.get_by_role("heading", level=1, name="申请算力券").wait_for()


def attaches_its_papers(page: Page) -> None:
    """Upload a file in every slot that must be filled."""
    follow(page, "上传材料")
    for section in page.locator("section.card").all():
        title = section.get_by_role("heading").inner_text()
        if "选交" in title:
            continue
        name = title.strip()
        place = page.locator("section.card", has=page.get_by_role("heading", name=name))
        place.locator("input[type=file]").set_input_files(
            {"name": "材料.pdf", "mimeType": "application/pdf", "buffer": paper()}
        )
        place.get_by_role("button", name=re.compile("^上传")).click()
        page.get_by_text("文件已上传").wait_for()
    follow(page, "完成上传")


def declares_and_hands_in(page: Page) -> str:
    """Tick every sentence, check the answers, hand in; return the number of the case."""
    follow(page, "承诺与授权")
    for box in page.get_by_role("checkbox").all():
        box.check()
    press(page, "作出承诺")
    page.get_by_role("heading", level=1, name="核对并提交").wait_for()
    press(page, "提交申请")
    page.get_by_role("heading", level=1, name="申请已提交").wait_for()
    found = re.search(r"PTSLQ-[A-Z]*-?\d{4}-\d{6}", page.get_by_role("main").inner_text())
    assert found, "the receipt names no number"
    return found.group()


def applies(page: Page) -> str:
    """From the desk to the receipt."""
    starts(page)
    fills_in_everything(page)
    attaches_its_papers(page)
    return declares_and_hands_in(page)

"""The provider's desk: upload with preview, batches, keys, days, the page to try the interface."""

import gzip
import json
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from providers import admitting, metering
from providers.bodies import body_path
from providers.models import ProviderKey, ProviderSeat, UsageBatch, UsageRecord, ZeroDeclaration
from providers.pages_console import RECORD_FIELDS, key_life
from providers.records import FIELDS, REQUIRED
from tests.providers import world
from tests.providers.line import JSON, Line
from tests.providers.world import CLERK, World
from tests.vouchers import story

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("november")]


def staff_of(there: World, role: str = "provider_engineer") -> Client:
    user = story.user_of(f"员工{role}")
    ProviderSeat.objects.get_or_create(user=user, provider=there.provider, defaults={"role": role})
    client = Client()
    client.force_login(user)
    return client


def page(client: Client, name: str, *args, **query) -> str:
    response = client.get(reverse(name, args=args), query)
    assert response.status_code == 200, response
    return response.content.decode()


def file_of(there: World, *changes: dict, name: str = "usage.ndjson") -> SimpleUploadedFile:
    rows = [there.record(f"r-{number}", **each) for number, each in enumerate(changes)]
    body = "\n".join(json.dumps(row) for row in rows).encode()
    return SimpleUploadedFile(name, gzip.compress(body) if name.endswith(".gz") else body)


def test_a_compressed_file_is_previewed_with_what_it_adds_to_each_order_and_counts_once():
    there = World()
    client = staff_of(there)
    preview = client.post(
        reverse("console_upload"), {"file": file_of(there, {}, name="usage.ndjson.gz")}
    )
    (line,) = preview.context["orders"]
    assert (line["order"], line["gross_fen"]) == (there.order, 4800)
    assert "48.00" in preview.content.decode()
    assert not UsageBatch.objects.exists()
    ticket = {"ticket": preview.context["ticket"], "on_error": "reject_batch"}
    for _ in range(2):
        shown = client.post(reverse("console_upload_confirm"), ticket, follow=True)
    assert "已入账" in shown.content.decode()
    assert (UsageBatch.objects.get().content_encoding, UsageRecord.objects.count()) == ("gzip", 1)


def test_a_preview_says_how_much_an_order_with_a_voucher_can_still_bear():
    there = World(voucher=story.a_voucher(), planned_hours=10, device_count=2)
    there.send(there.record("before", device_count=2))
    preview = staff_of(there).post(
        reverse("console_upload"), {"file": file_of(there, {"device_count": 2})}
    )
    (line,) = preview.context["orders"]
    assert line["limit_fen"] - line["left_fen"] == 2 * line["gross_fen"] == 2 * 1200


def test_the_bad_rows_of_a_preview_can_be_fetched_mended_and_sent_and_nothing_was_stored():
    there = World()
    client = staff_of(there)
    preview = client.post(
        reverse("console_upload"), {"file": file_of(there, {}, {"device_count": -3})}
    )
    ticket = {"ticket": preview.context["ticket"]}
    errors = client.post(reverse("console_upload_errors"), ticket)
    assert errors["Content-Disposition"] == 'attachment; filename="errors.csv"'
    assert "out_of_range" in errors.content.decode()
    assert not UsageBatch.objects.exists()
    mended = SimpleUploadedFile("errors.csv", errors.content.replace(b",-3,", b",3,"))
    again = client.post(reverse("console_upload"), {"file": mended})
    assert (again.context["batch"].rows, again.context["fault_rows"]) == (1, 0)
    forged = client.post(reverse("console_upload_errors"), {"ticket": "x"}, follow=True)
    assert "预览已过期" in forged.content.decode()


def test_the_template_can_be_sent_as_it_is():
    there = World()
    client = staff_of(there)
    table = client.get(reverse("console_upload_template"))
    assert there.order.order_no in table.content.decode()
    file = SimpleUploadedFile("usage-template.csv", table.content)
    preview = client.post(reverse("console_upload"), {"file": file})
    assert (preview.context["good"], preview.context["fault_rows"]) == (2, 0)
    assert {name for name, *_ in RECORD_FIELDS} == set(FIELDS)
    assert {name for name, needed, *_ in RECORD_FIELDS if needed} == set(REQUIRED)


def test_a_large_file_is_judged_later_and_its_page_asks_how_far_it_is():
    there = World()
    client = staff_of(there)
    file = file_of(there, *[{}] * (metering.SYNC_ROWS + 3))
    preview = client.post(reverse("console_upload"), {"file": file})
    ticket = {"ticket": preview.context["ticket"]}
    shown = client.post(reverse("console_upload_confirm"), ticket, follow=True).content.decode()
    batch = UsageBatch.objects.get()
    progress = reverse("console_batch_progress", args=[batch.pk])
    assert batch.status == "processing"
    assert f'hx-get="{progress}"' in shown
    assert '<noscript><meta http-equiv="refresh"' in shown
    assert client.get(progress).status_code == 302
    asked = {"HTTP_HX_REQUEST": "true"}
    assert "等待开始" in client.get(progress, **asked).content.decode()
    told = client.get(reverse("console_batch_receipt", args=[batch.pk]), follow=True)
    assert "处理完才有回执" in told.content.decode()
    assert world.do_work() == 1
    assert client.get(progress, **asked)["HX-Refresh"] == "true"
    assert "全部记录" in page(client, "console_batch", batch.pk)


def test_batches_are_found_by_result_content_key_mode_day_and_digest():
    line = Line()
    there = line.there
    first = line.client.upload(line.body(), JSON).body["batch_id"]
    there.send(there.record("x", device_model="strange"), there.record("bad", device_count=-1))
    there.send(there.record("t", order_no="TEST-OK"), livemode=False)
    client = staff_of(there)

    def found(**asked) -> int:
        return len(client.get(reverse("console_batches"), asked).context["page_obj"])

    assert (found(), found(status="partial"), found(outcome="held")) == (3, 1, 1)
    assert (found(key=line.key.key_id), found(mode="test"), found(mode="live")) == (1, 1, 2)
    assert (found(day="2026-11-20"), found(day="2026-11-19")) == (3, 0)
    assert found(digest=UsageBatch.objects.get(pk=first).body_sha256[:12].upper()) == 1
    assert "没有符合条件的批次" in page(client, "console_batches", day="2026-11-19")


def test_a_signed_batch_is_checked_again_from_what_was_kept_and_a_changed_body_is_noticed():
    line = Line()
    answer = line.client.upload(line.body(), JSON, on_error="accept_valid")
    batch = UsageBatch.objects.get(pk=answer.body["batch_id"])
    client, address = staff_of(line.there), reverse("console_batch_check", args=[batch.pk])

    def outcomes() -> list[str]:
        return [each.outcome for each in client.get(address).context["checks"]]

    kept = body_path(batch.body_sha256)
    kept.unlink(missing_ok=True)
    assert outcomes() == ["open", "good", "good"]  # the signed digest still names the body
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(line.body())
    assert outcomes() == ["good", "good", "good"]
    kept.write_bytes(line.body() + b" ")
    assert outcomes() == ["bad", "bad", "good"]
    kept.unlink()
    assert batch.signature in page(client, "console_batch", batch.pk)


def test_a_day_without_use_is_declared_on_the_calendar_and_a_day_with_use_is_not():
    there = World()
    there.send(there.record())
    client = staff_of(there)
    october = {"month": "2026-10"}
    shown = page(client, "console_calendar", **october)
    assert "缺报" in shown
    assert f"{reverse('console_records')}?day=2026-10-03" in shown
    told = client.post(reverse("console_zero"), {"day": "2026-10-04"}, follow=True)
    assert "2026-10-04 已作零申报" in told.content.decode()
    assert "零申报 1 天" in page(client, "console_calendar", **october)
    refused = client.post(reverse("console_zero"), {"day": "2026-10-03"}, follow=True)
    assert "已有用量上报" in refused.content.decode()
    unread = client.post(reverse("console_zero"), {"day": "soon"}, follow=True)
    assert "请填写日期" in unread.content.decode()
    assert ZeroDeclaration.objects.count() == 1
    assert client.get(reverse("console_calendar"), {"month": "2026-13"}).status_code == 404
    reader = staff_of(there, "provider_operator")
    assert reader.post(reverse("console_zero"), {"day": "2026-10-05"}).status_code == 403
    assert reverse("console_zero") not in page(reader, "console_calendar", **october)


def test_a_key_shows_where_it_stands_and_warns_before_it_ends():
    there = World()
    key, _, _ = world.a_live_key(there.provider)
    life = key_life(key, world.LATER)
    assert (life["current"], life["warning"], life["last_used"]) == (4, "", None)
    soon = key_life(key, key.valid_until - timedelta(days=5))
    assert "还有 5 天到期" in soon["warning"]
    assert key_life(key, key.valid_until)["expired"]
    fresh = admitting.propose_key(
        there.provider, "live", public_key=world.public_pem(world.Ed25519PrivateKey.generate()),
        actor=world.ENGINEER, at=world.LATER,
    ).key  # fmt: skip
    assert key_life(fresh, world.LATER)["current"] == 2
    text = page(staff_of(there), "console_key", fresh.pk)
    assert f"slq prove {fresh.challenge}" in text
    assert "openssl pkeyutl -sign" in text
    assert "可以使用" in page(staff_of(there), "console_keys")


def test_the_documentation_names_the_readers_own_key_and_everybody_may_read_it():
    there = World()
    key, _, _ = world.a_live_key(there.provider)
    own = page(staff_of(there), "console_guide")
    assert f'keyid="{key.key_id}"' in own
    public = page(Client(), "api_guide")
    assert key.key_id not in public
    assert "登录并试用" in public
    assert "真的发送" not in public
    assert "请供方管理员或工程师生成密钥" in page(
        staff_of(there, "provider_operator"), "console_guide"
    )


def test_a_key_to_try_is_made_by_one_press_and_the_sample_really_arrives():
    there = World()
    client = staff_of(there)
    client.post(reverse("console_guide_key"))
    assert not ProviderKey.objects.exists()
    made = client.post(reverse("console_guide_key"), {"make": "test"})
    token = made.context["token"]
    assert made.content.decode().count(token) >= 4
    form = {"token": token, "kind": "text/csv", "sample": made.context["sample"],
            "key": made.context["key"]}  # fmt: skip
    sent = client.post(reverse("console_guide_send"), form)
    assert sent.context["exchange"].status == 201
    batch = UsageBatch.objects.get()
    assert (batch.livemode, batch.accepted) == (False, 1)
    assert str(batch.pk) in sent.context["receipt"].response
    again = client.post(reverse("console_guide_send"), form)
    assert "Idempotency-Replayed: true" in again.context["exchange"].response
    wrong = client.post(reverse("console_guide_send"), form | {"sample": "x", "key": ""})
    assert wrong.context["exchange"].status == 400
    assert wrong.context["receipt"] is None
    live = client.post(reverse("console_guide_send"), form | {"token": "pk_live_x"})
    assert live.status_code == 409
    assert CLERK.name not in live.content.decode()

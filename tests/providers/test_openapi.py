"""The OpenAPI document: valid, equal to the checked-in one, complete, and true of every answer.

Schemathesis makes requests from the document, good and bad ones, by a test key and by a live key
that signs them; every answer must be one that the document describes. Seeded, so that a fault
comes again.
"""

import copy
import io
import json
from datetime import UTC, datetime
from typing import Any

import httpx
import jsonschema_rs
import pytest
import schemathesis
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as bounds
from hypothesis.errors import Unsatisfiable
from hypothesis.stateful import run_state_machine_as_test
from openapi_spec_validator import validate
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import ignored_auth, negative_data_rejection

from ledger.identifiers import new_id
from providers.client import MeteringClient
from providers.models import ProviderSeat
from providers.openapi import document, document_text
from providers.signatures import sign_request
from tests.providers import world
from tests.providers.world import World
from tests.vouchers import story

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("november")]
DOCUMENT = document()
OPERATIONS = [
    f"{method.upper()} {path}" for path, each in DOCUMENT["paths"].items() for method in each
]
EXAMPLES = 12
ROW_BY_ROW = {"upload_batch", "validate_batch"}
NOTHING_TO_GET_WRONG = {
    "GET /api/v1/metering/limits",
    "GET /api/v1/metering/statements",
    "GET /api/v1/problems",
}
MODES = {"good": GenerationMode.POSITIVE, "bad": GenerationMode.NEGATIVE}
BOUNDS = bounds(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@schemathesis.serializer("text/csv", "application/x-ndjson")
def as_text(_context: Any, value: Any) -> bytes:
    """Send what was thought of as it is."""
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode("utf-8", "surrogatepass")


class Site:
    """The site in this process, for one provider key; a live one signs whatever is sent."""

    def __init__(self, there: World, *, live: bool) -> None:
        self.there = there
        self.site = world.in_process().app
        self.private = None
        if live:
            self.key, self.token, self.private = world.a_live_key(there.provider)
        else:
            self.key, self.token = world.a_test_key(there.provider)

    def __call__(self, environ, start_response):
        if self.private and environ["REQUEST_METHOD"] == "POST":
            self.sign(environ)
        return self.site(environ, start_response)

    def sign(self, environ) -> None:
        body = environ["wsgi.input"].read()
        environ["wsgi.input"] = io.BytesIO(body)
        query = f"?{environ['QUERY_STRING']}" if environ.get("QUERY_STRING") else ""
        request = httpx.Request(
            "POST",
            settings.PUBLIC_ORIGIN + environ["PATH_INFO"] + query,
            headers={
                "content-type": environ.get("CONTENT_TYPE", ""),
                "idempotency-key": environ.get("HTTP_IDEMPOTENCY_KEY", "").strip(),
            },
            content=body,
        )
        sign_request(
            request, body, key_id=self.key.key_id, private_key=self.private,
            nonce=new_id().hex, created=datetime.now(UTC),
        )  # fmt: skip
        for name in ("Content-Digest", "Signature-Input", "Signature"):
            environ[f"HTTP_{name.upper().replace('-', '_')}"] = request.headers[name]


def closed(made: dict[str, Any]) -> dict[str, Any]:
    """Return the document with every answer closed: a field nobody described is a fault."""
    made = copy.deepcopy(made)
    for name, shape in made["components"]["schemas"].items():
        if "properties" in shape and name != "CloudEvent":
            shape["additionalProperties"] = False
    return made


def site_for(*, live: bool, mode: str = "good") -> tuple[Any, dict[str, str]]:
    """Return the loaded document on a site of one provider, and the headers of its key."""
    site = Site(World(), live=live)
    made = closed(DOCUMENT)
    if mode == "bad":  # the key goes with each call, so leaving it out is not what is wrong
        made["components"].pop("securitySchemes")
        for operation in (each for path in made["paths"].values() for each in path.values()):
            operation.pop("security", None)
    loaded = schemathesis.openapi.from_dict(made)
    loaded.app = site
    loaded.config.checks.positive_data_acceptance.expected_statuses += ["422", "400", "415"]
    return loaded, {"Authorization": f"Bearer {site.token}"}


def every_row_has_its_outcome(_context, response, _case) -> None:
    """Bad rows are told one by one, in an answer that is no refusal: none may be lost."""
    if response.status_code in (200, 201, 207):
        counts = response.json()["counts"]
        assert sum(counts.values()) == 2 * counts["rows"]
        assert response.status_code != 201 or not counts["rejected"] + counts["conflict"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("live", [False, True], ids=["test-key", "live-key"])
@pytest.mark.parametrize("label", OPERATIONS)
def test_every_answer_is_one_that_the_document_describes(label, live, mode):
    loaded, key = site_for(live=live, mode=mode)
    operation = loaded.find_operation_by_label(label)

    explained = operation.definition.raw["operationId"] in ROW_BY_ROW

    @BOUNDS
    @given(case=operation.as_strategy(generation_mode=MODES[mode]))
    def answers(case):
        case.call_and_validate(
            headers=key,
            excluded_checks=[negative_data_rejection] if explained else [],
            additional_checks=[every_row_has_its_outcome] if explained else [],
        )

    try:
        answers()
    except (schemathesis.errors.SchemathesisError, Unsatisfiable):
        assert label in NOTHING_TO_GET_WRONG
        assert mode == "bad"


def test_what_an_upload_makes_can_be_followed_by_the_links_of_the_document():
    loaded, key = site_for(live=False)
    followed: set[str] = set()

    class Walk(loaded.as_state_machine()):
        def get_call_kwargs(self, case):
            return {"headers": key}

        def validate_response(self, response, case, **more):
            followed.add(f"{case.operation.definition.raw['operationId']} {response.status_code}")
            judged_above = [ignored_auth, negative_data_rejection]
            case.validate_response(response, excluded_checks=judged_above)

    # What is thought of depends on the constants of all loaded code: go on until it is seen.
    wanted = {"upload_batch 201", "get_batch 200", "get_results 200", "get_receipt 200"}
    for walks in (20, 60, 180):
        if not followed >= wanted:
            chosen = bounds(BOUNDS, max_examples=walks, stateful_step_count=8)
            run_state_machine_as_test(Walk, settings=chosen)
    assert followed >= wanted


@pytest.mark.parametrize("year", ["0001", "1999", "9999"])
def test_days_and_months_that_no_calendar_reaches_are_told_on_every_door(year):
    site = Site(World(), live=False)
    machine = MeteringClient(settings.PUBLIC_ORIGIN, site.token, transport=world.in_process())
    told = [
        machine.declare_zero(f"{year}-01-01"),
        machine.send_manifest(
            json.dumps({"day": f"{year}-01-01", "record_count": 0, "ids_digest": "0" * 64}).encode()
        ),
        machine.get("/api/v1/metering/calendar", {"month": f"{year}-12"}),
    ]
    codes = [each.body["code"] for each in told if each.status >= 400]
    assert set(codes) <= {"invalid_parameter"}
    assert len(codes) == 3 or year == "9999"
    desk = browser_of(site.there)
    for address in ("/console/records/", "/console/batches/"):
        assert desk.get(address, {"day": f"{year}-01-01"}).status_code == 200
    assert desk.get("/console/calendar/", {"month": f"{year}-12"}).status_code == 404
    assert desk.post("/console/calendar/zero/", {"day": f"{year}-01-01"}).status_code == 302


def browser_of(there: World) -> Client:
    user = story.user_of("日历读者")
    ProviderSeat.objects.create(user=user, provider=there.provider, role="provider_admin")
    client = Client()
    client.force_login(user)
    return client


def test_the_document_is_valid_openapi_3_1():
    assert DOCUMENT["openapi"] == "3.1.0"
    validate(DOCUMENT)


def test_the_document_is_the_one_checked_in_and_served(client):
    kept = (settings.BASE_DIR / "docs" / "openapi.json").read_text(encoding="utf-8")
    assert kept == document_text(), "run: manage.py describe_interface"
    assert client.get("/api/v1/openapi.json").json() == json.loads(kept)


def test_a_document_that_differs_is_told_line_by_line_with_the_command_that_renews_it(
    tmp_path, settings, capsys
):
    settings.BASE_DIR = tmp_path
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "openapi.json").write_text(
        document_text().replace("upload_batch", "send_batch"), encoding="utf-8"
    )
    with pytest.raises(CommandError, match="describe_interface"):
        call_command("describe_interface", "--check")
    told = capsys.readouterr().out
    assert '-    "operationId": "send_batch"' in told
    assert '+    "operationId": "upload_batch"' in told
    call_command("describe_interface")
    call_command("describe_interface", "--check")
    assert "一致" in capsys.readouterr().out


@pytest.mark.parametrize("label", OPERATIONS)
def test_every_operation_is_described_whole(label):
    method, path = label.split()
    told = DOCUMENT["paths"][path][method.lower()]
    assert told["summary"]
    assert told["description"]
    assert "security" in told
    for status, answer in told["responses"].items():
        assert answer["description"], status
        assert "FreeObject" not in json.dumps(answer), f"{status} has no shape of its own"
        assert answer["content"], status
    assert {"429", "500", "503"} <= set(told["responses"])


def test_every_example_fits_its_shape():
    whole = {"components": DOCUMENT["components"]}
    seen = 0
    for path, methods in DOCUMENT["paths"].items():
        for told in methods.values():
            for kind, body in told.get("requestBody", {}).get("content", {}).items():
                judge = jsonschema_rs.Draft202012Validator(whole | body["schema"])
                for name, example in body.get("examples", {}).items():
                    judge.validate(example["value"])
                    assert name, (path, kind)
                    seen += 1
    problem = DOCUMENT["components"]["schemas"]["Problem"]
    jsonschema_rs.Draft202012Validator(whole | problem).validate(problem["example"])
    assert seen >= 9

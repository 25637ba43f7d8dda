"""The OpenAPI document as one text: finished, sorted, the same on every machine.

``docs/openapi.json`` is this text; CI compares them.
"""

import json
import re
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from providers.explaining import EXPLANATIONS

_REFERENCE = re.compile(r'"#/components/schemas/(\w+?)Schema(List)?"')
#: Bodies that take no field beyond the named ones.
_CLOSED = ("BatchBody", "Record", "Day", "Manifest")
_FOLLOWED = ("get_batch", "get_results", "get_receipt", "get_errors_csv")


def finish(result: dict[str, Any], **_more: Any) -> dict[str, Any]:
    """Finish the generated document: plain names, closed bodies, links, an example problem."""
    shapes = result["components"]["schemas"]
    result["components"]["schemas"] = {
        name.removesuffix("Schema"): shape for name, shape in shapes.items()
    }
    text = _REFERENCE.sub(r'"#/components/schemas/\1\2"', json.dumps(result))
    finished: dict[str, Any] = json.loads(text, object_hook=_without_marks)
    shapes = finished["components"]["schemas"]
    for name in _CLOSED:
        shapes[name]["additionalProperties"] = False
    shapes["Problem"]["example"] = _example_problem()
    _link(finished["paths"])
    return finished


def _without_marks(part: dict[str, Any]) -> dict[str, Any]:
    """Leave out what the generator writes for its own use."""
    part.pop("x-spec-enum-id", None)
    return part


def _example_problem() -> dict[str, Any]:
    entry = EXPLANATIONS["out_of_range"].entry
    whole = EXPLANATIONS["batch_refused"].entry
    return {
        "type": "/api/v1/problems/batch_refused",
        "title": whole.zh,
        "status": whole.status,
        "code": "batch_refused",
        "detail": whole.zh,
        "hint": whole.hint_zh,
        "instance": "/api/v1/metering/batches",
        "request_id": "7f3c9a",
        "error_rows": 1,
        "errors": [
            {
                "pointer": "/records/16/device_count",
                "row": 17,
                "column": "device_count",
                "code": "out_of_range",
                "value": "-3",
                "detail": f"第 17 行“device_count”列：{entry.zh}（收到：-3）",
                "hint": entry.hint_zh,
            }
        ],
    }


def _link(paths: dict[str, Any]) -> None:
    """Say which operations take the batch that an upload made."""
    answers = paths["/api/v1/metering/batches"]["post"]["responses"]
    for status in ("201", "202", "207"):
        answers[status]["links"] = {
            name: {"operationId": name, "parameters": {"batch_id": "$response.body#/batch_id"}}
            for name in _FOLLOWED
        }


def document() -> dict[str, Any]:
    """Return the document, valid by the schema of OpenAPI 3.1.

    Raises:
        jsonschema.ValidationError: what was generated is no OpenAPI document.
    """
    generator: Any = SchemaGenerator
    check: Any = validate_schema
    made: dict[str, Any] = generator().get_schema(request=None, public=True)
    check(made)
    return made


def document_text() -> str:
    """Return the document as the text that is checked in."""
    return json.dumps(document(), ensure_ascii=False, indent=1, sort_keys=True) + "\n"

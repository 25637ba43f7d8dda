"""Settings of the OpenAPI document (``providers.openapi`` makes it); read by ``settings``."""

from typing import Any

ABOUT = """供方用这个接口上报算力用量：每条记录只计一次，逐条说明结果，可重复发送，可离线核验回执。

* 用测试密钥和订单号 TEST-OK 先试；测试数据不计入任何结算。
* 每个 POST 带 Idempotency-Key；正式密钥的 POST 还要按 RFC 9421 签名。
* 每个错误的 type 指向错误目录中的一页。

Providers report usage here: every record counts once and is explained, sending again is harmless,
receipts verify offline. Try it with a test key and order TEST-OK. Errors follow RFC 9457.
"""
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "算力券计量上传接口",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "DESCRIPTION": ABOUT,
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_ADD_EXPLICIT_BLANK_NULL_CHOICE": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "POSTPROCESSING_HOOKS": ["providers.openapi.finish"],
    "APPEND_COMPONENTS": {
        "securitySchemes": {
            "providerKey": {
                "type": "http",
                "scheme": "bearer",
                "description": "Authorization: Bearer <token>; pk_test_… or pk_live_….",
            }
        }
    },
    "TAGS": [
        {"name": "metering", "description": "Upload, look, receipt, declare."},
        {"name": "problems", "description": "The error catalogue."},
    ],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

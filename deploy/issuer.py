"""A test issuer of government identities (OIDC): for trying the sign-in out, and for tests.

    python -m deploy.issuer --listen 127.0.0.1:8792

It asks nobody for a password: its page lists invented people, and whoever presses a name is that
person. It keeps the protocol strictly: exact redirect address, PKCE with S256, codes that work
once, client secret, RS256 tokens with the nonce that was asked for.
"""

import argparse
import base64
import hashlib
import html
import json
import secrets
import sys
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

KEY_BITS, EXPONENT = 2048, 65537
GOOD_FOR_SECONDS = 300
MOST_BYTES = 8_192
PEOPLE: dict[str, dict[str, str]] = {
    "zhang": {
        "name": "张法人（演示）", "id_number": "11010519491231002X",
        "org_uscc": "91310107MAFAKE30X3", "org_name": "上海示例统一认证科技有限公司（演示）",
    },
    "li": {"name": "李个人（演示）", "id_number": "440524188001010014"},
}  # fmt: skip


class Issuer(ThreadingHTTPServer):
    """Answers discovery, authorisation, token, keys and userinfo over HTTP."""

    daemon_threads = True

    def __init__(self, place: tuple[str, int], client: tuple[str, str] = ("shuanli", "secret")):
        self.client_id, self.client_secret = client
        self.key = rsa.generate_private_key(public_exponent=EXPONENT, key_size=KEY_BITS)
        self.codes: dict[str, dict[str, str]] = {}
        self.tokens: dict[str, str] = {}
        self.people = dict(PEOPLE)
        self.faults: set[str] = set()  # what a test makes it do wrong
        super().__init__(place, Handler)

    @property
    def address(self) -> str:
        """Return the address it names itself by."""
        return f"http://127.0.0.1:{self.server_port}"

    def keys(self) -> dict[str, Any]:
        """Return the public keys."""
        told = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        return {"keys": [told | {"kid": "1", "use": "sig", "alg": "RS256"}]}

    def code_for(self, asked: dict[str, str], person: str) -> str:
        """Return a code for somebody who agreed."""
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked | {"person": person}
        return code

    def exchange(self, told: dict[str, str]) -> dict[str, Any] | None:
        """Return tokens for a code, once; nothing if anything does not fit."""
        asked = self.codes.pop(told.get("code", ""), None)
        secret = secrets.compare_digest(told.get("client_secret", ""), self.client_secret)
        verifier = hashlib.sha256(told.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).rstrip(b"=").decode()
        if (
            asked is None
            or not secret
            or challenge != asked.get("code_challenge")
            or told.get("redirect_uri") != asked["redirect_uri"]
        ):
            return None
        access = secrets.token_urlsafe(16)
        self.tokens[access] = asked["person"]
        return {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": GOOD_FOR_SECONDS,
            "id_token": self._identity(asked),
        }

    def _identity(self, asked: dict[str, str]) -> str:
        now = int(time.time())
        claims = {
            "iss": "http://elsewhere.example" if "issuer" in self.faults else self.address,
            "aud": self.client_id,
            "sub": asked["person"],
            "iat": now,
            "exp": now + GOOD_FOR_SECONDS,
            "nonce": "another" if "nonce" in self.faults else asked.get("nonce", ""),
        }
        key: Any = self.key
        if "signature" in self.faults:
            key = rsa.generate_private_key(public_exponent=EXPONENT, key_size=KEY_BITS)
        told = claims | self.people[asked["person"]]
        return jwt.encode(told, key, algorithm="RS256", headers={"kid": "1"})


class Handler(BaseHTTPRequestHandler):
    """Takes one request, gives one response."""

    server: Issuer
    timeout = 10

    def do_GET(self) -> None:
        """Answer discovery, the page of people, the keys, and who a token is."""
        at = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(at.query).items()}
        issuer = self.server
        if at.path == "/.well-known/openid-configuration":
            self._json(200, _described(issuer.address))
        elif at.path == "/jwks":
            self._json(200, issuer.keys())
        elif at.path == "/authorize":
            self._authorize(asked)
        elif at.path == "/userinfo":
            person = issuer.tokens.get(self.headers.get("Authorization", "")[7:], "")
            known = issuer.people.get(person)
            self._json(200 if known else 401, {"sub": person, **(known or {})})
        else:
            self._json(404, {})

    def do_POST(self) -> None:
        """Give tokens for a code."""
        length = self.headers.get("Content-Length", "")
        if urlsplit(self.path).path != "/token" or not length.isdigit():
            self._json(404, {})
            return
        body = self.rfile.read(min(int(length), MOST_BYTES)).decode()
        told = {name: values[0] for name, values in parse_qs(body).items()}
        made = self.server.exchange(told)
        self._json(200 if made else 400, made or {"error": "invalid_grant"})

    def _authorize(self, asked: dict[str, str]) -> None:
        fits = (
            asked.get("client_id") == self.server.client_id
            and asked.get("response_type") == "code"
            and asked.get("code_challenge_method") == "S256"
            and asked.get("redirect_uri", "").startswith("http")
        )
        if not fits:
            self._json(400, {"error": "invalid_request"})
            return
        person = asked.pop("as", "")
        if person in self.server.people:
            code = self.server.code_for(asked, person)
            back = urlencode({"code": code, "state": asked.get("state", "")})
            self._answer(302, b"", {"Location": f"{asked['redirect_uri']}?{back}"})
            return
        rows = "".join(
            f'<li><a href="/authorize?{html.escape(urlencode(asked | {"as": key}))}">'
            f"{html.escape(each['name'])}</a></li>"
            for key, each in self.server.people.items()
        )
        page = f"<!doctype html><html lang=zh-CN><meta charset=utf-8><title>测试身份</title><h1>测试身份认证</h1><ul>{rows}</ul></html>"  # noqa: E501
        self._answer(200, page.encode(), {"Content-Type": "text/html; charset=utf-8"})

    def _json(self, status: int, told: dict[str, Any]) -> None:
        self._answer(status, json.dumps(told).encode(), {"Content-Type": "application/json"})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's word
        """Say nothing."""


def _described(address: str) -> dict[str, Any]:
    return {
        "issuer": address,
        "authorization_endpoint": f"{address}/authorize",
        "token_endpoint": f"{address}/token",
        "userinfo_endpoint": f"{address}/userinfo",
        "jwks_uri": f"{address}/jwks",
        "response_types_supported": ["code"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }


def main(words: Sequence[str] | None = None) -> int:
    """Run the test issuer until it is stopped."""
    parser = argparse.ArgumentParser(prog="python -m deploy.issuer", description=__doc__)
    parser.add_argument("--listen", default="127.0.0.1:8792", help="地址:端口")
    host, _, port = parser.parse_args(words).listen.rpartition(":")
    with Issuer((host, int(port))) as issuer:
        print(f"测试身份认证已启动：{issuer.address}（OIDC_ISSUER）", flush=True)
        try:
            issuer.serve_forever()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())

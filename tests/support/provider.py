"""A real OpenID provider over HTTP, honest unless a test tells it to lie."""

import base64
import hashlib
import json
import secrets
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from tests.support.log_watch import WATCH

CLIENT_ID = "test-client"
CLIENT_SECRET = "test-client-secret"

Answer = tuple[int, dict[str, str], bytes]
RawAnswer = Iterator[bytes]
"""What goes over the wire piece by piece, from the status line on."""
SigningKey = (
    rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey
)


def client_at(issuer: str, name: str = "oidc") -> dict[str, str]:
    """The environment in which a provider of these tests is the only one."""
    prefix = name.upper().replace("-", "_")
    return {
        "PROVIDERS": name,
        f"{prefix}_ISSUER": issuer,
        f"{prefix}_CLIENT_ID": CLIENT_ID,
        f"{prefix}_CLIENT_SECRET": CLIENT_SECRET,
    }


def json_answer(value: object, status: int = 200) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(value).encode()


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    """socketserver's own 5 would reset connections of a crowd that signs in."""


class OpenIDProvider:
    """Answers discovery, authorization, token and key requests on a loopback port.

    A test changes what it says:

    Attributes:
        person: the claims about whoever signs in next.
        changes: claims put over those of the next ID tokens; None takes a claim out.
        make_id_token: makes the ID token of its claims.
        answers: functions that answer in place of an endpoint, by path; `honest_answer` helps them.
        metadata: discovery's fields, to be changed in place.
        keys: the key set's private keys by kid.
        requests: (path, parameters) of every token request.
        visits: the path of every request.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._first_key = rsa.generate_private_key(65537, 2048)
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.issuer = f"{'https' if tls else 'http'}://localhost:{self._server.server_port}"
        self._codes: dict[str, dict[str, str]] = {}
        self.reset()

    def reset(self) -> None:
        """Honest again."""
        self.keys: dict[str, SigningKey] = {"first": self._first_key}
        self.person: dict[str, Any] = {
            "sub": secrets.token_hex(8),
            "email": f"{secrets.token_hex(4)}@example.com",
            "email_verified": True,
            "name": "Ada Lovelace",
            "picture": "https://example.com/ada.png",
        }
        self.client_secret = CLIENT_SECRET
        self.changes: dict[str, Any] = {}
        self.make_id_token: Callable[[dict[str, Any]], object] = self.signed
        self.answers: dict[str, Callable[[dict[str, str]], Answer | RawAnswer]] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.visits: list[str] = []
        self.access_token = secrets.token_urlsafe(16)
        self.metadata: dict[str, Any] = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
        }

    def offer_userinfo(self, claims: dict[str, Any], **of_token: Any) -> None:
        """Answers userinfo with these claims, and takes some out of ID tokens or changes them."""
        self.metadata["userinfo_endpoint"] = f"{self.issuer}/userinfo"
        self.changes = of_token

        def answer(parameters: dict[str, str]) -> Answer:
            if parameters.get("bearer") != self.access_token:
                return json_answer({"error": "invalid_token"}, 401)
            return json_answer({"sub": self.person["sub"], **claims})

        self.answers["/userinfo"] = answer

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def signed(self, claims: dict[str, Any], *, kid: str = "first", algorithm: str = "RS256") -> str:
        """A token of any claims; `jwt.encode` would refuse some lies."""
        payload = json.dumps(claims).encode()
        return jwt.PyJWS().encode(payload, self.keys[kid], algorithm=algorithm, headers={"kid": kid})

    def key_set(self) -> dict[str, Any]:
        return {"keys": [_public_jwk(kid, key) for kid, key in self.keys.items()]}

    def answer(self, path: str, parameters: dict[str, str]) -> Answer | RawAnswer:
        self.visits.append(path)
        if path in self.answers:
            return self.answers[path](parameters)
        return self.honest_answer(path, parameters)

    def honest_answer(self, path: str, parameters: dict[str, str]) -> Answer:
        if path == "/.well-known/openid-configuration":
            return json_answer(self.metadata)
        if path == "/jwks":
            return json_answer(self.key_set())
        if path == "/authorize":
            return self._authorize(parameters)
        if path == "/token":
            return self._token(parameters)
        if path == "/userinfo":
            return json_answer(self.person)
        return json_answer({}, 404)

    def _authorize(self, parameters: dict[str, str]) -> Answer:
        code = secrets.token_urlsafe(16)
        WATCH.secret("code", code)
        self._codes[code] = parameters
        query = urlencode({"code": code, "state": parameters["state"]})
        return 302, {"Location": f"{parameters['redirect_uri']}?{query}"}, b""

    def _token(self, parameters: dict[str, str]) -> Answer:
        self.requests.append(("/token", parameters))
        asked = self._codes.pop(parameters.get("code", ""), None)
        if asked is None:
            return json_answer({"error": "invalid_grant"}, 400)
        digest = hashlib.sha256(parameters.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != asked["code_challenge"]:
            return json_answer({"error": "invalid_grant", "error_description": "PKCE"}, 400)
        if parameters.get("redirect_uri") != asked["redirect_uri"]:
            return json_answer({"error": "invalid_grant", "error_description": "redirect_uri"}, 400)
        client = (parameters.get("client_id"), parameters.get("client_secret"))
        if client != (CLIENT_ID, self.client_secret) or parameters.get("authenticated_by") == "both":
            return json_answer({"error": "invalid_client"}, 401)
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 600, "nonce": asked.get("nonce"),
            **self.person, **self.changes,
        }  # fmt: skip
        WATCH.email(claims.get("email"))
        WATCH.secret("code_verifier", parameters.get("code_verifier", ""))
        WATCH.secret("client secret", self.client_secret)
        WATCH.secret("access token", self.access_token)
        id_token = self.make_id_token({name: value for name, value in claims.items() if value is not None})
        if isinstance(id_token, str):
            WATCH.secret("ID token", id_token)
        tokens = {"access_token": self.access_token, "token_type": "Bearer", "scope": "openid other-names"}
        return json_answer(tokens | ({"id_token": id_token} if id_token else {}))


def _public_jwk(kid: str, key: SigningKey) -> dict[str, Any]:
    if isinstance(key, rsa.RSAPrivateKey):
        return {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig"}
    if isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey):
        return {**OKPAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig"}
    return {**ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig"}


class AnsweringHandler(BaseHTTPRequestHandler):
    """Sends what a test wants a site to answer: a whole answer, or raw bytes as they come."""

    def answer_to(self, path: str, encoded: str) -> Answer | RawAnswer:
        """The answer to a query, or to a form."""
        raise NotImplementedError

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self._send(self.answer_to(parts.path, parts.query))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self._send(self.answer_to(self.path, body))

    def _send(self, answer: Answer | RawAnswer) -> None:
        self.close_connection = True
        with suppress(OSError):
            if isinstance(answer, tuple):
                self._send_whole(*answer)
            else:
                self.wfile.writelines(answer)

    def _send_whole(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def flat(encoded: str) -> dict[str, str]:
    """The first value of each parameter of a query or form."""
    return {name: values[0] for name, values in parse_qs(encoded, keep_blank_values=True).items()}


def _handler(provider: OpenIDProvider) -> type[BaseHTTPRequestHandler]:
    class Handler(AnsweringHandler):
        def answer_to(self, path: str, encoded: str) -> Answer | RawAnswer:
            parameters = flat(encoded)
            scheme, _, credentials = self.headers.get("Authorization", "").partition(" ")
            if scheme == "Bearer":
                parameters["bearer"] = credentials
            elif scheme == "Basic":
                method = "both" if "client_secret" in parameters else "basic"
                name, secret = map(unquote_plus, base64.b64decode(credentials).decode().split(":"))
                parameters |= {"client_id": name, "client_secret": secret, "authenticated_by": method}
            return provider.answer(path, parameters)

    return Handler

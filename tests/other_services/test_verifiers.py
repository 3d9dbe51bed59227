"""The page's examples in Python and Node, and dev/second_api.py, before a real service: what they accept."""

import base64
import json
import re
import shlex
import subprocess
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from app.accounts.signing_keys import signing_key
from tests.other_services.conftest import PAGE, PAGES_API, SECRET, Script, SecondAPI, Verifier
from tests.support.pages import Command
from tests.support.service import Service, clean_environ

NEXT_SECRET = "b7f0d94ae3561c82f4907ad35be8c612"


class Forger:
    """Signs what it likes, by the service's own key where it is not told another."""

    def __init__(self, script: Script, genuine: str) -> None:
        self._key = signing_key(SECRET, script.issuer)
        self.public_pem = self._key.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.public_jwk = json.dumps(self._key.public).encode()
        self._header = jwt.get_unverified_header(genuine)
        self._claims = jwt.decode(genuine, options={"verify_signature": False})

    def token(
        self,
        *,
        key: Any = None,
        algorithm: str = "ES256",
        header: dict[str, Any] | None = None,
        **changes: Any,
    ) -> str:
        """The genuine token with changes; a change to None leaves the claim out."""
        claims = {name: value for name, value in {**self._claims, **changes}.items() if value is not None}
        headers = {**self._header, "alg": algorithm, **(header or {})}
        headers = {name: value for name, value in headers.items() if value is not None}
        if algorithm in {"HS256", "none"}:
            # PyJWT refuses to make such tokens.
            return raw_token(headers, claims, key)
        return jwt.encode(claims, key or self._key.private, algorithm, headers=headers)


def raw_token(header: dict[str, Any], claims: dict[str, Any], key: bytes | None) -> str:
    parts = b".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
    if key is None:
        return f"{parts.decode()}."
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(parts, key)
    return f"{parts.decode()}.{encoded(signature).decode()}"


def jwk_of(key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    return jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)


def encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


@pytest.fixture
def forger(script: Script) -> Forger:
    return Forger(script, script.new_token())


def test_a_token_names_its_user_and_what_asked_for_it(script: Script, verifier: Verifier | SecondAPI) -> None:
    [claims] = verifier.claims(script.issuer, script.new_token())
    assert claims is not None
    assert claims["exp"] - claims["iat"] == 300
    assert len(claims["jti"]) == 22
    assert {name: value for name, value in claims.items() if name not in {"iat", "exp", "jti"}} == {
        "iss": script.issuer,
        "sub": script.user_id,
        "aud": script.issuer,
        "client_id": f"api-token:{script.token_id}",
        "email": "ada@example.com",
        "name": "Ada Lovelace",
        "groups": [],
    }


def test_what_the_service_did_not_sign_for_this_one_and_now_is_refused(
    script: Script, forger: Forger, verifier: Verifier | SecondAPI
) -> None:
    now = int(time.time())
    other = ec.generate_private_key(ec.SECP256R1())
    head, body, signature = script.new_token().split(".")
    forged = {
        "another service's": script.new_token("reports"),
        "expired": forger.token(iat=now - 400, exp=now - 100),
        "without an end": forger.token(exp=None),
        "about nobody": forger.token(sub=None),
        "another issuer's": forger.token(iss="https://evil.example"),
        "for nobody": forger.token(aud=None),
        "for a list of others": forger.token(aud=["reports", f"{script.issuer}/reports"]),
        "for part of the name": forger.token(aud=script.issuer[:-1]),
        "not valid yet": forger.token(nbf=now + 3600),
        "with an end that is text": forger.token(exp=f"{now + 300}x"),
        "alg none": forger.token(algorithm="none"),
        "HS256 with the public key as PEM": forger.token(algorithm="HS256", key=forger.public_pem),
        "HS256 with the public key as JWK": forger.token(algorithm="HS256", key=forger.public_jwk),
        "HS256 with nothing, the kid a path": forger.token(
            algorithm="HS256", key=b"", header={"kid": "../../../../dev/null"}
        ),
        "another key under the same kid": forger.token(key=other),
        "an unknown kid": forger.token(key=other, header={"kid": "unknown"}),
        "without a kid, by another key": forger.token(key=other, header={"kid": None}),
        "its own key beside it": forger.token(key=other, header={"jku": "http://127.0.0.1:1/keys"}),
        "another key in its header": forger.token(key=other, header={"kid": None, "jwk": jwk_of(other)}),
        "what it demands is unknown": forger.token(header={"crit": ["x"], "x": 1}),
        "a signature of zeros": f"{head}.{body}.{encoded(bytes(64)).decode()}",
        "an ID token": forger.token(header={"typ": "JWT"}),
        "a changed claim": f"{head}.{encoded(b'{}').decode()}.{signature}",
        "cut short": f"{head}.{body}.{signature[:-4]}",
        "no token": "abc",
    }
    # The last one says that it was not the verifier that failed.
    answers = verifier.claims(script.issuer, *forged.values(), forger.token())
    accepted = [name for name, answer in zip(forged, answers, strict=False) if answer is not None]
    assert accepted == []
    assert answers[-1] is not None


def test_key_ids_that_somebody_makes_up_cost_the_service_nothing(
    script: Script, forger: Forger, verifier: Verifier | SecondAPI
) -> None:
    """A verifier that asked for the keys each time would soon be refused them, and know nobody any more."""
    made_up = [forger.token(header={"kid": f"made-up-{number}"}) for number in range(20)]
    before = key_sets_served(script)
    answers = verifier.claims(script.issuer, *made_up, forger.token())
    assert [answer is not None for answer in answers] == [False] * 20 + [True]
    assert 1 <= key_sets_served(script) - before <= 2


def key_sets_served(script: Script) -> float:
    text = requests.get(f"{script.issuer}/metrics", timeout=10).text
    counts = re.findall(r"^http_requests_total{.*jwks.json.*} (\S+)", text, re.MULTILINE)
    return sum(map(float, counts))


def test_tokens_of_the_previous_secret_verify_and_of_a_leaked_one_do_not(
    script: Script, serve: Callable[..., Service], verifier: Verifier | SecondAPI
) -> None:
    old = script.new_token()
    serve(SESSION_SECRET=NEXT_SECRET, SESSION_SECRET_PREVIOUS=SECRET)
    new = script.new_token()
    rotating = verifier.claims(script.issuer, old, new)
    assert [claims and claims["sub"] for claims in rotating] == [script.user_id] * 2
    serve(SESSION_SECRET=NEXT_SECRET)
    rotated = verifier.claims(script.issuer, old, new)
    assert [claims and claims["sub"] for claims in rotated] == [None, script.user_id]


@pytest.mark.needs("curl")
@pytest.mark.parametrize("command", PAGE.commands(below="Get a token"), ids=str)
def test_a_script_gets_a_token_as_the_page_says(command: Command, script: Script) -> None:
    line = command.line.replace(PAGES_API, script.issuer).replace("$API_TOKEN", script.bearer)
    ran = subprocess.run(
        shlex.split(line), env=clean_environ({}), capture_output=True, text=True, timeout=30, check=True
    )
    answer = json.loads(ran.stdout)
    assert {name: answer[name] for name in ("token_type", "expires_in")} == {
        "token_type": "Bearer",
        "expires_in": 300,
    }
    assert jwt.get_unverified_header(answer["access_token"])["typ"] == "at+jwt"

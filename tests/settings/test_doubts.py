"""What the start warns about, although it is valid."""

import random
from base64 import urlsafe_b64encode

import pytest

from app.settings.config import LOCAL_DEFAULTS, Config
from app.settings.doubts import secret_doubts
from tests.settings.test_config import COMPLETE


@pytest.mark.parametrize(
    "secret",
    [
        "x" * 32,
        "ab" * 20,
        "0123456789abcdef0123456789abcdef",
        "abcdefghijklmnopqrstuvwxyz012345",
        "my-super-secret-key-for-production",
        "correct-horse-Password-battery-staple",
        "qwertyuiop[]asdfghjkl;zxcvbnm,./",
        LOCAL_DEFAULTS["SESSION_SECRET"],
    ],
)
def test_a_secret_that_somebody_thought_up_is_named_with_the_way_out(secret: str) -> None:
    [sentence] = secret_doubts("SESSION_SECRET", secret)
    assert sentence.startswith("SESSION_SECRET ")
    assert "bin/secret" in sentence
    assert secret not in sentence


def test_random_secrets_of_every_kind_are_not() -> None:
    source = random.Random(1)  # noqa: S311  # the same ones each time
    made = [urlsafe_b64encode(source.randbytes(32)).decode() for _ in range(1000)]
    made += [source.randbytes(16).hex() for _ in range(1000)]
    made += [str(source.randrange(10**31, 10**32)) for _ in range(100)]
    assert [secret for secret in made if [*secret_doubts("SESSION_SECRET", secret)]] == []


def test_both_secrets_are_looked_at() -> None:
    weak = Config.from_environ({**COMPLETE, "SESSION_SECRET": "x" * 32, "SESSION_SECRET_PREVIOUS": "y" * 32})
    assert [sentence.split()[0] for sentence in weak.warnings()] == [
        "SESSION_SECRET",
        "SESSION_SECRET_PREVIOUS",
    ]


def test_developments_own_secret_is_no_news() -> None:
    assert (
        Config.from_environ({"APP_ENV": "development"}, embedded_database_url="postgresql:///x").warnings()
        == []
    )


def test_whoever_shares_the_session_is_told_that_verify_wants_a_rule() -> None:
    [sentence] = Config.from_environ({**COMPLETE, "COOKIE_DOMAIN": "example.com"}).warnings()
    assert sentence.startswith("COOKIE_DOMAIN is set: ")
    assert "?anyone=1" in sentence

import logging
from typing import Literal

import falcon

from app.accounts.sessions import LIFETIME, PENDING_LIFETIME, Sessions
from app.database.queries import Queries
from app.errors import (
    AccountGoneError,
    AlreadyRegisteredError,
    DatabaseUnavailableError,
    EmailTakenError,
    NotSignedInError,
    SignInError,
)
from app.identity.attempt import Attempt, AttemptSigner, attempt_id
from app.identity.conversation import Conversation
from app.models import Client, PendingIdentity
from app.resources.login import ATTEMPT_PREFIX
from app.telemetry.metrics import Metrics
from app.web.cookies import CookiePolicy, cookie_values
from app.web.environ import client_of
from app.web.methods import HeadMixin

REGISTER_PATH = "/auth/register"

logger = logging.getLogger(__name__)


class CallbackResource(HeadMixin):
    """`/auth/callback`: takes the provider's answer, starts a session, sends the browser to the frontend."""

    def __init__(
        self,
        conversation: Conversation,
        signer: AttemptSigner,
        sessions: Sessions,
        queries: Queries,
        cookies: CookiePolicy,
        metrics: Metrics,
        *,
        webapp_url: str,
        registration: Literal["confirm", "automatic", "closed"],
    ) -> None:
        self._conversation = conversation
        self._signer = signer
        self._sessions = sessions
        self._queries = queries
        self._cookies = cookies
        self._sign_ins = metrics.sign_ins
        self._webapp_url = webapp_url
        self._registration = registration

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        attempt = self._take_attempt(req, resp)
        identity = self._conversation.identity(attempt, code=self._code(req), issuer=_single(req, "iss"))
        try:
            path = self._start_session(req, resp, identity, attempt)
        except DatabaseUnavailableError as error:
            raise SignInError("oauth_failed", f"the database is unavailable: {error}") from error
        except (AccountGoneError, NotSignedInError) as error:
            raise SignInError("oauth_failed", "the account or its session was deleted meanwhile") from error
        resp.status = 303
        # An absolute one was checked to be a sibling host's when the attempt began.
        resp.set_header("Location", path if path.startswith("https://") else self._webapp_url + path)

    def _take_attempt(self, req: falcon.Request, resp: falcon.Response) -> Attempt:
        """The attempt of this browser that the state names; it cannot be taken again."""
        state = _single(req, "state") or ""
        name = ATTEMPT_PREFIX + attempt_id(state)
        cookies = cookie_values(req, self._cookies.host_name(name))
        if len(cookies) != 1:
            raise SignInError("invalid_state", "this browser has no such attempt open")
        self._cookies.clear_host(resp, name)
        return self._signer.read(cookies[0], state)

    @staticmethod
    def _code(req: falcon.Request) -> str:
        if error := _single(req, "error"):
            cause = f"the provider answered {error[:100]!r}"
            raise SignInError("access_denied" if error == "access_denied" else "oauth_failed", cause)
        if code := _single(req, "code"):
            return code
        raise SignInError("oauth_failed", "the callback has no code")

    def _start_session(
        self, req: falcon.Request, resp: falcon.Response, identity: PendingIdentity, attempt: Attempt
    ) -> str:
        """Sets the session's cookie; returns the frontend's path to go to."""
        account = self._queries.find_account(issuer=identity.issuer, subject=identity.subject)
        if account and account.is_disabled:
            raise SignInError("account_disabled", f"user {account.user_id} is disabled")
        if not account and self._registration == "closed":
            raise SignInError("registration_closed", "REGISTRATION=closed, and the person has no account")
        client, previous_token = client_of(req.env), self._cookies.session_token(req)
        if not account and self._registration == "automatic":
            token = self._start_account(identity, client, previous_token)
        else:
            owner = account.user_id if account else identity
            token = self._sessions.start(owner, previous_token=previous_token, client=client).token
        is_pending = not account and self._registration == "confirm"
        lifetime = PENDING_LIFETIME if is_pending else LIFETIME
        self._cookies.set_session(resp, token, max_age=int(lifetime.total_seconds()))
        self._sign_ins.labels("registration_pending" if is_pending else "signed_in").inc()
        return REGISTER_PATH if is_pending else attempt.return_to

    def _start_account(self, identity: PendingIdentity, client: Client, previous_token: str | None) -> str:
        """REGISTRATION=automatic: the token of a session of the user just made."""
        pending = self._sessions.start(identity, previous_token=previous_token, client=client)
        try:
            return self._sessions.register(pending.id, identity, name=None, picture=None)[1]
        except AlreadyRegisteredError:
            # By another tab, since this one looked.
            account = self._queries.find_account(issuer=identity.issuer, subject=identity.subject)
            if account is None:
                raise AccountGoneError from None
            return self._sessions.start(account.user_id, previous_token=pending.token, client=client).token
        except EmailTakenError as error:
            self._sessions.end(pending.token)
            raise SignInError("email_taken", "another identity holds the e-mail address") from error


def _single(req: falcon.Request, name: str) -> str | None:
    """A query parameter given exactly once; a repeated one is nobody's honest answer."""
    values = req.get_param_as_list(name) or []
    if len(values) > 1:
        raise SignInError("invalid_state", f"the callback has more than one {name}")
    return values[0] if values else None

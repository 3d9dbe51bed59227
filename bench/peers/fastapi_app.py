"""FastAPI with asyncpg, slowapi and Starlette's CORS, each set up as its documentation shows.

An ASGI middleware sets the security headers, because Starlette's documentation prefers that to
BaseHTTPMiddleware.
"""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import asyncpg
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from pydantic import BaseModel
from slowapi import Limiter, _rate_limit_exceeded_handler
from slowapi.errors import RateLimitExceeded
from slowapi.middleware import SlowAPIASGIMiddleware
from slowapi.util import get_remote_address
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bench.peers import contract

SQL = contract.numbered_sql()


class User(BaseModel):
    id: str | None
    email: str
    name: str | None
    picture: str | None


class Session(BaseModel):
    authenticated: bool = False
    registered: bool = False
    user: User | None = None
    expires_at: str | None = None


class Health(BaseModel):
    status: str
    timestamp: str


class SecurityHeaders:
    """Sets the same headers on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(contract.SECURITY_HEADERS)
            await send(message)

        await self.app(scope, receive, send_with_headers)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with asyncpg.create_pool(
        os.environ["DATABASE_URL"], min_size=1, max_size=contract.POOL_SIZE
    ) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=lifespan)
limiter = Limiter(key_func=get_remote_address, default_limits=[contract.RATE_LIMIT], headers_enabled=True)
app.state.limiter = limiter
app.add_exception_handler(RateLimitExceeded, _rate_limit_exceeded_handler)
app.add_middleware(SlowAPIASGIMiddleware)
app.add_middleware(
    CORSMiddleware,
    allow_origins=[contract.ORIGIN],
    allow_credentials=True,
    expose_headers=contract.EXPOSED_HEADERS,
)
app.add_middleware(SecurityHeaders)


async def find_session(request: Request) -> Mapping[str, Any] | None:
    token = request.cookies.get(contract.COOKIE)
    if token is None:
        return None
    row: Mapping[str, Any] | None = await request.app.state.pool.fetchrow(
        SQL, *contract.session_parameters(token).values()
    )
    return row


FoundSession = Annotated[Mapping[str, Any] | None, Depends(find_session)]


@app.get("/health")
@limiter.exempt
async def health() -> Health:
    return Health(status="ok", timestamp=contract.rfc3339(datetime.now(UTC)))


@app.get("/auth/session")
async def session(row: FoundSession) -> Session:
    if row is None:
        return Session()
    return Session(
        authenticated=True,
        registered=row["user_id"] is not None,
        user=User(
            id=str(row["user_id"]),
            email=row["email"],
            name=row["name"],
            picture=row["picture"],
        ),
        expires_at=contract.rfc3339(row["expires_at"]),
    )


@app.get("/auth/verify")
async def verify(row: FoundSession) -> Response:
    if row is None:
        raise HTTPException(401)
    return Response(headers=contract.identity_headers(row))

"""Signing in and out."""

from __future__ import annotations

import re

from fastapi import Response

from skerry.api.answers import json_answer
from skerry.api.credentials import COOKIE
from skerry.api.declare import Routes
from skerry.api.doors import Calling, Need
from skerry.errors import NotFound, TooManyTries, Unauthenticated
from skerry.manager.access import Caller
from skerry.manager.types import Session, SignIn

sessions = Routes("Sessions", "/sessions")

_NAME = re.compile(r"[a-z][a-z0-9._@-]{0,63}")


@sessions.post(
    "", needs=Need.NOTHING, answers=Session, status=201, errors=(Unauthenticated, TooManyTries), once=False
)
async def sign_in(call: Calling, words: SignIn) -> Response:
    """Sign in; the answer sets the cookie of the session."""
    # Whoever types the password into the field of the name must not find it in the audit trail.
    name = words.user if _NAME.fullmatch(words.user) else "-"
    call.caller = Caller(name, call.caller.access, call.caller.address)
    signed_in = await call.manager.people.sign_in(words, call.caller.address)
    answer = json_answer(signed_in.session, 201)
    answer.set_cookie(
        COOKIE,
        signed_in.secret,
        expires=signed_in.session.expires_at,
        path="/",
        secure=True,
        httponly=True,
        samesite="strict",
    )
    return answer


@sessions.get("/current", needs=Need.SIGN_IN, answers=Session, errors=(NotFound,))
async def get_session(call: Calling) -> Response:
    """Who is signed in, what they may do, and the session's CSRF token."""
    if call.known is None or call.known.session is None:
        raise NotFound("an API token has no session")
    return json_answer(call.known.session)


@sessions.change("DELETE", "/current", needs=Need.SIGN_IN, answers=None)
async def sign_out(call: Calling) -> Response:
    """Sign out; the session ends."""
    if call.secret:
        await call.manager.people.sign_out(call.secret)
    answer = Response(status_code=204)
    answer.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="strict")
    return answer

"""Tokens: made, renewed, revoked, and looked up. The book keeps only their SHA-256.

A token never does more than its partner may, nor more than the token it was made with.
"""

import hashlib
import json
import secrets
import uuid
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from msgspec.structs import replace

from tollbook import errors, limits
from tollbook.billing import scopes as known
from tollbook.billing.model import Caller, Partner, Sight, Token
from tollbook.errors import Flaw, Refusal, no_item
from tollbook.operations.passwords import Passwords
from tollbook.operations.sights import sight_of
from tollbook.query.fields import TOKENS
from tollbook.store import Reads, Store, Writes


class Wish:
    """What a new token is asked to be: scopes (None: all that may be), a name, seconds to live."""

    def __init__(
        self,
        scopes: Sequence[str] | None = None,
        name: str | None = None,
        expires_in: int = limits.ACCESS_TOKEN_SECONDS_DEFAULT,
        client_id: str | None = None,
    ) -> None:
        self.scopes = scopes
        self.name = name
        self.expires_in = expires_in
        self.client_id = client_id


def fingerprint(secret: str) -> bytes:
    """What the book keeps of a secret: 256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def caller_of_token(store: Store, secret: str) -> tuple[Caller, int | None]:
    """Who holds an access token, and when it was last used; 401 for a wrong, expired or revoked one."""
    with store.reading(snapshot=False) as book:
        grant = book.grant(fingerprint(secret))
    if grant is None or grant.date_expiration <= store.clock.now():
        raise Refusal(errors.CREDENTIALS_WRONG, Flaw(None, "the token is unknown, expired or revoked"))
    caller = Caller(
        partner_sid=grant.partner_sid,
        scopes=_effective(grant.scopes, grant.partner_scopes),
        token_sid=grant.token_sid,
        is_operator=grant.parent_sid is None,
    )
    return caller, grant.date_last_accessed


def caller_of_partner(store: Store, partner_sid: str) -> Caller:
    """A partner who came with its password: it may do all that it may."""
    with store.reading() as book:
        partner = book.partner(Sight("own", partner_sid), partner_sid)
    allowed = known.common(partner.available_scopes, partner.available_scopes)
    return Caller(partner_sid=partner_sid, scopes=allowed, is_operator=partner.parent_sid is None)


def grant_by_password(store: Store, passwords: Passwords, login: str, password: str, wish: Wish) -> Token:
    """A token for the partner with that login; 401 where the pair is wrong."""
    partner_sid = passwords.verify(login, password)
    if partner_sid is None:
        raise Refusal(errors.CREDENTIALS_WRONG, Flaw(None, "the login or the password is wrong"))
    with store.writing() as act:
        partner = act.partner(Sight("own", partner_sid), partner_sid)
        return _issue(act, partner, partner.available_scopes, wish)


def grant_by_refresh(store: Store, refresh_token: str, wish: Wish) -> Token:
    """The same token with other secrets; the refresh token works once. Scopes may be narrowed."""
    with store.reading() as book:  # so that a guess costs nobody the lock for writing
        _renewable(book, refresh_token, store.clock.now())
    with store.writing() as act:
        token = _renewable(act, refresh_token, act.wall)
        asked = token.scopes if wish.scopes is None else tuple(wish.scopes)
        _refuse_beyond(asked, token.scopes)
        renewed = replace(token, scopes=asked, **_fresh(act, wish.expires_in))
        act.renew_token(renewed, fingerprint(renewed.access_token or ""), fingerprint(renewed.refresh_token or ""))
        return renewed


def _renewable(book: Reads, refresh_token: str, now: int) -> Token:
    """The token that a refresh token renews; 401 where there is none any more."""
    token = book.token_by_refresh(fingerprint(refresh_token))
    if token is None or (token.date_expiration_refresh_token or 0) <= now:
        raise Refusal(errors.CREDENTIALS_WRONG, Flaw(None, "the refresh token is unknown, expired or used"))
    return token


def grant_to(store: Store, caller: Caller, partner_sid: str, wish: Wish) -> Token:
    """A token for the caller or a partner beneath it; 404 for any other partner."""
    with store.writing() as act:
        if not act.is_beneath(caller.partner_sid, partner_sid):
            raise no_item()
        partner = act.partner(Sight("own", partner_sid), partner_sid)
        allowed = known.common(partner.available_scopes, caller.scopes)
        return _issue(act, partner, sorted(allowed), wish)


def revoke(store: Store, caller: Caller, secret: str | None) -> None:
    """End a token by its secret, or the one in use; an unknown or foreign one is as good as ended (RFC 7009)."""
    with store.writing() as act:
        token_sid = caller.token_sid if secret is None else _token_sid(act, secret)
        if token_sid is None and secret is None:
            raise Refusal(errors.OBJECT_INVALID, Flaw("token", "name the token to revoke"))
        if token_sid and _in_sight(act, caller, token_sid):
            act.drop_token(token_sid)


def revoke_sid(store: Store, caller: Caller, token_sid: str) -> None:
    """End a token by its sid; 404 where the caller sees none."""
    with store.writing() as act:
        if not _in_sight(act, caller, token_sid):
            raise no_item()
        act.drop_token(token_sid)


def _token_sid(act: Writes, secret: str) -> str | None:
    if grant := act.grant(fingerprint(secret)):
        return grant.token_sid
    token = act.token_by_refresh(fingerprint(secret))
    return token.token_sid if token else None


def _in_sight(act: Reads, caller: Caller, token_sid: str) -> bool:
    try:
        act.record(TOKENS, sight_of(caller, TOKENS), token_sid)
    except Refusal:
        return False
    return True


def _issue(act: Writes, partner: Partner, allowed: Iterable[str], wish: Wish) -> Token:
    allowed = tuple(allowed)
    asked = allowed if wish.scopes is None else tuple(wish.scopes)
    _refuse_beyond(asked, allowed)
    token = Token(
        client_id=wish.client_id,
        date_created=act.wall,
        name=wish.name,
        partner_sid=partner.partner_sid,
        scopes=asked,
        token_sid=str(uuid.uuid4()),
        **_fresh(act, wish.expires_in),
    )
    act.add_token(token, fingerprint(token.access_token or ""), fingerprint(token.refresh_token or ""))
    return token


def _fresh(act: Writes, expires_in: int) -> dict[str, Any]:
    """New secrets with their dates; the refresh token outlives the access token."""
    lives = max(limits.REFRESH_TOKEN_SECONDS, expires_in)
    return {
        "access_token": secrets.token_urlsafe(limits.TOKEN_BYTES),
        "refresh_token": secrets.token_urlsafe(limits.TOKEN_BYTES),
        "date_expiration_access_token": act.wall + expires_in * 1000,
        "date_expiration_refresh_token": act.wall + lives * 1000,
    }


def _refuse_beyond(asked: Iterable[str], allowed: Iterable[str]) -> None:
    asked = tuple(asked)
    if unknown := [scope for scope in asked if scope not in known.SCOPES]:
        raise Refusal(errors.OBJECT_INVALID, Flaw("scope", f"unknown scope {unknown[0]}"))
    if too_much := known.beyond(asked, allowed):
        raise Refusal(errors.OBJECT_INVALID, Flaw("scope", f"more than may be given: {', '.join(too_much)}"))


@lru_cache(limits.PLANS_REMEMBERED_MAX)
def _effective(token_scopes: str, partner_scopes: str) -> frozenset[str]:
    return known.common(json.loads(token_scopes), json.loads(partner_scopes))

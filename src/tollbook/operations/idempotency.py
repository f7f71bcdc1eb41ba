"""Writes that are done once, however often they are sent: the answer is kept under the client's key, and given again.

It is kept in the transaction that it tells of, so it is there exactly if what it says was done. A second request with
the same key waits for the first as for any other write, and then finds its answer. Refusals are not kept: nothing
was done.
"""

import hashlib
import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from tollbook import errors, limits
from tollbook.billing.model import Caller
from tollbook.clock import DAY_MS
from tollbook.errors import Flaw, Refusal
from tollbook.store import Kept, Store, Writes

HEADER = "Idempotency-Key"
_OK = 200
_KEY = re.compile(rf"[!-~]{{1,{limits.IDEMPOTENCY_KEY_CHARS_MAX}}}")


class Once(NamedTuple):
    """A client's key for one request, and the digest of what it asks."""

    key: str
    digest: bytes


class Replied(NamedTuple):
    """A status and a body; `replayed` where they were given before."""

    status: int
    body: bytes
    replayed: bool = False


def read_key(text: str) -> str:
    """A client's key: 1 to 255 visible ASCII characters; 400 otherwise.

    >>> read_key("8e03978e-40d5-43dd-bc93-6894a57f9324")
    '8e03978e-40d5-43dd-bc93-6894a57f9324'
    >>> read_key("two words")
    Traceback (most recent call last):
    tollbook.errors.Refusal: Idempotency-Key: expected 1 to 255 visible ASCII characters
    """
    if not _KEY.fullmatch(text):
        said = f"expected 1 to {limits.IDEMPOTENCY_KEY_CHARS_MAX} visible ASCII characters"
        raise Refusal(errors.REQUEST_MALFORMED, Flaw(HEADER, said))
    return text


def digest(parts: Iterable[str | bytes]) -> bytes:
    """A digest of a request by its parts, each with its length: what is alike in all of them is the same request.

    >>> digest(["ab", b"c"]) == digest(["a", b"bc"])
    False
    """
    whole = hashlib.sha256()
    for part in parts:
        sent = part.encode("utf-8", "surrogateescape") if isinstance(part, str) else part
        whole.update(b"%d:" % len(sent))
        whole.update(sent)
    return whole.digest()


def write_once(
    store: Store, caller: Caller, once: Once | None, do: Callable[[Writes], bytes], status: int = _OK
) -> Replied:
    """Do an act, and keep its answer where it has a key; 409 where another write holds the book for too long then."""
    if once is None:
        return Replied(status, store.act(do))
    try:
        return store.act(lambda act: reply_once(act, caller, once, do, status))
    except Refusal as refusal:
        if refusal.problem is not errors.STORE_BUSY:
            raise
        said = "another write holds the book, perhaps an earlier one with this key: send the same again"
        raise Refusal(errors.CONFLICT, Flaw(HEADER, said), retry_after=refusal.retry_after) from None


def reply_once(act: Writes, caller: Caller, once: Once, do: Callable[[Writes], bytes], status: int = _OK) -> Replied:
    """The answer that was kept under the caller's key, else the act's own, kept; 422 for another request."""
    kept = act.kept_answer(caller.partner_sid, once.key)
    if kept is None:
        made = Replied(status, do(act))
        act.keep_answer(caller.partner_sid, once.key, Kept(once.digest, made.status, made.body))
        return made
    if kept.digest != once.digest:
        raise Refusal(errors.IDEMPOTENCY_MISMATCH, Flaw(HEADER, "came with another request before"))
    return Replied(kept.status, kept.answer, replayed=True)


def forget_old_answers(store: Store) -> int:
    """Forget some of the answers that were kept for long enough; how many."""
    before = store.clock.now() - limits.IDEMPOTENCY_DAYS * DAY_MS
    return store.act(lambda act: act.forget_answers(before, limits.IDEMPOTENCY_FORGOTTEN_MAX))

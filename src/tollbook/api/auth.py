"""Credentials to a `Caller`: bearer tokens, and Basic with a partner's login and password.

All failures look alike. Wrong credentials are counted by address and in all; past a budget they are answered
with 429, and no password is verified any more: a guess learns nothing. Tokens and pairs that were verified a
moment ago are never held up by wrong ones, their own or another's.
"""

import base64
import binascii
import threading
import time
from collections import OrderedDict

from tollbook import errors, limits
from tollbook.billing.model import Caller
from tollbook.errors import Flaw, Refusal
from tollbook.observe import log
from tollbook.operations import tokens
from tollbook.operations.passwords import Passwords
from tollbook.store import Access, Store


class Failures:
    """How many wrong credentials came in this minute, by address and in all."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._minute = 0
        self._by_address: OrderedDict[str, int] = OrderedDict()
        self._total = 0

    def spent(self, address: str) -> bool:
        """Whether the budget of wrong credentials is used up for this minute."""
        with self._lock:
            self._turn()
            mine = self._by_address.get(address, 0)
            return (
                mine >= limits.FAILED_LOGINS_PER_MINUTE_MAX or self._total >= limits.FAILED_LOGINS_TOTAL_PER_MINUTE_MAX
            )

    def count(self, address: str) -> None:
        """One more wrong pair or token from an address."""
        with self._lock:
            self._turn()
            self._total += 1
            self._by_address[address] = self._by_address.get(address, 0) + 1
            while len(self._by_address) > limits.ADDRESSES_REMEMBERED_MAX:
                self._by_address.popitem(last=False)

    def _turn(self) -> None:
        minute = int(time.monotonic() // 60)
        if minute != self._minute:
            self._minute, self._total = minute, 0
            self._by_address.clear()


class Accesses:
    """When tokens were last used; written behind the requests' backs, at most once a minute a token."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._waiting: dict[str, Access] = {}
        self._noted: OrderedDict[str, int] = OrderedDict()

    def note(self, token_sid: str, last: int | None, address: str) -> None:
        """Remember a use, unless one within the last minute is known."""
        now = self._store.clock.now()
        last = max(last or 0, self._noted.get(token_sid, 0))
        if now - last < limits.LAST_ACCESS_SECONDS * 1000:
            return
        with self._lock:
            self._noted[token_sid] = now
            self._waiting[token_sid] = Access(token_sid, now, address)
            while len(self._noted) > limits.TOKENS_REMEMBERED_MAX:
                self._noted.popitem(last=False)

    def flush(self) -> None:
        """Write what is waiting; what cannot be written now is dropped, being of no consequence."""
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        if waiting:
            try:
                with self._store.writing() as act:
                    act.touch_tokens(waiting.values())
            except Refusal:
                return

    def flush_forever(self) -> None:
        """Flush every few seconds in a thread that ends with the process."""

        def run() -> None:
            while True:
                time.sleep(limits.ACCESS_FLUSH_SECONDS)
                try:
                    self.flush()
                except Exception:
                    log.exception("uses of tokens are not written")  # a defect of ours must not end the thread

        threading.Thread(target=run, name="accesses", daemon=True).start()


class Doorkeeper:
    """Tells who is calling."""

    def __init__(self, store: Store, passwords: Passwords) -> None:
        self._store = store
        self._passwords = passwords
        self.failures = Failures()
        self.accesses = Accesses(store)

    def caller(self, authorization: str | None, address: str) -> Caller:
        """Whose credentials an Authorization header holds; 401, or 429 past the budget of wrong ones."""
        scheme, _, credentials = (authorization or "").strip().partition(" ")
        credentials = credentials.strip()
        if len(credentials) > limits.CREDENTIALS_BYTES_MAX:
            raise Refusal(errors.CREDENTIALS_WRONG, Flaw(None, "the credentials are too long"))
        if scheme.lower() == "bearer" and credentials:
            return self._bearer(credentials, address)
        pair = _basic(credentials) if scheme.lower() == "basic" else None
        if pair is None or pair == ("", ""):
            raise Refusal(errors.CREDENTIALS_MISSING, Flaw(None, "send Authorization: Bearer and a token"))
        return self._login(*pair, address)

    def _bearer(self, secret: str, address: str) -> Caller:
        try:
            caller, last = tokens.caller_of_token(self._store, secret)
        except Refusal as refusal:
            raise self.failed(refusal, address) from None
        if caller.token_sid:
            self.accesses.note(caller.token_sid, last, address)
        return caller

    def _login(self, login: str, password: str, address: str) -> Caller:
        self.admit(login, password, address)
        partner_sid = self._passwords.verify(login, password)
        if partner_sid is None:
            wrong = Refusal(errors.CREDENTIALS_WRONG, Flaw(None, "the login or the password is wrong"))
            raise self.failed(wrong, address)
        return tokens.caller_of_partner(self._store, partner_sid)

    def admit(self, login: str, password: str, address: str) -> None:
        """Refuse with 429 to verify a pair past the budget; one that was verified a moment ago still passes."""
        if self.failures.spent(address) and not self._passwords.recalls(login, password):
            raise Refusal(errors.TOO_MANY_FAILURES, retry_after=60)

    def failed(self, refusal: Refusal, address: str) -> Refusal:
        """Count a refusal of credentials; what to answer: itself, or 429 past the budget."""
        if refusal.problem is not errors.CREDENTIALS_WRONG:
            return refusal
        self.failures.count(address)
        if self.failures.spent(address):
            return Refusal(errors.TOO_MANY_FAILURES, retry_after=60)
        return refusal


def _basic(credentials: str) -> tuple[str, str] | None:
    try:
        text = base64.b64decode(credentials, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    login, colon, password = text.partition(":")
    return (login, password) if colon else None

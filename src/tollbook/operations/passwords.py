"""Passwords: argon2id at rest, a bounded number of verifications at once, the same work for any login.

A pair that was verified may be remembered for a minute, under a keyed hash that also covers the stored hash:
changing the password forgets it.
"""

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from tollbook import errors, limits
from tollbook.errors import Refusal
from tollbook.store import Login, Store

_hasher = PasswordHasher(
    time_cost=limits.ARGON2_PASSES,
    memory_cost=limits.ARGON2_MEMORY_KIB,
    parallelism=limits.ARGON2_LANES,
)
_slots = threading.BoundedSemaphore(limits.PASSWORD_CHECKS_AT_ONCE_MAX)


def hash_password(password: str) -> str:
    """The argon2id hash to store; what a password must be is checked by who reads it."""
    return _hasher.hash(password)


class Passwords:
    """Verifies logins against a book."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._key = secrets.token_bytes(32)
        self._remembered: OrderedDict[bytes, float] = OrderedDict()  # monotonic seconds, not money
        self._lock = threading.Lock()
        self._decoy = hash_password(secrets.token_hex(16))

    def verify(self, login: str, password: str) -> str | None:
        """The partner whose login and password these are, or None after the same amount of work.

        503 where as many verifications are under way as may be at once, for longer than a wait.
        """
        found, stored = self._find(login)
        if len(password) > limits.PASSWORD_CHARS_MAX:
            return None
        pair = self._keyed(login, password, stored)
        if self._is_remembered(pair):
            return found.partner_sid if found else None
        if not _matches(stored, password) or found is None:
            return None
        self._remember(pair)
        return found.partner_sid

    def recalls(self, login: str, password: str) -> bool:
        """Whether a pair was verified within the last minute and still holds; costs no verification."""
        return self._is_remembered(self._keyed(login, password, self._find(login)[1]))

    def _find(self, login: str) -> tuple[Login | None, str]:
        """Whose login it is, and the hash to verify against: a decoy where there is none."""
        with self._store.reading() as book:
            found = book.login(login)
        return found, found.password_hash if found and found.password_hash else self._decoy

    def _keyed(self, *parts: str) -> bytes:
        text = b"".join(len(data).to_bytes(4) + data for data in (part.encode("utf-8") for part in parts))
        return hmac.digest(self._key, text, hashlib.sha256)

    def _is_remembered(self, pair: bytes) -> bool:
        with self._lock:
            since = self._remembered.get(pair)
        return since is not None and time.monotonic() - since < limits.PASSWORD_REMEMBERED_SECONDS

    def _remember(self, pair: bytes) -> None:
        with self._lock:
            self._remembered[pair] = time.monotonic()
            self._remembered.move_to_end(pair)
            while len(self._remembered) > limits.PASSWORDS_REMEMBERED_MAX:
                self._remembered.popitem(last=False)


def _matches(stored: str, password: str) -> bool:
    if not _slots.acquire(timeout=limits.PASSWORD_WAIT_SECONDS):
        raise Refusal(errors.PASSWORD_SLOTS_TAKEN, retry_after=limits.RETRY_AFTER_SECONDS)
    try:
        return _hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False
    finally:
        _slots.release()

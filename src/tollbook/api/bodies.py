"""Request bodies: read after the credentials, by at most half of a worker's threads, strictly.

A client that sends half a body holds one of these places and nothing else: when all are taken, others that
want to send a body are told to come back at once, and reading goes on.
"""

import threading
from collections.abc import Iterable, Mapping
from typing import Any

import falcon

from tollbook import errors, limits
from tollbook.errors import Flaw, Refusal
from tollbook.query.arguments import read_arguments
from tollbook.query.strict_json import parse_json


class Bodies:
    """The places for reading bodies in one worker."""

    def __init__(self, threads: int) -> None:
        self._places = threading.BoundedSemaphore(max(1, threads // 2))

    def json(self, request: falcon.Request) -> tuple[Mapping[str, Any], bytes]:
        """The JSON object that a request carries, and its bytes."""
        body = self.text(request)
        if not body.strip():
            raise Refusal(errors.BODY_MALFORMED, Flaw(None, "expected a JSON object, at least {}"))
        try:
            value = parse_json(body)
        except ValueError as error:
            raise Refusal(errors.BODY_MALFORMED, Flaw(None, str(error))) from None
        if not isinstance(value, dict):
            raise Refusal(errors.BODY_MALFORMED, Flaw(None, "expected a JSON object"))
        return value, body

    def text(self, request: falcon.Request) -> bytes:
        """The bytes of JSON that a request carries; what they say is not looked at."""
        return self._read(request, "application/json")

    def form(self, request: falcon.Request, known: Iterable[str]) -> Mapping[str, str]:
        """The fields of a form that a request carries, each once."""
        body = self._read(request, "application/x-www-form-urlencoded")
        if not body.isascii():
            raise Refusal(errors.BODY_MALFORMED, Flaw(None, "a form's characters must be percent-encoded"))
        return {field.name: field.value for field in read_arguments(body.decode("ascii"), known)}

    def _read(self, request: falcon.Request, media_type: str) -> bytes:
        length = _length(request)
        given = (request.env.get("CONTENT_TYPE") or "").partition(";")[0].strip().lower()
        if given != media_type:
            raise Refusal(errors.MEDIA_TYPE, Flaw("Content-Type", f"expected {media_type}"))
        if (request.env.get("HTTP_CONTENT_ENCODING") or "identity").lower() != "identity":
            raise Refusal(errors.MEDIA_TYPE, Flaw("Content-Encoding", "an encoded body is not taken"))
        if not length:
            return b""
        if not self._places.acquire(blocking=False):
            raise Refusal(errors.BODY_SLOTS_TAKEN, retry_after=limits.RETRY_AFTER_SECONDS)
        try:
            return _whole(request.env["wsgi.input"], length)
        finally:
            self._places.release()


def _length(request: falcon.Request) -> int:
    text = request.env.get("CONTENT_LENGTH") or "0"
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        raise Refusal(errors.LENGTH_WRONG, Flaw("Content-Length", "expected a whole number"))
    if int(text) > limits.BODY_BYTES_MAX:
        raise Refusal(errors.BODY_TOO_LARGE, Flaw(None, f"expected at most {limits.BODY_BYTES_MAX} bytes"))
    return int(text)


def _whole(stream: Any, length: int) -> bytes:
    parts: list[bytes] = []
    missing = length
    while missing:
        try:
            part = stream.read(missing)
        except OSError:
            part = b""
        if not part:
            raise Refusal(errors.LENGTH_WRONG, Flaw("Content-Length", f"{missing} bytes of the body are missing"))
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)

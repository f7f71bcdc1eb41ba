"""Partners: made, changed, and what a body may say of them.

A body is a decoded JSON object; every wrong attribute is told in one 422. Commercial terms are set by a
partner above, never by the partner itself.
"""

import re
import secrets
import uuid
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from tollbook import errors, limits
from tollbook.billing import scopes as known
from tollbook.billing.model import Caller, Partner
from tollbook.errors import Flaw, Refusal
from tollbook.money import parse_amount
from tollbook.operations.passwords import hash_password
from tollbook.operations.sights import sight_of
from tollbook.operations.standing import begin_billing, look_at_marks
from tollbook.query.arguments import nearest
from tollbook.query.fields import PARTNERS, Kind
from tollbook.query.records import READERS, Number, read_text, wire_record
from tollbook.store import Store, Writes

COMMERCIAL = frozenset({"available_scopes", "payment_type", "spending_limit", "daily_spending_limit", "status"})
"""What a partner cannot change of itself."""

_MARKS = frozenset({"payment_type", "charge_at", "prepay_amount", "spending_limit", "daily_spending_limit"})

_LOGIN = re.compile(rf"[!-~]{{1,{limits.LOGIN_CHARS_MAX}}}")
_COUNTRY = re.compile(r"[A-Z]{3}")


def create_partner(
    store: Store, caller: Caller, body: Mapping[str, Any], *, billed: Mapping[str, Any] | None = MappingProxyType({})
) -> Partner:
    """A new partner, as `creation` makes it."""
    return store.act(creation(caller, body, billed=billed))


def creation(
    caller: Caller, body: Mapping[str, Any], *, billed: Mapping[str, Any] | None = MappingProxyType({})
) -> Callable[[Writes], Partner]:
    """The act that makes a partner beneath the caller, or beneath the `parent_sid` that the body names.

    What is wrong with the body by itself is a 422 at once, and a password is hashed before the act, as that takes long.
    It is billed as `billed` has it for `begin_billing`: from today on, by the month, unless that says otherwise; with
    None it is not billed.
    """
    values, password = _read(body, None)
    if "name" not in values:
        raise Refusal(errors.OBJECT_INVALID, Flaw("name", "is required"))
    hashed = hash_password(password) if password else None
    parent_sid = values.pop("parent_sid", None) or caller.partner_sid
    scopes = values.pop("available_scopes", None)
    if scopes is None:
        scopes = tuple(scope for scope in known.PARTNER_SCOPES if known.holds(caller.scopes, scope))

    def create(act: Writes) -> Partner:
        _check_parent(act, caller, parent_sid)
        _check_scopes(scopes, caller)
        _check_login(act, values.get("login"))
        partner = new_partner(act, parent_sid=parent_sid, available_scopes=scopes, **values)
        act.add_partner(partner, hashed)
        if billed is not None:
            begin_billing(act, partner.partner_sid, caller.partner_sid, **billed)
        return partner

    return create


def change_partner(store: Store, caller: Caller, sid: str, body: Mapping[str, Any], *, whole: bool) -> Partner:
    """Change what a body names of the caller or a partner beneath; `whole` resets what it does not name.

    A mark that its balance has passed already is told at once.
    """
    with store.reading() as book:
        before = book.partner(sight_of(caller, PARTNERS), sid)
    values, password = _read(body, before)
    hashed = hash_password(password) if password else None

    marked = whole or not _MARKS.isdisjoint(values)

    def change(act: Writes) -> Partner:
        if marked:
            act.billing(sid)  # held before the partner, in the order of every act that bills
        act.hold_partner(sid)
        before = act.partner(sight_of(caller, PARTNERS), sid)
        after = replace(before, **(_defaults(before, caller) | values if whole else values))
        _check_change(act, caller, before, after)
        if hashed:
            _check_reach_of_password(caller, after)
            act.set_password(sid, hashed)
        act.change_partner(after)
        for limit in ("spending_limit", "daily_spending_limit"):
            if getattr(before, limit) is not None and getattr(after, limit) is None:
                act.answer_notices(sid, limit, act.now)
        if marked:
            look_at_marks(act, sid)
        return after

    return store.act(change)


def new_partner(act: Writes, **values: Any) -> Partner:
    """A partner with a sid, a number and a date of its own; not yet written."""
    display_id = _display_id()
    while act.taken("display_id", display_id):
        display_id = _display_id()
    sid = values.pop("partner_sid", None) or str(uuid.uuid4())
    return Partner(partner_sid=sid, display_id=display_id, date_created=act.now, **values)


def set_password(store: Store, sid: str, password: str) -> None:
    """Another password for a partner; 422 where it is too short or too long."""
    try:
        hashed = hash_password(_password(password))
    except ValueError as error:
        raise Refusal(errors.OBJECT_INVALID, Flaw("password", str(error))) from None
    with store.writing() as act:
        act.set_password(sid, hashed)


def _display_id() -> str:
    return f"CX{secrets.randbelow(10**8):08}"


def _read(body: Mapping[str, Any], before: Partner | None) -> tuple[dict[str, Any], str | None]:
    """The inside values that a body sets, and its password; its flaws in one refusal."""
    values: dict[str, Any] = {}
    flaws: list[Flaw] = []
    shown = wire_record(PARTNERS.fields, lambda name: getattr(before, name)) if before else {}
    for name, value in body.items():
        try:
            inside = _read_one(name, value, shown, before)
        except ValueError as error:
            flaws.append(Flaw(name, str(error)))
            if len(flaws) == limits.FLAWS_MAX:
                break
            continue
        if inside is not _UNCHANGED:
            values[name] = inside
    if flaws:
        raise Refusal(errors.OBJECT_INVALID, *flaws)
    return values, values.pop("password", None)


_UNCHANGED = object()


def _read_one(name: str, value: Any, shown: Mapping[str, Any], before: Partner | None) -> Any:
    field = PARTNERS.by_name.get(name)
    if name == "password":
        return _password(value)
    if field is None:
        raise ValueError("unknown attribute" + nearest(name, (*PARTNERS.by_name, "password")))
    if name in shown and value == shown[name]:
        # A client may send back what it was given; a replacement keeps it.
        return getattr(before, name) if field.writable and name != "parent_sid" else _UNCHANGED
    if not field.writable:
        raise ValueError("is read only")
    if name == "parent_sid" and not shown and value in ("", None):
        return None
    if name == "parent_sid" and shown:
        raise ValueError("a partner cannot be moved")
    if value is None:
        if field.null:
            return None
        raise ValueError("cannot be null")
    read = _SPECIAL.get(name) or (_amount if field.kind is Kind.MONEY else READERS[field.kind])
    return read(value)


def _amount(value: Any) -> int:
    if not isinstance(value, str):
        raise ValueError("expected an amount as a string or a number")
    return parse_amount(value)


def _not_negative(value: Any) -> int:
    if (amount := _amount(value)) < 0:
        raise ValueError("cannot be negative")
    return amount


def _password(value: Any) -> str:
    if not isinstance(value, str) or isinstance(value, Number):
        raise ValueError("expected a text")
    if not limits.PASSWORD_CHARS_MIN <= len(value) <= limits.PASSWORD_CHARS_MAX:
        raise ValueError(f"expected {limits.PASSWORD_CHARS_MIN} to {limits.PASSWORD_CHARS_MAX} characters")
    return value


def _matching(pattern: re.Pattern[str], expected: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not isinstance(value, str) or isinstance(value, Number) or not pattern.fullmatch(value):
            raise ValueError(expected)
        return value

    return read


def _one_of(*words: str) -> Callable[[Any], str]:
    return _matching(re.compile("|".join(words)), f"expected {' or '.join(words)}")


def read_name(value: Any) -> str:
    """A partner's name, or a ValueError that says what is wrong with it."""
    if not (text := read_text(value)).strip():
        raise ValueError("cannot be blank")
    return text


_SPECIAL: dict[str, Callable[[Any], Any]] = {
    "country_code": _matching(_COUNTRY, "expected an ISO 3166-1 alpha-3 code like USA"),
    "daily_spending_limit": _not_negative,
    "login": _matching(_LOGIN, f"expected 1 to {limits.LOGIN_CHARS_MAX} visible ASCII characters"),
    "name": read_name,
    "payment_type": _one_of("prepay", "postpay"),
    "prepay_amount": _not_negative,
    "spending_limit": _not_negative,
    "status": _one_of("unverified", "active"),
}


def _defaults(before: Partner, caller: Caller) -> dict[str, Any]:
    """What a whole replacement starts from: empty where a client may write, else as it was."""
    empty = Partner(date_created=0, display_id="", name=before.name, parent_sid=None, partner_sid="")
    kept = {"parent_sid", "available_scopes", "login"} | (COMMERCIAL if _is_own(before, caller) else set())
    return {f.name: getattr(empty, f.name) for f in PARTNERS.fields if f.writable and f.name not in kept}


def _is_own(partner: Partner, caller: Caller) -> bool:
    return partner.partner_sid == caller.partner_sid and not caller.is_operator


def _check_change(act: Writes, caller: Caller, before: Partner, after: Partner) -> None:
    changed = {name for name in before.__struct_fields__ if getattr(before, name) != getattr(after, name)}
    if _is_own(before, caller) and (own := sorted(changed & COMMERCIAL)):
        raise Refusal(errors.OBJECT_INVALID, *(Flaw(name, "is set by a partner above") for name in own))
    if "available_scopes" in changed:
        _check_scopes(after.available_scopes, caller)
    if "login" in changed:
        _check_login(act, after.login)


def _check_reach_of_password(caller: Caller, partner: Partner) -> None:
    """Who sets a password can log in with it: it must not open more than the caller may."""
    if too_much := known.beyond(partner.available_scopes, caller.scopes):
        raise Refusal(errors.OBJECT_INVALID, Flaw("password", f"would open more than you have: {', '.join(too_much)}"))


def _check_parent(act: Writes, caller: Caller, parent_sid: str) -> None:
    if not act.is_beneath(caller.partner_sid, parent_sid):
        raise Refusal(errors.OBJECT_INVALID, Flaw("parent_sid", "cannot find item by sid"))
    if act.depth(parent_sid) >= limits.TREE_DEPTH_MAX:
        raise Refusal(errors.OBJECT_INVALID, Flaw("parent_sid", f"more than {limits.TREE_DEPTH_MAX} levels"))


def _check_scopes(scopes: tuple[str, ...], caller: Caller) -> None:
    if unknown := [scope for scope in scopes if scope not in known.SCOPES]:
        raise Refusal(errors.OBJECT_INVALID, Flaw("available_scopes", f"unknown scope {unknown[0]}"))
    if too_much := known.beyond(scopes, caller.scopes):
        raise Refusal(errors.OBJECT_INVALID, Flaw("available_scopes", f"more than you have: {', '.join(too_much)}"))


def _check_login(act: Writes, login: str | None) -> None:
    if login is not None and act.taken("login", login):
        raise Refusal(errors.OBJECT_INVALID, Flaw("login", "is taken"))

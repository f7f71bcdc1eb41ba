"""Who sees what: from a caller's scopes to a `Sight`, one rule for each kind of record."""

from tollbook import errors
from tollbook.billing import scopes
from tollbook.billing.model import Caller, Sight
from tollbook.errors import Flaw, Refusal
from tollbook.query.fields import CALL_DRS, INVOICES, MESSAGE_DRS, PARTNERS, PAYMENTS, TOKENS, Resource

_BEYOND = {
    INVOICES.name: "invoices.read_descendant",
    TOKENS.name: "oauth.manage_all_tokens",
    PAYMENTS.name: "invoices.read_descendant",
    CALL_DRS.name: "calls.read_descendant",
    MESSAGE_DRS.name: "sms.read_descendant",
}
"""The scope that shows the records of partners beneath; partners themselves are seen with `partners.read`."""


def require(caller: Caller, *enough: str) -> None:
    """Refuse with 403 unless the caller holds one of the scopes; the refusal names them."""
    if caller.scopes.isdisjoint(enough) and not any(scopes.holds(caller.scopes, scope) for scope in enough):
        raise Refusal(errors.SCOPE_MISSING, Flaw(None, "one of these scopes is required: " + ", ".join(enough)))


def sight_of(caller: Caller, resource: Resource) -> Sight:
    """What the caller sees of a kind of record: its own, its tree's, or, for the operator, everybody's."""
    beyond = _BEYOND.get(resource.name)
    if resource is not PARTNERS and (beyond is None or beyond not in caller.scopes):
        return Sight("own", caller.partner_sid)
    return Sight("all" if caller.is_operator else "tree", caller.partner_sid)

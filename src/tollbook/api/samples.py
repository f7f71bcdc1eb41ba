"""Examples for the reference: the documented sample invoice, and a record of each resource from the catalogue.

Only what a reader is shown. No endpoint answers with any of it.
"""

from typing import Any

from tollbook.query.fields import Field, Kind, Resource

Json = dict[str, Any]

_PERIOD = {
    "date_billing_period_end": "2025-01-19T23:59:59.000Z",
    "date_billing_period_start": "2024-12-20T00:00:00.000Z",
}


def _item(amount: str, usage: int, kind: str, direction: str | None = None, period: Json = _PERIOD) -> Json:
    placed = {"direction": direction} if direction else {}
    return {"amount": amount, "country_code": "USA", **period, **placed, "type": kind, "usage": usage}


INVOICE: Json = {
    "amount": "0.38",
    "amount_due": "0",
    "amount_tax": "0.32",
    "balance_forward": "-0.45",
    "balance_previous": "-351.91",
    **_PERIOD,
    "date_charge_expected": "2025-01-19T23:59:59.000Z",
    "date_charged": None,
    "date_created": "2024-12-19T23:30:01.000Z",
    "date_issued": None,
    "display_id": "004",
    "invoice_items": [
        _item("0.37", 8880, "toll", "inbound"),
        _item("0.01", 60, "toll", "outbound"),
        _item(
            "0",
            2,
            "sms_enablement",
            period={
                "date_billing_period_end": "2023-07-04T23:59:59.000Z",
                "date_billing_period_start": "2023-06-06T00:00:00.000Z",
            },
        ),
    ],
    "invoice_sid": "4169705e-4284-482f-8e72-e962a8aaad9d",
    "paid": False,
    "partner_sid": "ed437757-002d-4ecc-aa5a-efdf5e50dba0",
    "pay_items": [],
    "status": "open",
    "tax_items": [{"amount": "0.32", "jurisdiction": "federal", "type": "fed_universal_service_fund"}],
}
"""The invoice of the public reference, as its page shows it."""

ACCESS_TOKEN = "m3u5cQfW0yT2XhJ1rB8kLs7dVn4aGz6pEoRi9tYbKxM"  # noqa: S105  (a sample, never valid)
REFRESH_TOKEN = "Zp0aW7sKd3VfY9bNq5rHj1LxTg8uEc2mOi6nBvRtXyE"  # noqa: S105  (a sample, never valid)

CREATE_PARTNER: Json = {"name": "John Smith", "company_name": "ABC", "country_code": "USA", "login": "john"}
"""A body that makes a partner."""

CHANGE_PARTNER: Json = {"billing_email": "billing@example.com", "spending_limit": "250"}
"""A body that changes one."""

PASSWORD_GRANT: Json = {"grant_type": "password", "username": "john", "password": "correct horse battery"}
REFRESH_GRANT: Json = {"grant_type": "refresh_token", "refresh_token": REFRESH_TOKEN}
TOKEN_WISH: Json = {"name": "reports", "scope": "invoices.read", "access_token_expires_in": 86400}
REVOCATION: Json = {"token": ACCESS_TOKEN}


def record(resource: Resource) -> Json:
    """A record of a resource: the documented one, else what the catalogue shows of each attribute."""
    return INVOICE if resource.name == "invoice" else _shown(resource.fields)


def page(resource: Resource) -> Json:
    """The first page of a list of that record."""
    following = {"next": f"https://billing.example.com/core/v2{resource.path}?limit=1&offset=1"}
    return {
        "count": 1,
        "has_more": True,
        "items": [record(resource)],
        "limit": 1,
        "offset": 0,
        "pagination": following,
        "total": 4,
    }


def _shown(fields: tuple[Field, ...]) -> Json:
    return {field.name: [_shown(field.parts)] if field.kind is Kind.ROWS else field.example for field in fields}

"""The invoice of the public reference, as its page shows it: what the demo serves and the description shows."""

from typing import Any, Final

_PERIOD = {
    "date_billing_period_end": "2025-01-19T23:59:59.000Z",
    "date_billing_period_start": "2024-12-20T00:00:00.000Z",
}
SAMPLE: Final[dict[str, Any]] = {
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
        {
            "amount": "0.37",
            "country_code": "USA",
            **_PERIOD,
            "direction": "inbound",
            "type": "toll",
            "usage": 8880,
        },
        {
            "amount": "0.01",
            "country_code": "USA",
            **_PERIOD,
            "direction": "outbound",
            "type": "toll",
            "usage": 60,
        },
        {
            "amount": "0",
            "country_code": "USA",
            "date_billing_period_end": "2023-07-04T23:59:59.000Z",
            "date_billing_period_start": "2023-06-06T00:00:00.000Z",
            "type": "sms_enablement",
            "usage": 2,
        },
    ],
    "invoice_sid": "4169705e-4284-482f-8e72-e962a8aaad9d",
    "paid": False,
    "partner_sid": "ed437757-002d-4ecc-aa5a-efdf5e50dba0",
    "pay_items": [],
    "status": "open",
    "tax_items": [{"amount": "0.32", "jurisdiction": "federal", "type": "fed_universal_service_fund"}],
}
"""The documented invoice. It does not add up, and is served as it is: that is what verbatim means."""

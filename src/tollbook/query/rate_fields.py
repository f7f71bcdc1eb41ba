"""The lines of rate sheets, as the wire shows them: part of the catalogue."""

from tollbook.query.attributes import Field, Kind, Resource

T, I, X = Kind.TEXT, Kind.INTEGER, Kind.DECIMAL

_COUNTRY = Field("country_code", T, "Country, ISO 3166-1 alpha-3.", "USA", null=True)
_COUNTRY_NAME = Field("country_name", T, "Country or destination.", "United States", null=True)

CALL_RATES = Resource(
    name="call_rate_item",
    path="/calls/rates/outbound/pstn",
    area="calls",
    sid="position",
    default_order="",
    cursors=False,
    fields=(
        Field("billing_increment", X, "Seconds in which a call is billed, a whole number.", "6"),
        Field("billing_minimum", X, "The least seconds that are billed, a whole number.", "6"),
        _COUNTRY,
        _COUNTRY_NAME,
        Field("prefix", T, "What a number begins with; null is every number that no other line has.", null=True),
        Field("price", X, "Per minute.", "0.01"),
    ),
)

SMS_RATES = Resource(
    name="sms_rate_item",
    path="/sms/rates/outbound/{sub_type}",
    area="sms",
    sid="position",
    default_order="",
    cursors=False,
    fields=(
        _COUNTRY,
        _COUNTRY_NAME,
        Field("mcc", I, "The mobile country code; null is every network.", 310, null=True),
        Field("mnc", I, "The mobile network code; null is every network of the country.", 260, null=True),
        Field("network", T, "The network's name.", null=True),
        Field("operator", T, "The operator's name.", null=True),
        Field("price", X, "Per segment.", "0.08533"),
    ),
)

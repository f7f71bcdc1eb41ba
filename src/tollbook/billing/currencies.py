"""How many decimals a currency's minor unit has.

Source: ISO 4217, list one (SIX Interbank Clearing): all currencies have two but those named here.
"""

from typing import Final

_OTHER: Final = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_BY_CURRENCY: Final = {code: decimals for decimals, codes in _OTHER.items() for code in codes.split()}


def minor_decimals(currency: str) -> int:
    """The decimals of a currency's minor unit.

    >>> minor_decimals("USD"), minor_decimals("JPY"), minor_decimals("KWD")
    (2, 0, 3)
    """
    return _BY_CURRENCY.get(currency, 2)

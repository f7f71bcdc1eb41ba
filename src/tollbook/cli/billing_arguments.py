"""The arguments of the verbs that bill: payments, adjustments, and a sandbox's clock."""

from tollbook.cli.verbs import Verbs


def add_clock(verbs: Verbs) -> None:
    """The verbs beneath `clock`."""
    verbs.add("show", "clock:show", "show what time it is in a sandbox", "tollbook clock show")
    verbs.add(
        "advance",
        "clock:advance",
        "move a sandbox's clock forward, and run what falls due",
        "tollbook clock advance 31d",
    ).add("span", metavar="SPAN", help="a whole number with s, m, h, d or w: seconds to weeks")
    verbs.add(
        "set",
        "clock:set_to",
        "move a sandbox's clock to an instant, never an earlier one, and run what falls due",
        "tollbook clock set 2025-01-20T00:00:00Z",
    ).add("instant", metavar="INSTANT", help="such as 2025-01-20 or 2025-01-20T00:00:00Z; UTC unless it says otherwise")

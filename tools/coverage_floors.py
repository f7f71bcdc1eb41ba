"""Judges measured coverage room by room: the whole program, and the rooms that must be complete.

Reads the data a test run left in `.coverage`. A room without measured code fails, so that a
renamed room cannot escape its floor.
"""

import sys

import coverage

FLOORS = (
    # room, files, least percentage of lines and branches
    ("the whole program", "src/tollbook/*", 95),
    ("the request language", "src/tollbook/query/*", 100),
    ("exact amounts", "src/tollbook/money.py", 100),
)


def main() -> int:
    """Print each room's coverage beside its floor; 1 when one is below it."""
    measured = coverage.Coverage()
    measured.load()
    below = []
    for room, files, least in FLOORS:
        try:
            reached = measured.report(include=[files], file=sys.stdout)
        except coverage.exceptions.NoDataError:
            below.append(f"{room} ({files}): nothing was measured")
            continue
        line = f"{room} ({files}): {reached:.2f} % of lines and branches, floor {least} %"
        print(line, end="\n\n")
        if reached < least:
            below.append(line)
    for line in below:
        print(f"below its floor: {line}")
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main())

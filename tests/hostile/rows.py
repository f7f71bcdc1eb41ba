"""The faults and hostile inputs that this release must survive, by their row ids, and where each is tested.

A row is tested where a test's name carries its id (`test_b6_…`, `test_d1_d2_…`), in any directory. What is not has
its reason in `REASONS`; what a test without the id proves is named in `ELSEWHERE`.
"""

ROWS = {
    "A1": "killed while importing or recording", "A2": "killed while closing, migrating or backing up",
    "A3": "disk full, read-only, quota", "A4": "a damaged or foreign book", "A5": "locked by another process",
    "A6": "records that come twice", "A7": "other content under a known sid", "A8": "late, early and ancient records",
    "A9": "bad, empty and overfull batches", "A10": "a clock that is set back",
    "A11": "one period closed by many at once", "A12": "records that come while their period closes",
    "A13": "a payment recorded by many", "A14": "keys of writes that are sent twice",
    "A15": "a lost reply, a client that leaves, a stop in the middle", "A18": "a million invoices of one partner",
    "B1": "half a header, then silence", "B2": "stalled bodies", "B3": "connected and silent", "B4": "a 10 MB header",
    "B5": "a thousand headers", "B6": "a 100 kB URL", "B7": "lengths and transfer encodings", "B8": "bad URL bytes",
    "B9": "repeated, unknown and bracketed arguments", "B10": "large, encoded, expected bodies", "B11": "other methods",
    "B12": "lies about the host", "B13": "line ends on their way to a header", "B14": "idle connections, HTTP/2",
    "B15": "ranges and many tags",
    "C1": "injection", "C2": "hidden attributes", "C3": "thousands of conditions", "C4": "what is not in the language",
    "C5": "costly patterns", "C6": "case and accents", "C7": "literal wildcards", "C8": "values of another type",
    "C9": "null", "C10": "orders", "C11": "numbers of limit and offset", "C12": "past the end", "C13": "forged cursors",
    "C14": "quotes and odd characters", "C15": "conditions on the partner", "C16": "inference",
    "D1": "huge exponents", "D2": "spellings of numbers", "D3": "JSON that is none", "D4": "deep nesting",
    "D5": "huge integers", "D6": "keys that stand twice", "D7": "half surrogates", "D8": "odd texts",
    "D9": "spellings of a sid", "D10": "dates", "D11": "sums beyond 64 bits", "D12": "drift", "D13": "mass assignment",
    "D14": "texts that another program would run",
    "E1": "odd credentials", "E2": "guessing", "E3": "revoked and narrowed in use", "E4": "every route, every scope",
    "E5": "another tenant's sid", "E6": "parents reading children", "E7": "pages of a portal",
    "E8": "what a stranger may find", "E9": "secrets that leak", "E10": "dependencies", "E11": "names that look alike",
    "E12": "an operator's mistake",
}  # fmt: skip

REASONS = {
    "A18": "measured, not tested: `./run bench growth` asks one partner's list as it grows to a million invoices",
    "E7": "there is no portal yet: no page, no session, no cookie",
}
"""Why a row has no test."""

ELSEWHERE = {
    "E4": "tests/api/test_scope_matrix.py",
    "E10": "tests/tidy/test_locks.py",
}
"""Files that prove a row as a whole."""

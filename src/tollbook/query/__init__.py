"""The request language: which attributes there are, and how a list is asked for.

Pure: text in, typed values out, or a `Refusal` that names the field and the position. Nothing here knows
SQL, HTTP or a rule of billing. `fields` is the catalogue; `arguments`, `filters` and `listing` read
a query string against it; `projection` picks what an answer shows.
"""

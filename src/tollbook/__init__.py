"""Tollbook: a self-hosted billing and invoicing server for carriers and their resellers.

The map, top floor first; imports go down only:

    cli           the command `tollbook`: tables for a person, JSON for a pipe
    api           the wire: `/core/v2`, OpenAPI, health
    operations    what the business does: one act, one transaction, one instant
    store         the only code that knows SQL
    observe       log lines and metrics
    config        the settings of one process
    billing       the nouns and the pure rules of money
    query         the request language: filter, order, pages, projections
    errors limits clock money     what everything stands on
"""

__version__ = "0.1.0"

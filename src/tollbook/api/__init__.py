"""The wire: routes, credentials, envelopes and errors of `/core/v2`. Read `app.py` first.

Nothing here knows SQL or a rule of billing: an endpoint turns a request into typed values, calls one
operation, and turns its answer into bytes.
"""

"""What the business does: one function an act, one transaction an act, at one instant.

An act takes the store, the caller and typed values; it knows nothing of HTTP or of a command line. Scopes are
checked at the door, by its table of routes; whose records an act may touch is checked here, by sight.
"""

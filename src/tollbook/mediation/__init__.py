"""Files and bodies from outside to the nouns of `billing`: usage records and rate decks.

Nothing here knows a book: what an event costs, and whether it is known already, is not asked.
"""

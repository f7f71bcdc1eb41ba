"""What comes from outside, to nouns: usage records, as bodies and files have them, and rate decks.

Nothing here knows a book: what an event costs, and whether it is known already, is not asked.
"""

"""The nouns of billing and the pure rules of money: no I/O, no clock, no randomness, no HTTP, no SQL."""

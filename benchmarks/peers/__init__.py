"""The same invoices served by others, written as their own documentation shows."""

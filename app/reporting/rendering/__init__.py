"""A document in its formats."""

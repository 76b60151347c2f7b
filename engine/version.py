"""The version that certificates and reports name."""

__version__ = "0.1.0"

"""Tells people which new scientific papers matter to them, by mail."""

__version__ = "0.1.0"

"""Notify: whose turn it is, and that everybody hears of it once."""

"""Checks an export of the ledger, and the heads that others kept of it, without any service. See ../../README.md."""

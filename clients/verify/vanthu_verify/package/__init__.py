"""Checks the export package of a work file, without any service. See ../../README.md."""

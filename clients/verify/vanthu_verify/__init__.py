"""Validates signed PDFs by ETSI EN 319 102-1. See README.md for the report's shape."""

import logging

from vanthu_verify.engine import NotPdf, Trust, validate
from vanthu_verify.report import Indication, Modification, ValidationReport
from vanthu_verify.revocation import Source

__version__ = "0.1.0"
__all__ = ["Indication", "Modification", "NotPdf", "Source", "Trust", "ValidationReport", "validate"]

logging.getLogger(__name__).addHandler(logging.NullHandler())

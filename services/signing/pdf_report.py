"""What a validation says, as the engine words it (clients/verify)."""

from vanthu_verify.report import Indication, Modification, SignatureReport, Signer, ValidationReport

__all__ = ["Indication", "Modification", "SignatureReport", "Signer", "ValidationReport"]

"""PDF for the signing service: pure functions over bytes, without database or HTTP framework.

This and its pdf_* parts are the only modules that import pyhanko. All block (CPU, HTTP to TSA, OCSP and CRL):
call them from a job, never inside a transaction and never from a running event loop.

Measured are, in one process and with nothing else around: `begin_signature` + `finish_signature` for B (without
`time_stamps`) and T, visible with a `look`, invisible with None; `extend` after them for LT and LTA; and for a whole
document `prepare`, both calls for the leader, `fill_number_and_seal`.
"""

from services.signing.mechanism import Mechanism
from services.signing.pdf_extend import Level, extend
from services.signing.pdf_form import (
    DAY_FIELD,
    MONTH_FIELD,
    NUMBER_FIELD,
    SEAL_FIELD,
    Plan,
    SignerPlace,
    prepare,
    signer_field,
)
from services.signing.pdf_issue import Sealer, begin_seal, fill_number_and_seal
from services.signing.pdf_read import PdfFacts, inspect
from services.signing.pdf_report import Indication, Modification, SignatureReport, ValidationReport
from services.signing.pdf_sign import PreparedSignature, begin_signature, finish_signature
from services.signing.pdf_text import begin_with_text, check_signable, sign_with_text
from services.signing.pdf_trust import (
    SEAL_DOCUMENTS,
    SIGN_DOCUMENTS,
    TIME_STAMPS,
    TimeStampService,
    Trust,
    check_certificate,
)
from services.signing.pdf_validate import validate

__all__ = [
    "DAY_FIELD",
    "MONTH_FIELD",
    "NUMBER_FIELD",
    "SEAL_DOCUMENTS",
    "SEAL_FIELD",
    "SIGN_DOCUMENTS",
    "TIME_STAMPS",
    "Indication",
    "Level",
    "Mechanism",
    "Modification",
    "PdfFacts",
    "Plan",
    "PreparedSignature",
    "Sealer",
    "SignatureReport",
    "SignerPlace",
    "TimeStampService",
    "Trust",
    "ValidationReport",
    "begin_seal",
    "begin_signature",
    "begin_with_text",
    "check_certificate",
    "check_signable",
    "extend",
    "fill_number_and_seal",
    "finish_signature",
    "inspect",
    "prepare",
    "sign_with_text",
    "signer_field",
    "validate",
]

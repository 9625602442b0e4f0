"""Why docs refuses what concerns several signers, several agencies and copies: the second list of docs."""

from __future__ import annotations

from shared.errors import Refusal

SIGNER_REPEATED = Refusal(
    "signer_repeated",
    vi="{name} được chọn ký hai lần với cùng thẩm quyền; hãy bỏ bớt.",
    en="{name} is chosen twice with the same authority; remove one.",
    status=422,
)
CO_ISSUER_UNKNOWN = Refusal(
    "co_issuer_unknown",
    vi="Không có cơ quan nào trong hệ thống này đang hoạt động với mã {identifier}; hãy chọn lại cơ quan cùng ban hành.",
    en="No agency of this deployment in being has the identifier {identifier}; choose the co-issuer again.",
    status=422,
)
CO_ISSUER_IS_LEADER = Refusal(
    "co_issuer_is_leader",
    vi="Cơ quan chủ trì không đồng thời là cơ quan cùng ban hành; hãy bỏ {identifier}.",
    en="The agency that leads is no co-issuer beside itself; remove {identifier}.",
    status=422,
)
CO_ISSUER_WITHOUT_SIGNER = Refusal(
    "co_issuer_without_signer",
    vi="{name} cùng ban hành nhưng chưa có người ký; hãy chọn người ký của cơ quan này.",
    en="{name} issues the document too but nobody signs for it; choose its signer.",
    status=422,
)
COUNTER_SEALS_MISSING = Refusal(
    "counter_seals_missing",
    vi="Văn bản còn chờ con dấu của {names}; hãy chờ văn thư các cơ quan đó đóng dấu rồi cấp số.",
    en="The document still waits for the seal of {names}; number it once their clerks have sealed.",
)
NOT_A_CO_ISSUER = Refusal(
    "not_a_co_issuer",
    vi="Cơ quan bạn không cùng ban hành văn bản này nên không đóng dấu vào văn bản được.",
    en="Your agency does not issue this document together with the others, so it does not seal it.",
    status=403,
)
LEADING_AGENCY_ONLY = Refusal(
    "leading_agency_only",
    vi="Việc này do cơ quan chủ trì văn bản làm; cơ quan cùng ban hành chỉ ký và đóng dấu.",
    en="This is done by the agency that leads; a co-issuer only signs and seals.",
    status=403,
)
COPY_NEEDS_FILE = Refusal(
    "copy_needs_file",
    vi="Sao y sang bản điện tử cần tệp quét bản giấy, trích sao cần tệp trích; văn bản điện tử đã ký thì gửi chính văn bản đó, sao y sang giấy là in ra và đóng dấu.",
    en="A certified copy needs the scan of the paper, an extract its own file; an electronic document is sent as it is, and copied to paper by printing it.",
    status=422,
)
COPY_NEEDS_ORIGINAL = Refusal(
    "copy_needs_original",
    vi="Hãy cho biết sao từ văn bản nào: chọn văn bản trong hệ thống, hoặc ghi số, ký hiệu, ngày và cơ quan ban hành.",
    en="Say what is copied: a document in the system, or its number, symbol, date and agency.",
    status=422,
)
COPY_NOT_OF_A_COPY = Refusal(
    "copy_not_of_a_copy",
    vi="Sao lục chỉ được làm từ bản sao y (Nghị định 30/2020, Điều 25); văn bản đã chọn không phải bản sao y.",
    en="A copy of a copy is made from a certified copy only (Decree 30/2020, article 25); what was chosen is none.",
    status=422,
)
COPY_SOURCE_NOT_READY = Refusal(
    "copy_source_not_ready",
    vi="Văn bản này chưa ban hành hoặc chưa được tiếp nhận nên chưa sao được.",
    en="This document is not issued, or not registered as received, yet; it can't be copied.",
)
COPY_NOT_RESUBMITTED = Refusal(
    "copy_not_resubmitted",
    vi="Bản sao bị từ chối thì tạo bản sao mới với tệp khác, không trình lại.",
    en="A refused copy is not submitted again: make a new one with another file.",
)

"""Why a seal, a copy or an annex is refused, and why somebody must wait for their turn: the second list of signing."""

from __future__ import annotations

from shared.errors import Refusal

NOT_YOUR_TURN = Refusal(
    "not_your_turn",
    vi="Văn bản này ký theo thứ tự và đang chờ {name} ký trước; bạn sẽ được báo khi đến lượt.",
    en="This document is signed in order and waits for {name} first; you will be told when it is your turn.",
)
COUNTER_SEALS_MISSING = Refusal(
    "counter_seals_missing",
    vi="Văn bản còn chờ con dấu của {names}; hãy chờ văn thư các cơ quan đó đóng dấu rồi cấp số.",
    en="The document still waits for the seal of {names}; number it once their clerks have sealed.",
)
NOT_A_CO_ISSUER = Refusal(
    "not_a_co_issuer",
    vi="Cơ quan này không cùng ban hành văn bản nên không đóng dấu vào văn bản được.",
    en="This agency does not issue the document together with the others, so it does not seal it.",
)
SEAL_ASKER_UNKNOWN = Refusal(
    "seal_asker_unknown",
    vi="Danh bạ chưa cho biết {name} là văn thư của cơ quan có con dấu vào ngày yêu cầu đóng dấu; con dấu chờ đến khi danh bạ có thông tin này, hãy hỏi cán bộ quản lý danh bạ.",
    en="The registry does not say that {name} was a clerk of the seal's agency on the day of the request; the seal waits until it does, ask the registry officer.",
    status=503,
)
SEAL_ASKED_BY_NOBODY = Refusal(
    "seal_asked_by_nobody",
    vi="Yêu cầu đóng dấu không nêu văn thư của cơ quan có con dấu; chỉ văn thư trực tiếp đóng dấu (Nghị định 30/2020, Điều 32).",
    en="The order to seal names no clerk of the seal's agency; only the clerk seals, in person (Decree 30/2020, article 32).",
    status=403,
)
SEAL_NOT_PERMITTED = Refusal(
    "seal_not_permitted",
    vi="Khóa con dấu không được phép dùng cho việc này; hãy báo người vận hành.",
    en="The seal key may not be used for this; tell the operator.",
    status=503,
)
SEAL_TOKEN_ABSENT = Refusal(
    "seal_token_absent",
    vi="Không thấy thiết bị lưu khóa con dấu “{token}”; hãy cắm lại thiết bị, hệ thống tự thử lại và đóng dấu tiếp.",
    en="The seal keys' device “{token}” is not there; plug it in again, sealing goes on by itself.",
    status=503,
)
ANNEX_UNUSABLE = Refusal(
    "annex_unusable",
    vi="Phụ lục “{filename}” không ký số được: {vi}",
    en="The annex “{filename}” can't be signed: {en}",
    status=422,
)
COPY_FORBIDDEN = Refusal(
    "copy_forbidden",
    vi="Tệp đã được ký và khóa, thêm chữ ký của cơ quan sao sẽ làm hỏng chữ ký đó; hãy gửi chính văn bản điện tử này, hoặc trích sao thành tệp mới.",
    en="The file is signed and locked, another signature would break that; send the electronic document itself, or make an extract as a new file.",
    status=422,
)
RECEIPT_UNREADABLE = Refusal(
    "receipt_unreadable",
    vi="Lệnh đóng dấu biên nhận không đúng định dạng; hãy báo người vận hành.",
    en="The order to seal a receipt is not in its form; tell the operator.",
    status=422,
)
TREE_HEAD_UNREADABLE = Refusal(
    "tree_head_unreadable",
    vi="Lệnh niêm phong sổ cái không đúng định dạng hoặc không khớp nội dung; hãy báo người vận hành.",
    en="The order to seal the ledger is not in its form or contradicts itself; tell the operator.",
    status=422,
)

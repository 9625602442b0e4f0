"""What is refused around trust anchors, and what is wrong with what a CA says."""

from __future__ import annotations

from shared.errors import Refusal

# --- trust anchors and their terms

ANCHOR_PURPOSE_MISSING = Refusal(
    "anchor_purpose_missing",
    vi="Phải nêu ít nhất một mục đích tin cậy trong số: {known}.",
    en="At least one purpose has to be stated, out of: {known}.",
    status=422,
)
ANCHOR_DATES = Refusal(
    "anchor_dates",
    vi="Ngày hết tin cậy phải sau ngày bắt đầu; hãy sửa lại.",
    en="The end of trust has to come after its beginning; correct it.",
    status=422,
)
ANCHOR_REASON_MISSING = Refusal(
    "anchor_reason_missing",
    vi="Thôi tin một chứng thư gốc thì phải ghi lý do.",
    en="Withdrawing a trust anchor takes a reason.",
    status=422,
)
ANCHOR_WITHDRAWN = Refusal(
    "anchor_withdrawn",
    vi="Chứng thư gốc này đã thôi được tin (lý do: {reason}); nếu nhầm, hãy khôi phục rõ ràng chứ không ghim lại.",
    en="This anchor was withdrawn ({reason}); if that was a mistake restore it, pinning it again does not.",
    status=409,
)

# --- what CAs say about certificates

STATUS_UNREACHABLE = Refusal(
    "status_unreachable",
    vi="Không kết nối được {url} ({why}); hệ thống tự thử lại, trong lúc đó dùng dữ liệu thu hồi đã lưu còn hạn.",
    en="{url} can't be reached ({why}); it is tried again by itself, meanwhile kept data that are still fresh are used.",
    status=503,
)
STATUS_NOT_PERMITTED = Refusal(
    "status_address_not_permitted",
    vi="Không được phép hỏi địa chỉ {url}; người vận hành xem lại VANTHU_REVOCATION_HOSTS.",
    en="{url} may not be asked; the operator has to look at VANTHU_REVOCATION_HOSTS.",
    status=422,
)
STATUS_UNREADABLE = Refusal(
    "status_unreadable",
    vi="Trả lời của {url} không đọc được; hãy báo cơ quan cấp chứng thư.",
    en="What {url} answered can't be read; tell the CA.",
    status=502,
)
STATUS_REFUSED = Refusal(
    "status_refused",
    vi="{url} từ chối trả lời ({why}); hãy báo cơ quan cấp chứng thư.",
    en="{url} refuses to answer ({why}); tell the CA.",
    status=502,
)
STATUS_OF_ANOTHER = Refusal(
    "status_of_another",
    vi="{url} trả lời về chứng thư hoặc cơ quan cấp khác; không dùng trả lời này, hãy báo cơ quan cấp chứng thư.",
    en="{url} answers about another certificate or CA; the answer is not used, tell the CA.",
    status=502,
)
STATUS_NOT_AUTHORISED = Refusal(
    "status_signer_not_authorised",
    vi="Trả lời của {url} do người không được cơ quan cấp chứng thư ủy quyền ký; không dùng, hãy báo cơ quan cấp.",
    en="The answer of {url} is signed by somebody whom the CA has not authorised; it is not used, tell the CA.",
    status=502,
)
STATUS_SIGNATURE_WRONG = Refusal(
    "status_signature_wrong",
    vi="Chữ ký trên trả lời của {url} sai hoặc dùng thuật toán yếu; không dùng, hãy báo cơ quan cấp chứng thư.",
    en="The signature on the answer of {url} is wrong or weak; it is not used, tell the CA.",
    status=502,
)
STATUS_STALE = Refusal(
    "status_stale",
    vi="Trả lời của {url} đã quá hạn hoặc chưa đến hạn (hạn: {until}); hãy báo cơ quan cấp chứng thư.",
    en="The answer of {url} is out of date (until {until}); tell the CA.",
    status=502,
)
STATUS_FOREIGN = Refusal(
    "status_list_partial",
    vi="Danh sách thu hồi ở {url} không phải danh sách đầy đủ của cơ quan cấp; không dùng.",
    en="The list at {url} is not its CA's complete one; it is not used.",
    status=502,
)
STATUS_WENT_BACK = Refusal(
    "status_went_back",
    vi="{url} đưa trả lời cũ hơn trả lời đã có; giữ trả lời mới hơn, hãy báo cơ quan cấp chứng thư.",
    en="{url} gave an older answer than the one kept; the newer one stays, tell the CA.",
    status=502,
)

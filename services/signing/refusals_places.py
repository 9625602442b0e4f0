"""Why a place on a page is refused, or worth a look: each reason once, with a stable code and a sentence in two languages."""

from __future__ import annotations

from shared.errors import Refusal

PLACES_FIXED = Refusal(
    "places_fixed",
    vi="Văn bản đã có chữ ký hoặc đang hoàn tất chữ ký nên không di chuyển được các ô; muốn sửa phải trả lại văn bản.",
    en="The document is signed or being signed, so its places can't be moved; to change them, return the document.",
)
PLACES_NOT_READY = Refusal(
    "places_not_ready",
    vi="Văn bản đang được chuẩn bị; hãy đợi vài giây rồi mở lại trang vị trí chữ ký.",
    en="The document is being prepared; wait some seconds and open its places again.",
)
PLACE_UNKNOWN = Refusal(
    "place_unknown",
    vi="Văn bản không có ô “{what}”; hãy mở lại trang vị trí chữ ký.",
    en="The document has no place “{what}”; open its places again.",
    status=422,
)
PLACE_TOO_SMALL = Refusal(
    "place_too_small",
    vi="Ô của {label} quá nhỏ (ít nhất {width} × {height} mm); hãy kéo rộng ra để đọc được tên và thời gian ký.",
    en="The place of {label} is too small (at least {width} × {height} mm); make it larger, so that it can be read.",
    status=422,
)
PLACES_OVERLAP = Refusal(
    "places_overlap",
    vi="Ô của {label} đè lên ô của {other}; hãy kéo hai ô rời nhau.",
    en="The place of {label} lies over that of {other}; move them apart.",
    status=422,
)
PAGE_MISSING = Refusal(
    "page_missing",
    vi="Văn bản có {pages} trang, không có trang {page}; hãy chọn trang khác.",
    en="The document has {pages} pages, no page {page}; choose another.",
    status=404,
)

# Reasons to look, not to refuse: stated with the document, shown beside the preview.
PLACES_TO_CONFIRM = Refusal(
    "places_to_confirm",
    vi="Không tìm thấy trong văn bản vị trí của: {what}. Hãy xem trang vị trí chữ ký, chỉnh nếu cần rồi xác nhận.",
    en="Not found in the document: the place of {what}. Look at its places, correct them where needed, and confirm.",
)
PLACE_NOT_FOUND = Refusal(
    "place_not_found",
    vi="Không tìm thấy vị trí của {label} trong văn bản; ô được đặt theo Nghị định 30/2020.",
    en="The place of {label} was not found in the document; it stands where Decree 30/2020 has it.",
)
PLACE_BY_POST = Refusal(
    "place_by_post",
    vi="Dưới chức vụ của {label} không thấy đúng họ tên người ký; hãy kiểm tra tên in trên văn bản.",
    en="Under the post of {label} the signer's own name does not stand; check the name that is printed there.",
)
PLACE_BY_LAYOUT = Refusal(
    "place_by_layout",
    vi="Ô của {label} được đặt vào chỗ ký duy nhất còn lại, nơi không ghi đúng họ tên và chức vụ; hãy kiểm tra lại.",
    en="{label} got the only room for a signature that was left, where another name or post is printed; check it.",
)
PLACE_COVERS_TEXT = Refusal(
    "place_covers_text",
    vi="Ô của {label} đè lên chữ của văn bản; hãy kéo ô ra chỗ trống nếu có thể.",
    en="The place of {label} covers text of the document; move it to a free spot if there is one.",
)
SEAL_MOVED = Refusal(
    "seal_moved",
    vi="Con dấu được đặt lệch sang phải để không đè lên “Nơi nhận”.",
    en='The seal was moved to the right, so that it does not cover "Nơi nhận".',
)
SEAL_COVERS_RECIPIENTS = Refusal(
    "seal_covers_recipients",
    vi="Con dấu vẫn đè lên “Nơi nhận” vì không còn chỗ; hãy kéo con dấu hoặc sửa bố cục văn bản.",
    en='The seal still covers "Nơi nhận", as there is no room; move it, or lay the document out anew.',
)

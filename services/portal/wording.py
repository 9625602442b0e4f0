"""What codes, states and times are called on screen. Vietnamese only here; nothing is decided."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from typing import Any

from services.portal import wording_intake, wording_registers
from services.portal.wording_proof import LEVELS_OF_PROOF

_CODE = re.compile(r"[a-z0-9]+(_[a-z0-9]+)+")

# Viet Nam has had one offset since 1975; machines without a time zone database know it too.
VIETNAM = timezone(timedelta(hours=7), "Asia/Ho_Chi_Minh")

ROLES = {
    "clerk": "Văn thư, chuyên viên",
    "leader": "Lãnh đạo",
    "officer": "Quản lý danh bạ, chứng thư",
    "operator": "Quản trị hệ thống",
}

FUNCTIONS = {
    "head": "Người đứng đầu cơ quan",
    "deputy": "Cấp phó của cơ quan",
    "unit_head": "Trưởng đơn vị",
    "unit_deputy": "Phó trưởng đơn vị",
    "registrar": "Văn thư cơ quan",
    "specialist": "Chuyên viên",
}

# state → (in a word, which colour, what it means and what comes next)
DOCUMENT_STATES = {
    "in_review": ("Đang xem xét", "wait", "Người xem xét đọc dự thảo, rồi duyệt hoặc trả lại."),
    "preparing": ("Đang chuẩn bị ký", "work", "Hệ thống đặt ô chữ ký, ô số và ngày vào tệp PDF; thường vài giây."),
    "awaiting_signature": ("Chờ ký số", "wait", "Lãnh đạo ký bằng vanthu-sign và USB token."),
    "signed": ("Đã ký, chờ cấp số", "act", "Văn thư cấp số và đóng dấu cơ quan."),
    "sealing": (
        "Đang đóng dấu",
        "work",
        "Số đã cấp và giữ nguyên; hệ thống đang đóng dấu, nếu trục trặc sẽ tự thử lại.",
    ),
    "issued": ("Đã ban hành", "good", "Văn bản có đủ chữ ký, số, ngày và dấu; có thể phát hành."),
    "returned": ("Bị trả lại", "bad", "Người soạn sửa theo lý do bên dưới rồi trình lại."),
    "refused": ("Không xử lý được", "bad", "Tệp PDF không dùng được vì lý do bên dưới; hãy thay tệp rồi trình lại."),
    "voided": ("Đã hủy số", "off", "Số đã cấp được ghi hủy trong sổ và không dùng lại."),
}

# What "signed" means of a copy, which nobody signs, and while other agencies have to seal.
COPY_READY = ("Chờ cấp số", "act", "Tệp dùng được; văn thư cấp số, cơ quan ký số lên bản sao.")
SEALS_DUE = ("Đã ký, chờ đóng dấu", "wait", "Các cơ quan cùng ban hành đóng dấu, rồi cơ quan chủ trì cấp số.")

DELIVERY_STATUSES = {
    "00": ("Đã gửi", "work"),
    "01": ("Đã đến", "wait"),
    "02": ("Từ chối", "bad"),
    "03": ("Đã tiếp nhận", "good"),
    "04": ("Phân công", "work"),
    "05": ("Đang xử lý", "work"),
    "06": ("Hoàn thành", "good"),
    "13": ("Lấy lại", "off"),
    "15": ("Đồng ý lấy lại", "off"),
    "16": ("Từ chối lấy lại", "bad"),
}

URGENCIES = {0: "Thường", 1: "Khẩn", 2: "Thượng khẩn", 3: "Hỏa tốc", 4: "Hỏa tốc hẹn giờ"}


SEARCH_SORTS = {
    "relevance": "Sát nhất",
    "newest": "Mới nhất",
    "oldest": "Cũ nhất",
    "number": "Số văn bản",
    "abstract": "Trích yếu (A–Y)",
    "party": "Nơi gửi / nơi nhận (A–Y)",
    "signer": "Người ký (A–Y)",
}


STANDINGS = {
    "on_time": ("Trong hạn", "good"),
    "due_soon": ("Sắp đến hạn", "wait"),
    "overdue": ("Quá hạn", "bad"),
}

TASK_STANDINGS = STANDINGS | {"no_deadline": ("Không hạn", "off"), "ended": ("Đã kết thúc", "off")}
TASK_STATES = {
    "open": ("Chưa bắt đầu", "act"),
    "started": ("Đang làm", "work"),
    "proposed": ("Đã trình đề xuất", "wait"),
    "returned": ("Bị trả lại", "bad"),
    "declined": ("Bị từ chối", "bad"),
    "done": ("Đã xong", "good"),
    "withdrawn": ("Đã rút", "off"),
}
TASK_PARTS = {"lead": "Chủ trì", "joint": "Phối hợp", "handler": "Giải quyết"}
TASK_LISTS = {"mine": "Tôi", "unit": "Đơn vị tôi", "given": "Tôi giao", "all": "Cả cơ quan"}
TASK_WHEN = {"any": "Tất cả", "overdue": "Quá hạn", "due_soon": "Còn dưới 3 ngày làm việc"}


# What stands in a document's history, by its code.
ACTS = {
    "access_changed": "Đổi quyền xem:",
    "given": "Giao cho",
    "noted": "Ghi tiến độ:",
    "proposed": "Trình đề xuất:",
    "closed": "Kết thúc việc",
    "called_off": "Rút việc:",
    "reassigned": "Chuyển cho",
    "extension_asked": "Xin gia hạn đến",
    "extension_granted": "Gia hạn đến",
    "extension_refused": "Không gia hạn",
    "declined": "Từ chối việc:",
    "deadline_set": "Đổi thời hạn:",
    "due_soon": "Sắp đến hạn",
    "overdue": "Quá hạn",
    "submitted": "Trình văn bản",
    "resubmitted": "Trình lại",
    "approved": "Duyệt dự thảo",
    "returned": "Trả lại",
    "sent_back": "Trả về bước",
    "reviewer_replaced": "Thay người xem xét:",
    "reviewers_changed": "Chuyển cho người đang có mặt:",
    "prepared": "Đã đặt ô chữ ký",
    "prepare_delayed": "Chuẩn bị ký đang chờ, tự thử lại",
    "prepare_delayed:places_to_confirm": "Chờ văn thư xác nhận vị trí chữ ký",
    "prepare_refused": "Không chuẩn bị ký được",
    "signed": "Ký số",
    "sign_delayed": "Hoàn tất chữ ký đang chờ, tự thử lại",
    "sign_refused": "Chữ ký không dùng được",
    "signed_too_late": "Chữ ký đến sau khi văn bản đã trả lại",
    "numbered": "Cấp số",
    "copy_made": "Tạo bản sao từ",
    "counter_seal_asked": "Yêu cầu đóng dấu của",
    "counter_sealed": "Đóng dấu của",
    "counter_seal_delayed": "Đóng dấu đang chờ, tự thử lại:",
    "counter_seal_refused": "Không đóng dấu được:",
    "seal_delayed": "Đóng dấu đang chờ, tự thử lại",
    "seal_refused": "Không đóng dấu được",
    "sealed_too_late": "Dấu đến sau khi số đã hủy",
    "issued": "Đóng dấu, ban hành",
    "augmented": "Bổ sung bằng chứng chữ ký",
    "renewal_arrived": "Có bản đủ bằng chứng hơn, đang kiểm tra",
    "renewed": "Nhận bản đủ bằng chứng hơn",
    "renewal_refused": "Không nhận bản mới, giữ bản đang có",
    "number_voided": "Hủy số",
    "arrived": "Văn bản đến",
    "validated": "Kiểm tra chữ ký",
    "validation_delayed": "Kiểm tra chữ ký đang chờ, tự thử lại",
    "registered": "Đăng ký văn bản đến",
    "registered_from_intake": "Đăng ký từ tệp tiếp nhận, số đến",
    "refused": "Từ chối tiếp nhận",
    "refused_automatically": "Hệ thống từ chối",
    "file_unfit": "Tệp không đạt kiểm tra",
    "content_erased": "Đã xóa nội dung khỏi kho lưu trữ",
    "assigned": "Phân công",
    "started": "Bắt đầu xử lý",
    "completed": "Hoàn thành",
    "00": "Đã gửi",
    "01": "Đã đến nơi nhận",
    "02": "Nơi nhận từ chối",
    "03": "Nơi nhận đã tiếp nhận",
    "04": "Nơi nhận phân công",
    "05": "Nơi nhận đang xử lý",
    "06": "Nơi nhận hoàn thành",
    "13": "Yêu cầu lấy lại",
    "15": "Nơi nhận đồng ý, đã hủy văn bản",
    "16": "Nơi nhận từ chối lấy lại",
    "13_updates": "Đã gửi bản cập nhật",
    "13_replaces": "Đã gửi bản thay thế",
    "15_updates": "Đã vào sổ bản cập nhật",
    "15_replaces": "Đã vào sổ bản thay thế",
    "16_updates": "Từ chối bản cập nhật",
    "16_replaces": "Từ chối bản thay thế",
    "chased": "Đôn đốc",
    "withdrawn": "Rút lại để sửa",
    "workfile_opened": "Mở hồ sơ",
    "workfile_filed": "Đưa vào hồ sơ",
    "workfile_taken_out": "Đưa ra khỏi hồ sơ",
    "workfile_closed": "Kết thúc hồ sơ",
    "workfile_reopened": "Mở lại hồ sơ",
    "workfile_held_back": "Giữ lại, gia hạn nộp",
    "workfile_due": "Nhắc sắp đến hạn nộp",
    "workfile_submitted": "Nộp lưu trữ",
    "workfile_accepted": "Lưu trữ nhận",
    "workfile_returned": "Lưu trữ trả lại",
    "workfile_frozen": "Phong tỏa",
    "workfile_unfrozen": "Gỡ phong tỏa",
    "workfile_disposed": "Hủy tài liệu",
    "workfile_exported": "Xuất gói hồ sơ",
    "recall_asked": "Nơi gửi yêu cầu lấy lại",
    "recall_agreed": "Đồng ý cho lấy lại, nội dung đã hủy",
    "recall_declined": "Từ chối cho lấy lại",
}

# What the sender asked of a recipient, as the recipient's answer stands: about, status → words, colour.
ASKED = {
    ("recall", "13"): ("Chờ trả lời lấy lại", "wait"),
    ("recall", "15"): ("Đã lấy lại", "off"),
    ("recall", "16"): ("Từ chối lấy lại", "bad"),
    ("updates", "13"): ("Chờ nhận bản cập nhật", "wait"),
    ("updates", "15"): ("Đã nhận bản cập nhật", "good"),
    ("updates", "16"): ("Từ chối bản cập nhật", "bad"),
    ("replaces", "13"): ("Chờ nhận bản thay thế", "wait"),
    ("replaces", "15"): ("Đã nhận bản thay thế", "good"),
    ("replaces", "16"): ("Từ chối bản thay thế", "bad"),
}

# What a document is to an earlier one, and what a later one is to it.
FOLLOWS = {"updates": "Cập nhật, đính chính", "replaces": "Thay thế", "answers": "Trả lời"}
ERASED_BY = {"docs": "Kho văn bản", "signing": "Kho ký số"}
FOLLOWED_BY = {"updates": "Được cập nhật bởi", "replaces": "Được thay thế bởi", "answers": "Được trả lời bởi"}

FILE_STATES = {
    "open": ("Đang mở", "work"),
    "closed": ("Đã kết thúc", "wait"),
    "submitted": ("Chờ lưu trữ nhận", "act"),
    "archived": ("Đã vào lưu trữ", "good"),
    "disposed": ("Đã hủy", "off"),
}

COPY_FORMS = (
    ("SY", "Sao y", "từ bản quét văn bản giấy"),
    ("SL", "Sao lục", "từ bản sao y"),
    ("TrS", "Trích sao", "một phần văn bản, thành tệp mới"),
)

CO_ISSUER_STATES = {
    "due": ("chờ đóng dấu", "wait"),
    "under_way": ("đang đóng dấu", "work"),
    "sealed": ("đã đóng dấu", "good"),
}


WAITING = {
    "reviewer": "người xem xét",
    "leader": "lãnh đạo ký",
    "clerk": "văn thư",
    "system": "hệ thống",
}

# Verdicts travel in the history by the standard's word.
DETAILS = {
    "TOTAL_PASSED": "chữ ký hợp lệ",
    "TOTAL_FAILED": "chữ ký không hợp lệ",
    "INDETERMINATE": "chưa đủ căn cứ kết luận",
    **LEVELS_OF_PROOF,
}


DONE = {
    "access_saved": "Đã lưu quyền xem.",
    "access_confirmed": "Đã xác nhận thay đổi quyền xem.",
    "slip_given": "Đã giao; người nhận được báo.",
    "task_given": "Đã giao việc.",
    "task_noted": "Đã ghi tiến độ.",
    "task_proposed": "Đã trình đề xuất cho người giao.",
    "task_closed": "Đã kết thúc việc.",
    "task_returned": "Đã trả lại đề xuất.",
    "task_withdrawn": "Đã rút việc.",
    "task_declined": "Đã từ chối; người giao sẽ chuyển nơi khác hoặc yêu cầu làm.",
    "deadline_set": "Đã đổi thời hạn.",
    "task_reassigned": "Đã chuyển việc.",
    "extension_asked": "Đã gửi đề nghị gia hạn.",
    "extension_answered": "Đã trả lời đề nghị gia hạn.",
    "draft_saved": "Đã lưu dự thảo.",
    "draft_merged": "Đã gộp hai bản; hãy xem lại rồi lưu hoặc trình.",
    "draft_shared": "Đã lưu danh sách người cùng soạn.",
    "draft_dropped": "Đã bỏ dự thảo; các phiên bản và ý kiến vẫn được lưu.",
    "remarked": "Đã gửi ý kiến.",
    "opinion_asked": "Đã gửi yêu cầu cho ý kiến.",
    "opinion_given": "Đã ghi ý kiến của bạn.",
    "opinion_closed": "Đã đóng yêu cầu ý kiến.",
    "reviewer_replaced": "Đã thay người xem xét.",
    "workflow_saved": "Đã lưu quy trình; văn bản đang xem xét vẫn theo bản cũ.",
    "workflow_retired": "Đã ngừng dùng quy trình.",
    "calendar_saved": "Đã lưu lịch làm việc.",
    "search_saved": "Đã lưu tìm kiếm.",
    "search_removed": "Đã bỏ tìm kiếm đã lưu.",
    "text_asked_for": "Đang đọc lại tệp; đọc được thì văn bản không còn ở danh sách này.",
    "head_ordered": "Đã yêu cầu niêm phong; con dấu và dấu thời gian có sau vài giây.",
    **wording_registers.DONE,
    **wording_intake.DONE,
    "places_set": "Đã lưu vị trí; văn bản đang được chuẩn bị lại.",
    "placing_set": "Đã lưu lựa chọn của cơ quan.",
    "agency_saved": "Đã lưu cơ quan.",
    "person_saved": "Đã lưu.",
    "procedure_requested": "Đã đề nghị; cán bộ quản lý của tỉnh hoặc huyện duyệt.",
    "devices_received": "Đã nhập kho.",
    "batch_made": "Đã đóng đợt; tải tệp rồi gửi cho cơ quan cấp chứng thư.",
    "handed_over": "Đã ghi bàn giao; người nhận còn phải ký nhận.",
    "receipt_kept": "Đã ghi nhận; chứng thư dùng được từ bây giờ.",
    "certificate_entered": "Đã kiểm tra và ghi chứng thư.",
    "certificate_asked": "Đã gửi yêu cầu cho nơi cấp; chứng thư hiện ở đây khi nơi cấp trả lời.",
    "imported": "Đã nhập tất cả.",
    "delegated": "Đã giao ký thay; hết ngày đã chọn thẩm quyền tự kết thúc.",
    "absence_saved": "Đã ghi; người cùng cơ quan thấy bạn vắng đến ngày nào.",
    "absence_entered": "Đã ghi; người cùng cơ quan thấy người này vắng đến ngày nào.",
    "anchor_pinned": "Đã ghim; dịch vụ ký số nhận ngay sau đây.",
    "authority_granted": "Đã giao ký; văn bản trình từ bây giờ chọn được người này.",
    "authority_withdrawn": "Đã rút thẩm quyền ký.",
    "submitted": "Đã trình văn bản.",
    "resubmitted": "Đã trình lại văn bản.",
    "approved": "Đã duyệt; văn bản chuyển sang người ký.",
    "approved_so_far": "Đã duyệt; văn bản còn chờ người xem xét khác, xem ở “Quá trình xem xét”.",
    "returned": "Đã trả lại cho người soạn kèm lý do.",
    "numbered": "Đã cấp số; hệ thống đang đóng dấu cơ quan.",
    "counter_seal_asked": "Đã nhận; hệ thống đang đóng dấu của cơ quan bạn.",
    "copy_made": "Đã tạo bản sao; hệ thống kiểm tra tệp rồi bạn cấp số.",
    "voided": "Đã hủy số; số này ghi hủy trong sổ và không dùng lại.",
    "withdrawn": "Đã rút lại; hãy sửa rồi trình lại.",
    "recall_asked": "Đã yêu cầu lấy lại; nơi nhận sẽ đồng ý hoặc từ chối kèm lý do.",
    "recall_answered": "Đã trả lời nơi gửi.",
    "chased": "Đã đôn đốc; văn thư nơi nhận được báo.",
    "related": "Đã ghi liên kết.",
    "unrelated": "Đã bỏ liên kết.",
    "group_saved": "Đã lưu nhóm nơi nhận.",
    "group_removed": "Đã xóa nhóm nơi nhận.",
    "dispatched": "Đã phát hành tới các nơi nhận đã chọn.",
    "registered": "Đã đăng ký văn bản đến; nơi gửi được báo đã tiếp nhận.",
    "refused": "Đã từ chối; nơi gửi được báo kèm lý do.",
    "assigned": "Đã phân công xử lý.",
    "started": "Đã ghi bắt đầu xử lý.",
    "completed": "Đã hoàn thành; nơi gửi được báo.",
    "read": "Đã đánh dấu đã đọc.",
    "saved": "Đã lưu.",
    "revoked": "Đã thu hồi chứng thư.",
    "suspended": "Đã tạm dừng chứng thư.",
    "resumed": "Đã cho dùng lại chứng thư.",
    "device_approved": "Đã cho phép. Bạn có thể quay lại cửa sổ vanthu-sign.",
    "device_denied": "Đã từ chối; chương trình đó không đăng nhập được.",
}

# What made a version of a draft.
EDITIONS = {
    "made": "Bắt đầu soạn",
    "saved": "Lưu",
    "shared": "Đổi người cùng soạn",
    "submitted": "Trình",
    "resubmitted": "Trình lại",
    "dropped": "Bỏ dự thảo",
}

LEG_STATES = {
    "waiting": ("chưa tới", "off"),
    "open": ("đang chờ", "wait"),
    "done": ("đã duyệt", "good"),
    "skipped": ("bỏ qua", "off"),
}

KEPT = {
    "unchanged": "giữ từ lần trước, nội dung không đổi",
    "before_return": "giữ từ lần trước, trước bước trả lại",
}

SKIPS = {
    "nobody_found": "không có người để hỏi",
    "author_is_asked": "người soạn chính là người được hỏi",
    "signer_is_asked": "người được hỏi cũng là người ký",
    "urgency_at_least": "văn bản khẩn",
}

VERDICTS = {
    "agreed": ("Đồng ý", "good"),
    "remarks": ("Có ý kiến", "wait"),
    "disagreed": ("Không đồng ý", "bad"),
}

# Fields as they are named to somebody whose form was kept; what is not here is carried along unseen.
FIELDS = {
    "abstract": "Trích yếu",
    "symbol": "Ký hiệu",
    "type_code": "Loại văn bản",
    "reason": "Lý do",
    "note": "Ghi chú",
    "user_code": "Mã thiết bị",
    "recipient": "Nơi nhận",
    "name": "Tên",
    "identifier": "Mã định danh",
    "email": "E-mail",
    "title": "Chức vụ",
    "unit": "Phòng, ban",
    "login": "Tên đăng nhập",
    "block": "Ghi trên văn bản",
}


def in_vietnam(value: str | datetime | None) -> datetime | None:
    """A time on the wire (ISO 8601 with offset), as a local one."""
    if not value:
        return None
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    return found.astimezone(VIETNAM)


def moment(value: str | datetime | None) -> str:
    """dd/MM/yyyy HH:mm in Viet Nam."""
    found = in_vietnam(value)
    return f"{found:%d/%m/%Y %H:%M}" if found else ""


def day(value: str | date | datetime | None) -> str:
    """dd/MM/yyyy; a date without a time stays the date that it is."""
    if not value:
        return ""
    if isinstance(value, str) and len(value) == 10:
        value = date.fromisoformat(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return f"{value:%d/%m/%Y}"
    found = in_vietnam(value)
    return f"{found:%d/%m/%Y}" if found else ""


def size(count: int | None) -> str:
    """Bytes as a person reads them, decimal comma."""
    if count is None:
        return ""
    if count < 1024 * 1024:
        return f"{max(count // 1024, 1)} KB"
    return f"{count / 1024 / 1024:.1f} MB".replace(".", ",")


def seconds(count: float) -> str:
    if count < 120:
        return f"{count:.0f} giây"
    return f"{count / 60:.0f} phút" if count < 7200 else f"{count / 3600:.0f} giờ"


def state(found: dict[str, Any] | None, code: Any) -> Any:
    """A row of one of the tables above; an unknown code is shown as it is, in grey."""
    row = (found or {}).get(code)
    return row or (str(code), "off", "")


def search_state(kind: str, code: str) -> Any:
    """A result's state: that of a document on its way out, or the status of one that arrived."""
    return state(DELIVERY_STATUSES if kind == "incoming" else DOCUMENT_STATES, code)


SEARCH_STATES = {code: row[0] for code, row in DOCUMENT_STATES.items()} | {
    code: f"Đến: {row[0].lower()}" for code, row in DELIVERY_STATUSES.items() if code not in {"00", "15", "16"}
}


def is_code(text: str | None) -> bool:
    """Whether this is a stable code of a refusal, such as pdf_xfa, and no words."""
    return bool(text and _CODE.fullmatch(text))

"""What a person, a program or a partner is told when we refuse: a stable code and one sentence in two languages.

A `Refusal` is declared once, in the `refusals.py` of the service that refuses; `Rejected` raises it with the
values that its sentences name. HTTP turns it into RFC 9457, Kafka into an error reply.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence, Vietnamese and English, both NFC."""

    vi: str
    en: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reason to refuse.

    `code` is stable for ever; the sentences may name parameters in braces and say what to do.
    `status` is the HTTP status that it becomes, `again_after` when it is worth asking again (seconds).
    """

    code: str
    vi: str
    en: str
    status: int = 409
    again_after: int | None = None

    def say(self, **params: object) -> Sentence:
        return Sentence(vi=self.vi.format(**params), en=self.en.format(**params))


class Rejected(Exception):
    """A request, event or file that we refuse. What was valid before stays as it was."""

    def __init__(self, refusal: Refusal, **params: object) -> None:
        self.refusal = refusal
        self.params = params
        self.sentence = refusal.say(**params)
        super().__init__(f"{refusal.code}: {self.sentence.en}")

    @property
    def code(self) -> str:
        return self.refusal.code

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (self.refusal, self.params))


def _rebuild(refusal: Refusal, params: dict[str, object]) -> Rejected:
    # Exceptions with keyword arguments do not unpickle by themselves; signing raises across processes.
    return Rejected(refusal, **params)


class NotFound(Rejected):
    """No such row, or none that the reader may see: the two are told apart by nobody."""

    def __init__(self, what: str = "", thing: str = "") -> None:
        """`what` it is in Vietnamese, `thing` in English."""
        super().__init__(NOT_FOUND, what=what, thing=thing or what)

    def __reduce__(self) -> tuple[object, ...]:
        return (NotFound, (str(self.params["what"]), str(self.params["thing"])))


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field that is wrong, for RFC 9457's `errors` list."""

    pointer: str
    detail: str


@dataclass(frozen=True, slots=True)
class Problem:
    """RFC 9457 problem details, with both languages and the stable code as extension members."""

    code: str
    status: int
    sentence: Sentence
    errors: tuple[FieldError, ...] = field(default=())


NOT_FOUND = Refusal(
    "not_found",
    vi="Không tìm thấy {what}, hoặc bạn không có quyền xem; hãy kiểm tra lại đường dẫn hoặc hỏi văn thư cơ quan.",
    en="Not found ({thing}), or not yours to see; check the address or ask your agency's clerk.",
    status=404,
)
INVALID_REQUEST = Refusal(
    "invalid_request",
    vi="Yêu cầu chưa hợp lệ ở: {where}; hãy sửa các mục này rồi gửi lại.",
    en="The request is not valid at: {where}; correct these and send it again.",
    status=422,
)
REQUEST_TOO_LARGE = Refusal(
    "request_too_large",
    vi="Yêu cầu vượt giới hạn {limit_kb} KB; hãy chia nhỏ rồi gửi lại.",
    en="The request is over the limit of {limit_kb} KB; split it and send the parts.",
    status=413,
)
LOGIN_REQUIRED = Refusal(
    "login_required",
    vi="Phiên làm việc đã hết hoặc chưa đăng nhập; hãy đăng nhập rồi thử lại, nội dung đang nhập được giữ nguyên.",
    en="You are not logged in or the session has ended; log in and try again.",
    status=401,
)
FORBIDDEN = Refusal(
    "forbidden",
    vi="Chức vụ của bạn không được làm việc này; hãy hỏi quản trị hoặc chọn đúng chức vụ.",
    en="Your post does not allow this; ask the administrator or choose the right post.",
    status=403,
)
IDEMPOTENCY_KEY_REQUIRED = Refusal(
    "idempotency_key_required",
    vi="Yêu cầu tạo mới cần tiêu đề Idempotency-Key; hãy gửi lại kèm một mã duy nhất.",
    en="A request that creates needs an Idempotency-Key header; send it again with a unique key.",
    status=400,
)
IDEMPOTENCY_KEY_REUSED = Refusal(
    "idempotency_key_reused",
    vi="Idempotency-Key này đã dùng cho một yêu cầu khác; hãy tạo mã mới.",
    en="This Idempotency-Key was used for a different request; make a new key.",
    status=422,
)
STALE_VERSION = Refusal(
    "stale_version",
    vi="Người khác vừa sửa mục này; hãy tải lại để xem thay đổi rồi làm lại, dữ liệu bạn nhập chưa mất.",
    en="Somebody else has just changed this; reload, look at the change and try again.",
    status=412,
)
INTERNAL = Refusal(
    "internal_error",
    vi="Hệ thống gặp lỗi ngoài dự kiến (mã theo dõi {trace}); dữ liệu trước đó vẫn nguyên, hãy thử lại hoặc báo mã này cho quản trị.",
    en="Something unexpected failed (trace {trace}); what was there is kept, try again or give this id to the operator.",
    status=500,
)
UNAVAILABLE = Refusal(
    "unavailable",
    vi="Dịch vụ đang tạm thời chưa sẵn sàng ({what}); hãy thử lại sau ít phút.",
    en="The service is not ready for a moment ({what}); try again in a few minutes.",
    status=503,
)
PROCESS_DIED = Refusal(
    "process_died",
    vi="Tiến trình xử lý tệp dừng đột ngột hoặc quá thời gian; hệ thống tự thử lại.",
    en="The process working on the file died or took too long; it is tried again.",
    status=503,
)

# Of a PDF that is brought in, wherever it is read first.
EMPTY_FILE = Refusal(
    "empty_file",
    vi="Tệp rỗng (0 byte); hãy chọn lại tệp PDF của văn bản.",
    en="The file is empty (0 bytes); choose the document's PDF again.",
    status=422,
)
NOT_A_PDF = Refusal(
    "not_a_pdf",
    vi="Tệp này không phải PDF dù tên có thể là .pdf; hãy xuất văn bản ra PDF rồi gửi lại.",
    en="This file is not a PDF, whatever its name says; export the document as PDF and send it again.",
    status=422,
)
PDF_DAMAGED = Refusal(
    "pdf_damaged",
    vi="Tệp PDF bị hỏng hoặc thiếu phần cuối; hãy xuất lại từ bản gốc, hệ thống không tự sửa văn bản.",
    en="The PDF is damaged or cut off; export it again from the source, we never repair a document silently.",
    status=422,
)
PDF_PASSWORD = Refusal(
    "pdf_password",
    vi="Tệp PDF cần mật khẩu để mở; hãy bỏ mật khẩu rồi gửi lại.",
    en="The PDF needs a password to open; remove the password and send it again.",
    status=422,
)
PDF_RESTRICTED = Refusal(
    "pdf_restricted",
    vi="Tệp PDF bị mã hóa và hạn chế sửa đổi nên không thể ký; hãy xuất lại PDF không đặt hạn chế.",
    en="The PDF is encrypted and restricts changes, so it can't be signed; export it without restrictions.",
    status=422,
)

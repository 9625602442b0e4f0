"""Why registers, numbers for paper and books are refused: each reason once, in both languages."""

from __future__ import annotations

from collections.abc import Mapping

from shared.errors import Refusal

KIND_NAMES: Mapping[str, tuple[str, str]] = {
    "out": ("văn bản đi", "outgoing documents"),
    "legal": ("văn bản quy phạm pháp luật", "legal normative documents"),
    "council": ("hội đồng, ban dùng dấu cơ quan", "a council that uses the agency's seal"),
    "copy": ("bản sao", "copies"),
    "in": ("văn bản đến", "arrivals"),
    "secret_out": ("văn bản mật đi", "secret outgoing documents"),
    "secret_in": ("văn bản mật đến", "secret arrivals"),
}

# --- decisions on registers

PLAN_TOO_LONG = Refusal(
    "plan_too_long",
    vi="Một cơ quan có nhiều nhất {most} sổ; hãy gộp bớt sổ.",
    en="An agency keeps at most {most} registers; join some.",
    status=422,
)
PLAN_LACKS = Refusal(
    "plan_lacks",
    vi="Chưa có sổ {what}; hãy thêm một sổ loại này.",
    en="There is no register of {what_en}; add one.",
    status=422,
)
PLAN_ONE_COPIES = Refusal(
    "plan_one_copies",
    vi="Các loại bản sao lấy số chung một sổ (Nghị định 30, phụ lục I); hãy bỏ bớt sổ bản sao.",
    en="All kinds of copies count in one register (Decree 30, annex I); leave just one.",
    status=422,
)
PLAN_CODE_MALFORMED = Refusal(
    "plan_code_malformed",
    vi="Mã sổ “{code}” chưa đúng; hãy dùng 1–12 chữ hoa không dấu, chữ số, dấu chấm hoặc gạch ngang, bắt đầu bằng chữ.",
    en="Register code “{code}” is not well-formed; use 1–12 capital letters, digits, dots or hyphens, a letter first.",
    status=422,
)
PLAN_CODE_TWICE = Refusal(
    "plan_code_twice",
    vi="Mã sổ {code} dùng hai lần; hãy đổi một mã.",
    en="Register code {code} stands twice; change one of them.",
    status=422,
)
PLAN_BODY_MALFORMED = Refusal(
    "plan_body_malformed",
    vi="Sổ {code}: chữ viết tắt của hội đồng, ban “{body}” chưa đúng; sổ của hội đồng cần chữ hoa như HĐTĐ, sổ khác để trống.",
    en="Register {code}: the council's abbreviation “{body}” is not right; a council's register needs capitals such as HĐTĐ, others have none.",
    status=422,
)
PLAN_BODY_TWICE = Refusal(
    "plan_body_twice",
    vi="Hai sổ cùng dùng chữ viết tắt {body}; mỗi hội đồng, ban một sổ.",
    en="Two registers have the abbreviation {body}; one council, one register.",
    status=422,
)
PLAN_TYPE_WRONG = Refusal(
    "plan_type_wrong",
    vi="Loại văn bản {type} không đặt được vào sổ {code}; hãy chọn loại trong danh mục, chỉ cho sổ văn bản đi hoặc quy phạm pháp luật.",
    en="Document type {type} can't count in register {code}; choose types of the catalogue, for registers of outgoing or legal documents only.",
    status=422,
)
PLAN_LEGAL_APART = Refusal(
    "plan_legal_apart",
    vi="{type}: mỗi loại văn bản quy phạm pháp luật lấy số ở một sổ riêng, không chung với loại khác.",
    en="{type_en}: each type of legal normative documents counts in a register of its own.",
    status=422,
)
PLAN_TYPE_TWICE = Refusal(
    "plan_type_twice",
    vi="Loại {type} nằm ở hai sổ; mỗi loại chỉ lấy số ở một sổ.",
    en="Type {type_en} stands in two registers; each type counts in one.",
    status=422,
)
PLAN_TYPE_NOWHERE = Refusal(
    "plan_type_nowhere",
    vi="Loại {type} chưa có sổ; hãy thêm vào một sổ, hoặc để một sổ văn bản đi nhận mọi loại còn lại.",
    en="Type {type_en} has no register; add it to one, or let one register of outgoing documents take whatever is left.",
    status=422,
)
PLAN_YEAR_WRONG = Refusal(
    "plan_year_wrong",
    vi="Không đặt được sổ cho năm {year}; chỉ đặt cho năm nay ({this}) hoặc năm sau ({next}).",
    en="Registers can't be set for {year}; only for this year ({this}) or the next ({next}).",
    status=422,
)
REGISTER_IN_USE = Refusal(
    "register_in_use",
    vi="Sổ {codes} đã lấy số trong năm {year} nên giữ nguyên đến 31/12; hãy đặt thay đổi này từ 01/01/{next}.",
    en="Register {codes} holds numbers of {year} and stays as it is until 31 December; set this change from 1 January {next}.",
)

# --- where a document counts

REGISTER_OF_OTHERS = Refusal(
    "register_of_others",
    vi="Văn bản này không lấy số ở “{name}”; theo quyết định của cơ quan nó lấy số ở “{right}”.",
    en="This document does not count in “{name}”; by the agency's decision it counts in “{right}”.",
    status=422,
)
REGISTER_CLOSED = Refusal(
    "register_closed",
    vi="Sổ {code} năm {year} đã khóa; không vào sổ hay hủy số thêm được.",
    en="Register {code} of {year} is closed; nothing is entered or voided any more.",
)
REGISTER_NOT_OVER = Refusal(
    "register_not_over",
    vi="Chỉ khóa được sổ của năm đã qua; năm {year} chưa hết.",
    en="Only the register of a past year is closed; {year} is not over.",
)
REGISTER_HAS_OPEN_NUMBERS = Refusal(
    "register_has_open_numbers",
    vi="Sổ {code} năm {year} còn {count} số dành cho giấy chưa dùng; hãy vào sổ hoặc trả lại trước khi khóa.",
    en="Register {code} of {year} has {count} numbers for paper left; register or return them before closing.",
)

# --- numbers for paper

BLOCK_SIZE_WRONG = Refusal(
    "block_size_wrong",
    vi="Mỗi lần dành từ 1 đến {most} số cho văn bản giấy; hãy nhập lại số lượng.",
    en="From 1 to {most} numbers are reserved at a time; enter the count again.",
    status=422,
)
BLOCK_OF_ARRIVALS = Refusal(
    "block_of_arrivals",
    vi="“{name}” là sổ văn bản đến; chỉ dành số trước ở sổ văn bản đi.",
    en="“{name}” is a register of arrivals; numbers are reserved in registers of outgoing documents only.",
    status=422,
)
BLOCK_RETURNED = Refusal(
    "block_returned",
    vi="Dải số này đã trả lại; không dùng được nữa.",
    en="This range was returned; it can't be used any more.",
)
NUMBER_NOT_RESERVED = Refusal(
    "number_not_reserved",
    vi="Số {number} của sổ {code} năm {year} không phải số dành cho giấy đang còn; để trống số để lấy số tiếp theo.",
    en="Number {number} of register {code} of {year} is not reserved for paper and free; leave it out to take the next number.",
)
NUMBER_NOT_PAPER = Refusal(
    "number_not_paper",
    vi="Số {number} không phải của văn bản giấy đã vào sổ, hoặc đã hủy; số của văn bản điện tử hủy ở trang văn bản.",
    en="Number {number} is not one registered for paper, or is void already; an electronic document's is voided on its own page.",
)
LATE_REASON_REQUIRED = Refusal(
    "late_reason_required",
    vi="Vào sổ chậm: hạn là {due:%d/%m/%Y} (trong ngày, chậm nhất ngày làm việc tiếp theo); hãy ghi lý do chậm.",
    en="This is late: it was due on {due:%d/%m/%Y} (the same or the next working day); say why.",
    status=422,
)
PAPER_DATE_WRONG = Refusal(
    "paper_date_wrong",
    vi="Ngày {day:%d/%m/%Y} không vào sổ được; ngày văn bản không sau hôm nay và thuộc năm nay hoặc năm trước.",
    en="{day:%d/%m/%Y} can't be registered; the date is not after today and in this year or the last.",
    status=422,
)
PAPER_TYPE_WRONG = Refusal(
    "paper_type_wrong",
    vi="Loại văn bản {type} không lấy số ở sổ này; sổ đúng là “{right}”.",
    en="A document of type {type} does not count in this register; the right one is “{right}”.",
    status=422,
)
PAPER_LACKS = Refusal(
    "paper_lacks",
    vi="Chưa ghi {what}; hãy điền rồi vào sổ lại.",
    en="{what_en} is missing; fill it in and register again.",
    status=422,
)
SECRET_WITHOUT_CONTENT = Refusal(
    "secret_without_content",
    vi="Văn bản mật chỉ vào sổ số, ngày, nơi gửi nhận và độ mật; không ghi trích yếu, ghi chú vào hệ thống này.",
    en="Of a secret document just number, date, sender, recipient and secrecy are entered; no abstract and no note in this system.",
    status=422,
)
SECRECY_WRONG = Refusal(
    "secrecy_wrong",
    vi="Sổ văn bản mật cần độ mật, sổ thường thì không có độ mật; văn bản mật phải vào sổ riêng.",
    en="A register of secret documents needs the secrecy, an ordinary one has none; secret documents count in a register of their own.",
    status=422,
)

# --- books

BOOK_PERIOD_WRONG = Refusal(
    "book_period_wrong",
    vi="Kỳ từ {since} đến {until} không hợp lệ; ngày đầu không sau ngày cuối, trong vòng mười năm.",
    en="The period from {since} to {until} is none; its first day is not after its last, within ten years.",
    status=422,
)
BOOK_KIND_WRONG = Refusal(
    "book_kind_wrong",
    vi="Sổ {code} không in thành mẫu này; hãy chọn sổ khác hoặc mẫu khác.",
    en="Register {code} does not print as this book; choose another register or book.",
    status=422,
)
BOOK_TOO_LARGE = Refusal(
    "book_too_large",
    vi="Kỳ này có {count} dòng, nhiều hơn {most}; hãy chia thành nhiều kỳ.",
    en="This period has {count} lines, more than {most}; divide it into several.",
)
PRINT_NOT_READY = Refusal(
    "print_not_ready",
    vi="Tệp sổ đang được tạo; hãy mở lại sau ít phút.",
    en="The file is being made; open it again in a few minutes.",
)

PRINT_SAYS_TOO_MUCH = Refusal(
    "print_says_too_much",
    vi="Sau khi in, có văn bản trong sổ được hạn chế tiếp cận với bạn; hãy đặt in lại, dòng đó sẽ chỉ còn số.",
    en="Since it was printed, something in this book was restricted from you; order it again, that line will show its number only.",
    status=409,
)

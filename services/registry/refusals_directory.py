"""What registry refuses about agencies through time, units and posts in them, and what to do about it."""

from __future__ import annotations

from shared.errors import Refusal

CHANGE_AHEAD = Refusal(
    "agency_change_ahead",
    vi="Thay đổi từ ngày {day} chưa có hiệu lực; hãy nhập vào chính ngày đó hoặc sau đó.",
    en="A change from {day} is not in force yet; enter it on that day or later.",
    status=422,
)
CHANGE_TOO_EARLY = Refusal(
    "agency_change_too_early",
    vi="Điều đang ghi có hiệu lực từ {since}, nên thay đổi phải từ sau ngày đó, không phải từ {day}; để sửa lỗi nhập, hãy dùng chức năng sửa.",
    en="What stands now holds since {since}, so a change comes after that day, not from {day}; to correct a slip, use the correction.",
    status=422,
)
CHANGE_EMPTY = Refusal(
    "agency_change_empty",
    vi="Không có gì thay đổi so với hiện tại; hãy nhập tên, mã định danh hoặc cơ quan cấp trên mới.",
    en="Nothing differs from what stands now; give a new name, identifier or parent.",
    status=422,
)
AGENCY_ENDED = Refusal(
    "agency_ended",
    vi="“{agency}” không hoạt động vào ngày {day}; hãy chọn cơ quan hoặc ngày khác.",
    en="“{agency}” does not exist on {day}; choose another agency or day.",
    status=422,
)
AGENCY_NOT_YET = Refusal(
    "agency_not_yet",
    vi="“{agency}” được lập ngày {since}, vào ngày {day} chưa có; hãy xem lại ngày của văn bản.",
    en="“{agency}” was established on {since} and did not exist on {day}; check the day of the document.",
    status=404,
)
PARENT_CIRCLE = Refusal(
    "agency_parent_circle",
    vi="“{parent}” trực thuộc chính cơ quan này nên không thể là cấp trên; hãy chọn cơ quan khác.",
    en="“{parent}” stands under this very agency and can't be above it; choose another.",
    status=422,
)
SUCCESSION_SHAPE = Refusal(
    "succession_shape",
    vi="Hợp nhất cần một cơ quan kế thừa, chia tách một cơ quan cũ và từ hai cơ quan mới, giải thể không có cơ quan kế thừa; hãy sửa lại.",
    en="A merger has one successor, a split one predecessor and two successors or more, a dissolution no successor; correct it.",
    status=422,
)
SUCCESSION_ENDED = Refusal(
    "succession_agency_ended",
    vi="“{agency}” không hoạt động vào ngày {day} hoặc đã có ngày kết thúc, nên không tham gia được; hãy kiểm tra lại.",
    en="“{agency}” is not open on {day}, or has its last day already, so it can't take part; check it.",
    status=422,
)
POST_NOT_LEFT = Refusal(
    "post_not_left",
    vi="Chức vụ này không còn ở cơ quan đã kết thúc, hoặc bắt đầu sau ngày {day}; hãy tải lại danh sách còn phải chuyển.",
    en="This post is not left at an agency that ended, or begins after {day}; reload the list of what is left to move.",
)
UNIT_CODE_INVALID = Refusal(
    "unit_code_invalid",
    vi="Mã đơn vị “{code}” chỉ được gồm 1–40 chữ cái không dấu, chữ số, dấu chấm, gạch; hãy đặt lại.",
    en="Unit code “{code}” may hold 1 to 40 letters without diacritics, digits, dots and dashes; choose another.",
    status=422,
)
UNIT_CODE_TAKEN = Refusal(
    "unit_code_taken",
    vi="Mã đơn vị “{code}” đã có trong cơ quan này; hãy dùng mã khác.",
    en="There is a unit with code “{code}” in this agency already; use another code.",
)
UNIT_FIXED = Refusal(
    "unit_fixed",
    vi="Không đổi mã hay cơ quan của đơn vị đã có; hãy đặt ngày kết thúc và lập đơn vị mới.",
    en="The code and the agency of a unit stay as they are; end it with a date and set up a new one.",
)
UNIT_PARENT = Refusal(
    "unit_parent_not_suitable",
    vi="“{parent}” thuộc cơ quan khác hoặc nằm dưới chính đơn vị này; hãy chọn đơn vị cấp trên khác.",
    en="“{parent}” is of another agency, or stands under this very unit; choose another parent unit.",
    status=422,
)
UNIT_PERIOD = Refusal(
    "unit_outside_agency",
    vi="Đơn vị không thể có trước khi lập cơ quan “{agency}” hoặc sau khi cơ quan kết thúc; hãy sửa ngày.",
    en="A unit can't be there before “{agency}” or after its end; correct the dates.",
    status=422,
)
POST_UNIT = Refusal(
    "post_unit_not_suitable",
    vi="Đơn vị của chức vụ “{title}” thuộc cơ quan khác hoặc không hoạt động từ ngày {start}; hãy chọn đơn vị khác.",
    en="The unit of post “{title}” is of another agency or not there on {start}; choose another.",
    status=422,
)
POST_REPEATED = Refusal(
    "post_repeated",
    vi="Chức vụ “{title}” từ ngày {start} được ghi hai lần ở cùng cơ quan và đơn vị; hãy bỏ một dòng.",
    en="Post “{title}” from {start} is named twice at the same agency and unit; remove one.",
    status=422,
)

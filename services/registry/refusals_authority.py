"""What registry refuses about rights of officers and about delegated signing authority, and what to do about it."""

from __future__ import annotations

from shared.errors import Refusal

# --- what an officer of a district may not do, and nobody for themselves

LEVEL_NOT_YOURS = Refusal(
    "level_not_yours",
    vi="Cán bộ danh bạ cấp huyện chỉ lập cơ quan cấp huyện hoặc cấp xã thuộc huyện mình; hãy nhờ cán bộ danh bạ của tỉnh.",
    en="An officer of a district establishes district and commune agencies beneath theirs only; ask the province's officer.",
    status=403,
)
ROLE_NOT_YOURS = Refusal(
    "role_not_yours",
    vi="Cán bộ danh bạ cấp huyện không giao được vai trò “{role}”; hãy nhờ cán bộ danh bạ của tỉnh.",
    en="An officer of a district can't give the role “{role}”; ask the officer of the provincial registry.",
    status=403,
)
OWN_ROLES = Refusal(
    "own_roles",
    vi="Không ai tự sửa chức vụ, vai trò hay trạng thái của chính mình; hãy nhờ một cán bộ danh bạ khác.",
    en="Nobody changes posts, roles or standing of their own; ask another registry officer.",
    status=403,
)

# --- delegation

DELEGATION_NOT_YOURS = Refusal(
    "delegation_not_yours",
    vi="Chỉ người có thẩm quyền này, văn thư của cơ quan hoặc cán bộ danh bạ mới giao được; hãy đăng nhập đúng chức vụ.",
    en="Only its holder, a clerk of the agency or a registry officer delegates this authority; act from the right post.",
    status=403,
)
TUQ_NOT_REDELEGABLE = Refusal(
    "tuq_not_redelegable",
    vi="Người được ủy quyền không được ủy quyền lại (NĐ 30/2020, Điều 13); hãy xin văn bản ủy quyền mới của người đứng đầu.",
    en="Authority by authorisation (TUQ.) can't be passed on (Decree 30/2020 art. 13); ask the head for another authorisation.",
)
DELEGATION_FORM = Refusal(
    "delegation_form_not_allowed",
    vi="Thẩm quyền “{source}” không giao tiếp được dưới hình thức “{form}” (được: {allowed}); hãy chọn hình thức khác.",
    en="Authority “{source}” can't be passed on as “{form}” (possible: {allowed}); choose another form.",
    status=422,
)
DELEGATION_TOO_DEEP = Refusal(
    "delegation_too_deep",
    vi="Thẩm quyền này đã được giao lại một lần nên không giao tiếp được; hãy đề nghị người đứng đầu giao trực tiếp.",
    en="This authority was passed on already and goes no further; ask the head to delegate it directly.",
)
DELEGATE_NOT_DEPUTY = Refusal(
    "delegate_not_deputy",
    vi="Ký thay (KT.) chỉ dành cho cấp phó cùng cơ quan, “{title}” không phải cấp phó; hãy chọn người khác, hoặc TL., TUQ.",
    en="KT. is for a deputy at the same agency, “{title}” is none; choose somebody else, or TL. or TUQ.",
    status=422,
)
DELEGATE_IS_DEPUTY = Refusal(
    "delegate_is_deputy",
    vi="{form} giao cho người đứng đầu đơn vị, “{title}” là cấp phó; hãy chọn người đứng đầu, hoặc giao ký thay (KT.).",
    en="{form} goes to the head of a unit, “{title}” is a deputy; choose the head, or delegate as KT.",
    status=422,
)
DELEGATE_IS_SELF = Refusal(
    "delegate_is_self",
    vi="Không giao thẩm quyền ký cho chính người đang có thẩm quyền đó; hãy chọn người khác.",
    en="Nobody delegates an authority to themselves; choose somebody else.",
    status=422,
)
DELEGATION_NO_END = Refusal(
    "delegation_needs_an_end",
    vi="Giao ký khi vắng mặt phải có ngày kết thúc; hãy nhập ngày cuối cùng của thời gian vắng.",
    en="A delegation ends by itself; give its last day.",
    status=422,
)
DELEGATION_OUTSIDE_SOURCE = Refusal(
    "delegation_outside_source",
    vi="Thời gian giao ({start} – {until}) vượt ra ngoài thẩm quyền gốc ({source_start} – {source_until}); hãy sửa ngày.",
    en="The delegation ({start} to {until}) reaches beyond its source ({source_start} to {source_until}); correct the dates.",
    status=422,
)
DELEGATION_OTHER_TYPES = Refusal(
    "delegation_other_types",
    vi="Thẩm quyền gốc không gồm loại văn bản {types}; hãy bỏ các loại này.",
    en="The source does not cover document types {types}; leave them out.",
    status=422,
)
DELEGATION_NEEDS_BASIS = Refusal(
    "delegation_needs_basis",
    vi="Cần số, ký hiệu và ngày của văn bản giao ký (bắt buộc với TUQ. và khi nhập thay người khác); hãy nhập đủ.",
    en="Number, symbol and date of the delegating document are needed (for TUQ., and when entered for somebody else); add them.",
    status=422,
)
DELEGATION_FIXED = Refusal(
    "delegation_fixed",
    vi="Không sửa thẩm quyền được giao; hãy thu hồi rồi giao lại.",
    en="A delegated authority is not changed; withdraw it and delegate anew.",
)

# --- absences

ABSENCE_NO_END = Refusal(
    "absence_needs_an_end",
    vi="Cần ngày cuối cùng của thời gian vắng mặt; hãy nhập ngày dự kiến trở lại trừ một.",
    en="An absence has a last day; give the day before the expected return.",
    status=422,
)

ABSENCE_NOT_YOURS = Refusal(
    "absence_not_yours",
    vi="Chỉ người vắng mặt, văn thư của cơ quan hoặc cán bộ danh bạ mới ghi hay sửa việc vắng mặt này.",
    en="Only who is absent, a clerk of the agency or a registry officer enters or changes this absence; ask one of them.",
    status=403,
)
ABSENCE_OVERLAPS = Refusal(
    "absence_overlaps",
    vi="{name} đã được ghi vắng mặt từ {start} đến {until}; hãy sửa lần vắng đó thay vì ghi thêm.",
    en="{name} is already entered as absent from {start} to {until}; change that absence instead of adding one.",
)
ABSENCE_OVER = Refusal(
    "absence_over",
    vi="Lần vắng mặt này đã kết thúc ngày {until}; không có gì để sửa.",
    en="This absence ended on {until} already; there is nothing left to change.",
)
ABSENCE_LONGER = Refusal(
    "absence_not_extended",
    vi="Trở về chỉ có thể sớm hơn ngày {until} và không trước ngày bắt đầu {start}; muốn vắng lâu hơn hãy ghi lần vắng mới.",
    en="A return comes before {until} and not before the first day {start}; for a longer absence enter a new one.",
    status=422,
)

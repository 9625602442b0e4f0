"""Why drafting and review refuse: each reason once, with a stable code and one sentence in Vietnamese and English."""

from __future__ import annotations

from shared.errors import Refusal

# --- workflows

WORKFLOW_INVALID = Refusal(
    "workflow_invalid",
    vi="Quy trình chưa dùng được: {problems}. Hãy sửa các chỗ này rồi lưu lại; quy trình đang dùng vẫn giữ nguyên.",
    en="The workflow can't be used: {problems_en}. Correct these and save again; the one in use stays as it was.",
    status=422,
)
WORKFLOW_UNKNOWN = Refusal(
    "workflow_unknown",
    vi="Không có quy trình {code} cho loại văn bản này; hãy chọn quy trình khác trong danh sách.",
    en="There is no workflow {code} for this type of document; choose another one of the list.",
    status=422,
)
WORKFLOW_FIXED = Refusal(
    "workflow_fixed",
    vi="Quy trình mặc định không sửa được; hãy tạo quy trình riêng của cơ quan từ quy trình này.",
    en="The default workflow can't be changed; make one of your agency's own from it.",
)
TYPE_HAS_WORKFLOW = Refusal(
    "type_has_workflow",
    vi="Loại văn bản {types} đã thuộc quy trình “{name}”; mỗi loại chỉ theo một quy trình, hãy bỏ loại này ở quy trình kia trước.",
    en="The types {types} belong to the workflow “{name}”; a type follows one workflow, take it out there first.",
)
REVIEWERS_TO_CHOOSE = Refusal(
    "reviewers_to_choose",
    vi="Bước “{stage}” hỏi người do bạn chọn; hãy chọn ít nhất một người xem xét rồi trình lại.",
    en="The stage “{stage}” asks whom you choose; choose at least one reviewer and submit again.",
    status=422,
)

# --- on the route

STAGE_NOT_BEFORE = Refusal(
    "stage_not_before",
    vi="Chỉ trả về được một bước đã xong trước bước hiện tại; hãy tải lại trang rồi chọn lại bước.",
    en="A document is given back to a stage that is done before this one; reload the page and choose again.",
)
SEAT_NOT_OPEN = Refusal(
    "seat_not_open",
    vi="Chỗ này không còn chờ ai xem xét; hãy tải lại trang để xem tình trạng mới nhất.",
    en="Nobody is waited for at this place any more; reload the page to see how it stands.",
)
REPLACING_NOT_YOURS = Refusal(
    "replacing_not_yours",
    vi="Chỉ văn thư hoặc người đứng đầu đơn vị của người được hỏi mới thay được người xem xét.",
    en="A reviewer is replaced by a clerk or by the head of the unit of those who were asked.",
    status=403,
)
AUTHOR_REPLACES_LATE_ONLY = Refusal(
    "author_replaces_late_only",
    vi="Bạn là người soạn nên chỉ thay được người xem xét khi không còn ai xem được hoặc đã quá hạn; hãy nhờ văn thư khác hoặc trưởng đơn vị.",
    en="As its author you may replace a reviewer only when nobody can answer or the stage is late; ask another clerk or the head of the unit.",
    status=403,
)
REPLACEMENT_NOT_HERE = Refusal(
    "replacement_not_here",
    vi="Người được chọn không thuộc cơ quan, đang vắng hoặc là người soạn; hãy chọn người khác.",
    en="Whom you chose is not of this agency, is away, or is the author; choose somebody else.",
    status=422,
)
NOT_UNDER_REVIEW = Refusal(
    "not_under_review",
    vi="Văn bản không ở bước xem xét; hãy tải lại trang để xem tình trạng mới nhất.",
    en="The document is not under review; reload the page to see how it stands.",
)

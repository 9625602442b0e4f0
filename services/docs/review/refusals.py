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
WORKFLOW_CODE_RESERVED = Refusal(
    "workflow_code_reserved",
    vi="Mã quy trình {code} dành riêng cho hệ thống; hãy đặt tên khác.",
    en="The code {code} is the system's own; name the workflow otherwise.",
    status=422,
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

# --- drafts

DRAFT_CLOSED = Refusal(
    "draft_closed",
    vi="Dự thảo đã trình hoặc đã bỏ nên không sửa được; nếu cần sửa, hãy rút văn bản về trước.",
    en="The draft is submitted or dropped and can't be edited; take the document back first.",
)
DRAFT_INCOMPLETE = Refusal(
    "draft_incomplete",
    vi="Dự thảo còn thiếu hoặc chưa đúng: {fields}; hãy bổ sung rồi trình, nội dung đã lưu vẫn còn.",
    en="The draft lacks or has wrong: {fields}; complete it and submit, what is saved is kept.",
    status=422,
)
TYPE_FIXED = Refusal(
    "type_fixed",
    vi="Văn bản đã trình là {type}, không đổi loại được nữa; hãy chọn lại đúng loại hoặc soạn văn bản mới.",
    en="The document was submitted as {type} and keeps its type; choose that one or write a new document.",
    status=422,
)
VERSION_NEEDED = Refusal(
    "version_needed",
    vi="Yêu cầu lưu cần cho biết bản đã mở (If-Match); hãy tải lại dự thảo rồi lưu.",
    en="Saving needs the version that was opened (If-Match); load the draft again and save.",
    status=428,
)
EDITOR_UNKNOWN = Refusal(
    "editor_unknown",
    vi="Có người được chọn không thuộc cơ quan hoặc không còn làm việc; hãy chọn lại.",
    en="One of the people chosen is not of this agency or works there no more; choose again.",
    status=422,
)
TEXT_NOT_READ = Refusal(
    "text_not_read",
    vi="Không đọc được chữ trong tệp {name} (có thể là bản quét chưa nhận dạng); hãy xem hai tệp cạnh nhau.",
    en="There is no text to read in the file {name} (perhaps a scan); look at the two files side by side.",
    status=422,
)

# --- what is said about a document

REMARK_UNKNOWN = Refusal(
    "remark_unknown",
    vi="Ý kiến mà bạn trả lời không thuộc văn bản này; hãy tải lại trang.",
    en="The remark that you answer is not of this document; reload the page.",
    status=422,
)
MENTIONED_UNKNOWN = Refusal(
    "mentioned_unknown",
    vi="Người được nhắc đến không thuộc cơ quan; hãy chọn lại trong danh sách.",
    en="Whom you mention is not of this agency; choose from the list.",
    status=422,
)
NOBODY_TO_ASK = Refusal(
    "nobody_to_ask",
    vi="Hiện không ai trả lời được cho {asked} (vắng mặt hoặc chưa có người); hãy chọn người hoặc đơn vị khác.",
    en="Nobody can answer for {asked} now (away, or nobody is there); choose other people or units.",
    status=422,
)
DUE_NOT_AHEAD = Refusal(
    "due_not_ahead",
    vi="Hạn trả lời phải là một ngày làm việc sau hôm nay hoặc hôm nay; hãy chọn lại ngày.",
    en="The deadline must be today or a working day after it; choose another day.",
    status=422,
)
OPINION_NOT_ASKED = Refusal(
    "opinion_not_asked",
    vi="Yêu cầu ý kiến này không hỏi bạn hoặc đã đóng; hãy tải lại trang.",
    en="This request does not ask you, or it is closed; reload the page.",
    status=403,
)
OPINION_CLOSED_BY_ASKER = Refusal(
    "opinion_closed_by_asker",
    vi="Chỉ người xin ý kiến mới đóng được yêu cầu này.",
    en="Only who asked for the opinions may close the request.",
    status=403,
)
OPINION_NEEDS_TEXT = Refusal(
    "opinion_needs_text",
    vi="Không đồng ý hoặc có ý kiến thì cần ghi rõ nội dung; hãy nhập ý kiến rồi gửi lại.",
    en="Who has remarks or does not agree says why; write it and send again.",
    status=422,
)

"""Why the handling of documents refuses: each reason once, with a stable code and a sentence in both languages."""

from __future__ import annotations

from shared.errors import Refusal

NOT_TO_HANDLE = Refusal(
    "not_to_handle",
    vi="Văn bản đang ở trạng thái {status} nên không giao việc được; văn bản phải đã đăng ký và chưa hoàn thành, chưa bị thu hồi.",
    en="The document stands at status {status} and no work can be given on it; it must be registered and neither completed nor taken back.",
)
HOLDER_UNKNOWN = Refusal(
    "holder_unknown",
    vi="Không có người hoặc đơn vị này đang làm việc ở cơ quan; hãy chọn lại trong danh sách.",
    en="Nobody and no unit of that name works at the agency today; choose from the list again.",
    status=422,
)
HOLDER_REPEATED = Refusal(
    "holder_repeated",
    vi="{name} được ghi hai lần trong phiếu hoặc đã có việc này; hãy bỏ bớt một lần.",
    en="{name} is named twice on the slip or has this work already; leave one of them out.",
    status=422,
)
LEAD_GIVEN = Refusal(
    "lead_given",
    vi="{name} đang chủ trì văn bản này; hãy chuyển việc chủ trì đó cho người khác thay vì giao thêm một chủ trì.",
    en="{name} leads the handling of this document; pass that task on instead of naming a second lead.",
)
LEAD_NEEDED = Refusal(
    "lead_needed",
    vi="Phiếu giải quyết cần một đơn vị hoặc người chủ trì; hãy chọn chủ trì trước khi chọn phối hợp.",
    en="A slip needs a unit or person that leads; choose it before those who join.",
    status=422,
)
DUE_PAST = Refusal(
    "due_past",
    vi="Thời hạn {day} đã qua; hãy chọn ngày làm việc từ hôm nay trở đi.",
    en="The deadline {day} has passed; choose a working day from today on.",
    status=422,
)
DUE_DAY_OFF = Refusal(
    "due_day_off",
    vi="Ngày {day} là ngày nghỉ; ngày làm việc liền sau là {next}.",
    en="{day} is a day off; the next working day is {next}.",
    status=422,
)
DUE_AFTER_PARENT = Refusal(
    "due_after_parent",
    vi="Thời hạn {day} muộn hơn thời hạn {parent} của việc được giao; hãy chọn sớm hơn hoặc xin gia hạn việc trên trước.",
    en="The deadline {day} is later than {parent}, that of the task it belongs to; choose an earlier one or ask for that to be extended first.",
    status=422,
)
NOT_YOUR_TASK = Refusal(
    "not_your_task",
    vi="Việc này của {name}; chỉ người được giao (với đơn vị là người đứng đầu) ghi được. Hãy nhờ người giao chuyển việc nếu cần.",
    en="This is {name}'s task; only they (of a unit, its head) can do that. Ask whoever gave it to pass it on.",
    status=403,
)
NOT_THE_GIVER = Refusal(
    "not_the_giver",
    vi="Việc này do {name} giao; chỉ người giao hoặc người đứng đầu cơ quan quyết định được.",
    en="{name} gave this task; only they or the head of the agency can decide on it.",
    status=403,
)
TASK_ENDED = Refusal(
    "task_ended",
    vi="Việc này đã kết thúc nên không ghi thêm được; hãy tải lại trang để xem kết quả.",
    en="This task has ended and takes nothing more; reload the page to see what came of it.",
)
NOT_PROPOSED = Refusal(
    "not_proposed",
    vi="Việc này chưa có đề xuất, chưa bị từ chối và chưa kết thúc nên không có gì để trả lại; hãy ghi ý kiến hoặc chuyển việc.",
    en="This task is neither proposed, declined nor closed, so there is nothing to return; say it in a note, or pass it on.",
)
PARTS_OPEN = Refusal(
    "parts_open",
    vi="Còn việc chưa xong: {names}. Hãy kết thúc hoặc rút các việc đó trước.",
    en="Work of {names} is still open; close or withdraw it first.",
)
DUE_BEFORE_PARTS = Refusal(
    "due_before_parts",
    vi="Thời hạn {day} sớm hơn thời hạn của việc đã giao tiếp cho {names}; hãy đổi hạn các việc đó trước.",
    en="The deadline {day} is earlier than that of the work given on to {names}; change those first.",
    status=422,
)
ABOVE_ENDED = Refusal(
    "above_ended",
    vi="Việc cấp trên đã kết thúc; hãy trả lại việc đó trước.",
    en="The task above has ended; return that one first.",
)
EXTENSION_NOT_LATER = Refusal(
    "extension_not_later",
    vi="Ngày xin gia hạn phải sau thời hạn hiện nay ({due}); việc không có thời hạn thì không cần gia hạn.",
    en="An extension must end after the deadline of now ({due}); a task without one needs none.",
    status=422,
)
NO_EXTENSION_ASKED = Refusal(
    "no_extension_asked",
    vi="Không có đề nghị gia hạn nào đang chờ; có thể đã được trả lời, hãy tải lại trang.",
    en="No extension is waiting to be answered; somebody may have answered it, reload the page.",
)
OWN_CHANGE = Refusal(
    "own_change",
    vi="Bạn là người đổi quyền xem này; hãy nhờ lãnh đạo hoặc văn thư khác xác nhận.",
    en="You changed this access yourself; ask another leader or registrar to confirm it.",
    status=403,
)

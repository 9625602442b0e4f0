"""Why circulation refuses: each reason once, with a stable code and one sentence in Vietnamese and English."""

from __future__ import annotations

from shared.errors import Refusal

# --- before it is signed

NOT_WITHDRAWN_NOW = Refusal(
    "not_withdrawn_now",
    vi="Chỉ rút lại được khi văn bản đang chờ ký và chưa ai ký; hãy tải lại trang để xem tình trạng.",
    en="A document is withdrawn only while it waits for a signature and nobody has signed; reload to see where it stands.",
)
NOT_YOURS_TO_WITHDRAW = Refusal(
    "not_yours_to_withdraw",
    vi="Chỉ {name}, người đã trình, rút lại được văn bản này; hãy liên hệ người đó.",
    en="Only {name}, who submitted it, can withdraw this document; ask them.",
    status=403,
)

# --- to whom

RECIPIENT_ENDED = Refusal(
    "recipient_ended",
    vi="Nơi nhận không còn hoạt động: {names}. Hãy thay bằng nơi kế thừa hoặc bỏ khỏi danh sách; chưa gửi cho ai cả.",
    en="A recipient is no more: {names_en}. Take its successor instead or leave it out; nothing was sent to anybody.",
    status=422,
)
GROUP_UNKNOWN = Refusal(
    "group_unknown",
    vi="Nhóm nơi nhận đã bị xóa hoặc không dùng được; hãy chọn lại, chưa gửi cho ai cả.",
    en="The address group was removed or is not yours to use; choose again, nothing was sent to anybody.",
    status=422,
)
NOBODY_LEFT = Refusal(
    "nobody_left",
    vi="Không còn nơi nào để gửi: các nơi đã chọn đều đã có văn bản, đã bị loại trừ hoặc là cơ quan bạn. Hãy chọn thêm nơi nhận.",
    en="Nobody is left to send to: all that were chosen have the document, are left out, or are yourselves. Choose others.",
    status=422,
)
TOO_MANY_RECIPIENTS = Refusal(
    "too_many_recipients",
    vi="Một lần gửi tối đa {limit} nơi, danh sách có {count}; hãy chia thành nhiều lần, chưa gửi cho ai cả.",
    en="One dispatch goes to {limit} at most, the list has {count}; split it, nothing was sent to anybody.",
    status=422,
)
GROUP_NOT_YOURS = Refusal(
    "group_not_yours",
    vi="Nhóm này do {keeper} quản lý; hãy đề nghị họ sửa, hoặc tạo nhóm riêng của cơ quan bạn.",
    en="This group is kept by {keeper}; ask them to change it, or make a group of your own.",
    status=403,
)
SHARED_BY_PROVINCE = Refusal(
    "shared_by_province",
    vi="Chỉ cơ quan cấp tỉnh lập được nhóm dùng chung toàn tỉnh; hãy lập nhóm riêng của cơ quan bạn.",
    en="Groups for the whole province are made at an agency of the province; make a group of your own agency.",
    status=403,
)
GROUP_NAME_TAKEN = Refusal(
    "group_name_taken",
    vi="Cơ quan đã có nhóm tên “{name}”; hãy đặt tên khác.",
    en="Your agency has a group called “{name}” already; give it another name.",
)

# --- taking back

NOT_DISPATCHED = Refusal(
    "not_dispatched",
    vi="Không có nơi nào đang giữ văn bản để yêu cầu; hãy tải lại trang để xem tình trạng các nơi nhận.",
    en="Nobody who was chosen has the document now; reload to see where it stands.",
)
RECALL_OPEN = Refusal(
    "recall_open",
    vi="Đã yêu cầu lấy lại và đang chờ trả lời: {names}; hãy đợi, chỉ yêu cầu lại được sau khi nơi nhận từ chối.",
    en="Taking it back was asked and is not answered yet: {names}; wait, it may be asked again after a refusal only.",
)
RECALL_AFTER_COMPLETION = Refusal(
    "recall_after_completion",
    vi="Đã xử lý xong văn bản này: {names}. Nếu vẫn cần thu hồi, hãy xác nhận yêu cầu cả nơi đã hoàn thành; nơi đó có quyền từ chối.",
    en="These have completed the work on it: {names}. To recall it nevertheless, confirm it for them too; they may refuse.",
)
FROZEN = Refusal(
    "document_recalled",
    vi="Văn bản đã thu hồi ngày {day} nên bị đóng băng: không gửi thêm, không sửa liên kết. Hãy ban hành văn bản khác.",
    en="The document was recalled on {day} and is frozen: it is not sent and its links are not changed. Issue another one.",
)
CONTENT_DESTROYED = Refusal(
    "content_destroyed",
    vi="{sender} đã thu hồi văn bản này, nội dung đã hủy ngày {day}; chỉ còn thông tin về việc thu hồi.",
    en="{sender} took this document back and its content was destroyed on {day}; only the record of that is left.",
    status=410,
)

DECLINED_WITHOUT_REASON = Refusal(
    "declined_without_reason",
    vi="Từ chối cho lấy lại (16) phải kèm lý do; hãy ghi lý do rồi gửi lại.",
    en="Refusing to give a document back (16) needs a reason; give one and send it again.",
    status=422,
)

# --- documents and one another

NOT_OWN_DOCUMENT = Refusal(
    "not_own_document",
    vi="Chỉ cập nhật, thay thế được văn bản do chính cơ quan bạn ban hành; hãy chọn lại văn bản.",
    en="Only a document that your own agency issued can be updated or replaced; choose again.",
    status=422,
)
ALREADY_REPLACED = Refusal(
    "already_replaced",
    vi="Văn bản số {number} đã được thay thế; văn bản đang có hiệu lực là số {current} ngày {day}. Hãy cập nhật hoặc thay thế văn bản đó.",
    en="Document {number} was replaced; the one that stands is {current} of {day}. Update or replace that one.",
)
REPLACED_UNSEEN = Refusal(
    "replaced_unseen",
    vi="Văn bản số {number} đã được thay thế bằng một văn bản mà bạn không được xem; hãy hỏi văn thư cơ quan.",
    en="Document {number} was replaced by one that you may not read; ask the agency's registrar.",
)
REPLACED_NOT_SENT = Refusal(
    "replaced_not_sent",
    vi="Văn bản số {number} đã được thay thế nên không gửi nữa; hãy gửi văn bản đang có hiệu lực, số {current} ngày {day}.",
    en="Document {number} was replaced and is not sent any more; send the one that stands, {current} of {day}.",
)
RELATED_IN_A_CIRCLE = Refusal(
    "related_in_a_circle",
    vi="Văn bản số {number} ra đời sau và đã cập nhật hoặc thay thế chính văn bản này; hãy chọn lại.",
    en="Document {number} came later and updates or replaces this very one; choose again.",
    status=422,
)
RELATED_ALREADY = Refusal(
    "related_already",
    vi="Hai văn bản này đã được liên kết; hãy bỏ liên kết cũ trước khi tạo liên kết khác.",
    en="These two documents are linked already; remove that link before you make another.",
)
SENT_WITHOUT_RELATION = Refusal(
    "sent_without_relation",
    vi="Văn bản đã gửi đi nên không ghi thêm được là cập nhật hay thay thế văn bản khác; hãy ban hành văn bản khác, liên kết rồi mới gửi.",
    en="The document is out already, so it can't be said now that it updates or replaces another; issue another one and link it before it is sent.",
)
RELATION_SENT = Refusal(
    "relation_sent",
    vi="Văn bản đã gửi đi kèm liên kết này nên không sửa được nữa; nếu sai, hãy thu hồi hoặc ban hành văn bản đính chính.",
    en="The document went out with this link, so it stays; recall it or issue a correction.",
)
ANSWER_NOT_REGISTERED = Refusal(
    "answer_not_registered",
    vi="Văn bản đến này chưa vào sổ hoặc đã từ chối, thu hồi nên chưa trả lời được; hãy vào sổ trước.",
    en="The incoming document is not registered, or was refused or taken back; register it before you answer it.",
)

# --- chasing

CHASED_ALREADY = Refusal(
    "chased_already",
    vi="Mỗi nơi chỉ đôn đốc một lần trong {hours} giờ; đã đôn đốc: {names}. Hãy đợi hoặc liên hệ trực tiếp.",
    en="A recipient is chased once in {hours} hours; chased already: {names}. Wait, or call them.",
    status=429,
)
NOBODY_TO_CHASE = Refusal(
    "nobody_to_chase",
    vi="Không còn nơi nào cần đôn đốc: các nơi đã chọn đã hoàn thành, từ chối hoặc trả lại văn bản.",
    en="Nobody is left to chase: all chosen recipients have completed, refused or given back the document.",
)

# --- arriving twice

LOOKS_LIKE_DUPLICATE = Refusal(
    "looks_like_duplicate",
    vi="Văn bản này trùng với văn bản đã vào sổ: {which}. Nếu vẫn phải vào sổ, hãy xác nhận; nếu không, hãy từ chối kèm lý do.",
    en="This looks like one that is registered already: {which}. Confirm to register it nevertheless, or refuse it.",
)

NOT_STAMPED_YET = Refusal(
    "not_stamped_yet",
    vi="Chỉ in có dấu ĐẾN sau khi văn bản vào sổ và còn nội dung; hãy đăng ký văn bản đến trước.",
    en="The incoming stamp is printed once the document is registered and while its content is here; register it first.",
)

"""Why docs refuses: each reason once, with a stable code and one sentence in Vietnamese and English."""

from __future__ import annotations

from shared.errors import Refusal

# --- files

FILE_TOO_LARGE = Refusal(
    "file_too_large",
    vi="Tệp vượt giới hạn {limit_mb} MB; hãy giảm dung lượng ảnh hoặc tách phụ lục thành tệp riêng.",
    en="The file is over the limit of {limit_mb} MB; shrink its images or send annexes as files of their own.",
    status=413,
)
FILE_CUT_OFF = Refusal(
    "file_cut_off",
    vi="Tệp tải lên bị ngắt giữa chừng; hãy kiểm tra đường truyền rồi gửi lại.",
    en="The upload broke off in the middle; check the line and send it again.",
    status=400,
)
FILE_UNKNOWN = Refusal(
    "file_unknown",
    vi="Không tìm thấy tệp đã tải lên ({file_id}); hãy tải lại tệp rồi gửi lại văn bản.",
    en="There is no uploaded file {file_id} of your agency; upload it and submit again.",
    status=422,
)
MAIN_PART_FIRST = Refusal(
    "main_part_first",
    vi="Văn bản cần đúng một phần chính đứng đầu, sau đó là phụ lục; hãy sắp xếp lại các tệp.",
    en="A document has exactly one main part, first, then its annexes; put the files in that order.",
    status=422,
)

# --- how good the proof must be

LEVEL_NOT_REACHED = Refusal(
    "level_not_reached",
    vi="Chữ ký mới đạt mức {level}, cơ quan quy định từ mức {needed} mới được gửi. Hệ thống đang tự bổ sung dấu thời gian và dữ liệu kiểm chứng; trang văn bản sẽ báo khi gửi được.",
    en="The signatures have reached level {level}; the agency dispatches from {needed} on. What is missing is being added by itself; the document's page says when it can go.",
)

# --- submitting

TYPE_UNKNOWN = Refusal(
    "type_unknown",
    vi="Loại văn bản {code} không có trong danh mục của Nghị định 30/2020; hãy chọn loại khác.",
    en="Document type {code} is not one that can be submitted under Decree 30/2020; choose another.",
    status=422,
)
SYMBOL_MALFORMED = Refusal(
    "symbol_malformed",
    vi="Ký hiệu {symbol} chưa đúng; hãy ghi các nhóm chữ nối bằng dấu gạch ngang, không dấu cách, ví dụ {example}.",
    en="Symbol {symbol} is not well-formed; write groups of letters joined by hyphens, no blanks, such as {example}.",
    status=422,
)
AUTHORITY_UNKNOWN = Refusal(
    "authority_unknown",
    vi="Cơ quan bạn không có thẩm quyền ký này; hãy chọn lại người ký trong danh sách.",
    en="Your agency has no such signing authority; choose the signer from the list again.",
    status=422,
)
AUTHORITY_ENDED = Refusal(
    "authority_ended",
    vi="Thẩm quyền ký của {name} không có hiệu lực hôm nay; hãy chọn người ký khác hoặc hỏi cán bộ quản lý danh mục.",
    en="The signing authority of {name} is not in force today; choose another signer or ask the registry officer.",
    status=422,
)
SIGNER_NOT_AUTHORISED_NOW = Refusal(
    "signer_not_authorised_now",
    vi="Hôm nay {name} không có thẩm quyền ký văn bản này; hãy trả lại văn bản để chọn người ký khác.",
    en="{name} has no authority to sign this document today; return it to have another signer chosen.",
)
AUTHORITY_OTHER_TYPES = Refusal(
    "authority_other_types",
    vi="{name} không được ký loại văn bản {type}; hãy chọn người ký khác.",
    en="{name} may not sign documents of type {type_en}; choose another signer.",
    status=422,
)
REVIEWER_UNKNOWN = Refusal(
    "reviewer_unknown",
    vi="Người xem xét đã chọn không giữ chức vụ nào trong cơ quan hôm nay; hãy chọn lại.",
    en="A chosen reviewer holds no post in your agency today; choose again.",
    status=422,
)

# --- who may

NOT_IN_POST = Refusal(
    "not_in_post",
    vi="Hôm nay bạn không giữ chức vụ này ở cơ quan; hãy đăng nhập lại, chọn chức vụ khác hoặc hỏi cán bộ quản lý danh mục.",
    en="You do not hold this post today; log in again, choose another post or ask the registry officer.",
    status=403,
)
NOT_A_REVIEWER = Refusal(
    "not_a_reviewer",
    vi="Bạn không phải người xem xét của văn bản này; hãy để người được giao duyệt.",
    en="You are not a reviewer of this document; leave it to those who are.",
    status=403,
)
NOT_YOURS_TO_RETURN = Refusal(
    "not_yours_to_return",
    vi="Chỉ người xem xét hoặc người ký mới trả lại được văn bản này; hãy liên hệ họ.",
    en="Only its reviewer or signer can return this document now; ask them.",
    status=403,
)
PARTNERS_ONLY = Refusal(
    "partners_only",
    vi="Địa chỉ này chỉ dành cho hệ thống đối tác; hãy dùng mã truy cập của đối tác.",
    en="This address is for partners' systems; use a partner's token.",
    status=403,
)
PEOPLE_ONLY = Refusal(
    "people_only",
    vi="Địa chỉ này dành cho người dùng của cơ quan; hệ thống đối tác dùng /docs/v1/exchange.",
    en="This address is for people of agencies; partners' systems use /docs/v1/exchange.",
    status=403,
)
REGISTRY_COPY_STALE = Refusal(
    "registry_copy_stale",
    vi="Chưa cập nhật được danh mục người ký và thẩm quyền nên tạm dừng cấp số, đóng dấu; hãy thử lại sau ít phút hoặc báo quản trị.",
    en="The copy of the registry is out of date, so no number is taken and nothing is sealed; try again in a few minutes or tell the operator.",
    status=503,
)

# --- the life of a document

NOT_IN_REVIEW = Refusal(
    "not_in_review",
    vi="Văn bản không còn ở bước xem xét; hãy tải lại trang để xem trạng thái mới.",
    en="The document is no longer in review; reload to see where it stands.",
)
NOT_RETURNED = Refusal(
    "not_returned",
    vi="Chỉ văn bản bị trả lại hoặc bị từ chối mới gửi lại được; hãy tải lại trang để xem trạng thái.",
    en="Only a returned or refused document can be submitted again; reload to see where it stands.",
)
CANNOT_RETURN_NOW = Refusal(
    "cannot_return_now",
    vi="Văn bản không ở bước xem xét hoặc chờ ký nên không trả lại được; hãy tải lại trang.",
    en="The document is neither in review nor waiting for a signature, so it can't be returned; reload.",
)
NOT_SIGNED_YET = Refusal(
    "not_signed_yet",
    vi="Văn bản chưa đủ chữ ký nên chưa cấp số được; hãy đợi người có thẩm quyền ký.",
    en="The document is not fully signed, so it gets no number yet; wait for the signer.",
)
REGISTER_UNKNOWN = Refusal(
    "register_unknown",
    vi="Không có sổ đăng ký văn bản đi mang mã {code}; hãy chọn sổ trong danh sách.",
    en="There is no register of outgoing documents with code {code}; choose one from the list.",
    status=422,
)
NUMBER_VOIDED = Refusal(
    "number_voided",
    vi="Số {number_symbol} của văn bản này đã hủy; hãy gửi lại nội dung thành văn bản mới.",
    en="Number {number_symbol} of this document was given up; submit its text as a new document.",
)
NUMBER_SYMBOL_TAKEN = Refusal(
    "number_symbol_taken",
    vi="Số và ký hiệu này đã có trong năm ở một sổ khác của cơ quan; hãy chọn sổ khác.",
    en="This number and symbol is already used this year in another register of the agency; choose another register.",
)
NOTHING_TO_VOID = Refusal(
    "nothing_to_void",
    vi="Chỉ hủy được số khi văn bản đã lấy số mà chưa đóng dấu xong; văn bản đã phát hành thì phải thu hồi.",
    en="A number can be given up only between taking it and the seal; an issued document has to be recalled.",
)
SEALED_OTHER_NUMBER = Refusal(
    "sealed_other_number",
    vi="Bản đóng dấu mang số {number}, khác số trong sổ; hãy báo quản trị, không phát hành bản này.",
    en="The sealed file bears number {number}, which is not the one in the book; tell the operator, do not send it.",
)
NOT_ISSUED = Refusal(
    "not_issued",
    vi="Văn bản chưa phát hành (chưa đủ chữ ký, số và dấu) nên chưa gửi được; hãy hoàn tất trước.",
    en="The document is not issued yet (signature, number and seal), so it can't be sent; finish that first.",
)

# --- dispatch

RECIPIENT_UNKNOWN = Refusal(
    "recipient_unknown",
    vi="Không có cơ quan nào đang hoạt động với mã định danh: {identifiers}; hãy sửa nơi nhận, chưa gửi cho ai cả.",
    en="No agency in being has the identifier: {identifiers}; correct the recipients, nothing was sent to anybody.",
    status=422,
)
RECIPIENT_REPEATED = Refusal(
    "recipient_repeated",
    vi="Nơi nhận bị lặp: {identifiers}; hãy bỏ bớt, chưa gửi cho ai cả.",
    en="Recipients appear twice: {identifiers}; remove the repetition, nothing was sent to anybody.",
    status=422,
)
RECIPIENT_IS_SENDER = Refusal(
    "recipient_is_sender",
    vi="Nơi nhận có chính cơ quan gửi; hãy bỏ cơ quan mình khỏi danh sách, chưa gửi cho ai cả.",
    en="The sender is among the recipients; take your own agency off the list, nothing was sent to anybody.",
    status=422,
)
ALREADY_DISPATCHED = Refusal(
    "already_dispatched",
    vi="Văn bản đã gửi đến: {identifiers}; hãy bỏ các nơi này, lần này chưa gửi cho ai cả.",
    en="The document was sent to {identifiers} before; take these off, nothing was sent this time.",
)

# --- arrivals and statuses

NOT_VALIDATED_YET = Refusal(
    "not_validated_yet",
    vi="Chữ ký số của văn bản đang được kiểm tra; hãy đợi kết quả rồi vào sổ.",
    en="The document's signatures are being validated; wait for the result, then register it.",
)
ALREADY_REFUSED = Refusal(
    "already_refused",
    vi="Văn bản đã bị từ chối tiếp nhận và trả lại nơi gửi; hãy đề nghị nơi gửi gửi lại.",
    en="The document was refused and went back to its sender; ask the sender to send it again.",
)
STATUS_NOT_POSSIBLE = Refusal(
    "status_not_possible",
    vi="Không chuyển được từ trạng thái {current} sang {new}; hãy tải lại để xem trạng thái mới nhất.",
    en="A delivery at status {current} can't go to {new}; reload to see where it stands.",
)
REASON_REQUIRED = Refusal(
    "reason_required",
    vi="Từ chối tiếp nhận (02) phải kèm lý do; hãy ghi lý do rồi gửi lại.",
    en="A refusal (02) needs a reason; give one and send it again.",
    status=422,
)
RECALL_PENDING = Refusal(
    "recall_pending",
    vi="{sender} đang yêu cầu lấy lại văn bản này; hãy đồng ý hoặc từ chối yêu cầu trước, rồi mới vào sổ.",
    en="{sender} asks to take this document back; agree or refuse first, then register it.",
)
NOTHING_ASKED = Refusal(
    "nothing_asked",
    vi="Nơi gửi không có yêu cầu lấy lại nào đang chờ trả lời; hãy tải lại trang để xem tình trạng.",
    en="The sender has no open request to take this back; reload to see where it stands.",
)
TAKEN_BACK = Refusal(
    "taken_back",
    vi="{sender} đã thu hồi văn bản này, nội dung đã hủy ở cơ quan bạn; nếu cần, hãy đề nghị nơi gửi gửi lại.",
    en="{sender} has taken this document back and its content is destroyed here; ask the sender to send it again.",
)
ASSIGNEE_UNKNOWN = Refusal(
    "assignee_unknown",
    vi="Người được giao không giữ chức vụ nào trong cơ quan hôm nay; hãy chọn người khác.",
    en="The person holds no post in your agency today; choose somebody else.",
    status=422,
)

# --- partners (answered on exchange.replies.<partner>)

SENDER_NOT_YOURS = Refusal(
    "sender_not_yours",
    vi="Cơ quan gửi {identifier} không thuộc hệ thống của đối tác này; hãy sửa message.sender.",
    en="Sending agency {identifier} is not one of this partner's; correct message.sender.",
    status=422,
)
RECIPIENT_NOT_HERE = Refusal(
    "recipient_not_here",
    vi="Cơ quan nhận {identifiers} không dùng hệ thống này; hãy gửi đến hệ thống của họ.",
    en="Recipients {identifiers} do not live in this deployment; send to theirs.",
    status=422,
)
FILE_NOT_UPLOADED = Refusal(
    "file_not_uploaded",
    vi="Chưa tải lên tệp có mã băm {sha256} và kích thước {size}; hãy POST /docs/v1/exchange/files trước rồi gửi lại.",
    en="No file with digest {sha256} and size {size} was uploaded; POST /docs/v1/exchange/files first, then send again.",
    status=422,
)
ISSUED_IN_FUTURE = Refusal(
    "issued_in_future",
    vi="Ngày ban hành {day} ở tương lai; hãy sửa message.issued_on.",
    en="The date of issue {day} lies in the future; correct message.issued_on.",
    status=422,
)
TEXT_NOT_ALLOWED = Refusal(
    "text_not_allowed",
    vi="Trường {where} trống, quá dài hoặc chứa ký tự điều khiển; hãy gửi văn bản Unicode bình thường.",
    en="Field {where} is empty, too long or has control characters; send plain Unicode text.",
    status=422,
)
TOO_MANY_ENTRIES = Refusal(
    "too_many_entries",
    vi="Thông điệp có {count} mục trong {what}, tối đa {limit}; hãy chia thành nhiều thông điệp.",
    en="The message has {count} entries in {what}, at most {limit} are taken; split it into several messages.",
    status=422,
)
DOCUMENT_ID_REUSED = Refusal(
    "document_id_reused",
    vi="Mã văn bản {document_id} đã dùng cho nội dung khác; hãy dùng mã mới.",
    en="Document id {document_id} was used for something else; use a new one.",
    status=422,
)
DELIVERY_UNKNOWN = Refusal(
    "delivery_unknown",
    vi="Không có lần gửi {delivery_id} nào đến đối tác này; hãy kiểm tra delivery_id.",
    en="There is no delivery {delivery_id} to this partner; check delivery_id.",
    status=422,
)
MESSAGE_UNREADABLE = Refusal(
    "message_unreadable",
    vi="Không đọc được bản tin ({detail}); hãy đối chiếu với asyncapi.yaml rồi gửi bản tin mới.",
    en="The message can't be read ({detail}); compare it with asyncapi.yaml and send a new one.",
    status=422,
)

# Why a document goes on waiting for its signer.

SIGNER_CERTIFICATE_UNUSABLE = Refusal(
    "signer_certificate_unusable",
    vi="{name} chưa có chứng thư số dùng được (bị thu hồi, tạm dừng hoặc chưa bàn giao xong); hãy làm thủ tục cấp chứng"
    " thư, hoặc trả lại văn bản để trình người khác ký.",
    en="{name} has no usable certificate (revoked, suspended or not handed over yet); get one, or return the document to"
    " have another sign.",
)
SIGNER_CERTIFICATE_ENDED = Refusal(
    "signer_certificate_ended",
    vi="Chứng thư số của {name} đã hết hạn; cần gia hạn, hoặc trả lại văn bản để trình người khác ký.",
    en="The certificate of {name} has ended; renew it, or return the document to have another sign.",
)

# --- the working calendar

CALENDAR_NOT_YOURS = Refusal(
    "calendar_not_yours",
    vi="Bạn không được sửa lịch làm việc của {scope}; lịch chung của tỉnh do cán bộ quản lý cấp tỉnh sửa, lịch riêng do văn thư cơ quan sửa.",
    en="You may not change the calendar of {scope}; the province's officers change its own, an agency's clerk that agency's.",
    status=403,
)

# --- what was disposed of

CONTENT_DISPOSED = Refusal(
    "content_disposed",
    vi="Nội dung văn bản này đã hủy theo quyết định {decision}; chỉ còn thông tin và biên bản hủy trong hồ sơ.",
    en="The content of this document was destroyed by decision {decision}; its data and the record in its file are left.",
    status=410,
)

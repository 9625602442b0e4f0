"""What registry refuses, and what to do about it."""

from __future__ import annotations

from shared.errors import Refusal

# --- who may, and what was read before it is changed

OFFICER_OF_PROVINCE = Refusal(
    "officer_of_province_only",
    vi="Việc này dành cho cán bộ quản lý danh bạ của tỉnh đang giữ chức vụ có hiệu lực; hãy chọn đúng chức vụ hoặc hỏi quản trị.",
    en="This is for an officer of the provincial registry whose post is valid today; choose that post or ask the administrator.",
    status=403,
)
OUT_OF_SCOPE = Refusal(
    "out_of_scope",
    vi="“{agency}” không thuộc phạm vi quản lý của bạn; hãy hỏi cán bộ quản lý danh bạ của tỉnh.",
    en='"{agency}" is not among the agencies that you oversee; ask the officer of the provincial registry.',
    status=403,
)
VERSION_REQUIRED = Refusal(
    "version_required",
    vi="Yêu cầu sửa cần tiêu đề If-Match với ETag của bản đã đọc; hãy tải lại rồi gửi kèm.",
    en="A change needs an If-Match header with the ETag of what was read; reload and send it along.",
    status=428,
)

# --- agencies

IDENTIFIER_INVALID = Refusal(
    "identifier_invalid",
    vi="Mã định danh “{identifier}” không đúng dạng của QĐ 20/2020 (ví dụ H37.10.005, tối đa 35 ký tự); hãy kiểm tra lại mã.",
    en="Identifier “{identifier}” is not of the form of Decision 20/2020 (such as H37.10.005, at most 35 characters); check it.",
    status=422,
)
OLD_IDENTIFIER_INVALID = Refusal(
    "old_identifier_invalid",
    vi="Mã định danh cũ “{identifier}” không đúng dạng của QCVN 102:2016 (ví dụ 005.10.00.H37); hãy kiểm tra lại mã.",
    en="Old identifier “{identifier}” is not of the form of QCVN 102:2016 (such as 005.10.00.H37); check it.",
    status=422,
)
IDENTIFIER_TAKEN = Refusal(
    "identifier_taken",
    vi="Mã định danh “{identifier}” đã thuộc về một cơ quan khác; hãy tìm cơ quan đó hoặc dùng mã khác.",
    en="Identifier “{identifier}” belongs to another agency; look that agency up or use another identifier.",
)
IDENTIFIER_FIXED = Refusal(
    "identifier_fixed",
    vi="Không đổi mã định danh hay cấp của một cơ quan đã có; hãy đặt ngày kết thúc cho cơ quan cũ và lập cơ quan mới.",
    en="The identifier and level of an agency stay as they are; end the old agency with a date and establish a new one.",
)
NOT_UNDER_PARENT = Refusal(
    "identifier_not_under_parent",
    vi="Mã “{identifier}” không nằm dưới mã “{parent}” của cơ quan cấp trên; hãy chọn đúng cơ quan cấp trên hoặc sửa mã.",
    en="“{identifier}” does not lie under the parent's “{parent}”; choose the right parent or correct the identifier.",
    status=422,
)
PARTNER_AND_LEVEL = Refusal(
    "partner_and_level_disagree",
    vi="Chỉ cơ quan ngoài tỉnh mới kết nối qua đối tác, và phải có tên đối tác; hãy sửa cấp hoặc tên đối tác.",
    en="An outside agency is reached through a named partner, and no other agency is; correct the level or the partner.",
    status=422,
)
NAME_MISSING = Refusal(
    "name_missing",
    vi="Tên còn trống; hãy nhập tên đầy đủ.",
    en="The name is empty; give the full name.",
    status=422,
)
PERIOD_INVERTED = Refusal(
    "period_inverted",
    vi="Ngày hết hiệu lực {until} trước ngày có hiệu lực {start}; hãy sửa lại hai ngày.",
    en="The last day {until} is before the first day {start}; correct the two dates.",
    status=422,
)

# --- people and posts

LOGIN_INVALID = Refusal(
    "login_invalid",
    vi="Tên đăng nhập “{login}” chỉ được gồm 3–64 chữ thường không dấu, chữ số, dấu chấm, gạch; hãy đặt lại.",
    en="Log-in “{login}” may hold 3 to 64 lower-case letters, digits, dots and dashes only; choose another.",
    status=422,
)
LOGIN_TAKEN = Refusal(
    "login_taken",
    vi="Tên đăng nhập “{login}” đã có người dùng; hãy tìm người đó hoặc đặt tên khác.",
    en="Log-in “{login}” is somebody else's; look that person up or choose another.",
)
LOGIN_FIXED = Refusal(
    "login_fixed",
    vi="Không đổi tên đăng nhập của một người đã có; hãy giữ “{login}”.",
    en="A person's log-in stays as it is; keep “{login}”.",
)
EMAIL_INVALID = Refusal(
    "email_invalid",
    vi="Địa chỉ thư “{email}” không hợp lệ; hãy nhập lại.",
    en="“{email}” is no e-mail address; correct it.",
    status=422,
)
POST_REMOVED = Refusal(
    "post_removed",
    vi="Không xóa chức vụ “{title}” đã từng giữ; hãy giữ lại và đặt ngày kết thúc.",
    en="Post “{title}” was held and stays on record; keep it and give it a last day.",
)
POST_MOVED = Refusal(
    "post_moved",
    vi="Không chuyển chức vụ “{title}” sang cơ quan khác; hãy kết thúc chức vụ này và thêm chức vụ mới.",
    en="Post “{title}” can't move to another agency; end it and add a new one.",
)
POST_TITLE_MISSING = Refusal(
    "post_title_missing",
    vi="Một chức vụ chưa có tên; hãy nhập tên chức vụ.",
    en="A post has no title; give one.",
    status=422,
)
POST_AGENCY = Refusal(
    "post_agency_not_suitable",
    vi="Không thể giữ chức vụ “{title}” ở “{agency}” từ ngày {start}: cơ quan ngoài hệ thống hoặc đã kết thúc; hãy chọn cơ quan khác.",
    en="Nobody can hold “{title}” at “{agency}” from {start}: it is outside or has ended; choose another agency.",
    status=422,
)
OFFICER_AGENCY = Refusal(
    "officer_agency_not_suitable",
    vi="Vai trò cán bộ danh bạ chỉ giao ở cơ quan cấp tỉnh hoặc cấp huyện; hãy bỏ vai trò này ở “{agency}”.",
    en="The role of registry officer is for provincial and district agencies; take it away at “{agency}”.",
    status=422,
)

# --- signing authority

SIGNER_POST = Refusal(
    "signer_post_not_suitable",
    vi="Chức vụ “{title}” không có vai trò lãnh đạo nên không được ký; hãy chọn chức vụ khác hoặc bổ sung vai trò.",
    en="Post “{title}” has no leader's role and may not sign; choose another post or add the role.",
    status=422,
)
SIGNER_ELSEWHERE = Refusal(
    "signer_of_another_agency",
    vi="Chức vụ ở “{post_agency}” không ký được cho “{agency}”; chỉ TL. và TUQ. được giao cho cơ quan trực thuộc, hãy chọn lại.",
    en="A post at “{post_agency}” can't sign for “{agency}”; only TL. and TUQ. go to an agency directly under it, choose again.",
    status=422,
)
BLOCK_INVALID = Refusal(
    "signer_block_invalid",
    vi="Khối chữ ký không khớp thẩm quyền “{capacity}”: cần 1–5 dòng, có dòng mở đầu bằng đúng chữ viết tắt này; hãy sửa lại.",
    en="The signer's block does not match capacity “{capacity}”: 1 to 5 lines, one beginning with just that prefix; correct it.",
    status=422,
)
TUQ_UNLIMITED = Refusal(
    "tuq_needs_limits",
    vi="Ký thừa ủy quyền phải giới hạn thời gian và nội dung (NĐ 30/2020, Điều 13); hãy nhập ngày kết thúc và loại văn bản.",
    en="TUQ. is limited in time and content (Decree 30/2020 art. 13); give a last day and document types.",
    status=422,
)
AUTHORITY_OUTSIDE_AGENCY = Refusal(
    "authority_outside_agency",
    vi="“{agency}” kết thúc vào {until}; thẩm quyền ký không thể kéo dài hơn, hãy chọn ngày kết thúc sớm hơn.",
    en='"{agency}" ends on {until}; signing authority can\'t outlast it, choose an earlier last day.',
    status=422,
)
AUTHORITY_OUTSIDE_POST = Refusal(
    "authority_outside_post",
    vi="Thẩm quyền ký ({start} – {until}) vượt ra ngoài thời gian giữ chức vụ ({post_start} – {post_until}); hãy sửa ngày.",
    en="The authority ({start} to {until}) reaches beyond the time of the post ({post_start} to {post_until}); correct the dates.",
    status=422,
)
AUTHORITY_FIXED = Refusal(
    "authority_fixed",
    vi="Không đổi người, cơ quan, chức vụ hay cách ký của thẩm quyền đã cấp; hãy thu hồi và cấp thẩm quyền mới.",
    en="Who signs, for whom and in which capacity stays as granted; withdraw this authority and grant a new one.",
)
AUTHORITY_WITHDRAWN = Refusal(
    "authority_withdrawn",
    vi="Thẩm quyền ký này đã bị thu hồi; hãy cấp thẩm quyền mới.",
    en="This authority is withdrawn; grant a new one.",
)

# --- certificates on entry

CERTIFICATE_UNREADABLE = Refusal(
    "certificate_unreadable",
    vi="Không đọc được chứng thư; hãy gửi đúng một chứng thư X.509 dạng PEM.",
    en="The certificate can't be read; send exactly one X.509 certificate as PEM.",
    status=422,
)
CHAIN_UNREADABLE = Refusal(
    "certificate_chain_unreadable",
    vi="Không đọc được chuỗi chứng thư của CA; hãy gửi các chứng thư trung gian dạng PEM, hoặc để trống.",
    en="The CA's chain can't be read; send the intermediate certificates as PEM, or none.",
    status=422,
)
PRIVATE_KEY_SENT = Refusal(
    "private_key_sent",
    vi="Tệp gửi lên có khóa bí mật nên không được nhận và không được lưu; hãy coi khóa đó là đã lộ, tạo khóa mới rồi xin chứng thư mới.",
    en="What was sent holds a private key; it was neither accepted nor kept. Treat that key as compromised and make a new one.",
    status=422,
)
CERTIFICATE_KEY_WEAK = Refusal(
    "certificate_key_weak",
    vi="Khóa {key} quá yếu hoặc không dùng để ký văn bản; cần RSA từ 2048 bit hoặc ECDSA P-256, P-384, P-521, hãy xin cấp lại.",
    en="A {key} key is too weak or not for documents; RSA of 2048 bits or ECDSA P-256, P-384, P-521 is needed, request a new one.",
    status=422,
)
CERTIFICATE_DIGEST_WEAK = Refusal(
    "certificate_digest_weak",
    vi="Chứng thư được ký bằng thuật toán {digest} không còn an toàn; hãy xin cấp lại với SHA-256 trở lên.",
    en="The certificate is signed with {digest}, which is not safe any more; request one with SHA-256 or better.",
    status=422,
)
CERTIFICATE_EXPIRED = Refusal(
    "certificate_expired",
    vi="Chứng thư đã hết hạn lúc {at}; hãy xin gia hạn hoặc cấp chứng thư mới.",
    en="The certificate expired at {at}; renew it or request a new one.",
    status=422,
)
CERTIFICATE_NOT_YET_VALID = Refusal(
    "certificate_not_yet_valid",
    vi="Chứng thư đến {at} mới có hiệu lực; hãy đăng ký lại từ lúc đó và kiểm tra đồng hồ máy chủ.",
    en="The certificate is not valid before {at}; register it then, and check this machine's clock.",
    status=422,
)
CERTIFICATE_USAGE = Refusal(
    "certificate_wrong_usage",
    vi="Chứng thư không dành cho ký văn bản ({usage}); hãy dùng chứng thư có keyUsage digitalSignature hoặc nonRepudiation, không phải CA.",
    en="The certificate is not for signing documents ({usage}); use one with digitalSignature or nonRepudiation that is no CA's.",
    status=422,
)
CERTIFICATE_SELF_SIGNED = Refusal(
    "certificate_self_signed",
    vi="Chứng thư tự ký nên không ai bảo chứng; hãy dùng chứng thư do CA chuyên dùng công vụ cấp.",
    en="The certificate is self-signed and nobody vouches for it; use one that the public-service CA issued.",
    status=422,
)
CERTIFICATE_UNTRUSTED = Refusal(
    "certificate_untrusted",
    vi="Chứng thư không nối được tới CA gốc nào được ghim ở đây; hãy gửi kèm chuỗi CA, hoặc nhờ quản trị ghim CA gốc.",
    en="No path leads from the certificate to a trust anchor pinned here; send its CA chain, or have the operator pin the root.",
    status=422,
)
CERTIFICATE_OTHER_EMAIL = Refusal(
    "certificate_other_email",
    vi="Chứng thư ghi thư điện tử {found}, còn {holder} trong danh bạ dùng {known}: có thể là người trùng tên; hãy chọn đúng người, hoặc sửa thư điện tử trong danh bạ.",
    en="The certificate names the e-mail {found}, {holder} in the directory has {known}: it may be somebody of the same name; choose the right person, or correct the e-mail in the directory.",
    status=422,
)
CERTIFICATE_OF_ANOTHER = Refusal(
    "certificate_of_another",
    vi="Chứng thư ghi tên “{subject}”, không phải “{holder}”; hãy chọn đúng người hoặc cơ quan.",
    en="The certificate names “{subject}”, not “{holder}”; choose the right person or agency.",
    status=422,
)
CERTIFICATE_DUPLICATE = Refusal(
    "certificate_duplicate",
    vi="Chứng thư số {serial} đã được đăng ký; hãy mở bản ghi đã có thay vì đăng ký lại.",
    en="Certificate {serial} is registered already; open that record instead of registering it again.",
)
KEY_OF_ANOTHER = Refusal(
    "certificate_key_of_another",
    vi="Khóa trong chứng thư {serial} đã thuộc về người hoặc cơ quan khác; mỗi khóa chỉ của một chủ, hãy tạo khóa mới.",
    en="The key in certificate {serial} is another holder's; a key has one owner, make a new one.",
)
HOLDER_NEEDED = Refusal(
    "certificate_holder_needed",
    vi="Cần chỉ rõ đúng một chủ chứng thư: một người, hoặc một cơ quan (khóa con dấu); hãy sửa lại.",
    en="Name exactly one holder: a person, or an agency (its seal); correct the request.",
    status=422,
)
HOLDER_ENDED = Refusal(
    "certificate_holder_ended",
    vi="“{holder}” không còn hoạt động hoặc ở ngoài hệ thống, nên không đăng ký chứng thư; hãy chọn lại.",
    en="“{holder}” is not active, or lives outside, so no certificate is registered; choose again.",
)

# --- life of a certificate

CERTIFICATE_REVOKED = Refusal(
    "certificate_revoked",
    vi="Chứng thư {serial} đã bị thu hồi, và thu hồi là vĩnh viễn; hãy xin chứng thư mới.",
    en="Certificate {serial} is revoked, for ever; request a new one.",
)
CERTIFICATE_ENDED = Refusal(
    "certificate_ended",
    vi="Chứng thư {serial} đang ở trạng thái “{status_vi}” nên không làm được việc này; hãy tải lại để xem trạng thái.",
    en="Certificate {serial} is “{status_en}”, which does not allow this; reload to see its state.",
)
REASON_UNKNOWN = Refusal(
    "revocation_reason_unknown",
    vi="Lý do “{reason}” không có trong danh mục ({known}); hãy chọn lại.",
    en="“{reason}” is none of the reasons ({known}); choose one.",
    status=422,
)

# --- requests to the CA

CSR_UNREADABLE = Refusal(
    "request_unreadable",
    vi="Không đọc được yêu cầu cấp chứng thư; hãy gửi CSR (PKCS#10) dạng PEM.",
    en="The certificate request can't be read; send a CSR (PKCS#10) as PEM.",
    status=422,
)
CSR_UNPROVED = Refusal(
    "request_unproved",
    vi="Chữ ký trên CSR không khớp khóa trong đó; hãy tạo lại CSR bằng chính khóa ấy.",
    en="The signature on the request does not match its key; make it again with that very key.",
    status=422,
)
REQUEST_REPEATED = Refusal(
    "request_repeated",
    vi="Khóa này đã có yêu cầu hoặc chứng thư; hãy mở yêu cầu đã có, hoặc tạo khóa mới.",
    en="There is a request or certificate for this key already; open it, or make a new key.",
)
CA_UNREACHABLE = Refusal(
    "ca_unreachable",
    vi="Chưa liên lạc được với CA ({why}); hệ thống tự thử lại, không cần gửi lại.",
    en="The CA can't be reached ({why}); this is tried again by itself, do not send it again.",
    status=503,
)
CA_REFUSED = Refusal(
    "ca_refused",
    vi="CA từ chối ({code}): {reason_vi}",
    en="The CA refuses ({code}): {reason_en}",
)
CA_SECRET_MISSING = Refusal(
    "ca_secret_missing",
    vi="Thiếu mã bí mật để gọi CA ({where}); hãy khởi động CA phát triển trước, hoặc đặt VANTHU_DEVPKI_SECRET.",
    en="The secret for the CA is missing ({where}); start the development CA first, or set VANTHU_DEVPKI_SECRET.",
    status=503,
)
STILL_WAITING = Refusal(
    "request_still_waiting",
    vi="CA chưa trả lời yêu cầu {request}; yêu cầu vẫn được giữ và tự thử lại, hãy xem lại sau.",
    en="The CA has not answered request {request} yet; it is kept and tried again by itself, look again later.",
    status=503,
)

# --- trust anchors, import

ANCHOR_UNSUITABLE = Refusal(
    "anchor_unsuitable",
    vi="Tệp không phải một chứng thư CA gốc còn hiệu lực ({why}); hãy kiểm tra lại tệp.",
    en="This is not a CA certificate that is valid now ({why}); check the file.",
    status=422,
)
FINGERPRINT_DIFFERS = Refusal(
    "anchor_fingerprint_differs",
    vi="Dấu vân tay của tệp là {found}, khác với dấu đã cho; không ghim, hãy lấy lại tệp từ nguồn tin cậy.",
    en="The file's fingerprint is {found}, not the one given; it is not pinned, get the file from a source you trust.",
    status=422,
)
IMPORT_UNREADABLE = Refusal(
    "import_unreadable",
    vi="Không đọc được tệp nhập {file}: {why}; hãy xem mẫu trong services/registry/README.md.",
    en="Import file {file} can't be read: {why}; see the example in services/registry/README.md.",
    status=422,
)
IMPORT_REFUSED = Refusal(
    "import_refused",
    vi="Tệp nhập có {count} dòng sai nên chưa nhập dòng nào; hãy sửa các dòng được liệt kê rồi nhập lại.",
    en="{count} rows of the file are wrong and nothing was imported; correct the rows listed and import again.",
    status=422,
)
UNKNOWN_NAMED = Refusal(
    "import_unknown_name",
    vi="Không có {what} “{name}”, cả trong tệp lẫn trong danh bạ; hãy sửa lại.",
    en="There is no {what} “{name}”, neither in the file nor in the registry; correct it.",
    status=422,
)
ROW_REPEATED = Refusal(
    "import_row_repeated",
    vi="“{name}” xuất hiện hai lần trong tệp; hãy bỏ một dòng.",
    en="“{name}” stands twice in the file; remove one.",
    status=422,
)

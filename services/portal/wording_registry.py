"""What the registry's codes are called on screen: agencies, authority, certificates, devices and how they are got."""

from __future__ import annotations

LEVELS = {"province": "Cấp tỉnh", "district": "Cấp huyện", "commune": "Cấp xã", "outside": "Ngoài tỉnh"}

HOME_LEVELS = {level: text for level, text in LEVELS.items() if level != "outside"}

# NĐ 30/2020 art. 13: how somebody signs for an agency.
CAPACITIES = {
    "": "Ký trực tiếp",
    "TM.": "TM. (thay mặt tập thể)",
    "Q.": "Q. (quyền)",
    "KT.": "KT. (ký thay)",
    "TL.": "TL. (thừa lệnh)",
    "TUQ.": "TUQ. (thừa ủy quyền)",
}

# Where, what it is called, for whom.
REGISTRY_PAGES = (
    ("/certificates", "Chứng thư", ("officer", "clerk", "leader")),
    ("/procedures", "Thủ tục", ("officer", "clerk")),
    ("/devices", "Thiết bị", ("officer", "clerk", "leader")),
    ("/figures", "Số liệu", ("officer", "clerk")),
    ("/ca", "Gửi, nhận với nơi cấp", ("officer",)),
    ("/trust", "Nguồn tin cậy", ("officer", "operator")),
)

PROCEDURE_STATES = {
    "requested": ("Đã đề nghị", "wait"),
    "approved": ("Đã duyệt", "act"),
    "forwarded": ("Đã chuyển đi", "work"),
    "issued": ("Đã có kết quả", "act"),
    "handed_over": ("Đã bàn giao", "wait"),
    "done": ("Xong", "good"),
    "refused": ("Bị từ chối", "bad"),
    "withdrawn": ("Đã rút", "off"),
}

DEVICE_TYPES = {"pki_token": "PKI Token (USB)", "sim_pki": "SIM PKI", "hsm": "HSM"}

PLACES = {
    "in_stock": ("Trong kho", "off"),
    "at_agency": ("Ở cơ quan", "good"),
    "with_person": ("Người dùng giữ", "good"),
    "returned": ("Đã giao nộp", "off"),
    "lost": ("Bị mất", "bad"),
}

CERTIFICATE_KINDS = {"person": "cá nhân", "seal": "con dấu cơ quan"}

STAGES = {
    "issued": ("Đã cấp, chưa bàn giao", "wait"),
    "handed_over": ("Đã bàn giao, chờ ký nhận", "wait"),
}

# A request to the CA, as long as no certificate came of it.
REQUESTS = {"requested": ("Chờ nơi cấp", "wait"), "refused": ("Không được cấp", "bad")}

SUCCESSIONS = {"merger": "Sáp nhập", "split": "Chia tách", "dissolution": "Giải thể"}

# What an agency had before, by field.
PAST = {"name": "Tên cũ", "identifier": "Mã cũ", "old_identifier": "Mã 13 ký tự cũ"}

SHEETS = {"agencies": "Cơ quan", "units": "Phòng, ban", "people": "Người"}

DELEGATIONS = {
    "KT.": "Ký thay (KT.), cho cấp phó",
    "TL.": "Thừa lệnh (TL.), cho người đứng đầu đơn vị",
    "TUQ.": "Thừa ủy quyền (TUQ.), có văn bản ủy quyền",
}

# What a pinned root CA is believed for.
PURPOSES = {
    "sign_documents": "Chữ ký của người",
    "seal_documents": "Con dấu của cơ quan",
    "time_stamps": "Dấu thời gian",
}

CERTIFICATE_STATUSES = {
    "active": ("Đang dùng", "good"),
    "suspended": ("Tạm dừng", "wait"),
    "revoked": ("Đã thu hồi", "bad"),
    "expired": ("Hết hạn", "off"),
    "renewed": ("Đã thay mới", "off"),
}

# RFC 5280 §5.3.1
REVOCATIONS = {
    "keyCompromise": "Lộ khóa, mất USB token",
    "affiliationChanged": "Chuyển công tác, nghỉ việc",
    "superseded": "Đã thay chứng thư mới",
    "cessationOfOperation": "Cơ quan giải thể, ngừng dùng",
    "privilegeWithdrawn": "Không còn được dùng",
    "unspecified": "Lý do khác",
}

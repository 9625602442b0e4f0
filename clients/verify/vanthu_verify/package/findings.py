"""What the package's verifier finds: stable codes with their weight, and the sentences for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vanthu_verify.ledger.findings import Weight

_T, _D, _N = Weight.TAMPERED, Weight.DOUBT, Weight.NOTE
SENTENCES: dict[str, tuple[Weight, str, str]] = {
    "not_a_zip": (_T, "Tệp không phải gói ZIP đọc được.", "The file is no ZIP that can be read."),
    "zip_broken": (_T, "Tệp nén trong gói bị hỏng: {name}.", "An entry of the ZIP is broken: {name}."),
    "name_unsafe": (
        _T,
        "Tên tệp trong gói không an toàn hoặc lặp lại: {name}.",
        "A name is unsafe or stands twice: {name}.",
    ),
    "no_manifest": (_T, "Gói không có tệp manifest-sha256.txt.", "The package has no manifest-sha256.txt."),
    "manifest_broken": (
        _T,
        "Dòng của manifest không đọc được: {name}.",
        "A line of the manifest can't be read: {name}.",
    ),
    "file_missing": (_T, "Thiếu tệp {name}.", "File {name} is missing."),
    "file_changed": (_T, "Tệp {name} đã bị sửa.", "File {name} was changed."),
    "file_added": (_T, "Tệp {name} không có trong manifest.", "File {name} is not in the manifest."),
    "metadata_broken": (_T, "Không đọc được {name}.", "{name} can't be read."),
    "metadata_differ": (
        _T,
        "metadata.json và metadata.xml nói khác nhau: {name}.",
        "metadata.json and .xml disagree: {name}.",
    ),
    "part_differs": (_T, "Thông tin và tệp không khớp: {name}.", "The metadata and the file disagree: {name}."),
    "signature_failed": (_T, "Chữ ký trên {name} không hợp lệ ({why}).", "A signature on {name} is not valid ({why})."),
    "signature_unsure": (
        _N,
        "Chữ ký trên {name} chưa xác định ({why}).",
        "A signature on {name} is indeterminate ({why}).",
    ),
    "pdf_unreadable": (_D, "Không kiểm tra được {name} ({why}).", "{name} can't be validated ({why})."),
    "unsigned": (_N, "{name} không có chữ ký số.", "{name} bears no signature."),
    "no_ledger": (_D, "Gói không có bằng chứng của sổ cái.", "The package has no evidence from the ledger."),
    "ledger_broken": (
        _T,
        "Không đọc được bằng chứng của sổ cái: {name}.",
        "The ledger's evidence can't be read: {name}.",
    ),
    "proof_failed": (
        _T,
        "Mục {name} của sổ cái không thuộc bản niêm phong.",
        "Ledger entry {name} is not under the sealed head.",
    ),
    "head_bad": (_T, "Bản niêm phong sổ cái không hợp lệ: {why}", "The ledger's head does not hold: {why}"),
    "content_unlike_ledger": (
        _T,
        "Tệp {name} khác với tệp mà sổ cái ghi khi ban hành hoặc gửi.",
        "File {name} is not the one that the ledger states as issued or sent.",
    ),
    "document_left_out": (
        _T,
        "Sổ cái ghi văn bản {name} đã vào hồ sơ, nhưng gói không có.",
        "The ledger states that {name} was put into the file, and the package lacks it.",
    ),
    "documents_withheld": (
        _D,
        "Gói cho biết thiếu {name} văn bản mà người xuất gói không được xem; các văn bản đó không kiểm tra được ở đây.",
        "The package says that it lacks {name} documents which whoever ordered it may not see; nothing is checked of those.",
    ),
    "not_proven": (
        _N,
        "Văn bản {name} chưa có mục nào trong bản niêm phong.",
        "{name} has no entry under the sealed head yet.",
    ),
    "no_trust": (_D, "Chưa cho chứng thư gốc (--trust).", "No trusted root was given (--trust)."),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """`name`: which file, document or entry."""

    code: str
    name: str = ""
    why: str = ""

    @property
    def weight(self) -> Weight:
        return SENTENCES[self.code][0]

    @property
    def vi(self) -> str:
        return SENTENCES[self.code][1].format(name=self.name, why=self.why)

    @property
    def en(self) -> str:
        return SENTENCES[self.code][2].format(name=self.name, why=self.why)

    def to_json(self) -> dict[str, Any]:
        return {"code": self.code, "weight": self.weight.value, "name": self.name, "vi": self.vi, "en": self.en}

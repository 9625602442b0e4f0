"""The words of a validation report on a page: indications, reasons, what was changed, building blocks."""

from __future__ import annotations

REASONS = {
    "forbidden_modification": "văn bản bị sửa sau khi ký theo cách không được phép",
    "integrity_broken": "nội dung không còn khớp với chữ ký",
    "trailing_bytes": "có dữ liệu lạ sau phần đã ký",
    "unsupported_signature": "kiểu chữ ký cũ, không kiểm tra được",
    "unsupported_algorithm": "thuật toán không kiểm tra được",
    "unreadable_signature": "chữ ký hỏng cấu trúc",
    "several_signers": "một ô chữ ký chứa chữ ký của nhiều người, trái quy cách",
    "no_dictionary": "chữ ký hỏng cấu trúc",
    "message_digest_missing": "chữ ký không nêu giá trị băm của văn bản",
    "content_type_differs": "chữ ký nêu một loại nội dung khác",
    "partial_coverage": "chữ ký không bao trùm toàn bộ phiên bản",
    "signature_removed": "một chữ ký đã bị gỡ khỏi văn bản",
    "not_in_signed_revision": "chữ ký không thuộc phiên bản mà nó ký",
    "algorithm_mismatch": "các thuật toán trong chữ ký không khớp nhau",
    "attributes_not_in_order": "thuộc tính của chữ ký không đúng quy cách",
    "certificate_reference_differs": "chữ ký nêu một chứng thư khác",
    "certificate_missing": "không có chứng thư của người ký",
    "content_enclosed": "chữ ký mang theo nội dung riêng, khác văn bản",
    "no_byte_range": "chữ ký không nêu phần văn bản mà nó ký",
    "signed_revision_unreadable": "không đọc được phiên bản đã ký",
    "byte_range_beyond_file": "tệp bị cắt, thiếu phần đã ký",
    "no_signature_value": "ô chữ ký không có giá trị chữ ký",
    "not_trusted": "chứng thư không dẫn đến gốc được tin cậy",
    "extension_unknown": "chứng thư có điều kiện mà phần mềm không biết",
    "path_too_long": "đường dẫn chứng thư dài hơn mức CA cho phép",
    "name_not_permitted": "tên trong chứng thư ngoài phạm vi CA được phép cấp",
    "wrong_usage": "chứng thư không dùng để ký",
    "issuer_not_authority": "chứng thư do người không có quyền cấp",
    "weak_algorithm": "thuật toán hoặc khóa không còn đủ an toàn",
    "revoked": "chứng thư đã bị thu hồi",
    "revocation_unknown": "không kiểm tra được tình trạng thu hồi",
    "expired": "chứng thư ngoài thời hạn",
    "signed_later": "dấu thời gian sau thời điểm kiểm tra",
    "no_signature": "không có chữ ký số",
    "time_stamps_only": "chỉ có dấu thời gian, không có chữ ký",
    "person_missing": "thiếu chữ ký hợp lệ của người có thẩm quyền",
    "agency_missing": "thiếu chữ ký hợp lệ của cơ quan",
    "level_too_low": "chữ ký chưa có dấu thời gian lưu trữ",
    "encrypted": "tệp bị mã hóa",
    "damaged": "tệp PDF hỏng",
    "unreadable": "không đọc được",
}

INDICATIONS = {
    "TOTAL_PASSED": ("good", "Chữ ký hợp lệ"),
    "TOTAL_FAILED": ("bad", "Chữ ký không hợp lệ"),
    "INDETERMINATE": ("wait", "Chưa đủ căn cứ kết luận"),
}

STAMPS = {
    "TOTAL_PASSED": ("good", "Dấu thời gian hợp lệ"),
    "TOTAL_FAILED": ("bad", "Dấu thời gian không hợp lệ"),
    "INDETERMINATE": ("wait", "Chưa đủ căn cứ kết luận"),
}

MODIFICATIONS = {
    "NONE": "không có thay đổi nào sau chữ ký này",
    "LTA_UPDATES": "chỉ thêm dữ liệu kiểm chứng, dấu thời gian",
    "FORM_FILLING": "chỉ điền số, ngày và đóng dấu (được phép)",
    "ANNOTATIONS": "có thêm ghi chú",
    "FORBIDDEN": "có sửa đổi không được phép",
}

# By which policy a file was judged; a name that is new here shows itself.
POLICIES = {
    "default": "mặc định",
    "incoming": "văn bản đến (chữ ký người có thẩm quyền và chữ ký cơ quan)",
    "archive": "lưu trữ (mọi chữ ký có dấu thời gian lưu trữ)",
    "foreign": "văn bản nước ngoài",
}

COVERAGE = {
    "ENTIRE_FILE": "bao trùm toàn bộ tệp",
    "ENTIRE_REVISION": "bao trùm toàn bộ phiên bản được ký",
    "CONTIGUOUS_BLOCK_FROM_START": "chỉ bao trùm phần đầu của tệp",
    "UNCLEAR": "không rõ bao trùm phần nào",
}

KINDS = {"signature": "Chữ ký", "seal": "Dấu cơ quan", "timestamp": "Dấu thời gian"}

# What a later revision changed; a code that is new here shows itself.
CHANGES = {
    "signature": "thêm một chữ ký",
    "certification": "chữ ký thêm vào cho biết những gì được phép thay đổi",
    "signature_field_added": "thêm ô chữ ký",
    "signature_changed": "sửa một chữ ký",
    "signature_removed": "gỡ một chữ ký",
    "document_time_stamp": "thêm dấu thời gian",
    "validation_data": "thêm dữ liệu kiểm chứng",
    "validation_data_removed": "gỡ dữ liệu kiểm chứng",
    "form_filled": "điền vào biểu mẫu",
    "field_added": "thêm ô biểu mẫu",
    "field_changed": "sửa ô biểu mẫu",
    "field_removed": "gỡ ô biểu mẫu",
    "appearance_changed": "đổi cách hiển thị một ô",
    "appearance_used_elsewhere": "đổi hình dùng chung với phần khác của trang",
    "appearances_made_anew": "yêu cầu trình đọc vẽ lại các ô",
    "annotation_added": "thêm ghi chú",
    "annotation_changed": "sửa ghi chú",
    "annotation_removed": "gỡ ghi chú",
    "content": "sửa nội dung trang",
    "pages": "thêm, bớt hoặc đổi trang",
    "metadata": "sửa thông tin mô tả tệp",
    "extensions": "khai báo phần mở rộng của PDF",
    "structure": "cập nhật cấu trúc tệp",
    "structure_changed": "sửa cấu trúc tệp",
    "unreadable": "dữ liệu không đọc được",
    "other": "thay đổi khác",
}

BLOCKS = {
    "format_checking": "Định dạng",
    "identification": "Xác định chứng thư người ký",
    "validation_context": "Khởi tạo bối cảnh",
    "x509_validation": "Chứng thư và đường dẫn tin cậy",
    "cryptographic_verification": "Kiểm tra mật mã",
    "signature_acceptance": "Chấp nhận chữ ký",
    "time_stamping": "Dấu thời gian",
    "revocation": "Tình trạng thu hồi",
    "validation_with_proofs_of_existence": "Kiểm tra theo bằng chứng thời điểm tồn tại",
}

SOURCES = {"dss": "có trong văn bản", "signature": "có trong chữ ký", "fetched": "hỏi CA", "kept": "dữ liệu CA đã lưu"}
OUTCOMES = {"PASSED": "good", "FAILED": "bad", "INDETERMINATE": "wait", "IGNORED": ""}

"""Why a picture of a signature or seal is not taken: each reason once, with its code and both sentences."""

from __future__ import annotations

from shared.errors import Refusal

PICTURE_NOT_PNG = Refusal(
    "picture_not_png",
    vi="Tệp không phải ảnh PNG đọc được; hãy lưu ảnh dạng PNG (nền trong suốt) rồi tải lên lại.",
    en="The file is no readable PNG; save the picture as PNG with a transparent background and upload it again.",
    status=422,
)
PICTURE_TOO_LARGE = Refusal(
    "picture_too_large",
    vi="Ảnh vượt giới hạn {limit_kb} KB; hãy giảm kích thước ảnh.",
    en="The picture is over {limit_kb} KB; make it smaller.",
    status=413,
)
PICTURE_SIZE = Refusal(
    "picture_size",
    vi="Ảnh {width} × {height} điểm; mỗi chiều phải từ {least} đến {most} điểm. Hãy quét lại hoặc cắt ảnh cho vừa.",
    en="The picture has {width} × {height} pixels; each side must have {least} to {most}. Scan it again or crop it.",
    status=422,
)
PICTURE_NOT_TRANSPARENT = Refusal(
    "picture_not_transparent",
    vi="Nền ảnh không trong suốt nên sẽ che chữ trên văn bản; hãy xóa nền, giữ lại nét mực, rồi tải lên lại.",
    en="The background is not transparent and would cover the text; remove it, keep the ink, and upload the picture again.",
    status=422,
)
PICTURE_EMPTY = Refusal(
    "picture_empty",
    vi="Ảnh không có nét mực nào đủ lớn để nhìn thấy; hãy chọn ảnh khác.",
    en="There is no ink in the picture that is large enough to be seen; choose another.",
    status=422,
)
PICTURE_NOT_OPAQUE_ENOUGH = Refusal(
    "picture_too_faint",
    vi="Nét mực trong ảnh quá mờ hoặc quá mảnh; hãy quét lại với độ tương phản cao hơn.",
    en="The ink in the picture is too faint or too thin; scan it again with more contrast.",
    status=422,
)
PICTURE_WRONG_COLOUR = Refusal(
    "picture_wrong_colour",
    vi="Ảnh phải màu {vi} (Nghị định 30/2020/NĐ-CP, Phụ lục I); hãy quét bản màu {vi} rồi tải lên lại.",
    en="The picture must be {en} (Decree 30/2020, annex I); scan one in {en} and upload it again.",
    status=422,
)
PICTURE_NOT_ROUND = Refusal(
    "picture_not_round",
    vi="Ảnh con dấu phải tròn và không có gì ngoài con dấu, để in đúng kích thước thật; hãy cắt sát con dấu.",
    en="The picture must hold the round seal and nothing else, so that it is shown at its actual size; crop it to the seal.",
    status=422,
)

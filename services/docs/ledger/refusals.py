"""What the ledger refuses, and why nothing can be proven yet."""

from __future__ import annotations

from shared.errors import Refusal

DAMAGED = Refusal(
    "ledger_damaged",
    vi="Sổ cái thiếu hoặc có dữ liệu bị sửa nên không thể chứng minh; báo ngay người vận hành để đối chiếu với các bản đã lưu.",
    en="The ledger lacks data or holds data that was changed, so nothing can be proven; tell the operator at once to compare it with kept copies.",
    status=503,
)
SEALER_UNKNOWN = Refusal(
    "ledger_sealer_unknown",
    vi="Chưa biết cơ quan {identifier} được chỉ định niêm phong sổ cái; người vận hành kiểm tra VANTHU_LEDGER_SEALER và danh bạ.",
    en="Agency {identifier}, named to seal the ledger, is not known here; the operator checks VANTHU_LEDGER_SEALER and the directory.",
    status=503,
)
RANGE = Refusal(
    "ledger_range",
    vi="Sổ cái hiện có {size} mục; hãy chọn vị trí và độ dài nằm trong đó.",
    en="The ledger has {size} entries now; choose a position and length inside it.",
    status=422,
)
NOT_SEALED_YET = Refusal(
    "ledger_not_sealed_yet",
    vi="Mục này chưa nằm trong lần niêm phong nào của sổ cái; việc đó diễn ra ít nhất mỗi giờ, hãy thử lại sau.",
    en="No sealed head of the ledger reaches this entry yet; that happens at least hourly, try again later.",
    status=409,
)

"""Why figures are not given."""

from __future__ import annotations

from shared.errors import Refusal

FIGURES_OF_THE_FUTURE = Refusal(
    "figures_of_the_future",
    vi="Chưa có số liệu của ngày {day}; hãy chọn ngày không sau hôm nay.",
    en="There are no figures of {day} yet; choose a day that is not after today.",
    status=422,
)
FIGURES_PERIOD_WRONG = Refusal(
    "figures_period_wrong",
    vi="Kỳ báo cáo từ {start} đến {until} không hợp lệ; hãy chọn ngày đầu không sau ngày cuối, kỳ không quá mười năm.",
    en="The period from {start} to {until} is none; choose a first day that is not after the last, and at most ten years.",
    status=422,
)

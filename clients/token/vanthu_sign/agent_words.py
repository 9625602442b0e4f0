"""What the agent says: to the page that asks it, in its windows and on its command line."""

from __future__ import annotations

from vanthu_sign.words import Words

WRONG_HOST = Words(
    "agent_wrong_host",
    "Yêu cầu không gọi đúng địa chỉ của chương trình ký trên máy này; bị từ chối.",
    "The request does not name this program's own address; refused.",
)
WRONG_ORIGIN = Words(
    "agent_wrong_origin",
    "Trang này chưa được ghép nối với chương trình ký; hãy ghép nối từ trang “Chờ ký” của cổng.",
    "This page is not paired with the signing program; pair it from the portal's signing page.",
)
WRONG_FORM = Words(
    "agent_wrong_form",
    "Yêu cầu không đúng dạng; bị từ chối.",
    "The request is not of the expected form; refused.",
)
WRONG_PROOF = Words(
    "agent_wrong_proof",
    "Không chứng minh được trang đã ghép nối (hoặc yêu cầu bị gửi lại); hãy tải lại trang, nếu vẫn vậy hãy ghép nối lại.",
    "The page could not prove that it is paired (or the request was repeated); reload it, or pair again.",
)
PAIRINGS_EXPOSED = Words(
    "pairings_exposed",
    "Người dùng khác của máy đọc được tệp {file}; hãy xóa tệp, chạy lại chương trình và ghép nối lại.",
    "Other users of this machine can read {file}; delete it, start again and pair anew.",
)
PAIRING_BUSY = Words(
    "agent_pairing_busy",
    "Chương trình ký đang chờ xác nhận một lần ghép nối khác, hoặc vừa có người từ chối; hãy thử lại sau một phút.",
    "Another pairing is being confirmed or was just refused; try again in a minute.",
)
PAIRING_OVER = Words(
    "agent_pairing_over",
    "Lần ghép nối này đã kết thúc; hãy bắt đầu lại từ trang “Chờ ký”.",
    "This pairing is over; start again from the signing page.",
)
BUSY = Words(
    "agent_busy",
    "Chương trình ký đang bận với một tập văn bản khác; hãy xem cửa sổ ký trên máy này.",
    "The signing program is busy with another set of documents; look at its window on this machine.",
)
NO_SITTING = Words(
    "agent_no_sitting",
    "Phiên ký này không còn; hãy bấm Ký lần nữa.",
    "This sitting is gone; press sign again.",
)
TICKET_ORIGIN = Words(
    "ticket_of_other_portal",
    "Vé ký do cổng {issued} cấp nhưng trang đang mở là {asked}; KHÔNG ký. Hãy mở cổng bằng đúng địa chỉ của nó.",
    "The signing ticket was issued by {issued} but the page is {asked}; nothing is signed. Open the portal by its own address.",
)
TICKET_DOCUMENTS = Words(
    "ticket_documents_differ",
    "Danh sách văn bản của vé ký khác với danh sách trên trang; KHÔNG ký. Hãy tải lại trang, nếu vẫn vậy hãy báo quản trị.",
    "The ticket's documents are not those of the page; nothing is signed. Reload the page, then tell the operator.",
)
TASK_CHANGED = Words(
    "task_changed",
    "Văn bản này đã thay đổi hoặc không còn chờ bạn ký từ khi trang được mở; hãy tải lại trang và xem lại.",
    "This document has changed or no longer waits for you since the page was opened; reload it and look again.",
)
STOPPED = Words(
    "stopped_by_person",
    "Bạn đã dừng trước khi nhập PIN; chưa ký văn bản nào.",
    "You stopped before the PIN; nothing was signed.",
)
SITTING_FAILED = Words(
    "agent_failed",
    "Chương trình ký gặp lỗi không lường trước ({what}); văn bản đã ký xong vẫn giữ nguyên. Hãy xem nhật ký của vanthu-sign agent.",
    "The signing program met an unexpected error ({what}); what is signed stays signed. See the log of vanthu-sign agent.",
)
NO_WINDOW = Words(
    "no_window",
    "Không có màn hình, pinentry hay cửa sổ lệnh nào để hỏi PIN; hãy chạy vanthu-sign agent trong một cửa sổ lệnh.",
    "There is no display, pinentry or terminal to ask for the PIN in; run vanthu-sign agent in a terminal.",
)
WINDOW_FAILED = Words(
    "window_failed",
    "Cửa sổ nhập PIN không mở được hoặc bị đóng đột ngột ({why}); hãy thử: vanthu-sign agent --window terminal.",
    "The PIN window did not open or ended suddenly ({why}); try: vanthu-sign agent --window terminal.",
)
ALREADY_RUNS = Words(
    "agent_already_runs",
    "Chương trình ký của bạn đã chạy trên máy này rồi.",
    "Your signing program already runs on this machine.",
)
NO_PORT = Words(
    "agent_no_port",
    "Các cổng {ports} của máy này đều bận; hãy đóng chương trình đang dùng chúng hoặc khởi động lại máy.",
    "All of this machine's ports {ports} are taken; close what uses them or restart the machine.",
)
PORTAL_ORIGIN = Words(
    "portal_origin",
    "{origin} không phải địa chỉ của một cổng; hãy ghi dạng https://vanthu.example.gov.vn.",
    "{origin} is not a portal's address; write it as https://vanthu.example.gov.vn.",
)

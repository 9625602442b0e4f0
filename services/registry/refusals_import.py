"""What registry refuses about a spreadsheet, and what to do about it."""

from __future__ import annotations

from shared.errors import Refusal

# --- import from spreadsheets: the file

FILE_UNREADABLE = Refusal(
    "import_file_unreadable",
    vi="Không đọc được tệp “{file}”: {why_vi}; hãy gửi tệp CSV (UTF-8) hoặc XLSX theo mẫu.",
    en="“{file}” can't be read: {why_en}; send a CSV (UTF-8) or XLSX file like the template.",
    status=422,
)
FILE_XLS = Refusal(
    "import_file_xls",
    vi="“{file}” là tệp Excel kiểu cũ (.xls) hoặc có mật khẩu; hãy mở bằng Excel, bỏ mật khẩu và lưu lại dạng .xlsx.",
    en="“{file}” is an old Excel file (.xls) or has a password; open it in Excel, remove the password, save it as .xlsx.",
    status=422,
)
FILE_TCVN3 = Refusal(
    "import_file_tcvn3",
    vi="“{file}” dùng mã TCVN3 (phông .VnTime), không phải Unicode; hãy chuyển mã sang Unicode, hoặc gửi lại và chọn bảng mã TCVN3 (convert=tcvn3) để chuyển giúp.",
    en="“{file}” is in TCVN3 (.VnTime fonts), not Unicode; convert it, or send it again as TCVN3 (convert=tcvn3) to have it converted here.",
    status=422,
)
FILE_ENCODING = Refusal(
    "import_file_encoding",
    vi="“{file}” không phải UTF-8 hay UTF-16 (có thể là VNI hoặc Windows-1258); hãy lưu lại dạng “CSV UTF-8” hoặc .xlsx.",
    en="“{file}” is neither UTF-8 nor UTF-16 (perhaps VNI or Windows-1258); save it as “CSV UTF-8” or .xlsx.",
    status=422,
)
FILE_TOO_BIG = Refusal(
    "import_file_too_big",
    vi="Tệp “{file}” khi giải nén lớn hơn {limit_mb} MB nên không được mở; hãy xóa hình ảnh, định dạng thừa hoặc chia nhỏ tệp.",
    en="“{file}” unpacks to more than {limit_mb} MB and was not opened; remove pictures and formatting, or split it.",
    status=413,
)
FILE_TOO_LONG = Refusal(
    "import_file_too_long",
    vi="Bảng “{sheet}” có hơn {limit} dòng; hãy chia thành nhiều tệp, mỗi tệp không quá {limit} dòng.",
    en="Sheet “{sheet}” has more than {limit} rows; split it into files of at most {limit} rows.",
    status=413,
)
FILE_NO_HEADER = Refusal(
    "import_header_missing",
    vi="Không nhận ra dòng tiêu đề của bảng “{sheet}”; dòng đầu tiên phải có các cột của mẫu, hãy tải mẫu về để so sánh.",
    en="The header of sheet “{sheet}” is not recognised; its first row holds the template's columns, download it to compare.",
    status=422,
)
FILE_COLUMNS = Refusal(
    "import_columns_wrong",
    vi="Bảng “{sheet}” có cột sai – lạ hoặc không tên: {unknown}; lặp lại: {repeated}; còn thiếu: {missing}. Hãy sửa dòng tiêu đề theo mẫu.",
    en="Sheet “{sheet}” has wrong columns – unknown or nameless: {unknown}; repeated: {repeated}; missing: {missing}. Correct the header.",
    status=422,
)
FILE_MERGED = Refusal(
    "import_cells_merged",
    vi="Bảng “{sheet}” có ô gộp ({cells}) nên không biết dòng nào giữ giá trị; hãy bỏ gộp ô và điền đủ từng dòng.",
    en="Sheet “{sheet}” has merged cells ({cells}), so it is not known whose value that is; unmerge them and fill in each row.",
    status=422,
)
FILE_EMPTY = Refusal(
    "import_file_empty",
    vi="Tệp “{file}” không có dòng dữ liệu nào; hãy kiểm tra lại tệp.",
    en="“{file}” has no row of data; check the file.",
    status=422,
)

# --- import from spreadsheets: a row

CELL_FORMULA = Refusal(
    "import_cell_formula",
    vi="Ô chứa công thức ({value}); hãy dán lại dạng giá trị.",
    en="The cell holds a formula ({value}); paste it as a value.",
    status=422,
)
CELL_TCVN3 = Refusal(
    "import_cell_tcvn3",
    vi="“{value}” là chữ TCVN3 (phông .VnTime); hãy chuyển sang Unicode, hoặc gửi lại với convert=tcvn3.",
    en="“{value}” is TCVN3 text (.VnTime fonts); convert it to Unicode, or send the file again with convert=tcvn3.",
    status=422,
)
CELL_MISSING = Refusal(
    "import_cell_missing",
    vi="Ô bắt buộc còn trống; hãy điền giá trị.",
    en="A cell that must be filled in is empty; fill it in.",
    status=422,
)
CELL_DATE = Refusal(
    "import_cell_date",
    vi="“{value}” không phải ngày; hãy ghi ngày/tháng/năm (01/07/2025) hoặc 2025-07-01.",
    en="“{value}” is no date; write day/month/year (01/07/2025) or 2025-07-01.",
    status=422,
)
CELL_CHOICE = Refusal(
    "import_cell_choice",
    vi="“{value}” không có trong các giá trị cho phép ({known}); hãy chọn lại.",
    en="“{value}” is none of the values allowed ({known}); choose one.",
    status=422,
)
CELL_NUMBER = Refusal(
    "import_cell_number",
    vi="“{value}” không phải số từ {low} đến {high}; hãy sửa lại.",
    en="“{value}” is no number from {low} to {high}; correct it.",
    status=422,
)
CELL_LONG = Refusal(
    "import_cell_long",
    vi="Giá trị dài hơn {limit} ký tự; hãy rút gọn.",
    en="The value is longer than {limit} characters; shorten it.",
    status=422,
)
ROW_TOO_WIDE = Refusal(
    "import_row_too_wide",
    vi="Dòng có giá trị ngoài các cột của tiêu đề (“{value}”); có thể thiếu dấu ngoặc kép quanh ô có dấu phân cách, hãy sửa lại.",
    en="The row has a value beyond the columns of the header (“{value}”); quote cells that hold the separator.",
    status=422,
)
ROW_DIFFERS = Refusal(
    "import_row_differs",
    vi="“{login}” có nhiều dòng mà ô này không giống nhau; hãy ghi giống nhau ở mọi dòng của một người.",
    en="“{login}” has several rows and they differ in this cell; write the same in every row of a person.",
    status=422,
)
UNKNOWN_AGENCY = Refusal(
    "import_unknown_agency",
    vi="Không có cơ quan mã “{identifier}”, cả trong tệp lẫn trong danh bạ; hãy sửa mã hoặc thêm cơ quan.",
    en="There is no agency “{identifier}”, neither in the file nor in the registry; correct it or add the agency.",
    status=422,
)
UNKNOWN_UNIT = Refusal(
    "import_unknown_unit",
    vi="Cơ quan “{agency}” không có đơn vị mã “{code}”, cả trong tệp lẫn trong danh bạ; hãy sửa mã hoặc thêm đơn vị.",
    en="Agency “{agency}” has no unit “{code}”, neither in the file nor in the registry; correct it or add the unit.",
    status=422,
)
DECISION_MISSING = Refusal(
    "import_decision_missing",
    vi="Thay đổi có ngày hiệu lực cần số quyết định; hãy điền cột số quyết định.",
    en="A dated change needs the number of its decision; fill that column in.",
    status=422,
)
IMPORT_STALE = Refusal(
    "import_stale",
    vi="Danh bạ đã thay đổi sau khi xem trước nên kết quả sẽ khác; chưa nhập gì, hãy tải tệp lên để xem trước lại.",
    en="The directory has changed since the preview, so the result would differ; nothing was imported, preview the file again.",
)
IMPORT_DONE = Refusal(
    "import_done",
    vi="Tệp này đã được nhập lúc {at}; không nhập lần nữa.",
    en="This file was imported at {at}; it is not imported again.",
)
FORMER_IDENTIFIER = Refusal(
    "import_former_identifier",
    vi="“{identifier}” là mã cũ của “{agency}”, nay là {now}; hãy dùng mã hiện tại.",
    en="“{identifier}” is a former identifier of “{agency}”, now {now}; use the present one.",
    status=422,
)
POST_INCOMPLETE = Refusal(
    "import_post_incomplete",
    vi="Dòng có chức vụ cần đủ mã cơ quan, chức vụ và ngày bắt đầu; hãy điền đủ hoặc để trống cả ba.",
    en="A row with a post needs agency, post and first day; fill in all three or none.",
    status=422,
)
PARTNER_INVALID = Refusal(
    "import_partner_invalid",
    vi="Tên đối tác “{value}” chỉ được gồm 2–40 chữ thường không dấu, chữ số và gạch ngang; hãy sửa lại.",
    en="Partner “{value}” may hold 2 to 40 lower-case letters, digits and dashes only; correct it.",
    status=422,
)
IMPORT_HAS_ERRORS = Refusal(
    "import_has_errors",
    vi="Bản xem trước có {count} lỗi nên không nhập dòng nào; hãy sửa các dòng được liệt kê rồi tải lên lại.",
    en="The preview has {count} errors and nothing is imported; correct the rows listed and upload the file again.",
    status=422,
)

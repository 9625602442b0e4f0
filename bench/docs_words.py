"""What documents of a province say: abstracts and texts of invented matters, in the words that offices use."""

from __future__ import annotations

import itertools
from random import Random

from deploy.demo.province import FIRST, GIVENS, MIDDLES, SECOND, SURNAMES

# Type, its name, how often; what stands before the matter in the abstract.
TYPES: tuple[tuple[str, str, str, int, str], ...] = (
    ("CV", "Công văn", "", 52, "V/v "),
    ("BC", "Báo cáo", "BC", 12, "Báo cáo kết quả "),
    ("QĐ", "Quyết định", "QĐ", 10, "Quyết định về việc "),
    ("TB", "Thông báo", "TB", 7, "Thông báo về việc "),
    ("KH", "Kế hoạch", "KH", 7, "Kế hoạch "),
    ("TTr", "Tờ trình", "TTr", 5, "Tờ trình về việc "),
    ("GM", "Giấy mời", "GM", 4, "Giấy mời họp về việc "),
    ("HD", "Hướng dẫn", "HD", 2, "Hướng dẫn "),
    ("NQ", "Nghị quyết", "NQ", 1, "Nghị quyết về "),
)
VERBS = (
    "tăng cường", "triển khai", "thực hiện", "đôn đốc", "kiểm tra", "rà soát", "hướng dẫn", "tổ chức", "chấn chỉnh",
    "đánh giá", "xin ý kiến về", "góp ý dự thảo quy định về", "báo cáo tình hình", "tổng kết", "phối hợp", "phê duyệt",
)  # fmt: skip
MATTERS = (
    "công tác phòng cháy, chữa cháy rừng mùa khô", "phòng chống thiên tai và tìm kiếm cứu nạn", "tiêm chủng vắc xin cho trẻ em",
    "thu ngân sách nhà nước trên địa bàn", "giải ngân vốn đầu tư công", "cấp giấy chứng nhận quyền sử dụng đất",
    "chuyển đổi số và cải cách thủ tục hành chính", "xây dựng nông thôn mới nâng cao", "giảm nghèo bền vững",
    "phòng, chống dịch tả lợn châu Phi", "bảo đảm an toàn thực phẩm dịp Tết Nguyên đán", "tuyển sinh vào lớp 10 trung học phổ thông",
    "bảo vệ môi trường và thu gom rác thải sinh hoạt", "bồi thường, giải phóng mặt bằng dự án đường cao tốc",
    "quản lý tài sản công sau sắp xếp đơn vị hành chính", "chi trả trợ cấp bảo trợ xã hội", "bầu cử đại biểu Hội đồng nhân dân",
    "kê khai tài sản, thu nhập của cán bộ, công chức", "phát triển du lịch cộng đồng", "duy tu, sửa chữa đường giao thông nông thôn",
    "quản lý hoạt động khai thác khoáng sản", "cấp căn cước cho người dân", "phòng, chống ma túy và tội phạm",
    "quản lý cửa khẩu, biên giới", "thanh toán không dùng tiền mặt trong trường học", "phổ biến, giáo dục pháp luật",
    "tiếp công dân, giải quyết khiếu nại, tố cáo", "nghỉ lễ Quốc khánh và treo cờ Tổ quốc", "phát triển rừng hồi, rừng quế",
    "chăm sóc sức khỏe người cao tuổi", "bình đẳng giới và vì sự tiến bộ của phụ nữ", "hồ chứa, đê điều và công trình thủy lợi",
    "lấy mẫu kiểm tra chất lượng nước sinh hoạt", "khám tuyển nghĩa vụ quân sự", "quy hoạch chung đô thị",
    "đấu giá quyền sử dụng đất ở", "tinh giản biên chế", "đăng ký kinh doanh của hộ gia đình", "lưu trữ hồ sơ điện tử",
    "an toàn thông tin mạng", "kiểm soát sát hạch lái xe", "trồng cây phân tán", "hỗ trợ giống lúa, giống ngô vụ xuân",
    "sáp nhập trường mầm non", "đón bằng công nhận di tích", "xử lý nhà ở xây dựng trái phép", "hiến máu tình nguyện",
    "phủ sóng di động vùng lõm", "trợ giúp pháp lý cho đồng bào dân tộc", "giá dịch vụ khám bệnh, chữa bệnh",
)  # fmt: skip
WHERE = ("trên địa bàn tỉnh", "tại xã {place}", "tại thôn {place}", "của các cơ quan, đơn vị", "năm {year}", "quý {quarter} năm {year}",
         "giai đoạn {year}–{later}", "tháng {month} năm {year}", "đối với hộ ông {person}", "theo đề nghị của bà {person}")  # fmt: skip
SENTENCES = (
    "Căn cứ Luật Tổ chức chính quyền địa phương và chức năng, nhiệm vụ được giao, {agency} đã chỉ đạo các đơn vị {matter}.",
    "Thực hiện Công văn số {number}/UBND-KT ngày {day}/{month}/{year} của Ủy ban nhân dân tỉnh về {matter}, đơn vị báo cáo như sau.",
    "Đến ngày {day} tháng {month}, toàn xã {place} đã hoàn thành {percent}% kế hoạch, trong đó {count} hộ gia đình được hỗ trợ.",
    "Công tác tuyên truyền, vận động nhân dân được đẩy mạnh thông qua loa truyền thanh, họp thôn và mạng xã hội.",
    "Tuy nhiên, việc {matter} còn một số tồn tại, hạn chế do địa hình chia cắt, kinh phí chưa được bố trí kịp thời.",
    "Tổng kinh phí thực hiện là {count}.{number}.000 đồng, từ nguồn ngân sách tỉnh và nguồn vốn hợp pháp khác.",
    "Giao ông {person} chủ trì, phối hợp với các phòng chuyên môn theo dõi, đôn đốc và tổng hợp kết quả.",
    "Đề nghị thủ trưởng các cơ quan, đơn vị nghiêm túc triển khai, báo cáo kết quả trước ngày {day}/{month}/{year}.",
    "Trong quá trình thực hiện, nếu có khó khăn, vướng mắc thì phản ánh về {agency} để được hướng dẫn, giải quyết.",
    "Đoàn kiểm tra đã làm việc trực tiếp với {count} đơn vị, phát hiện {number} trường hợp cần chấn chỉnh.",
    "Các trường học, trạm y tế và nhà văn hóa thôn {place} bảo đảm vệ sinh, an toàn, không để xảy ra sự cố.",
    "Phòng Tài chính – Kế hoạch thẩm định dự toán, trình cấp có thẩm quyền xem xét, quyết định theo quy định hiện hành.",
    "Trạm bảo vệ rừng {place} tổ chức trực gác {count} ngày đêm, kịp thời phát hiện và dập tắt các điểm cháy nhỏ.",
    "Số lượng hồ sơ tiếp nhận trực tuyến đạt {percent}%, tăng so với cùng kỳ năm trước; không có hồ sơ quá hạn.",
    "Người có đất bị thu hồi là bà {person}, thường trú tại thôn {place}, có diện tích {count} mét vuông đất trồng cây lâu năm.",
    "Lực lượng công an, quân sự và dân quân tự vệ phối hợp tuần tra, giữ vững an ninh trật tự khu vực biên giới.",
    "Ủy ban Mặt trận Tổ quốc và các đoàn thể tham gia giám sát, phản biện và vận động hội viên hưởng ứng.",
    "Kết quả xét nghiệm {count} mẫu cho thấy {number} mẫu không đạt, cơ sở đã bị nhắc nhở và tiêu hủy sản phẩm.",
    "Nhà thầu chậm tiến độ {number} ngày so với hợp đồng, chủ đầu tư đã có văn bản đôn đốc lần thứ hai.",
    "Việc sắp xếp, bố trí cán bộ, công chức sau sáp nhập bảo đảm đúng vị trí việc làm, công khai và dân chủ.",
    "Mưa lớn kéo dài từ ngày {day} đến hết tháng {month} gây sạt lở taluy dương tại Km{number} đường tỉnh {count}.",
    "Yêu cầu cập nhật đầy đủ dữ liệu lên phần mềm dùng chung, ký số và gửi bản điện tử thay cho bản giấy.",
    "Học sinh thuộc hộ nghèo, cận nghèo xã {place} được miễn, giảm học phí và hỗ trợ chi phí học tập học kỳ II.",
    "Thời gian: {number} giờ 30 phút, ngày {day} tháng {month} năm {year}; địa điểm: phòng họp tầng 2, trụ sở {agency}.",
    "Nơi nhận: như trên; lưu văn thư; đăng trên trang thông tin điện tử; ông {person} để thực hiện.",
)  # fmt: skip


_OFTEN = list(itertools.accumulate(1 / (n + 4) for n in range(len(MATTERS))))


def person(dice: Random) -> str:
    return f"{dice.choice(SURNAMES)} {dice.choice(MIDDLES)} {dice.choice(GIVENS)}"


def matter(dice: Random) -> str:
    """The first ones of the list come most often, one in eleven; the last ones one in two hundred."""
    return dice.choices(MATTERS, cum_weights=_OFTEN)[0]


def _slots(dice: Random, year: int, agency: str, about: str) -> dict[str, object]:
    return {
        "place": f"{dice.choice(FIRST)} {dice.choice(SECOND)}",
        "person": person(dice),
        "agency": agency,
        "matter": about if dice.random() < 0.7 else matter(dice),
        "year": year,
        "later": year + 5,
        "quarter": dice.choice(("I", "II", "III", "IV")),
        "month": dice.randint(1, 12),
        "day": dice.randint(1, 28),
        "number": dice.randint(2, 999),
        "count": dice.randint(3, 480),
        "percent": dice.randint(31, 100),
    }


def abstract(dice: Random, lead: str, year: int, agency: str, about: str) -> str:
    slots = _slots(dice, year, agency, about)
    return f"{lead}{dice.choice(VERBS)} {about} {dice.choice(WHERE).format(**slots)}"


def text(dice: Random, year: int, agency: str, about: str) -> str:
    """A page or two, 150 to 600 words, mostly about what the abstract says."""
    slots = _slots(dice, year, agency, about)
    lines = []
    for n, sentence in enumerate(dice.choices(SENTENCES, k=dice.choice((7, 9, 11, 13, 15, 18, 24)))):
        if n % 3 == 2:
            slots = _slots(dice, year, agency, about)
        lines.append(sentence.format(**slots))
    return "\n".join(lines)

// A form that keeps what is typed: on the server while the session lasts, and in this window when it does not.
"use strict";

const form = document.querySelector("form[data-autosave]");
if (form) {
  const said = form.querySelector("[data-autosaved]");
  const say = (text) => { if (said) said.textContent = text; };
  let waiting = null, running = false, again = false;

  const keep = async () => {
    if (running) { again = true; return; }
    running = true;
    const data = new FormData(form);
    for (const [name, value] of [...data]) if (value instanceof File) data.delete(name);
    data.delete("submit");
    try {
      const answer = await fetch(form.dataset.autosave, { method: "POST", body: data, redirect: "manual" });
      if (answer.ok) {
        const kept = await answer.json();
        const time = new Date(kept.at).toLocaleTimeString("vi-VN", { hour: "2-digit", minute: "2-digit", timeZone: "Asia/Ho_Chi_Minh" });
        say(kept.differs ? `Đã giữ phần gõ lúc ${time}; người khác vừa lưu bản mới, khi lưu bạn sẽ thấy chỗ khác nhau`
          : `Đã tự giữ phần gõ lúc ${time}`);
      } else say("Phiên đã hết hoặc chưa giữ được; cứ bấm Lưu, nội dung sẽ theo bạn qua trang đăng nhập");
    } catch { say("Mất đường truyền; nội dung vẫn ở trang này và sẽ được giữ khi có mạng lại"); }
    running = false;
    if (again) { again = false; keep(); }
  };
  const later = () => { clearTimeout(waiting); waiting = setTimeout(keep, 1500); };
  form.addEventListener("input", later);
  form.addEventListener("change", later);
  form.addEventListener("submit", () => clearTimeout(waiting));
  window.addEventListener("online", later);
}

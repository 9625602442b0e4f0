// What pages gain where scripts run: live notices, no second click, narrowing a list, pages that follow their document.
// Every page works without this file.
"use strict";

// A form is sent once; the second click of a double click does nothing (the server would not mind either).
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) { event.preventDefault(); return; }
  if (form.method !== "post") return;
  form.dataset.sent = "1";
  const button = event.submitter;
  if (button) {
    button.setAttribute("aria-disabled", "true");
    if (button.dataset.busy) button.textContent = button.dataset.busy;
  }
});
// Back to a page that the browser kept: its forms may be sent again.
window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

document.addEventListener("change", (event) => {
  const field = event.target;
  if (field.matches("select[data-submit]")) field.form.requestSubmit();
  if (field.matches("input[type=file]")) {
    const limit = Number(field.dataset.maxMb);
    const large = [...field.files].find((file) => file.size > limit * 1024 * 1024);
    field.setCustomValidity(large ? `Tệp ${large.name} lớn hơn ${limit} MB; hãy chọn tệp nhỏ hơn.` : "");
    field.reportValidity();
  }
});

// Narrow a list of boxes to what is typed, marks and case ignored.
const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").replace(/[đĐ]/g, "d").toLowerCase();
document.addEventListener("input", (event) => {
  const list = document.getElementById(event.target.dataset.narrow || "");
  if (!list) return;
  const words = plain(event.target.value).split(/\s+/);
  for (const row of list.children) row.hidden = !words.every((word) => plain(row.textContent).includes(word));
});

for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = "Đã chép";
  });
}

// A page that waits for the system follows it, unless somebody is typing there.
const refresh = async () => {
  const typing = document.activeElement && document.activeElement.closest("form, details[open]");
  if (!typing && !document.hidden) {
    const answer = await fetch(location.pathname, { headers: { Accept: "text/html" } }).catch(() => null);
    if (answer && answer.ok && !answer.redirected) {
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const [now, then] = [fresh, document].map((page) => page.querySelector(".two > div"));
      if (now && then && now.innerHTML !== then.innerHTML) then.replaceWith(now);
      const done = !document.querySelector("[data-refresh]");
      if (done) { const frame = document.querySelector(".paper iframe"); if (frame) frame.src = frame.src; return; }
    }
  }
  setTimeout(refresh, 3000);
};
if (document.querySelector("[data-refresh]")) setTimeout(refresh, 3000);

// Notices as they come; the browser connects again by itself.
if (document.body.dataset.live && "EventSource" in window) {
  const figure = document.querySelector("[data-unread]");
  const toasts = document.querySelector("[data-toasts]");
  let unread = 0;
  const show = () => { figure.textContent = unread; figure.hidden = !unread; };
  const count = () => fetch("/notices/unread").then((answer) => (answer.ok ? answer.json() : { unread }))
    .then((found) => { unread = found.unread; show(); }).catch(() => {});
  const tell = (event) => {
    const notice = JSON.parse(event.data);
    const toast = document.createElement("div");
    const link = document.createElement("a");
    unread += 1;
    show();
    toast.className = "toast";
    link.href = notice.link;
    link.textContent = notice.title;
    toast.append(link, document.createElement("br"), notice.text);
    toasts.append(toast);
    setTimeout(() => toast.remove(), 12000);
  };
  // A browser has six connections for all its windows here: one that nobody looks at gives its own back.
  let stream = null;
  const look = () => {
    if (document.hidden) { if (stream) stream.close(); stream = null; return; }
    if (stream) return;
    stream = new EventSource(document.body.dataset.live);
    stream.addEventListener("notice", tell);
    count();
  };
  document.addEventListener("visibilitychange", look);
  window.addEventListener("pagehide", () => { if (stream) stream.close(); stream = null; });
  look();
}

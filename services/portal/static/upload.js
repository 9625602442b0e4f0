// Resumable uploads (tus 1.0) for slow lines: a cut line or a reload goes on from what the server has. Forms work without.
"use strict";
{
  const PIECE = 512 * 1024; // bytes of one request; what a dead line loses at most
  const FROM = 2 * 1024 * 1024; // smaller files of a document's form go along with it
  const csrf = () => document.querySelector("[name=csrf]").value;
  const base64 = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
  const pause = (seconds) => new Promise((go) => { setTimeout(go, seconds * 1000); addEventListener("online", go, { once: true }); });

  class Refused extends Error {}

  const send = (method, url, headers, body, progress) => new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, url);
    request.timeout = 120000;
    for (const [name, value] of Object.entries({ "Tus-Resumable": "1.0.0", "X-Csrf": csrf(), ...headers })) request.setRequestHeader(name, value);
    if (progress) request.upload.onprogress = (event) => progress(event.loaded);
    request.onload = () => resolve(request);
    request.onerror = request.ontimeout = () => reject(new Error("line"));
    request.send(body);
  });
  const said = (request) => {
    try { const problem = JSON.parse(request.responseText); return `${problem.detail_vi} Mã: ${problem.code}`; } catch { return `Máy chủ từ chối (${request.status}).`; }
  };

  const remembered = (file, kind) => `vanthu-upload|${kind}|${file.name}|${file.size}|${file.lastModified}`;

  // The id of what the file became. `tell` gets bytes that are there and a remark.
  const upload = async (file, kind, tell) => {
    const key = remembered(file, kind);
    let url = localStorage.getItem(key), offset = -1, item = null, tries = 0;
    for (;;) {
      try {
        let answer;
        if (!url) {
          const meta = `filename ${base64(file.name)},kind ${base64(kind)}`;
          answer = await send("POST", "/uploads", { "Upload-Length": file.size, "Upload-Metadata": meta });
          if (answer.status === 201) { url = answer.getResponseHeader("Location"); localStorage.setItem(key, url); offset = 0; }
        } else if (offset < 0) {
          answer = await send("HEAD", url, {});
        } else {
          const headers = { "Upload-Offset": offset, "Content-Type": "application/offset+octet-stream" };
          answer = await send("PATCH", url, headers, file.slice(offset, offset + PIECE), (sent) => tell(offset + sent, ""));
        }
        if (answer.status < 300) {
          offset = Number(answer.getResponseHeader("Upload-Offset"));
          item = answer.getResponseHeader("Vanthu-Item");
          tell(offset, "");
          tries = 0;
          if (item) { localStorage.removeItem(key); return item; }
        } else if (answer.status === 404 || answer.status === 410) { localStorage.removeItem(key); url = null; offset = -1; }
        else if (answer.status === 409) offset = -1;
        else if (answer.status < 500 && answer.status !== 429 && answer.status !== 408) { localStorage.removeItem(key); throw new Refused(said(answer)); }
        else throw new Error("server");
      } catch (error) {
        if (error instanceof Refused) throw error;
        tries += 1;
        offset = url ? -1 : offset;
        tell(null, "Mất kết nối, đang chờ để tải tiếp…");
        await pause(Math.min(2 ** tries, 30));
      }
    }
  };

  const waitFor = async (item, tell) => {
    for (;;) {
      const answer = await fetch(`/intake/${item}/status`).catch(() => null);
      if (answer && answer.ok) {
        const found = await answer.json();
        if (found.state === "ready") return found;
        if (found.state !== "working") throw new Refused(`${found.reason.vi} Mã: ${found.reason.code}`);
        tell(null, found.reason ? found.reason.vi : "Đang kiểm tra tệp…");
      }
      await pause(1);
    }
  };

  const row = (field, file) => {
    const line = document.createElement("p");
    line.className = "upload";
    line.setAttribute("role", "status");
    const bar = Object.assign(document.createElement("progress"), { max: file.size, value: 0 });
    bar.setAttribute("aria-label", file.name);
    const text = document.createElement("span");
    line.append(`${file.name} `, bar, " ", text);
    field.closest(".field").append(line);
    const tell = (bytes, remark) => {
      if (bytes !== null) bar.value = bytes;
      text.textContent = remark || `${Math.floor((bar.value / file.size) * 100)} %`;
    };
    return { line, tell };
  };

  const hidden = (form, field, found) => {
    const kept = Object.assign(document.createElement("input"), { type: "hidden", name: "uploaded" });
    kept.value = `${found.file_id}|${field.name}|${found.filename.replaceAll("|", "-")}`;
    form.append(kept);
  };

  const take = async (form, field, file) => {
    const list = field.dataset.resume === "list";
    const { line, tell } = row(field, file);
    try {
      const item = await upload(file, list ? "intake" : "form", tell);
      if (list) { const link = Object.assign(document.createElement("a"), { href: `/intake/${item}`, textContent: "Xem các bước" }); tell(file.size, "Đã tải lên. "); line.append(" ", link); return true; }
      const found = await waitFor(item, tell);
      hidden(form, field, found);
      tell(file.size, "Đã tải lên");
      return true;
    } catch (error) {
      line.setAttribute("role", "alert");
      line.className = "alert bad";
      line.textContent = `${file.name}: ${error.message}`;
      return false;
    }
  };

  for (const form of document.querySelectorAll("form:has([data-resume])")) {
    // Before the page's own script marks the form as sent.
    form.addEventListener("submit", async (event) => {
      const fields = [...form.querySelectorAll("[data-resume]")];
      const large = (field) => field.dataset.resume === "list" || [...field.files].some((file) => file.size > FROM);
      const wanted = fields.filter((field) => field.files.length && large(field));
      if (!wanted.length || form.dataset.uploading) { if (form.dataset.uploading) event.preventDefault(); return; }
      event.preventDefault();
      event.stopPropagation();
      form.dataset.uploading = "1";
      const button = event.submitter;
      let good = true;
      for (const field of wanted) {
        const files = [...field.files];
        field.disabled = true;
        for (const file of files) good = (await take(form, field, file)) && good;
        field.disabled = false;
        field.value = "";
        if (good) field.required = false;
      }
      delete form.dataset.uploading;
      if (wanted[0].dataset.resume === "list") { if (good) location.href = "/intake"; return; }
      if (good) form.requestSubmit(button);
    }, true);
  }
}

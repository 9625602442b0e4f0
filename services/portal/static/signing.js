// Signing from the browser: finds vanthu-sign's agent on this machine, pairs with it once, hands it a ticket for the
// documents that were ticked, and shows how they end. No PIN and no key ever come here. Without this file the page
// still says how to sign from the command line.
"use strict";

(() => {
const panel = document.querySelector("[data-agent]");
if (!panel || !window.isSecureContext || !crypto.subtle || !window.indexedDB) return;

const PORTS = panel.dataset.agent.split(" ").map(Number);
const part = (name) => panel.querySelector(`[data-part=${name}]`);
const boxes = [...document.querySelectorAll("input[name=document]")];
const utf8 = new TextEncoder();
const pause = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });
const hex = (bytes) => [...new Uint8Array(bytes)].map((b) => b.toString(16).padStart(2, "0")).join("");
const b64 = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const unb64 = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const sha256 = (bytes) => crypto.subtle.digest("SHA-256", bytes);
const random = (size) => crypto.getRandomValues(new Uint8Array(size));
const join = (...pieces) => new Uint8Array(pieces.flatMap((piece) => [...piece]));

class Refused extends Error { // a sentence of the portal's or the agent's
  constructor(found) { super(found.detail_vi || found.vi || "Không rõ lỗi; hãy tải lại trang."); this.code = found.code || ""; }
}

// --- what this browser remembers: the pairing, as a key that scripts may use but not read

const kept = (mode, act) => new Promise((resolve, reject) => {
  const opening = indexedDB.open("vanthu-sign", 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore("pairing");
  opening.onerror = () => reject(opening.error);
  opening.onsuccess = () => {
    const asked = act(opening.result.transaction("pairing", mode).objectStore("pairing"));
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  };
});
const findPairing = () => kept("readonly", (store) => store.get("mine"));
const keepPairing = (pairing) => kept("readwrite", (store) => store.put(pairing, "mine"));

// --- the agent over loopback

// Chromium asks the person before a page may reach this machine, once; a no looks like nobody there.
const permission = async () => {
  for (const name of ["loopback-network", "local-network-access"]) {
    const asked = await navigator.permissions.query({ name }).catch(() => null);
    if (asked) return asked.state;
  }
  return "granted";
};
const send = async (port, path, text, headers) => fetch(`http://127.0.0.1:${port}${path}`, {
  method: "POST", mode: "cors", credentials: "omit", cache: "no-store", referrerPolicy: "no-referrer",
  headers: { "Content-Type": "application/json", ...headers }, body: text, targetAddressSpace: "loopback",
  signal: AbortSignal.timeout(await permission() === "prompt" ? 60000 : 8000), // the browser's question may stand there
});

const unproven = async (port, path, body) => {
  const answer = await send(port, path, JSON.stringify(body), {});
  const found = await answer.json();
  if (!answer.ok) throw new Refused(found);
  return found;
};

// With our proof over the request, and the agent's over its answer: another program on its port would have none.
const ask = async (pairing, port, path, body) => {
  const text = JSON.stringify(body);
  const [time, nonce] = [String(Date.now()), hex(random(16))];
  const proof = async (...parts) => hex(await crypto.subtle.sign("HMAC", pairing.key, utf8.encode(parts.join("\n"))));
  const mac = await proof("POST", path, location.origin, time, nonce, hex(await sha256(utf8.encode(text))));
  const answer = await send(port, path, text, { Authorization: `Vanthu ${pairing.id}.${time}.${nonce}.${mac}` });
  const said = await answer.arrayBuffer();
  const found = JSON.parse(new TextDecoder().decode(said));
  if (answer.status === 401) throw new Refused(found);
  if (answer.headers.get("Vanthu-Proof") !== await proof("answer", nonce, String(answer.status), hex(await sha256(said)))) {
    throw new Refused({ code: "not_our_agent", vi: "Chương trình trả lời trên máy này không phải chương trình ký đã ghép nối; không gửi gì cho nó." });
  }
  if (!answer.ok) throw new Refused(found);
  return found;
};

// The port on which our agent answers: of several people's agents on one machine each is on a port of its own.
const find = async (pairing) => {
  let refused = null;
  for (const port of [pairing.port, ...PORTS.filter((each) => each !== pairing.port)]) {
    try {
      return { port, status: await ask(pairing, port, "/v1/status", {}) };
    } catch (error) {
      if (error instanceof Refused && error.code === "agent_wrong_proof") refused = error;
    }
  }
  if (refused) throw refused;
  return null;
};

const pair = async () => {
  const own = await crypto.subtle.generateKey({ name: "ECDH", namedCurve: "P-256" }, false, ["deriveKey", "deriveBits"]);
  const point = new Uint8Array(await crypto.subtle.exportKey("raw", own.publicKey));
  for (const port of PORTS) {
    let begun;
    try {
      begun = await unproven(port, "/v1/pairings", { point: b64(point) });
    } catch (error) {
      if (error instanceof Refused) throw error;
      continue;
    }
    return agree(port, own, point, begun);
  }
  return null;
};

const agree = async (port, own, point, begun) => {
  const nonce = random(16);
  const path = `/v1/pairings/${begun.pairing}`;
  const half = await unproven(port, `${path}/reveal`, { nonce: b64(nonce) });
  const [theirs, theirNonce] = [unb64(half.point), unb64(half.nonce)];
  if (b64(await sha256(join(theirs, theirNonce))) !== begun.commitment) throw new Refused({ vi: "Ghép nối không an toàn nên đã dừng; hãy báo quản trị." });
  const said = await sha256(join(utf8.encode(`${location.origin}\n${begun.pairing}\n`), point, theirs, nonce, theirNonce));
  const digits = new DataView(await sha256(join(utf8.encode("code"), new Uint8Array(said)))).getBigUint64(0) % 1000000n;
  const public_ = await crypto.subtle.importKey("raw", theirs, { name: "ECDH", namedCurve: "P-256" }, false, []);
  const shared = await crypto.subtle.deriveBits({ name: "ECDH", public: public_ }, own.privateKey, 256);
  const base = await crypto.subtle.importKey("raw", shared, "HKDF", false, ["deriveKey"]);
  const key = await crypto.subtle.deriveKey(
    { name: "HKDF", hash: "SHA-256", salt: said, info: utf8.encode("vanthu-sign pairing 1") },
    base, { name: "HMAC", hash: "SHA-256", length: 256 }, false, ["sign"],
  );
  const code = String(digits).padStart(6, "0");
  show("pairing", `${code.slice(0, 3)} ${code.slice(3)}`);
  let state = "asking";
  while (state === "asking") {
    await pause(500);
    state = (await unproven(port, `${path}/state`, {})).state;
  }
  if (state !== "paired") throw new Refused({ vi: "Ghép nối đã bị từ chối ở cửa sổ của chương trình ký." });
  return { id: begun.pairing, key, port };
};

// --- what the person sees

const show = (name, text = "") => {
  for (const each of panel.querySelectorAll("[data-state]")) each.hidden = each.dataset.state !== name;
  if (name === "pairing") part("code").textContent = text;
  panel.dataset.now = name;
};
const complain = (error) => {
  const line = part("error");
  line.textContent = error ? error.message : "";
  line.hidden = !error;
};

const STATES = {
  asked: "Đang chờ vé ký…", checking: "Chương trình ký đang tải và kiểm tra từng văn bản…",
  window: "Hãy xem cửa sổ của vanthu-sign trên máy này: xem lại danh sách rồi nhập mã PIN ở đó.",
  signing: "Đang ký…", done: "Đã xong.", refused: "Đã dừng.",
};
const RESULTS = { checked: "Đã kiểm tra", left_out: "Bạn đã bỏ ra, chưa ký", signed: "Đã ký", taken: "Đã ký, máy chủ đang hoàn tất" };
const GOOD = ["signed", "taken"];
const over = (sitting) => sitting.state === "done" || sitting.state === "refused";

const draw = (sitting) => {
  const ended = sitting.items.filter((item) => item.state !== "waiting" && item.state !== "checked");
  const signed = sitting.items.filter((item) => GOOD.includes(item.state)).length;
  const bar = part("progress");
  bar.max = sitting.items.length || 1;
  bar.value = over(sitting) ? bar.max : ended.length;
  part("said").textContent = `${STATES[sitting.state]} ${signed}/${sitting.items.length} văn bản đã ký.`;
  part("problem").textContent = sitting.problem ? `${sitting.problem.vi} Mã: ${sitting.problem.code}` : "";
  part("problem").hidden = !sitting.problem;
  part("stop").hidden = sitting.state !== "signing";
  for (const each of panel.querySelectorAll("[data-when=over]")) each.hidden = !over(sitting);
  for (const item of sitting.items) {
    const line = document.querySelector(`[data-result="${CSS.escape(item.document_id)}"]`);
    if (!line) continue;
    const why = item.problem ? `${item.problem.vi} Mã: ${item.problem.code}` : "";
    const text = [RESULTS[item.state], why].filter(Boolean).join(". ");
    line.textContent = text;
    line.hidden = !text;
    line.className = `alert ${GOOD.includes(item.state) ? "good" : item.state === "refused" ? "bad" : "wait"}`;
  }
};

const count = () => {
  const ticked = boxes.filter((box) => box.checked).length;
  part("sign").textContent = `Ký ${ticked} văn bản đã chọn`;
  part("sign").disabled = !ticked;
};

// --- signing

const mint = async (challenge, ticked) => {
  const form = new URLSearchParams({ csrf: panel.dataset.csrf, challenge });
  for (const box of ticked) form.append("document", box.value);
  const answer = await fetch("/signing/tickets", { method: "POST", body: form, headers: { Accept: "application/json" } });
  if (!(answer.headers.get("Content-Type") || "").includes("json")) throw new Refused({ vi: "Phiên đăng nhập đã hết; hãy tải lại trang để đăng nhập." });
  const found = await answer.json();
  if (!answer.ok) throw new Refused(found);
  return found.ticket;
};

const follow = async (pairing, port, sitting) => {
  let current = sitting;
  draw(current);
  show("running");
  part("stop").onclick = () => ask(pairing, port, `/v1/sittings/${current.sitting}/stop`, {}).catch(complain);
  for (let failed = 0; !over(current);) {
    await pause(700);
    try {
      const found = (await ask(pairing, port, "/v1/status", {})).sitting;
      if (!found || found.sitting !== current.sitting) throw new Refused({ vi: "Chương trình ký đã chạy lại; hãy tải lại trang để xem văn bản nào còn chờ." });
      [current, failed] = [found, 0];
      draw(current);
    } catch (error) {
      failed += 1;
      if (error instanceof Refused || failed > 10) throw failed > 10 ? new Refused({ vi: "Chương trình ký không trả lời nữa; văn bản đã ký xong vẫn giữ nguyên. Hãy tải lại trang." }) : error;
    }
  }
};

const sign = async (pairing, port) => {
  const ticked = boxes.filter((box) => box.checked);
  const begun = await ask(pairing, port, "/v1/sittings", {});
  const ticket = await mint(begun.challenge, ticked);
  const documents = ticked.map((box) => { const [document_id, sha] = box.value.split(":"); return { document_id, sha256: sha }; });
  await follow(pairing, port, await ask(pairing, port, `/v1/sittings/${begun.sitting}/ticket`, { ticket, documents }));
};

const once = async (act) => { // one act at a time, whose error is a sentence on the page
  const buttons = [...panel.querySelectorAll("button:not([data-part=stop])")];
  complain(null);
  for (const button of buttons) button.disabled = true;
  try {
    await act();
  } catch (error) {
    if (["running", "pairing", "looking"].includes(panel.dataset.now)) show("absent");
    complain(error instanceof Refused ? error : new Refused({ vi: `Chương trình ký không trả lời (${error.name}); hãy thử lại.` }));
  }
  for (const button of buttons) button.disabled = false;
  count();
};

const look = async () => {
  show("looking");
  const pairing = await findPairing();
  if (!pairing) { show("unpaired"); return; }
  const found = await find(pairing);
  if (!found) { show("absent"); await explain(); return; }
  if (found.port !== pairing.port) await keepPairing({ ...pairing, port: found.port });
  part("version").textContent = found.status.version;
  const command = document.querySelector("[data-command]");
  if (command) command.open = false;
  const last = found.status.sitting;
  if (last && !over(last) && last.state !== "asked") { await follow(pairing, found.port, last); return; }
  show("ready");
  if (last && over(last)) for (const item of last.items) if (item.problem) draw(last);
  part("sign").onclick = () => once(() => sign(pairing, found.port));
};

const explain = async () => { part("denied").hidden = await permission() !== "denied"; };

const begin = async () => {
  const pairing = await pair();
  if (!pairing) { show("absent"); await explain(); return; }
  await keepPairing(pairing);
  await look();
};

panel.hidden = false;
for (const box of boxes) { box.closest(".pick").hidden = false; box.addEventListener("change", count); }
part("all").addEventListener("change", (event) => { for (const box of boxes) box.checked = event.target.checked; count(); });
for (const button of panel.querySelectorAll("[data-do=pair]")) button.addEventListener("click", () => once(begin));
for (const button of panel.querySelectorAll("[data-do=look]")) button.addEventListener("click", () => once(look));
part("again").addEventListener("click", () => location.reload());
count();
once(look);
})();

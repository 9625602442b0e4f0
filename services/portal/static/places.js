// Places on a page preview: dragged and resized with a pointer or the arrow keys, written into the form's numbers.
// Without this file the numbers are typed; the server checks them either way.
"use strict";
(() => {
  const MM = 72 / 25.4;
  const LEAST = { signer: [30, 12], blank: [4, 5.7] };
  const input = (side, what) => document.querySelector(`input[name="${side}.${CSS.escape(what)}"]`);
  const kindOf = (group) => ["signer", "seal", "blank"].find((kind) => group.classList.contains(kind));
  const boxOf = (group) => {
    const body = group.querySelector(".body");
    const [x, y, w, h] = ["x", "y", "width", "height"].map((name) => Number(body.getAttribute(name)));
    return { x, y, w, h };
  };
  const set = (shape, values) => { for (const name in values) if (shape) shape.setAttribute(name, values[name].toFixed(2)); };

  // Draw a box where it is, and say so in millimetres.
  const draw = (group, box, tell) => {
    const { x, y, w, h } = box;
    set(group.querySelector(".body"), { x, y, width: w, height: h });
    set(group.querySelector("ellipse"), { cx: x + w / 2, cy: y + h / 2, rx: w / 2, ry: h / 2 });
    set(group.querySelector("text"), { x: x + 3, y: y + 11 });
    set(group.querySelector(".corner"), { x: x + w - 8, y: y + h - 8 });
    if (!tell) return;
    const what = group.dataset.place;
    const measures = { left: x, top: y, width: w, height: h };
    for (const side in measures) input(side, what).value = (measures[side] / MM).toFixed(1);
    group.classList.remove("guessed");
  };

  const within = (svg, box) => {
    const view = svg.viewBox.baseVal;
    const w = Math.min(box.w, view.width);
    const h = Math.min(box.h, view.height);
    const clamp = (value, most) => Math.max(0, Math.min(value, most));
    return { x: clamp(box.x, view.width - w), y: clamp(box.y, view.height - h), w, h };
  };

  const resized = (group, box) => {
    const [width, height] = LEAST[kindOf(group)].map((value) => value * MM);
    return { ...box, w: Math.max(box.w, width), h: kindOf(group) === "blank" ? boxOf(group).h : Math.max(box.h, height) };
  };

  for (const svg of document.querySelectorAll("svg[data-movable]")) {
    const point = (event) => new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    for (const group of svg.querySelectorAll(".place")) {
      group.setAttribute("tabindex", "0");
      group.addEventListener("pointerdown", (down) => {
        if (down.button) return;
        down.preventDefault();
        group.focus();
        group.setPointerCapture(down.pointerId);
        const from = point(down);
        const start = boxOf(group);
        const sizing = down.target.classList.contains("corner");
        const follow = (move) => {
          const at = point(move);
          const [dx, dy] = [at.x - from.x, at.y - from.y];
          const wanted = sizing
            ? resized(group, { ...start, w: start.w + dx, h: start.h + dy })
            : { ...start, x: start.x + dx, y: start.y + dy };
          draw(group, within(svg, wanted), true);
        };
        const end = () => {
          group.removeEventListener("pointermove", follow);
          group.removeEventListener("pointerup", end);
          group.removeEventListener("pointercancel", end);
        };
        group.addEventListener("pointermove", follow);
        group.addEventListener("pointerup", end);
        group.addEventListener("pointercancel", end);
      });
      group.addEventListener("keydown", (event) => {
        const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
        if (!step) return;
        event.preventDefault();
        const far = event.shiftKey ? 10 * MM : MM;
        const box = boxOf(group);
        draw(group, within(svg, { ...box, x: box.x + step[0] * far, y: box.y + step[1] * far }), true);
      });
    }
  }

  // A typed number moves the box; a typed page takes it along, when that page is drawn.
  for (const row of document.querySelectorAll(".place-row")) {
    row.addEventListener("input", () => {
      const what = row.dataset.place;
      const group = document.querySelector(`g[data-place="${CSS.escape(what)}"]`);
      const sheet = document.querySelector(`svg[data-page="${Number(input("page", what).value)}"]`);
      if (!group) return;
      group.toggleAttribute("hidden", !sheet);
      if (sheet && group.ownerSVGElement !== sheet) sheet.append(group);
      const [x, y, w, h] = ["left", "top", "width", "height"].map((side) => Number(input(side, what).value) * MM);
      if ([x, y, w, h].every(Number.isFinite)) draw(group, { x, y, w, h }, false);
    });
  }
})();

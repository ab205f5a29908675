// A source column that is drawn onto a target column, with a mouse, a pen or a finger on its grip.

import { s } from "./dom.js";
import { curve } from "./lines.js";
import { map } from "./making.js";

const board = document.getElementById("studio-drawing");
const lines = document.getElementById("studio-lines");
const columns = document.getElementById("studio-columns");
const START = 6;
const EDGE = 28;

const under = (event) => document.elementFromPoint(event.clientX, event.clientY)?.closest?.("[data-target]");

export function startDrag(store) {
  let held = null;

  function begin(event) {
    const row = event.target.closest?.("[data-column]");
    // A finger scrolls; it draws lines from the grip alone.
    if (!row || event.button !== 0 || (event.pointerType === "touch" && !event.target.closest(".grip"))) return;
    held = { row, x: event.clientX, y: event.clientY, path: null, over: null };
  }

  function go(event) {
    if (!held) return;
    if (!held.path) {
      if (Math.hypot(event.clientX - held.x, event.clientY - held.y) < START) return;
      held.path = s("path", { class: "edge drawn" });
      board.classList.add("dragging");
    }
    event.preventDefault();
    const around = board.getBoundingClientRect();
    const one = held.row.getBoundingClientRect();
    const from = { x: one.right - around.left, y: one.top + one.height / 2 - around.top };
    held.path.setAttribute("d", curve(from, { x: event.clientX - around.left, y: event.clientY - around.top }));
    lines.append(held.path);
    scroll(event);
    const over = under(event);
    if (over !== held.over) {
      held.over?.classList.remove("over");
      over?.classList.add("over");
      held.over = over;
    }
  }

  function scroll(event) {
    const view = columns.getBoundingClientRect();
    if (event.clientX < view.left) return;
    if (event.clientY < view.top + EDGE) columns.scrollTop -= EDGE / 2;
    if (event.clientY > view.bottom - EDGE) columns.scrollTop += EDGE / 2;
  }

  function end(event) {
    if (!held) return;
    const { row, path, over } = held;
    held = null;
    over?.classList.remove("over");
    board.classList.remove("dragging");
    path?.remove();
    if (!path || event.type === "pointercancel") return;
    const target = under(event)?.dataset.target;
    const { alias, column, type } = row.dataset;
    if (target) map(store, { alias, column, type }, target);
  }

  board.addEventListener("pointerdown", begin);
  addEventListener("pointermove", go);
  addEventListener("pointerup", end);
  addEventListener("pointercancel", end);
}

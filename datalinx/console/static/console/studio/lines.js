// The lines between both sides, drawn anew whenever anything moves. Whoever does not see them has the lists.

import { facts } from "./calls.js";
import { s } from "./dom.js";

const board = document.getElementById("studio-drawing");
const lines = document.getElementById("studio-lines");
const lists = ["studio-inputs", "studio-columns"].map((id) => document.getElementById(id));

function port(list, row, edge) {
  if (!row || row.closest("[hidden]")) return null;
  const around = board.getBoundingClientRect();
  const [view, one] = [list.getBoundingClientRect(), row.getBoundingClientRect()];
  const middle = one.top + one.height / 2;
  const kept = Math.min(Math.max(middle, view.top), view.bottom);
  return { x: one[edge] - around.left, y: kept - around.top, away: kept !== middle };
}

export function curve(from, to) {
  const bend = (to.x - from.x) * 0.55;
  return `M${from.x} ${from.y} C${from.x + bend} ${from.y} ${to.x - bend} ${to.y} ${to.x} ${to.y}`;
}

function draw(from, to, { kind, words, chosen, percent, onclick }) {
  const d = curve(from, to);
  const away = from.away || to.away ? " away" : "";
  const label = percent && !away
    ? s("text", { class: "sure", x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 - 4, "text-anchor": "middle" }, percent) : null;
  return s("g", { class: `k-${kind}`, onclick },
    s("path", { d, class: "hit" }),
    s("path", { d, class: `edge k-${kind}${chosen ? " chosen" : ""}${percent ? " suggested" : ""}${away}` }, s("title", {}, words)), label);
}

export function drawLines(store) {
  const origins = new Map([...lists[0].querySelectorAll("[data-column]")].map((row) => [`${row.dataset.alias}.${row.dataset.column}`.toLowerCase(), row]));
  const targets = new Map([...lists[1].querySelectorAll("[data-target]")].map((row) => [row.dataset.target, row]));
  const drawn = [];
  const spreaded = store.spread();
  for (const { name } of facts.target.columns) {
    const { kind, references, suggestion } = store.about(name, spreaded);
    const to = port(lists[1], targets.get(name), "left");
    const offered = suggestion ? suggestion.columns.map((column) => ({ alias: suggestion.alias, column })) : [];
    for (const each of to ? [...references, ...offered] : []) {
      const from = port(lists[0], origins.get(`${each.alias}.${each.column}`.toLowerCase()), "right");
      if (!from) continue;
      const percent = suggestion ? `${Math.round(100 * suggestion.confidence)} %` : "";
      const words = `${each.alias}.${each.column} → ${name} (${percent ? `suggested, ${percent}` : kind})`;
      drawn.push(draw(from, to, {
        kind: percent ? suggestion.proposal.type : kind, words, percent, chosen: store.target === name, onclick: () => store.choose(name),
      }));
    }
  }
  lines.replaceChildren(...drawn);
}

export function startLines(store) {
  let asked = 0;
  const soon = () => {
    cancelAnimationFrame(asked);
    asked = requestAnimationFrame(() => drawLines(store));
  };
  for (const list of lists) list.addEventListener("scroll", soon);
  new ResizeObserver(soon).observe(board);
  return soon;
}

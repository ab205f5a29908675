// The right side: the columns to be made, each with its state, and what is suggested where nothing makes one.

import { facts } from "./calls.js";
import { h, remake, sentence } from "./dom.js";
import { KINDS, map, remove } from "./making.js";
import { accept, reject } from "./suggestions.js";
import { press } from "./widgets.js";

const list = document.getElementById("studio-columns");
const counts = document.getElementById("studio-counts");
const STATES = ["mapped", "unmapped", "error", "ambiguous"];
let only = "";

const made = ({ field, references }) => {
  if (!field) return references.map((each) => `${each.alias}.${each.column}`).join(", ");
  if (field.type === "constant") return JSON.stringify(field.value);
  return String(field.expression ?? field.source ?? "");
};

function suggestion(store, name, { suggestion: offered }) {
  const percent = `${Math.round(100 * offered.confidence)} %`;
  const why = offered.reasons.map((each) => each.message).join(" ");
  return h("div", { class: "offered", title: why },
    h("span", {}, `${offered.columns.join(", ")}, ${percent}`),
    press("Accept", () => accept(store, name), { key: `accept-${name}`, title: `Accept the suggestion for ${name}` }),
    press("Reject", () => reject(store, name), { key: `reject-${name}`, title: `Reject the suggestion for ${name}` }));
}

function row(store, column, about) {
  const { state, kind } = about;
  const wrong = store.errorsOf(column.name)[0]?.message;
  return h("li", { hidden: Boolean(only) && state !== only },
    h("button", {
      type: "button", class: `port-row k-${kind in KINDS || kind === "wildcard" ? kind : "none"}`, "aria-pressed": String(store.target === column.name),
      data: { key: `to-${column.name}`, target: column.name }, onclick: () => store.choose(column.name),
    },
      h("span", { class: "name" }, column.name), h("span", { class: "aside wide-only" }, column.type),
      h("span", { class: `badge is-${state}` }, state),
      h("span", { class: "samples" }, wrong ? h("span", { class: "bad" }, sentence(wrong)) : made(about))),
    store.origin && store.target === column.name
      ? press(`Map ${store.origin.alias}.${store.origin.column} here`, () => map(store, store.origin, column.name), { key: `map-${column.name}` }) : "",
    about.suggestion ? suggestion(store, column.name, about) : "");
}

const stray = (store, name) => h("li", {},
  h("div", { class: "port-row" }, h("span", { class: "name" }, name), h("span", { class: "badge is-error" }, "error"),
    h("span", { class: "samples bad" }, "The table has no such column.")),
  press("Remove", () => remove(store, name), { key: `remove-${name}`, title: `Remove the field ${name}` }));

export function drawTargets(store) {
  const spreaded = store.spread();
  const rows = facts.target.columns.map((column) => [column, store.about(column.name, spreaded)]);
  const number = (state) => rows.filter(([, about]) => about.state === state).length + (state === "error" ? store.strays.length : 0);
  remake(counts, STATES.map((state) => h("button", {
    type: "button", class: "small", "aria-pressed": String(only === state), data: { key: `only-${state}`, state },
    onclick: () => { only = only === state ? "" : state; store.tell("search"); },
  }, h("span", { class: `badge is-${state}` }, `${number(state)} ${state}`))));
  remake(list, [...rows.map(([column, about]) => row(store, column, about)), ...store.strays.map((name) => stray(store, name))]);
}

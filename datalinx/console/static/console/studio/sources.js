// The left side: the inputs that the mapping reads, with their columns, and what else could be read.

import { facts, look } from "./calls.js";
import { h, remake } from "./dom.js";
import { addInput, removeInput } from "./making.js";
import { nameOf, placeOf } from "./store.js";
import { choice, fault, labelled, press } from "./widgets.js";

const list = document.getElementById("studio-inputs");
const search = document.getElementById("studio-search");
const adding = document.getElementById("studio-add");

const roles = (document) => new Set((document.group_by ?? []).map(String));

function row(store, input, column, used) {
  const wanted = search.value.trim().toLowerCase();
  const words = [column.name, column.type, ...column.samples].join(" ").toLowerCase();
  const held = store.origin?.alias === input.alias && store.origin?.column === column.name;
  const samples = column.samples.join(" · ");
  return h("li", { hidden: Boolean(wanted) && !words.includes(wanted) },
    h("button", {
      type: "button", class: `port-row${used ? " used" : ""}`, "aria-pressed": String(held), title: samples || column.name,
      data: { key: `from-${input.alias}.${column.name}`, alias: input.alias, column: column.name, type: column.type },
      onclick: () => store.hold(held ? null : { alias: input.alias, column: column.name, type: column.type }),
    },
      h("span", { class: "name" }, column.name), h("span", { class: "grip", "aria-hidden": "true" }),
      h("span", { class: "aside wide-only" }, String(column.type).toLowerCase()),
      samples && h("span", { class: "samples" }, samples)));
}

function box(store, input, position, used) {
  const known = store.columns.get(placeOf(input));
  const columns = known?.columns ?? [];
  const name = nameOf(input) || "nothing yet";
  const body = known?.fault ? h("p", { class: "bad" }, known.fault)
    : columns.length ? h("ul", { class: "ports" }, columns.map((each) => row(store, input, each, used.has(`${input.alias}.${each.name}`.toLowerCase()))))
      : h("p", { class: "soft" }, known ? "No columns." : "Looking at its columns…");
  return h("section", { class: "box", "aria-label": `Input ${input.alias}` },
    h("div", { class: "box-head" }, h("h3", {}, h("bdi", {}, name), " ", h("span", { class: "soft" }, `as ${input.alias}`)),
      press("×", () => removeInput(store, input.alias), { key: `without-${input.alias}`, title: `Remove the input ${input.alias}` })),
    fault(`inputs[${position}]`), body);
}

export function drawSources(store) {
  const used = new Set();
  const spreaded = store.spread();
  for (const { name } of facts.target.columns) {
    for (const each of store.about(name, spreaded).references) used.add(`${each.alias}.${each.column}`.toLowerCase());
  }
  for (const each of roles(store.document)) used.add(each.toLowerCase());
  remake(list, store.inputs.map((input, position) => box(store, input, position, used)));
  if (!store.inputs.length) list.append(h("p", { class: "soft" }, "Choose below what the mapping reads."), fault("inputs"));
}

// The columns of each input are asked for once.
export async function fetchColumns(store) {
  await Promise.all(store.inputs.map(async (input) => {
    const place = placeOf(input);
    if (store.columns.has(place) || !nameOf(input)) return;
    store.columns.set(place, null);
    const asked = Object.fromEntries(["source", "table", "target", "cte"].filter((each) => input[each]).map((each) => [each, input[each]]));
    try {
      store.columns.set(place, await look("columns", asked));
    } catch (refused) {
      store.columns.set(place, { columns: [], fault: refused.message });
    }
    store.tell("columns");
  }));
}

function chooser(store) {
  const tables = h("div");
  const options = [
    ...facts.sources.map((each) => [`source:${each.id}`, `Source ${each.name}`]),
    ...(facts.targets.length ? [["target", "Another target table"]] : []),
    ...(facts.ctes.length ? [["cte", "A CTE"]] : []),
  ];
  const add = (entry) => { addInput(store, entry); adding.querySelector("details").open = false; };
  const offer = (label, names, make) => tables.replaceChildren(
    labelled(label, choice(names, "", (name) => name && add(make(name)), { key: "add-table", none: "Choose…" })));
  const chosen = async (value) => {
    tables.replaceChildren();
    if (value === "target") offer("Table", facts.targets, (target) => ({ target }));
    else if (value === "cte") offer("CTE", facts.ctes, (cte) => ({ cte }));
    else if (value) {
      const source = facts.sources.find((each) => `source:${each.id}` === value);
      try {
        const found = await look("tables", { source: source.id });
        offer(found.total > found.tables.length ? `Table (the first ${found.tables.length} of ${found.total})` : "Table", found.tables, (table) => ({ source: source.name, table }));
      } catch (refused) {
        tables.replaceChildren(h("p", { class: "bad" }, refused.message));
      }
    }
  };
  return [labelled("Read from", choice(options, "", chosen, { key: "add-from", none: "Choose…" })), tables];
}

export function startSources(store) {
  const details = h("details", { class: "fold" }, h("summary", {}, "Add an input"));
  details.addEventListener("toggle", () => {
    if (details.open) details.replaceChildren(details.firstChild, ...chooser(store));
  });
  details.open = !store.inputs.length;
  adding.replaceChildren(details);
  search.addEventListener("input", () => store.tell("search"));
}

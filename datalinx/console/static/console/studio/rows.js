// Which rows there are and how they are stored: joins, filter, grouping, duplicates, load, wildcard.

import { facts } from "./calls.js";
import { h, remake } from "./dom.js";
import { asList, asObject } from "./exact.js";
import { everyReference } from "./panel.js";
import { choice, fault, labelled, line, press, several, text, tick } from "./widgets.js";

const place = document.getElementById("studio-rows");
const JOINS = ["left", "inner", "right", "full", "cross"];
const LOADS = [["full", "replaces the table"], ["append", "adds rows"], ["merge", "merges by key"], ["history", "keeps every version"]];
const INVALID = [["quarantine", "keeps the row aside"], ["null", "is dropped"], ["fail", "ends the run"]];

// A part that is empty is left out of the document.
const put = (store, name, value, options) => store.change((document) => {
  if (value === undefined || value === "" || value === null) delete document[name];
  else document[name] = value;
}, options);

function joins(store) {
  const list = asList(store.document.joins).map(asObject);
  const aliases = store.inputs.map((each) => each.alias);
  const names = (alias) => store.columnsOf(alias).map((each) => each.name);
  const edit = (position, alter) => store.change(() => alter(list[position]));
  const items = list.map((join, position) => {
    const on = asList(join.on);
    const pair = (at, side, value) => edit(position, () => { join.on = on.map((each, other) => (other === at ? each.with(side, value) : each)); });
    const key = `join-${position}`;
    const set = (name) => (value) => edit(position, () => { join[name] = value; });
    return h("li", {},
      h("div", { class: "fields" },
        labelled("Left", choice(aliases, join.left, set("left"), { key: `${key}-left` }), { path: `joins[${position}].left` }),
        labelled("Kind", choice(JOINS, join.type ?? "left", (value) => edit(position, () => {
          join.type = value;
          if (value === "cross") delete join.on;
        }), { key: `${key}-type` })),
        labelled("Right", choice(aliases, join.right, set("right"), { key: `${key}-right` }), { path: `joins[${position}].right` })),
      on.map(([left, right], at) => h("div", { class: "pair" },
        labelled("Left column", choice(names(join.left), left, (value) => pair(at, 0, value), { key: `${key}-${at}-l`, none: "Choose…" }), { hidden: true }), "=",
        labelled("Right column", choice(names(join.right), right, (value) => pair(at, 1, value), { key: `${key}-${at}-r`, none: "Choose…" }), { hidden: true }),
        press("×", () => edit(position, () => { join.on = on.filter((_, other) => other !== at); }), { key: `${key}-${at}`, title: "Remove this pair" }))),
      fault(`joins[${position}]`), h("div", { class: "row" },
        join.type !== "cross" && press("Add a pair of columns", () => edit(position, () => { join.on = [...on, ["", ""]]; }), { key: `${key}-add` }),
        press("Remove the join", () => put(store, "joins", list.filter((_, other) => other !== position)), { key: `${key}-out` })));
  });
  const joined = new Set(list.map((each) => each.right));
  const next = aliases.slice(1).find((each) => !joined.has(each)) ?? "";
  return h("fieldset", {}, h("legend", {}, "Joins"), h("ul", { class: "plain" }, items), fault("joins"),
    press("Add a join", () => put(store, "joins", [...list, { left: aliases[0] ?? "", right: next, type: "left", on: [["", ""]] }]), { key: "join-add", disabled: aliases.length < 2 }));
}

function load(store) {
  const now = asObject(store.document.load);
  const set = (name, value, by = "") => put(store, "load", Object.fromEntries(Object.entries({ ...now, [name]: value }).filter(([, each]) => each !== "" && each !== undefined)), { by, step: by && `load.${name}` });
  const targets = facts.target.columns.map((each) => each.name);
  const mode = now.mode ?? "full";
  return h("fieldset", {}, h("legend", {}, "Load"),
    labelled("A run", choice(LOADS, mode, (value) => set("mode", value), { key: "load-mode" }), { path: "load.mode" }),
    mode !== "full" || now.keys?.length ? several("Key", asList(now.keys), targets, (value) => set("keys", value), { key: "load-keys", path: "load.keys" }) : "",
    mode !== "full" || now.cursor ? labelled("Read only what is newer by", choice(everyReference(store), now.cursor, (value) => set("cursor", value), { key: "load-cursor", none: "Everything" }), { path: "load.cursor" }) : "",
    now.cursor || now.lookback ? labelled("and again the last", line(now.lookback, (value) => { now.lookback = value; set("lookback", value, "rows"); }, { key: "load-lookback", placeholder: "2 days" }), { path: "load.lookback" }) : "",
    mode === "merge" || mode === "history" || now.delete_missing ? h("div", { class: "control" }, tick("Delete what is missing", now.delete_missing, (value) => set("delete_missing", value || undefined), { key: "load-missing" }), fault("load.delete_missing")) : "",
    fault("load"));
}

function duplicates(store) {
  const now = asObject(store.document.deduplicate);
  const set = (name, value) => {
    const made = { ...now, [name]: value };
    if (!made.order_by?.length) delete made.order_by;
    put(store, "deduplicate", made.keys?.length || made.order_by?.length ? { keys: [], ...made } : undefined);
  };
  const every = everyReference(store);
  return h("fieldset", {}, h("legend", {}, "Duplicates"),
    several("One row for each", asList(now.keys), facts.target.columns.map((each) => each.name), (value) => set("keys", value), { key: "dedup-keys", path: "deduplicate" }),
    several("The first by", asList(now.order_by), every.flatMap((each) => [`${each} DESC`, each]), (value) => set("order_by", value), { key: "dedup-order", path: "deduplicate.order_by" }));
}

function wildcard(store) {
  const now = asObject(store.document.wildcard);
  const input = now.input ?? "";
  const names = store.columnsOf(input).map((each) => each.name);
  const set = (name, value) => put(store, "wildcard", { ...now, [name]: value });
  return h("fieldset", {}, h("legend", {}, "Wildcard"),
    labelled("Every column of", choice(store.inputs.map((each) => each.alias), input, (value) => put(store, "wildcard", value ? { ...now, input: value } : undefined), { key: "wild-input", none: "no input" }), { path: "wildcard", hint: "goes to the column of its name, unless a field makes that one." }),
    input ? several("But not", asList(now.exclude), names, (value) => set("exclude", value), { key: "wild-not", path: "wildcard.exclude" }) : "");
}

export function drawRows(store) {
  const { document: now } = store;
  const groups = asList(now.group_by).map(String);
  remake(place, [
    joins(store),
    h("fieldset", {}, h("legend", {}, "Filter"), labelled("Keep the rows where", text(now.filter, (value) => put(store, "filter", value, { by: "rows", step: "filter" }), { key: "filter", rows: 3, placeholder: "every row" }), { path: "filter" })),
    h("fieldset", {}, h("legend", {}, "Grouping"), several("One row for each", groups, everyReference(store), (value) => put(store, "group_by", value.length ? value : undefined), { key: "group", path: "group_by" })),
    duplicates(store), load(store), wildcard(store),
    h("fieldset", {}, h("legend", {}, "Invalid values"), labelled("An invalid value", choice(INVALID, now.on_invalid ?? "quarantine", (value) => put(store, "on_invalid", value), { key: "on_invalid" }), { path: "on_invalid" })),
  ]);
}

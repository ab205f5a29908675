// How the chosen column is made, and what can be changed of it.

import { ask, facts } from "./calls.js";
import { chain } from "./decorators.js";
import { h, remake } from "./dom.js";
import { asObject, own } from "./exact.js";
import { combinations, KINDS, put, remove, turn } from "./making.js";
import { fieldKey, reference } from "./references.js";
import { choice, fault, labelled, line, pairs, press, text } from "./widgets.js";

const panel = document.getElementById("studio-panel");
const cell = (value) => (value === null || value === undefined ? h("span", { class: "null" }, "null") : h("bdi", {}, String(value)));

export function everyReference(store) {
  return store.inputs.flatMap((input) => store.columnsOf(input.alias).map((each) => reference(input.alias, each.name)));
}

const changing = (store, path) => (alter) => store.change(alter, { by: "panel", step: path });

function source(store, field, path) {
  return labelled("Source column", choice(everyReference(store), field.source, (value) => store.change(() => { field.source = value; }), { key: "source" }), { path });
}

function expression(store, field, path) {
  const change = changing(store, `${path}.expression`);
  const box = text(field.expression, (value) => change(() => { field.expression = value; }), { key: "expression", rows: 5 });
  const insert = choice(everyReference(store), "", (value) => {
    box.setRangeText(value, box.selectionStart, box.selectionEnd, "end");
    box.dispatchEvent(new Event("input"));
    box.focus();
  }, { key: "insert", none: "Insert a column…" });
  return [labelled("Expression", box, { path, hint: "SQL over the columns of the inputs." }), labelled("Column to insert", insert, { hidden: true })];
}

const SCALARS = { text: String, number: Number, true: () => true, false: () => false, null: () => null };

function constant(store, field, path) {
  const { value } = field;
  const isRaw = typeof value === "object" && value !== null;
  const kind = value === null || typeof value === "boolean" ? String(value) : typeof value === "string" ? "text" : "number";
  const change = changing(store, `${path}.value`);
  const written = isRaw ? JSON.stringify(value) : String(value ?? "");
  const box = line(written, (each) => change(() => { field.value = SCALARS[kind](each); }), { key: "value", type: kind === "number" && !isRaw ? "number" : "text" });
  const turned = (each) => store.change(() => { field.value = each === "number" ? Number(written) || 0 : SCALARS[each](written); });
  return [labelled("The value is", choice([["text", "a text"], ["number", "a number"], ["true", "true"], ["false", "false"], ["null", "nothing"]], kind, turned, { key: "scalar" }), { path }),
    ["text", "number"].includes(kind) && labelled("Value", box, { path: `${path}.value` })];
}

function lookup(store, field, path) {
  const isList = own(field, "values") !== undefined && field.values !== null;
  const to = (where) => store.change(() => {
    if (where === "values") {
      Object.assign(field, { values: { "": null } });
      for (const name of ["input", "key", "value"]) delete field[name];
    } else {
      delete field.values;
      Object.assign(field, { input: store.inputs.at(-1)?.alias ?? "", key: "", value: "" });
    }
  });
  const names = store.columnsOf(field.input).map((each) => each.name);
  const set = (name) => (value) => store.change(() => { field[name] = value; });
  const change = changing(store, `${path}.default`);
  return [source(store, field, path),
    labelled("Find it in", choice([["values", "a list of values"], ["input", "another input"]], isList ? "values" : "input", to, { key: "where" })),
    isList ? h("fieldset", {}, h("legend", {}, "Values"), pairs(asObject(field.values), set("values"), { key: "values" }))
      : [labelled("Input", choice(store.inputs.map((each) => each.alias), field.input, set("input"), { key: "input" }), { path: `${path}.input` }),
        labelled("where its column", choice(names, field.key, set("key"), { key: "key", none: "Choose…" }), { path: `${path}.key` }),
        labelled("is equal, its column", choice(names, field.value, set("value"), { key: "value", none: "Choose…" }), { path: `${path}.value` })],
    labelled("What is not found is", line(field.default ?? "", (value) => change(() => {
      if (value === "") delete field.default;
      else field.default = value;
    }), { key: "default", placeholder: "null" }))];
}

function details(store, field, path) {
  switch (field.type) {
    case "direct": return source(store, field, path);
    case "decorated": return [source(store, field, path), h("h3", {}, "Then"), chain(store, field, path)];
    case "expression": case "aggregate": return expression(store, field, path);
    case "constant": return constant(store, field, path);
    case "lookup": return lookup(store, field, path);
    default: return h("p", { class: "bad" }, "The form does not know this kind of field; its JSON below does.");
  }
}

function examples(store, column) {
  const rows = store.examples[column] ?? [];
  if (!rows.length) return h("p", { class: "soft" }, "A preview shows values before and after.");
  return h("table", { class: "examples" }, h("caption", { class: "hidden" }, `Values of ${column} before and after`),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Before"), h("th", { scope: "col" }, "After"))),
    h("tbody", {}, rows.map((row) => h("tr", {},
      h("td", {}, Object.values(row.before).map((each, position) => [position ? ", " : "", cell(each)])), h("td", {}, cell(row.after))))));
}

function code(store, column) {
  const shown = h("pre", {}, "…");
  const box = h("details", { class: "fold" }, h("summary", { data: { key: "sql" } }, "dbt SQL"), shown);
  box.addEventListener("toggle", async () => {
    if (!box.open) return;
    try {
      shown.textContent = (await ask("sql", { document: store.text, field: column })).sql;
    } catch (refused) {
      shown.textContent = refused.message;
    }
  });
  return box;
}

function offers(store, column) {
  const { origin } = store.offer;
  return h("div", { class: "notice", role: "group", "aria-label": "Two columns for one" },
    h("p", {}, `${column.name} is made already. With ${origin.alias}.${origin.column}:`),
    h("div", { class: "row" }, combinations(store.offer, store).map(({ title, field }) =>
      press(title, () => { store.offer = null; put(store, column.name, field); }, { title: undefined, key: title })),
    press("Leave it", () => store.choose(column.name), { key: "leave" })));
}

function whole(store, field, path) {
  const change = changing(store, `${path}.description`);
  return [labelled("An invalid value", choice([["quarantine", "keeps the row aside"], ["null", "is dropped"], ["fail", "ends the run"]], field.on_invalid, (value) => store.change(() => {
    if (value) field.on_invalid = value;
    else delete field.on_invalid;
  }), { key: "on_invalid", none: "as the mapping says" }), { path: `${path}.on_invalid` }),
  labelled("Description", line(field.description, (value) => change(() => {
    if (value) field.description = value;
    else delete field.description;
  }), { key: "description" }), { path: `${path}.description` })];
}

// While somebody writes in the panel it is not made anew; only what the server says of it changes.
export function drawState(store) {
  const badge = document.getElementById("studio-state");
  if (!badge) return;
  const { state } = store.about(store.target);
  badge.className = `badge is-${state}`;
  badge.textContent = state;
}

export function drawPanel(store) {
  const column = facts.target.columns.find((each) => each.name === store.target);
  if (!column) {
    remake(panel, [h("h2", {}, "Details"), h("p", { class: "soft" }, "Choose a column of the table to see how it is made. To map one, draw a source column onto it; or choose a source column, then a column of the table, then Map.")]);
    return;
  }
  const { field, kind, references, state } = store.about(column.name);
  const path = `fields.${fieldKey(store.document, column.name) ?? column.name}`;
  const kinds = choice(Object.entries(KINDS), field?.type, (value) => value && put(store, column.name, turn(field ?? {}, value, column, store)), { key: "kind", none: field ? undefined : "Nothing yet" });
  remake(panel, [
    h("h2", {}, column.name),
    h("p", {}, h("code", {}, column.type), column.nullable === false ? h("span", { class: "soft" }, " never empty ") : " ", column.pii ? h("span", { class: "tag" }, column.pii) : "", " ", h("span", { id: "studio-state", class: `badge is-${state}` }, state)),
    column.description ? h("p", { class: "soft" }, column.description) : null,
    store.offer ? offers(store, column) : null,
    labelled("Made by", kinds), field && field.type in KINDS ? null : fault(path),
    kind === "wildcard" ? h("p", { class: "soft" }, `The wildcard makes it of ${references[0].alias}.${references[0].column}.`) : null,
    field ? details(store, field, path) : null,
    field ? whole(store, field, path) : null,
    field ? h("h3", {}, "Before and after") : null,
    field ? examples(store, column.name) : null,
    field || kind === "wildcard" ? code(store, column.name) : null,
    field ? h("div", { class: "row" }, press("Remove the field", () => remove(store, column.name), { key: "remove" })) : null,
  ]);
}

// What becomes of a source column that is put on a target column.

import { facts } from "./calls.js";
import { asList, asObject, own } from "./exact.js";
import { fieldKey, reference, referencesOf } from "./references.js";

export const KINDS = {
  direct: "Direct", decorated: "Decorated", expression: "Expression",
  constant: "Constant", lookup: "Lookup", aggregate: "Aggregate",
};
// What stands in a field of one kind and has no place in another.
const PARTS = ["type", "source", "expression", "decorators", "value", "values", "input", "key", "default"];

const isText = (type) => /^(varchar|text|string|char)/i.test(type || "varchar");

export function madeOf(store, origin, column) {
  const source = reference(origin.alias, origin.column);
  const groups = asList(store.document.group_by);
  if (groups.length && !groups.includes(source)) return { type: "aggregate", expression: `min(${source})` };
  if (!facts.semantic.includes(column.type)) return { type: "direct", source };
  const trim = isText(origin.type) ? [{ name: "trim" }] : [];
  return { type: "decorated", source, decorators: [...trim, { name: column.type }] };
}

export function put(store, column, field, options) {
  store.change((document) => {
    document.fields = asObject(document.fields);
    document.fields[fieldKey(document, column) ?? column] = field;
  }, options);
}

export function remove(store, column) {
  store.change((document) => { delete asObject(document.fields)[fieldKey(document, column) ?? column]; });
}

// Map at once where nothing stands yet; else offer what can be made of both.
export function map(store, origin, name) {
  const column = facts.target.columns.find((each) => each.name === name);
  if (!column) return;
  const field = store.field(name);
  const source = reference(origin.alias, origin.column);
  const isThere = field && referencesOf(field).some((each) => reference(each.alias, each.column) === source);
  store.choose(name);
  if (isThere) return;
  if (field) {
    store.offer = { origin, column, field };
    store.tell("choose");
  } else {
    put(store, name, madeOf(store, origin, column));
  }
}

const written = (field) => {
  if (field.type === "constant") return typeof field.value === "string" ? `'${field.value.replaceAll("'", "''")}'` : String(field.value);
  return field.expression ?? field.source ?? "NULL";
};

export function combinations({ origin, column, field }, store) {
  const both = `${written(field)}, ${reference(origin.alias, origin.column)}`;
  const type = field.type === "aggregate" ? "aggregate" : "expression";
  const kept = rest(field);
  return [
    { title: "Join both with a blank", field: { type, expression: `concat_ws(' ', ${both})`, ...kept } },
    { title: "The first that is not empty", field: { type, expression: `coalesce(${both})`, ...kept } },
    { title: "Replace", field: { ...madeOf(store, origin, column), ...kept } },
  ];
}

const rest = (field) => Object.fromEntries(Object.entries(field).filter(([name]) => !PARTS.includes(name)));

// The same column made in another way: what can be kept is kept.
export function turn(field, kind, column, store) {
  const first = referencesOf(field)[0] ?? (store.origin && { ...store.origin });
  const source = field.source ?? (first ? reference(first.alias, first.column) : "");
  const expression = field.expression ?? source;
  const semantic = facts.semantic.includes(column.type) ? [{ name: column.type }] : [{ name: "trim" }];
  const made = {
    direct: { source },
    decorated: { source, decorators: asList(field.decorators).length ? field.decorators : semantic },
    expression: { expression },
    aggregate: { expression: field.expression ?? (source ? `min(${source})` : "count(*)") },
    constant: { value: own(field, "value") ?? "" },
    lookup: { source, values: own(field, "values") ?? { "": null } },
  }[kind];
  return { type: kind, ...made, ...rest(field) };
}

export function addInput(store, entry, alias) {
  const taken = new Set(store.inputs.map((each) => String(each.alias).toLowerCase()));
  const base = (alias || entry.table || entry.target || entry.cte || "input").toLowerCase().replace(/[^a-z0-9]+/g, "_")
    .replace(/^[^a-z]+|_+$/g, "").slice(0, 30) || "input";
  let free = base;
  for (let number = 2; taken.has(free); number += 1) free = `${base}_${number}`;
  store.change((document) => { document.inputs = [...asList(document.inputs), { alias: free, ...entry }]; });
  return free;
}

// The joins that brought the input in go with it; fields that read it stay, and the check says what they miss.
export function removeInput(store, alias) {
  store.change((document) => {
    document.inputs = asList(document.inputs).filter((each) => asObject(each).alias !== alias);
    if (document.joins) {
      document.joins = asList(document.joins).filter((each) => asObject(each).left !== alias && asObject(each).right !== alias);
    }
  });
}

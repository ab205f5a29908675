// References as the mapping language writes them: `alias.name` or `alias."Any Name"`, an inner quote doubled.

import { asList, asObject, own } from "./exact.js";

const PLAIN = /^[A-Za-z_][A-Za-z0-9_]*$/;
const ONE = /^\s*([A-Za-z_]\w*)\s*\.\s*("(?:[^"]|"")*"|[A-Za-z_]\w*)\s*$/;
// A text in quotes and a comment are passed over, whatever they hold.
const EVERY = /'(?:[^']|'')*'|--[^\n]*|([A-Za-z_]\w*)\s*\.\s*("(?:[^"]|"")*"|[A-Za-z_]\w*)/g;

const bare = (name) => (name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name);

export const reference = (alias, column) =>
  `${alias}.${PLAIN.test(column) ? column : `"${column.replaceAll('"', '""')}"`}`;

export function split(text) {
  const found = ONE.exec(String(text ?? ""));
  return found ? { alias: found[1], column: bare(found[2]) } : null;
}

export function referencesIn(expression) {
  const found = [...String(expression ?? "").matchAll(EVERY)].filter((each) => each[1]);
  return found.map((each) => ({ alias: each[1], column: bare(each[2]) }));
}

export function referencesOf(field) {
  const { type, source, expression } = asObject(field);
  if (type === "expression" || type === "aggregate") return referencesIn(expression);
  const one = type === "constant" ? null : split(source);
  return one ? [one] : [];
}

// The key of a column among the document's fields, which may be written in another case.
export function fieldKey(document, column) {
  const fields = asObject(document.fields);
  if (Object.hasOwn(fields, column)) return column;
  return Object.keys(fields).find((name) => name.toLowerCase() === column.toLowerCase());
}

// What a wildcard makes: for each target column that no field makes, the column of the input.
export function spread(document, columns, targets) {
  const wildcard = document.wildcard;
  const found = new Map();
  if (!wildcard || typeof wildcard !== "object") return found;
  const excluded = new Set(asList(wildcard.exclude));
  for (const column of columns) {
    if (excluded.has(column)) continue;
    const name = `${wildcard.prefix ?? ""}${own(wildcard.rename, column) ?? column}`.toLowerCase();
    const target = targets.find((each) => each.name.toLowerCase() === name);
    if (target && !fieldKey(document, target.name)) found.set(target.name, { alias: wildcard.input, column });
  }
  return found;
}

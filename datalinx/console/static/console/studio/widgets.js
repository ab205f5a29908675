// The small controls that the panel and the forms are made of, each with its label and a place for what is wrong.

import { h } from "./dom.js";

let count = 0;

// A control under its label. `path` is the place in the document whose faults are told here.
export function labelled(label, control, { path = "", hint = "", hidden = false } = {}) {
  count += 1;
  control.id ||= `studio-${count}`;
  return h("div", { class: "control" },
    h("label", { for: control.id, class: hidden && "hidden" }, label), control,
    hint && h("small", {}, hint), path && fault(path));
}

export const fault = (path) => h("small", { class: "bad", role: "alert", data: { path }, hidden: true });

// Options are texts, or pairs of value and text; a value that is none of them is kept and shown.
export function choice(options, value, onchange, { key = "", none } = {}) {
  const pairs = options.map((each) => (Array.isArray(each) ? each : [each, each]));
  if (none !== undefined) pairs.unshift(["", none]);
  const current = value ?? "";
  if (!pairs.some(([each]) => each === current)) pairs.push([current, current]);
  return h("select", { data: { key }, onchange: (event) => onchange(event.target.value) },
    pairs.map(([each, text]) => h("option", { value: each, selected: each === current }, text)));
}

export function line(value, oninput, { key = "", type = "text", placeholder } = {}) {
  return h("input", {
    type, placeholder, value: value ?? "", autocomplete: "off", spellcheck: "false", data: { key },
    step: type === "number" ? "any" : undefined, oninput: (event) => oninput(event.target.value),
  });
}

export function text(value, oninput, { key = "", rows = 4, placeholder } = {}) {
  return h("textarea", {
    rows, placeholder, value: value ?? "", spellcheck: "false", autocapitalize: "off", data: { key },
    oninput: (event) => oninput(event.target.value),
  });
}

export function press(label, onclick, { key = label, title, small = true, disabled = false } = {}) {
  return h("button", {
    type: "button", class: small && "small", title, "aria-label": title, disabled, data: { key }, onclick,
  }, label);
}

export function tick(label, value, onchange, { key = "" } = {}) {
  return h("label", { class: "check" },
    h("input", { type: "checkbox", checked: Boolean(value), data: { key }, onchange: (event) => onchange(event.target.checked) }), label);
}

// An ordered list of choices: each can be taken away, one can be added.
export function several(label, values, options, onchange, { key, path }) {
  const items = values.map((value, position) => h("li", {},
    h("code", {}, String(value)),
    press("×", () => onchange(values.filter((_, other) => other !== position)), { key: `${key}-${position}`, title: `Remove ${value}` })));
  const add = choice(options, "", (value) => value && onchange([...values, value]), { key: `${key}-add`, none: "Add…" });
  return h("div", { class: "control" }, items.length ? h("ul", { class: "several" }, items) : "", labelled(label, add, { path }));
}

// Pairs of a text and its value.
export function pairs(values, onchange, { key }) {
  const entries = Object.entries(values);
  const put = (position, pair) => onchange(Object.fromEntries(
    pair ? entries.with(position, pair) : entries.filter((_, other) => other !== position)));
  const rows = entries.map(([name, value], position) => h("li", { class: "pair" },
    labelled("From", line(name, () => {}, { key: `${key}-${position}-from` }), { hidden: true }),
    "→",
    labelled("To", line(value ?? "", () => {}, { key: `${key}-${position}-to`, placeholder: "null" }), { hidden: true }),
    press("×", () => put(position, null), { key: `${key}-${position}`, title: `Remove ${name}` })));
  // Written on leaving a cell: a half-typed key would fold two pairs into one.
  rows.forEach((row, position) => row.addEventListener("change", () => {
    const [from, to] = [...row.querySelectorAll("input")].map((each) => each.value);
    put(position, [from, to === "" ? null : to === String(entries[position][1] ?? "") ? entries[position][1] : to]);
  }));
  return h("div", {}, h("ul", { class: "several" }, rows),
    press("Add a pair", () => onchange({ ...values, [`new ${entries.length + 1}`]: null }), { key: `${key}-add` }));
}

// The chain of a decorated field: an ordered list, each step with a form drawn from the schema of its parameters.

import { facts } from "./calls.js";
import { h } from "./dom.js";
import { asList, asObject, own } from "./exact.js";
import { choice, fault, labelled, line, pairs, press, text, tick } from "./widgets.js";

const known = new Map(facts.decorators.map((each) => [each.name, each]));
const title = (name) => name.replaceAll("_", " ");

// A parameter may be of several types or nothing: what it is besides nothing.
function shape(schema) {
  const kinds = (schema.anyOf ?? [schema]).filter((each) => each.type !== "null");
  return kinds.length === 1 ? { ...schema, ...kinds[0] } : { ...schema, types: kinds.map((each) => each.type) };
}

function scalar(written, types) {
  if (types.includes("boolean") && /^(true|false)$/.test(written)) return written === "true";
  const isNumber = written.trim() !== "" && Number.isFinite(Number(written));
  return isNumber && types.some((each) => each === "integer" || each === "number") ? Number(written) : written;
}

function control(facet, value, set, key) {
  const placeholder = facet.default === null || facet.default === undefined ? undefined : String(facet.default);
  if (facet.enum) return choice(facet.enum, value, (each) => set(each || undefined), { key, none: placeholder ?? "Not given" });
  if (facet.type === "boolean") return tick("Yes", value ?? facet.default, set, { key });
  if (facet.type === "array") {
    return text(asList(value).join("\n"), (each) => set(each ? each.split("\n").filter(Boolean) : undefined), { key, rows: 2, placeholder: "One in each line" });
  }
  if (facet.type === "integer" || facet.type === "number") {
    return line(value, (each) => set(each === "" ? undefined : Number(each)), { key, type: "number", placeholder });
  }
  const types = facet.types ?? [];
  return line(value, (each) => set(each === "" ? undefined : scalar(each, types)), { key, placeholder });
}

function parameters(entry, change, key) {
  const about = known.get(entry.name);
  if (!about) return h("p", { class: "bad" }, "There is no such decorator.");
  const required = asList(about.parameters.required);
  return Object.entries(asObject(about.parameters.properties)).map(([name, schema]) => {
    const facet = shape(schema);
    const set = (value, structural) => change((step) => {
      if (value === undefined) delete step[name];
      else step[name] = value;
    }, structural ? "" : "panel");
    const label = `${title(name)}${required.includes(name) ? " (needed)" : ""}`;
    if (facet.type === "object") {
      return h("fieldset", {}, h("legend", {}, label), pairs(asObject(own(entry, name)), (value) => set(value, true), { key: `${key}-${name}` }));
    }
    return labelled(label, control(facet, own(entry, name), set, `${key}-${name}`));
  });
}

export function chain(store, field, path) {
  const steps = asList(field.decorators).map(asObject);
  const edit = (make) => store.change(() => { field.decorators = make([...asList(field.decorators)]); });
  const swap = (one, other) => edit((list) => {
    [list[one], list[other]] = [list[other], list[one]];
    return list;
  });
  const items = steps.map((entry, position) => {
    const name = String(entry.name);
    const key = `step-${position}`;
    const change = (alter, by) => store.change(() => alter(entry), { by, step: by && `${path}-${key}` });
    return h("li", {},
      h("div", { class: "step" }, h("code", {}, name),
        press("↑", () => swap(position, position - 1), { key: `${key}-up`, title: `Move ${name} up`, disabled: !position }),
        press("↓", () => swap(position, position + 1), { key: `${key}-down`, title: `Move ${name} down`, disabled: position === steps.length - 1 }),
        press("×", () => edit((list) => list.filter((_, other) => other !== position)), { key: `${key}-out`, title: `Remove ${name}` })),
      h("p", { class: "soft" }, known.get(name)?.description ?? ""),
      parameters(entry, change, key), fault(`${path}.decorators[${position}]`));
  });
  const names = [...known.keys()].map((name) => [name, title(name)]);
  return [h("ol", { class: "chain" }, items),
    labelled("Add a step", choice(names, "", (name) => name && edit((list) => [...list, { name }]), { key: "step-add", none: "Choose a decorator…" }), { path: `${path}.decorators` })];
}

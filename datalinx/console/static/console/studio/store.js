// The one document that all parts of the page show and change, what was before it, and what the server says of it.

import { facts } from "./calls.js";
import { asList, asObject, own, parse, write } from "./exact.js";
import { fieldKey, referencesOf, spread } from "./references.js";

const MOST_STEPS = 100;

export class Store extends EventTarget {
  constructor(text, version) {
    super();
    this.document = asObject(parse(text));
    this.version = version;
    this.saved = version ? write(this.document) : "";
    this.past = [];
    this.future = [];
    this.columns = new Map();
    this.verdict = { errors: [], unmapped: [] };
    this.states = new Map(facts.states.map((each) => [each.field, each]));
    this.examples = {};
    this.target = "";
    this.origin = null;
    this.offer = null;
  }

  get text() {
    return write(this.document);
  }

  get isChanged() {
    return this.text !== this.saved;
  }

  tell(name, by = "") {
    this.dispatchEvent(new CustomEvent(name, { detail: { by } }));
  }

  // `by` names the part that changes and so need not be made anew; edits with one `step` are undone together.
  change(edit, { by = "", step = "" } = {}) {
    const before = this.text;
    edit(this.document);
    if (this.text === before) return;
    if (!step || step !== this.step) this.past = [...this.past, before].slice(-MOST_STEPS);
    this.step = step;
    this.future = [];
    this.examples = {};
    this.tell("change", by);
  }

  replace(document) {
    this.change(() => { this.document = document; }, { by: "json", step: "json" });
  }

  move(from, to) {
    if (!from.length) return;
    to.push(this.text);
    this.document = parse(from.pop());
    this.step = "";
    this.examples = {};
    this.tell("change");
  }

  undo() { this.move(this.past, this.future); }

  redo() { this.move(this.future, this.past); }

  choose(target) {
    this.target = target;
    this.offer = null;
    this.tell("choose");
  }

  hold(origin) {
    this.origin = origin;
    this.tell("hold");
  }

  get inputs() {
    return asList(this.document.inputs).map(asObject);
  }

  // The columns of an input as far as they are known yet.
  columnsOf(alias) {
    const input = this.inputs.find((each) => String(each.alias).toLowerCase() === String(alias).toLowerCase());
    return (input && this.columns.get(placeOf(input))?.columns) || [];
  }

  field(column) {
    const key = fieldKey(this.document, column);
    return key === undefined ? undefined : asObject(own(this.document.fields, key));
  }

  errorsOf(column) {
    const start = `fields.${column}`.toLowerCase();
    return this.verdict.errors.filter(({ field }) => {
      const name = String(field).toLowerCase();
      return name === start || name.startsWith(`${start}.`);
    });
  }

  // What every part shows of a target column: its state, its kind, and the columns that it is made of.
  about(column, spreaded = this.spread()) {
    const field = this.field(column);
    const wild = spreaded.get(column);
    const suggestion = field || wild ? null : this.states.get(column)?.suggestion ?? null;
    let state = field || wild ? "mapped" : suggestion?.ambiguous ? "ambiguous" : "unmapped";
    if (this.errorsOf(column).length) state = "error";
    const kind = field ? String(field.type) : wild ? "wildcard" : "none";
    return { field, state, kind, suggestion, references: field ? referencesOf(field) : wild ? [wild] : [] };
  }

  spread() {
    const input = asObject(this.document.wildcard).input;
    return spread(this.document, this.columnsOf(input).map((each) => each.name), facts.target.columns);
  }

  // Fields that the target table has no column for.
  get strays() {
    const known = new Set(facts.target.columns.map((each) => each.name.toLowerCase()));
    return Object.keys(asObject(this.document.fields)).filter((name) => !known.has(name.toLowerCase()));
  }
}

export function placeOf(input) {
  return JSON.stringify([input.source ?? "", input.table ?? "", input.target ?? "", input.cte ?? ""]);
}

export function nameOf(input) {
  return input.cte ?? input.target ?? [input.source, input.table].filter(Boolean).join(".");
}

// The studio: a mapping edited on its drawing. Nothing is saved until the person says so.

import { ask, facts } from "./calls.js";
import { checkSoon, showFaults, take } from "./checking.js";
import { startDrag } from "./drag.js";
import { asObject, parse } from "./exact.js";
import { startLines } from "./lines.js";
import { tell, tellRefused } from "./notice.js";
import { drawPanel, drawState } from "./panel.js";
import { drawRows } from "./rows.js";
import { drawSources, fetchColumns, startSources } from "./sources.js";
import { Store } from "./store.js";
import { suggest } from "./suggestions.js";
import { drawTargets } from "./targets.js";

const form = document.getElementById("studio");
const json = form.elements.document;
const button = (name) => document.getElementById(`studio-${name}`);
const invalid = document.getElementById("studio-json-fault");

function begin() {
  const store = new Store(json.value, Number(form.elements.version.value));
  const lines = startLines(store);

  const draw = (by = "") => {
    drawSources(store);
    drawTargets(store);
    if (by === "panel") drawState(store);
    else drawPanel(store);
    if (by !== "rows") drawRows(store);
    if (by !== "json") {
      json.value = store.text;
      invalid.hidden = true;
    }
    button("undo").disabled = !store.past.length;
    button("redo").disabled = !store.future.length;
    button("changed").hidden = !store.isChanged;
    showFaults(store);
    lines();
  };

  store.addEventListener("change", ({ detail }) => {
    draw(detail.by);
    fetchColumns(store);
    checkSoon(store);
  });
  store.addEventListener("columns", () => draw());
  store.addEventListener("states", () => draw());
  for (const name of ["choose", "hold", "search", "verdict"]) {
    store.addEventListener(name, () => {
      drawSources(store);
      drawTargets(store);
      if (name === "choose") drawPanel(store);
      else drawState(store);
      showFaults(store);
      lines();
    });
  }

  json.addEventListener("input", () => {
    try {
      store.replace(asObject(parse(json.value)));
      invalid.hidden = true;
    } catch (error) {
      invalid.textContent = `This is not valid JSON yet: ${error.message}. The drawing shows what it was before.`;
      invalid.hidden = false;
    }
  });

  button("undo").addEventListener("click", () => store.undo());
  button("redo").addEventListener("click", () => store.redo());
  button("suggest").addEventListener("click", () => busy(button("suggest"), () => suggest(store)));
  button("preview-button").addEventListener("click", () => busy(button("preview-button"), () => preview(store)));
  button("save").addEventListener("click", () => form.requestSubmit());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    // The console's own script disables what was pressed until the next page; here there is none.
    event.stopImmediatePropagation();
    if (invalid.hidden) {
      busy(button("save"), () => save(store));
      return;
    }
    document.getElementById("studio-json").open = true;
    invalid.scrollIntoView({ block: "center" });
  });
  addEventListener("beforeunload", (event) => {
    if (store.past.length && store.isChanged) event.preventDefault();
  });

  startSources(store);
  startDrag(store);
  draw();
  fetchColumns(store);
  checkSoon(store);
}

async function busy(pressed, work) {
  pressed.disabled = true;
  try {
    await work();
  } finally {
    pressed.disabled = false;
  }
}

async function save(store) {
  const text = store.text;
  try {
    const { version } = await ask("save", { document: text, version: String(store.version) });
    store.version = version;
    store.saved = text;
    form.elements.version.value = version;
    button("changed").hidden = !store.isChanged;
    tell(`Saved as version ${version}.`);
  } catch (refused) {
    if (refused.code === "VERSION_CONFLICT") {
      tell(`${refused.message} Your changes are still here: open the mapping in another window to see what is saved now.`, { bad: true });
      return;
    }
    tellRefused(refused);
    if (refused.errors.length) showFirst(store, refused);
  }
}

// The place of the first fault is opened, so that its sentence is seen.
function showFirst(store, refused) {
  const faulty = facts.target.columns.find((each) => {
    const start = `fields.${each.name}`.toLowerCase();
    return refused.errors.some(({ field }) => `${field}.`.toLowerCase().startsWith(`${start}.`));
  });
  if (faulty) store.choose(faulty.name);
  else document.getElementById("studio-rows").closest("details").open = true;
  take(store, refused);
}

async function preview(store) {
  const place = document.getElementById("studio-preview");
  try {
    const { part, examples } = await ask("preview", { document: store.text });
    // Made by the server from a template, as the parts of a run's page are.
    place.innerHTML = part;
    place.hidden = false;
    store.examples = asObject(examples);
    tell("");
    drawPanel(store);
    showFaults(store);
    place.scrollIntoView({ block: "start", behavior: "smooth" });
  } catch (refused) {
    tellRefused(refused);
    if (refused.errors.length) showFirst(store, refused);
  }
}

if (facts) {
  try {
    begin();
    document.getElementById("studio-board").hidden = false;
    document.getElementById("studio-json").open = false;
    for (const each of document.querySelectorAll(".studio-scripted")) each.hidden = false;
  } catch (error) {
    // The text of the document can still be edited by hand.
    tell(`The drawing cannot be shown: ${error.message}.`, { bad: true });
    throw error;
  }
}

// What the server says of the document while it is edited: each fault is told at the place that it belongs to.

import { ask } from "./calls.js";
import { h, sentence } from "./dom.js";
import { tell } from "./notice.js";

const PAUSE = 400;
let waiting = 0;
let number = 0;

// The place on the page that is nearest to a path of the document, or nothing.
function nearest(path, places) {
  const fits = [...places.keys()].filter((each) => path === each || path.startsWith(`${each}.`) || path.startsWith(`${each}[`));
  return places.get(fits.sort((one, other) => other.length - one.length)[0]);
}

export function showFaults(store) {
  const places = new Map();
  for (const each of document.querySelectorAll("#studio-board [data-path]")) {
    each.hidden = true;
    each.replaceChildren();
    each.closest(".control")?.querySelector("input, select, textarea")?.removeAttribute("aria-invalid");
    places.set(each.dataset.path, each);
  }
  const elsewhere = [];
  for (const { field, message } of store.verdict.errors) {
    const place = nearest(String(field), places);
    if (!place) {
      if (!String(field).startsWith("fields.")) elsewhere.push(field ? `${field}: ${message}` : message);
      continue;
    }
    place.hidden = false;
    place.append(h("span", {}, sentence(message)));
    place.closest(".control")?.querySelector("input, select, textarea")?.setAttribute("aria-invalid", "true");
  }
  const other = document.getElementById("studio-elsewhere");
  other.hidden = !elsewhere.length;
  other.replaceChildren(...elsewhere.map((each) => h("li", {}, sentence(each))));
}

export function take(store, verdict) {
  store.verdict = { errors: verdict.errors ?? [], unmapped: verdict.unmapped ?? [] };
  store.tell("verdict");
}

async function check(store) {
  number += 1;
  const mine = number;
  try {
    const verdict = await ask("check", { document: store.text });
    if (mine === number) take(store, verdict);
  } catch (refused) {
    if (mine !== number) return;
    if (refused.errors.length) take(store, { errors: refused.errors });
    else tell(refused.message, { bad: true });
  }
}

export function checkSoon(store) {
  clearTimeout(waiting);
  waiting = setTimeout(() => check(store), PAUSE);
}

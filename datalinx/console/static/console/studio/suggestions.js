// Suggestions of the API: taken into the document that is not saved yet, or refused for good.

import { ask } from "./calls.js";
import { addInput, put } from "./making.js";
import { tellRefused } from "./notice.js";

export function accept(store, name) {
  const { alias, source, table, proposal } = store.states.get(name).suggestion;
  const isRead = store.inputs.some((each) => each.alias === alias && each.source === source && each.table === table);
  if (!isRead) addInput(store, { source, table }, alias);
  store.choose(name);
  put(store, name, proposal);
}

function keep(store, { states }) {
  store.states = new Map(states.map((each) => [each.field, each]));
  store.tell("states");
}

export async function reject(store, name) {
  try {
    keep(store, await ask("suggest", {}, `/${encodeURIComponent(store.states.get(name).suggestion.id)}`));
  } catch (refused) {
    tellRefused(refused);
  }
}

export async function suggest(store) {
  // A mapping that is saved is looked at with all that it reads; a new one with what it is to read first.
  const first = store.version ? {} : store.inputs.find((each) => each.source && each.table) ?? {};
  const asked = first.source ? { source: first.source, table: first.table } : {};
  try {
    keep(store, await ask("suggest", asked));
  } catch (refused) {
    tellRefused(refused);
  }
}

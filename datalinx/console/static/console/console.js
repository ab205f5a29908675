// Comforts. Every page works without them.
"use strict";

// A run that is under way: the server draws each part anew, here it is only put in its place.
function watch(state) {
  const log = document.getElementById("run-log");
  const events = new EventSource(state.dataset.events);
  events.addEventListener("run", (event) => {
    state.innerHTML = event.data;
  });
  events.addEventListener("log", (event) => {
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 24;
    log.querySelector(".nothing")?.remove();
    log.insertAdjacentHTML("beforeend", event.data);
    if (atEnd) log.scrollTop = log.scrollHeight;
  });
  // Afterwards the page has more to show: rejected rows, and what can be done now.
  events.addEventListener("end", () => {
    events.close();
    location.reload();
  });
  // EventSource itself comes back, with the id of the last line, unless the answer was no stream at all.
  addEventListener("pagehide", () => events.close());
}

// A part that time changes: the server draws it anew, here it is put in its place, unless somebody is busy in it. It
// stops after half an hour, so that a page which is left open does not keep its session.
async function refresh(part, seconds, left) {
  await new Promise((resolve) => { setTimeout(resolve, 1000 * seconds); });
  const busy = part.contains(document.activeElement) || !getSelection().isCollapsed;
  if (!busy && !document.hidden) {
    const answer = await fetch(location.href).catch(() => undefined);
    if (answer?.ok && !answer.redirected) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById(part.id);
      if (fresh) part.replaceChildren(...fresh.childNodes);
    }
  }
  if (left > 1) refresh(part, seconds, left - 1);
}

// A menu closes when a person goes elsewhere.
function closeMenus(event) {
  for (const menu of document.querySelectorAll("details.drop[open]")) {
    if (event.key === "Escape" || (event.type === "click" && !menu.contains(event.target))) {
      menu.open = false;
      if (event.key) menu.querySelector("summary").focus();
    }
  }
}

document.addEventListener("click", closeMenus);
document.addEventListener("keydown", closeMenus);

const state = document.querySelector("[data-events]");
if (state) watch(state);
for (const part of document.querySelectorAll("[data-refresh]")) {
  refresh(part, Number(part.dataset.refresh), 1800 / Number(part.dataset.refresh));
}

// On a narrow page the rooms scroll sideways: the present one is brought into view.
document.querySelector(".rooms [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

for (const form of document.querySelectorAll("form[data-submit-on='ctrl-enter']")) {
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit(form.querySelector("button.main"));
    }
  });
}

// A button that was pressed waits for its answer; a file that is downloaded leaves the page where it is.
document.addEventListener("submit", (event) => {
  const pressed = event.submitter;
  if (pressed && event.target.method === "post" && pressed.value !== "download") {
    setTimeout(() => { pressed.disabled = true; });
    addEventListener("pageshow", () => { pressed.disabled = false; }, { once: true });
  }
});

for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.querySelector(button.dataset.copy).textContent);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
}

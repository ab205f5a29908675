// Questions to the server of this page, which asks the API. The document goes along as the text that it is.

export const facts = JSON.parse(document.getElementById("studio-facts").textContent);

const form = document.getElementById("studio");

export class Refused extends Error {
  constructor(answer) {
    super(answer.message ?? "The platform did not answer as it should.");
    this.errors = answer.errors ?? [];
    this.code = answer.error_code ?? "";
    this.request = answer.request_id ?? "";
  }
}

async function read(answer) {
  if (answer.redirected || !answer.headers.get("Content-Type")?.includes("json")) {
    const message = answer.redirected
      ? "You are signed out. Sign in again in another window, then try once more: nothing here is lost."
      : `The server answered ${answer.status}. Nothing here is lost; try again in a moment.`;
    throw new Refused({ message });
  }
  const body = await answer.json();
  if (!answer.ok) throw new Refused(body);
  return body;
}

async function call(url, options) {
  let answer;
  try {
    answer = await fetch(url, options);
  } catch {
    throw new Refused({ message: "The server cannot be reached. Nothing here is lost; try again in a moment." });
  }
  return read(answer);
}

export function look(name, values) {
  return call(`${facts.urls[name]}?${new URLSearchParams(values)}`);
}

export function ask(name, values = {}, more = "") {
  const body = new URLSearchParams(values);
  body.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
  return call(facts.urls[name] + more, { method: "POST", body });
}

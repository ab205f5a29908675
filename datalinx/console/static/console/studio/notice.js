// What is said of the page as a whole.

import { h, sentence as said } from "./dom.js";

const notice = document.getElementById("studio-notice");

export function tell(sentence, { bad = false, more = [] } = {}) {
  notice.hidden = !sentence;
  notice.className = `notice ${bad ? "error" : "success"}`;
  notice.setAttribute("role", bad ? "alert" : "status");
  notice.replaceChildren(...(sentence ? [h("p", {}, said(sentence))] : []),
    ...(more.length ? [h("ul", {}, more.map((each) => h("li", {}, said(each))))] : []));
}

export function tellRefused(refused) {
  tell(refused.request ? `${refused.message} (request ${refused.request})` : refused.message, { bad: true });
}

// The little that pages do by themselves. Everything works without it.
(() => {
  "use strict";
  const html = document.documentElement;
  html.classList.add("js");

  // The lamp: off until a stream is open, and honest when it breaks.
  const lamp = document.querySelector("[data-lamp]");
  const clock = () => new Date().toLocaleTimeString(html.lang, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZone: lamp.dataset.zone });
  const show = (live, news) => {
    if (!lamp) return;
    lamp.dataset.lamp = live ? "on" : "off";
    lamp.querySelector("[data-lamp-words]").textContent = live ? lamp.dataset.on : lamp.dataset.off;
    if (news) lamp.querySelector("[data-lamp-at]").textContent = clock();
  };
  // A connection is no news yet: the moment is that of the newest picture, and a quiet night leaves it standing.
  document.addEventListener("htmx:sse:after:connection", (event) => { if (event.detail.connection.status === 200) show(true); });
  document.addEventListener("htmx:sse:after:message", () => show(true, true));
  document.addEventListener("htmx:sse:error", () => show(false));
  document.addEventListener("htmx:sse:close", () => show(false));
  window.addEventListener("offline", () => show(false));

  // Keys: only where somebody wants them (WCAG 2.1.4), and never while typing.
  const keys = { n: "[data-key=n]", "/": "[data-key=search]", "?": "[data-key=help]" };
  document.addEventListener("keydown", (event) => {
    if (html.dataset.keys !== "on" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    const target = keys[event.key] && document.querySelector(keys[event.key]);
    if (!target) return;
    event.preventDefault();
    if (target.matches("input")) target.focus(); else target.click();
  });

  // A menu closes when one leaves it.
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of document.querySelectorAll("details.menu[open]")) { menu.open = false; menu.querySelector("summary").focus(); }
  });

  // Buttons that print, copy, or send a form as soon as something is chosen.
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-print]")) window.print();
    const copy = event.target.closest("[data-copy]");
    if (copy) navigator.clipboard.writeText(copy.dataset.copy).then(() => { copy.textContent = copy.dataset.done; });
  });
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-auto]");
    if (form) form.requestSubmit();
  });

  // What is written and not saved is not lost by a wrong click.
  const unload = (event) => { if (document.querySelector("form[data-unsaved=yes]")) event.preventDefault(); };
  document.addEventListener("input", (event) => {
    const form = event.target.closest("form[data-keep]");
    if (form) form.dataset.unsaved = "yes";
  });
  document.addEventListener("submit", (event) => { if (event.target.matches("form[data-keep]")) event.target.dataset.unsaved = "no"; });
  window.addEventListener("beforeunload", unload);
})();

"use strict";
(() => {
  const form = document.getElementById("filter");
  const words = document.getElementById("words");
  const entries = [...document.querySelectorAll("[data-v]")];
  const folds = [...document.querySelectorAll("details.area, details.group")];
  // Every requirement has a row. One that is not fulfilled has an article or a line as well.
  const named = (entry) => entry.cells ? entry.cells[1].textContent : entry.id;
  const names = new Set(entries.map(named));
  let texts = null;
  form.hidden = false;

  const text = (name) => {
    if (!texts) {
      texts = new Map();
      for (const entry of entries) {
        const more = entry.textContent.toLowerCase();
        texts.set(named(entry), `${texts.get(named(entry)) || ""} ${more}`);
      }
    }
    return texts.get(name);
  };

  const filter = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const boxes = [...form.querySelectorAll("[name=verdict]")];
    const verdicts = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    const level = document.getElementById("level").value;
    const area = document.getElementById("area").value;
    const left = new Set();
    for (const entry of entries) {
      const { v, l, a } = entry.dataset;
      const name = named(entry);
      const shown = verdicts.has(v) && (!level || l === level) && (!area || a === area)
        && wanted.every((word) => text(name).includes(word));
      entry.hidden = !shown;
      if (shown) left.add(name);
    }
    const narrowed = wanted.length || level || area || verdicts.size < boxes.length;
    for (const fold of folds) {
      fold.hidden = !fold.querySelector("[data-v]:not([hidden])");
      if (wanted.length) fold.open = true;
    }
    for (const section of document.querySelectorAll("section")) {
      if (section.querySelector("[data-v]"))
        section.hidden = !section.querySelector("[data-v]:not([hidden])");
    }
    document.getElementById("shown").value = narrowed
      ? `${left.size} of ${names.size} requirements` : "";
  };

  // The target of a link may be inside of closed details.
  const reveal = () => {
    const to = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let at = to; at; at = at.parentElement) if (at.localName === "details") at.open = true;
    if (to) to.scrollIntoView();
  };

  const step = (by) => {
    const shown = [...document.querySelectorAll("article[data-v]:not([hidden])")]
      .filter((each) => !each.closest("[hidden]"));
    const at = shown.indexOf(document.activeElement.closest("article"));
    const next = shown[at < 0 ? 0 : Math.min(Math.max(at + by, 0), shown.length - 1)];
    if (next) { next.focus({ preventScroll: true }); next.scrollIntoView({ block: "start" }); }
  };

  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", reveal);
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") { form.reset(); filter(); document.activeElement.blur(); return; }
    if (/^(input|select|textarea)$/.test(event.target.localName)) return;
    const article = document.activeElement.closest("article");
    if (event.key === "/") { event.preventDefault(); words.focus(); }
    else if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
    else if (event.key === "o" && article) {
      const inner = [...article.querySelectorAll("details:not(.exchange)")];
      const open = inner.some((each) => !each.open);
      for (const each of inner) each.open = open;
    }
  });
  // Details cannot be opened on paper. The first check of a finding and its judged exchange are
  // open already.
  addEventListener("beforeprint", () => {
    for (const fold of folds) fold.open = true;
  });
  reveal();
})();

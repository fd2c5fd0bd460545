"use strict";
(() => {
  const form = document.getElementById("filter");
  const words = document.getElementById("words");
  const entries = [...document.querySelectorAll("[data-v]")];
  const folds = [...document.querySelectorAll("details.area, details.group, details.consequences")];
  const choices = [...form.querySelectorAll("select")];
  const shortcuts = document.getElementById("shortcuts");
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
    const chosen = choices.filter((each) => each.value);
    const left = new Set();
    for (const entry of entries) {
      const name = named(entry);
      const shown = verdicts.has(entry.dataset.v)
        && chosen.every((each) => entry.dataset[each.id] === each.value)
        && wanted.every((word) => text(name).includes(word));
      entry.hidden = !shown;
      if (shown) left.add(name);
    }
    const narrowed = wanted.length || chosen.length || verdicts.size < boxes.length;
    for (const fold of folds) {
      fold.hidden = !fold.querySelector("[data-v]:not([hidden])");
      if (wanted.length) fold.open = true;
      // A consequence stands inside of its cause.
      const cause = fold.parentElement.closest("[data-v]");
      if (cause && !fold.hidden) cause.hidden = false;
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

  const clear = () => {
    form.reset();
    filter();
  };

  // Single keys act on the page unless the reader switches them off, for all statements.
  const remembered = (value) => {
    try {
      if (value === undefined) return localStorage.getItem("shortcuts");
      localStorage.setItem("shortcuts", value);
    } catch { /* a browser may keep nothing for a file */ }
    return null;
  };
  shortcuts.defaultChecked = remembered() !== "off";
  shortcuts.addEventListener("change", () => {
    shortcuts.defaultChecked = shortcuts.checked;
    remembered(shortcuts.checked ? "on" : "off");
  });

  const copied = async (text) => {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (!done) throw new Error("nothing was copied");
  };
  for (const command of document.querySelectorAll("code.command")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "copy";
    button.setAttribute("aria-label", "Copy the command");
    button.addEventListener("click", () => {
      copied(command.textContent).then(
        () => { button.textContent = "copied"; },
        () => { button.textContent = "select it and copy"; },
      );
    });
    command.after(button);
  }

  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", reveal);
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !shortcuts.checked) return;
    if (event.key === "Escape") { clear(); document.activeElement.blur(); return; }
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

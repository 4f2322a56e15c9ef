"use strict";
// Enlarges tiles and figures: by mouse, touch, Enter or Space; arrows go from tile to tile.
(() => {
  const make = (name, kind, text = "") => {
    const made = document.createElement(name);
    if (kind) made.className = kind;
    made.textContent = text;
    return made;
  };
  const button = (text, label, act) => {
    const made = make("button", "", text);
    made.type = "button";
    made.setAttribute("aria-label", label);
    made.addEventListener("click", act);
    return made;
  };
  if (!window.HTMLDialogElement) return;

  const dialog = make("dialog", "zoom");
  const title = make("p", "zoom-title");
  const panels = make("div", "zoom-panels");
  const tools = make("div", "zoom-tools");
  const bar = make("div", "zoom-bar");
  const steps = make("div", "zoom-steps");
  steps.append(
    button("‹", "Previous picture", () => step(-1)),
    button("›", "Next picture", () => step(1)),
  );
  bar.append(title, steps, button("×", "Close", () => dialog.close()));
  dialog.append(bar, panels, tools);
  dialog.setAttribute("aria-label", "Enlarged picture");
  document.body.append(dialog);

  const setOf = (tile) => tile.closest(".tiles");
  const tilesOf = (set) => [...set.querySelectorAll(".tile")];
  const number = (tile, name) => Number(tile.style.getPropertyValue(name));
  let current = null;
  let mix = 60;
  let whole = false;
  let laid = 0;

  // A copy of a tile whose window is the whole picture, with the window framed.
  const shownWhole = (tile) => {
    const [w, h, l, t] = ["--w", "--h", "--l", "--t"].map((name) => number(tile, name));
    const side = Math.max(w, h);
    const frame = make("i", "window");
    frame.style.cssText = `left:${100 * ((side - w) / 2 - l) / side}%;` +
      `top:${100 * ((side - h) / 2 - t) / side}%;width:${100 / side}%`;
    const places = { w: w / side, h: h / side, l: (1 - w / side) / 2, t: (1 - h / side) / 2 };
    for (const [name, value] of Object.entries(places)) tile.style.setProperty(`--${name}`, value);
    if (side > 1.001) tile.append(frame);
  };

  const copied = (tile) => {
    const copy = tile.cloneNode(true);
    for (const name of ["tabindex", "role", "aria-label"]) copy.removeAttribute(name);
    copy.querySelector(".where")?.remove();
    if (setOf(tile).closest("section")?.querySelector(".own-contrast:checked")) {
      copy.style.setProperty("--c", 1);
    }
    if (whole) shownWhole(copy);
    return copy;
  };

  const panel = (content, text) => {
    const made = make("figure");
    made.append(content, make("figcaption", "", text));
    panels.append(made);
  };

  const rowOf = (tile) => [...tile.closest(".row").querySelectorAll(".tile")];
  const rowName = (tile) => tile.closest(".row").previousElementSibling?.textContent ?? "";
  const position = (tile) => rowOf(tile).indexOf(tile);

  const drawTile = () => {
    const set = setOf(current);
    const all = tilesOf(set).filter((tile) => position(tile) === position(current));
    const over = all.filter((tile) => tile.closest(".over"));
    const under = all.find((tile) => !tile.closest(".over"));
    const count = rowOf(current).length;
    const card = set.closest(".card")?.querySelector(".name")?.textContent ?? "";
    // (the text of a picture begins with the name of its row)
    const text = current.querySelector("img").alt.slice(rowName(current).length + 2);
    title.textContent = [card, count > 1 && `${position(current) + 1} of ${count}`, text]
      .filter(Boolean).join(" · ");
    steps.hidden = count < 2;
    for (const tile of [under, ...over]) if (tile) panel(copied(tile), rowName(tile));
    if (under && over.length) {
      laid = Math.min(laid, over.length - 1);
      const both = copied(under);
      const upper = copied(over[laid]);
      upper.className += " upper";
      upper.style.opacity = mix / 100;
      both.append(upper);
      panel(both, "both");
      both.parentNode.classList.add("both");
      addMix(upper, over);
    }
    if (all.some((tile) => tile.querySelector(".where"))) addWhole();
  };

  const addMix = (upper, over) => {
    const label = make("label", "mix", "both: image ");
    const range = make("input");
    Object.assign(range, { type: "range", min: 0, max: 100, value: mix });
    range.addEventListener("input", () => {
      mix = Number(range.value);
      upper.style.opacity = mix / 100;
    });
    label.append(range);
    if (over.length > 1) {
      const choice = make("select");
      over.forEach((tile, i) => choice.append(new Option(rowName(tile), i, false, i === laid)));
      choice.addEventListener("change", () => {
        laid = Number(choice.value);
        draw();
        tools.querySelector("select").focus();
      });
      choice.setAttribute("aria-label", "What lies over the image");
      tools.append(label, choice);
    } else {
      label.append(` ${rowName(over[0])}`);
      tools.append(label);
    }
  };

  const addWhole = () => {
    const label = make("label", "switch", " the whole receptive field");
    const box = make("input");
    Object.assign(box, { type: "checkbox", checked: whole });
    box.addEventListener("change", () => {
      whole = box.checked;
      draw();
      tools.querySelector(".switch input").focus();
    });
    label.prepend(box);
    tools.append(label);
  };

  const drawFigure = () => {
    const caption = current.closest("figure")?.querySelector("figcaption")?.textContent ?? "";
    title.textContent = current.alt;
    steps.hidden = true;
    const copy = current.cloneNode();
    copy.removeAttribute("style");
    for (const name of ["tabindex", "role"]) copy.removeAttribute(name);
    // At least as large as on the page; wider than the window, it scrolls.
    const natural = current.naturalWidth || current.clientWidth;
    const room = Math.min(window.innerWidth * 0.96 - 32, 1800);
    copy.style.width = `${Math.max(current.clientWidth, Math.min(room, natural * 3), Math.min(natural, 1200))}px`;
    panel(copy, caption);
  };

  const draw = () => {
    panels.replaceChildren();
    tools.replaceChildren();
    const isTile = current.classList.contains("tile");
    dialog.classList.toggle("of-figure", !isTile);
    (isTile ? drawTile : drawFigure)();
  };

  const open = (element) => {
    current = element;
    draw();
    element.focus({ preventScroll: true });
    dialog.showModal();
    dialog.scrollTop = 0;
  };

  const step = (by) => {
    if (!current?.classList.contains("tile")) return;
    const row = rowOf(current);
    current = row[(row.indexOf(current) + by + row.length) % row.length];
    focusTile(current, false);
    draw();
  };

  // One stop of the Tab key in each set of tiles.
  const focusTile = (tile, now = true) => {
    for (const each of tilesOf(setOf(tile))) each.tabIndex = each === tile ? 0 : -1;
    if (now) tile.focus();
  };

  const neighbour = (tile, key) => {
    const all = tilesOf(setOf(tile));
    const own = tile.getBoundingClientRect();
    if (key === "ArrowLeft" || key === "ArrowRight") {
      return all[all.indexOf(tile) + (key === "ArrowLeft" ? -1 : 1)];
    }
    const down = key === "ArrowDown" ? 1 : -1;
    return all
      .map((each) => ({ each, box: each.getBoundingClientRect() }))
      .filter(({ box }) => down * (box.top - own.top) > own.height / 2)
      .sort((a, b) => distance(a.box, own) - distance(b.box, own))[0]?.each;
  };
  const distance = (a, b) => Math.abs(a.top - b.top) + 2 * Math.abs(a.left - b.left);

  document.addEventListener("click", (event) => {
    const found = event.target.closest(".tile[role], img[role]");
    if (found && !dialog.contains(found)) open(found);
    else if (event.target === dialog) dialog.close();
  });

  document.addEventListener("keydown", (event) => {
    const target = event.target;
    if (dialog.open) {
      if (/^Arrow(Left|Right)$/.test(event.key) && !target.matches("input, select")) {
        step(event.key === "ArrowLeft" ? -1 : 1);
        event.preventDefault();
      }
      return;
    }
    if (!target.matches?.(".tile[role], img[role]")) return;
    if (event.key === "Enter" || event.key === " ") open(target);
    else if (event.key.startsWith("Arrow") && target.matches(".tile")) {
      const next = neighbour(target, event.key);
      if (next) focusTile(next);
    } else return;
    event.preventDefault();
  });

  dialog.addEventListener("close", () => {
    panels.replaceChildren();
    current?.focus({ preventScroll: true });
    current?.scrollIntoView({ block: "nearest" });
  });

  for (const set of document.querySelectorAll(".tiles")) {
    tilesOf(set).forEach((tile, i) => {
      tile.tabIndex = i ? -1 : 0;
      tile.setAttribute("role", "button");
      tile.setAttribute("aria-label", `Enlarge ${tile.querySelector("img").alt}`);
    });
  }
  for (const picture of document.querySelectorAll("figure img")) {
    if (picture.closest(".tile")) continue;
    picture.tabIndex = 0;
    picture.setAttribute("role", "button");
  }
  document.documentElement.classList.add("enlarges");

  // A page that is still computed is replaced as a whole: it looks for the next one.
  if (document.documentElement.classList.contains("unfinished")) {
    setInterval(() => dialog.open || location.reload(), 15000);
  }
})();

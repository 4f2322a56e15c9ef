// The grey square: dragged over the image, the classes, the map and its projection follow.

export default {
  id: "square",
  title: "Grey square",
  column: "middle",
  mount(element, look) {
    const { make, number, percent } = look.draw;
    const stage = look.draw.figure("", "The image under a grey square; drag it, or use the arrow keys");
    stage.canvas.id = "stage";
    stage.canvas.tabIndex = 0;
    stage.canvas.title = "Drag the square; arrow keys move it";
    const heat = make("canvas", { className: "layered" });
    heat.setAttribute("aria-hidden", "true");
    stage.holder.append(heat);
    const over = look.draw.overlay(stage.holder, look.network.size);
    const classes = make("table", { className: "classes" });
    const total = make("p", { className: "hint", id: "square-total" });
    const map = look.draw.figure("Map under the square", "The chosen map under the square");
    const projection = look.draw.figure("Its projection", "The deconvnet's projection under the square");
    map.canvas.id = "square-map";
    projection.canvas.id = "square-projection";
    const side = make("input", { type: "range", min: 1, id: "square-size", title: "Side of the square",
      oninput: () => look.set({ size: side.value }) });
    const sideText = make("span", { className: "hint" });
    const kind = make("select", { id: "square-kind", ariaLabel: "What the occlusion map shows",
      onchange: () => paint() }, make("option", { value: "probability" }, "class"),
      make("option", { value: "activation" }, "map"), make("option", { value: "none" }, "no map"));
    const fill = make("input", { type: "checkbox", id: "fill", onchange: () => (fill.checked ? filling() : 0) });
    const progress = make("p", { className: "hint", id: "square-progress" });
    element.append(make("div", { className: "square" },
      make("div", {}, stage.element,
        make("div", { className: "row live" }, make("label", { htmlFor: "square-size" }, "Side"), side),
        sideText,
        make("div", { className: "row live" }, make("label", { htmlFor: "fill" }, fill, " Occlusion map of"), kind),
        progress),
      make("div", {}, classes, total, make("div", { className: "two" }, map.element, projection.element))));
    let frame = null, busy = false, again = false, rest = 0, run = 0;

    const S = () => look.network.size;
    const usual = () => Math.max(1, Math.round((S() * 32) / 224));
    const size = () => Math.min(S(), Number(look.state.size ?? usual()));
    const square = () => ({ top: Number(look.state.top ?? Math.round((S() - size()) / 2)),
      left: Number(look.state.left ?? Math.round((S() - size()) / 2)), size: size() });
    const chosen = () => {
      const map = (look.state.map ?? "").split(",")[0] || look.strongestMap?.(look.state.layer);
      return { layer: look.state.layer, map };
    };

    const follow = look.guarded(async () => {
      const asked = chosen();
      if (!asked.layer || asked.map === undefined) return;
      clearTimeout(rest); // (the projection waits until the square rests)
      if (busy) { again = true; return; }
      busy = true;
      try {
        do {
          again = false;
          const found = await look.ask("under", { ...chosen(), ...square() }, "under");
          if (found) show(found);
        } while (again);
      } finally { busy = false; }
      rest = setTimeout(project, 80);
    });
    const show = ({ header, arrays }) => {
      const [P, Q] = arrays.values.shape;
      look.draw.heat(map.canvas, arrays.values.data, P, Q, header.low, header.high);
      map.scale.replaceChildren(look.draw.colourBar(header.low, header.high));
      look.draw.classes(classes, header.best, header.clear);
      total.textContent = `Map ${chosen().map} of ${chosen().layer}: strongest ${number(header.strongest)} ` +
        `(was ${number(header.clear_strongest)}), sum ${number(header.total)} (was ${number(header.clear_total)}).`;
      document.documentElement.dataset.under = performance.now();
    };
    const project = look.guarded(async () => {
      const found = await look.ask("under-projection", { ...chosen(), ...square() }, "under-projection");
      if (!found) return;
      look.draw.rgb(projection.canvas, found.arrays.picture);
      projection.heading.textContent = `Its strongest unit at (${found.header.p}, ${found.header.q}), projected`;
      projection.scale.replaceChildren(look.draw.greyScale(found.header.high));
      if (fill.checked) filling();
    });
    const place = () => {
      const { top, left, size } = square();
      over.setAttribute("viewBox", `0 0 ${S()} ${S()}`);
      const rect = look.draw.box(over, [top, Math.min(S(), top + size), left, Math.min(S(), left + size)], "grey");
      rect.setAttribute("class", "grey");
      side.max = S();
      side.value = size;
      sideText.textContent = `${size} of ${S()} pixels, at (${top}, ${left})`;
    };
    const image = look.guarded(async () => {
      frame = await look.ask("image", {}, "stage");
      if (!frame) return;
      look.draw.rgb(stage.canvas, frame.arrays.pixels);
      heat.getContext("2d").clearRect(0, 0, heat.width, heat.height);
      plain();
      last = null;
    });

    const plain = () => stage.scale.replaceChildren(
      make("span", { className: "scale" }, `${S()} × ${S()} pixels, as the network takes it`));
    let last = null;
    const filling = look.guarded(async () => {
      const mine = ++run;
      while (fill.checked && mine === run) {
        const found = await look.ask("occlusion", { ...chosen(), ...square(), count: 8 }, "occlusion");
        if (mine !== run) return;
        if (!found) continue;
        last = found;
        paint();
        if (!found.header.left) return;
      }
    });
    const paint = () => {
      if (!last) return;
      const { header, arrays } = last;
      const context = heat.getContext("2d");
      if (kind.value === "none") {
        context.clearRect(0, 0, heat.width, heat.height);
        plain();
        return;
      }
      const values = arrays[kind.value].data.filter((each) => !Number.isNaN(each));
      const low = Math.min(...values), high = Math.max(...values);
      const n = header.starts.length;
      look.draw.heat(heat, arrays[kind.value].data, n, n, low, high, "magma", 200);
      // Each cell is one stride wide, about the square's centre.
      const first = (header.size - header.stride) / 2, whole = n * header.stride;
      Object.assign(heat.style, { left: `${(100 * first) / S()}%`, top: `${(100 * first) / S()}%`,
        width: `${(100 * whole) / S()}%`, height: `${(100 * whole) / S()}%`, inset: "auto" });
      heat.style.left = `${(100 * first) / S()}%`;
      heat.style.top = `${(100 * first) / S()}%`;
      const what = kind.value === "probability" ? `probability of ${header.name}, without a square ` +
        percent(header.clear) : `sum of the map, without a square ${number(header.clear_total)}`;
      stage.scale.replaceChildren(look.draw.colourBar(low, high, "magma", what));
      progress.textContent = header.left ? `${n * n - header.left} of ${n * n} places` : `all ${n * n} places`;
    };

    let drag = null;
    const at = (event) => {
      const bounds = stage.canvas.getBoundingClientRect();
      return { y: ((event.clientY - bounds.top) / bounds.height) * S(),
        x: ((event.clientX - bounds.left) / bounds.width) * S() };
    };
    const move = (top, left) => {
      const most = S() - size();
      look.set({ top: Math.round(Math.max(0, Math.min(most, top))),
        left: Math.round(Math.max(0, Math.min(most, left))) });
    };
    stage.canvas.addEventListener("pointerdown", (event) => {
      stage.canvas.setPointerCapture(event.pointerId);
      const { top, left } = square(), { y, x } = at(event);
      const inside = y >= top && y < top + size() && x >= left && x < left + size();
      drag = inside ? { y: y - top, x: x - left } : { y: size() / 2, x: size() / 2 };
      move(y - drag.y, x - drag.x);
    });
    stage.canvas.addEventListener("pointermove", (event) => {
      if (!drag) return;
      const { y, x } = at(event);
      move(y - drag.y, x - drag.x);
    });
    for (const end of ["pointerup", "pointercancel"]) {
      stage.canvas.addEventListener(end, () => { drag = null; });
    }
    stage.canvas.addEventListener("keydown", (event) => {
      const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (!step) return;
      event.preventDefault();
      const by = event.shiftKey ? 1 : Math.max(1, Math.round(size() / 4)), { top, left } = square();
      move(top + step[0] * by, left + step[1] * by);
    });
    look.watch(["image", "network", "variant"], image);
    look.watch(["top", "left", "size", "network"], place);
    look.watch(["top", "left", "size", "layer", "map", "image", "network", "variant"], () => {
      run += 1;
      follow();
    });
    look.watch(["layer", "map", "size", "image", "network", "variant"], () => { last = null; });
    look.whenProjected = follow;
  },
};

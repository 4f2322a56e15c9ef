// A unit: the map in full, its receptive field on the image, and its projections by several rules.

const USUAL = "deconvnet,guided,gradient";

export default {
  id: "unit",
  title: "Unit",
  column: "right",
  mount(element, look) {
    const { make, number } = look.draw;
    const about = make("p", { className: "hint", id: "unit-about" });
    const map = look.draw.figure("Map", "The chosen map; arrow keys move the unit");
    map.canvas.tabIndex = 0;
    map.canvas.id = "map";
    map.element.className = "map-figure";
    const pictures = make("div", { className: "projections", id: "projections" });
    const within = make("input", { type: "checkbox", id: "within", checked: true, onchange: () => crop() });
    const rules = methods(look);
    element.append(about, map.element,
      make("div", { className: "row live" },
        make("button", { type: "button", title: "The unit with the largest value in this map",
          onclick: () => look.set({ p: "", q: "", region: "" }) }, "Strongest unit"),
        make("label", { htmlFor: "within" }, within, " receptive field only")),
      pictures, rules);
    const S = () => look.network.size;
    const mapOver = { svg: null };
    const imageOver = look.draw.overlay(look.shownImage.holder, S());
    let shown = null, plane = null, large = "";
    look.strongestMap = (layer) => (shown?.header.layer === layer ? shown.header.maps[0] : undefined);

    const showMap = look.guarded(async () => {
      const { layer, map: maps } = look.state;
      if (!layer) return;
      const first = (maps ?? "").split(",")[0] || (shown?.header.layer === layer ? shown.header.maps[0] : "");
      if (first === "") return;
      const found = await look.ask("map", { layer, map: first }, "map");
      if (!found) return;
      const { header, arrays } = found;
      const [P, Q] = arrays.values.shape;
      look.draw.heat(map.canvas, arrays.values.data, P, Q, header.low, header.high);
      map.heading.textContent = `${layer}, map ${first}: ${P} × ${Q}`;
      map.scale.replaceChildren(look.draw.colourBar(header.low, header.high));
      plane = { P, Q, values: arrays.values.data, layer, map: Number(first) };
      mapOver.svg?.remove();
      mapOver.svg = look.draw.overlay(map.holder, 1);
      mapOver.svg.setAttribute("viewBox", `0 0 ${Q} ${P}`);
      mark();
    });
    const mark = () => {
      if (!shown || !plane || !mapOver.svg || shown.header.layer !== plane.layer) return;
      look.draw.box(mapOver.svg, shown.header.region, "unit");
      imageOver.setAttribute("viewBox", `0 0 ${S()} ${S()}`);
      look.draw.box(imageOver, shown.header.field, "field");
    };
    const project = look.guarded(async () => {
      const { layer, map: maps, p, q, region, rules: named } = look.state;
      if (!layer) return;
      const before = shown?.header;
      for (const [n, rules] of inTurn(named ?? USUAL).entries()) {
        const found = await look.ask("project", { layer, map: maps, p, q, region, rules }, "project");
        if (!found) return;
        shown = n ? joined(shown, found) : found;
        if (n === 0) describe();
        show();
        if (n) continue;
        mark();
        if (!maps && (before?.maps[0] !== found.header.maps[0] || before.layer !== layer)) {
          showMap();
          look.whenProjected?.(); // (the square follows the strongest map where none is chosen)
        }
        document.documentElement.dataset.projected = performance.now();
      }
    });
    const describe = () => {
      const { layer, maps, region, value, field } = shown.header;
      const [top, bottom, left, right] = region;
      const one = maps.length === 1 && bottom - top === 1 && right - left === 1;
      const name = layer === look.network.scores && one ? ` (${look.network.classes[maps[0]]})` : "";
      const where = one ? `at (${top}, ${left})` : `rows ${top} to ${bottom - 1}, columns ${left} to ${right - 1}`;
      about.textContent = `${layer}, map ${maps.join(", ")}${name} ${where}: ` +
        `${one ? "" : "strongest "}${number(value)}; receptive field rows ${field[0]} to ` +
        `${field[1] - 1}, columns ${field[2]} to ${field[3] - 1}.`;
    };
    const show = () => {
      const { header, arrays } = shown;
      pictures.replaceChildren(...header.drawn.map((each) => {
        const figure = look.draw.figure(each.title, `Projection by ${each.title}`);
        figure.element.dataset.method = each.method;
        figure.holder.title = `${each.title}; click or Enter: larger, or smaller again`;
        figure.holder.tabIndex = 0;
        figure.holder.setAttribute("role", "button");
        figure.holder.setAttribute("aria-label", `Projection by ${each.title}, larger`);
        const grow = () => {
          large = large === each.method ? "" : each.method;
          enlarge();
        };
        figure.holder.addEventListener("click", grow);
        figure.holder.addEventListener("keydown", (event) => {
          if (event.key !== "Enter" && event.key !== " ") return;
          event.preventDefault();
          grow();
        });
        figure.scale.replaceChildren(each.kind === "colours" ? look.draw.greyScale(each.high)
          : look.draw.colourBar(each.low, each.high, each.kind === "signed" ? "diverging" : "magma"));
        return figure.element;
      }), ...Object.entries(header.failures).map(([name, sentence]) =>
        make("p", { className: "wrong" }, `${name}: ${sentence}`)));
      crop();
    };
    const enlarge = () => {
      for (const each of pictures.children) {
        each.classList.toggle("large", each.dataset?.method === large);
      }
    };
    const crop = () => {
      enlarge();
      if (!shown) return;
      const [top, bottom, left, right] = shown.header.field;
      const side = Math.max(bottom - top, right - left, 4), size = S();
      const use = within.checked && side < size;
      for (const figure of pictures.querySelectorAll("figure")) {
        const canvas = figure.querySelector("canvas");
        const { data, shape } = shown.arrays[figure.dataset.method];
        const [h, w] = use ? [bottom - top, right - left] : shape;
        const part = use ? cut(data, shape, top, left, h, w) : data;
        look.draw.rgb(canvas, { data: part, shape: [h, w, 3] });
        figure.querySelector(".figure-title").textContent =
          `${figure.dataset.method}, ${h} × ${w} px`;
      }
    };

    const place = (event) => {
      const bounds = map.canvas.getBoundingClientRect();
      const q = Math.floor(((event.clientX - bounds.left) / bounds.width) * plane.Q);
      const p = Math.floor(((event.clientY - bounds.top) / bounds.height) * plane.P);
      return { p: Math.max(0, Math.min(plane.P - 1, p)), q: Math.max(0, Math.min(plane.Q - 1, q)) };
    };
    const hover = look.guarded(async (event) => {
      if (!plane) return;
      const { p, q } = place(event);
      const value = plane.values[p * plane.Q + q];
      look.draw.box(mapOver.svg, [p, p + 1, q, q + 1], "unit");
      map.heading.textContent = `${plane.layer}, map ${plane.map} at (${p}, ${q}): ${number(value)}`;
      const found = await look.ask("field", { layer: plane.layer, map: plane.map, p, q }, "field");
      if (found) look.draw.box(imageOver, found.header.field, "field");
    });
    let pressed = null;
    map.canvas.addEventListener("pointerdown", (event) => {
      if (plane) pressed = place(event);
    });
    map.canvas.addEventListener("pointermove", hover);
    map.canvas.addEventListener("pointerleave", mark);
    map.canvas.addEventListener("pointerup", (event) => {
      if (!plane || !pressed) return;
      const to = place(event), from = pressed;
      pressed = null;
      const region = [Math.min(from.p, to.p), Math.max(from.p, to.p) + 1,
        Math.min(from.q, to.q), Math.max(from.q, to.q) + 1];
      const one = region[1] - region[0] === 1 && region[3] - region[2] === 1;
      const maps = look.state.map?.includes(",") ? look.state.map : plane.map;
      if (one) look.set({ map: maps, p: to.p, q: to.q, region: "" });
      else look.set({ map: maps, p: "", q: "", region: region.join(",") });
    });
    map.canvas.addEventListener("keydown", (event) => {
      const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (!step || !plane || !shown) return;
      event.preventDefault();
      const [top, , left] = shown.header.region;
      const p = Math.max(0, Math.min(plane.P - 1, top + step[0]));
      const q = Math.max(0, Math.min(plane.Q - 1, left + step[1]));
      look.set({ map: plane.map, p, q, region: "" });
    });
    look.watch(["layer", "network"], () => {
      plane = null; // (a click on the map of another layer chooses nothing)
      map.heading.textContent = "Map";
    });
    look.watch(["image", "network", "variant", "layer", "map", "p", "q", "region", "rules"], project);
    look.watch(["image", "network", "variant", "layer", "map"], showMap);
  },
};

/** The rules of each request: the usual ones answer at once and come first, then each other one. */
function inTurn(rules) {
  const names = rules.split(","), usual = USUAL.split(",");
  const first = names.filter((name) => usual.includes(name));
  return [first.join(","), ...names.filter((name) => !usual.includes(name))].filter(Boolean);
}

/** An answer and what a later one adds to it. */
function joined(shown, { header, arrays }) {
  const drawn = [...shown.header.drawn, ...header.drawn];
  const failures = { ...shown.header.failures, ...header.failures };
  return { header: { ...shown.header, drawn, failures }, arrays: { ...shown.arrays, ...arrays } };
}

/** Rows and columns of RGB bytes. */
function cut(data, [, W], top, left, h, w) {
  const part = new Uint8Array(h * w * 3);
  for (let y = 0; y < h; y += 1) {
    const from = 3 * ((top + y) * W + left);
    part.set(data.subarray(from, from + 3 * w), 3 * y * w);
  }
  return part;
}

/** Boxes for the methods of attribution. */
function methods(look) {
  const { make } = look.draw;
  const chosen = () => (look.state.rules ?? USUAL).split(",").filter(Boolean);
  const boxes = look.about.methods.map(({ name, title }) => {
    const input = make("input", { type: "checkbox", value: name, id: `rule-${name}`,
      checked: chosen().includes(name), onchange: () => {
        const now = look.about.methods.map((m) => m.name).filter((m) =>
          m === name ? input.checked : chosen().includes(m));
        look.set({ rules: now.join(",") || USUAL });
      } });
    look.watch(["rules"], () => { input.checked = chosen().includes(name); });
    return make("label", { htmlFor: input.id }, input, ` ${title}`);
  });
  return make("details", { className: "live" }, make("summary", {}, "Rules of projection"),
    make("p", { className: "hint" }, "The first three answer at once; some others take seconds."),
    make("div", { className: "rules" }, ...boxes));
}

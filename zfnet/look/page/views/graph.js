// The network as it is wired: layers from left to right, branches above each other.

const W = 128, H = 34, GAP_X = 26, GAP_Y = 10;
const SPACE = "http://www.w3.org/2000/svg";

export default {
  id: "graph",
  title: "Network",
  column: "middle",
  mount(element, look) {
    const { make } = look.draw;
    const holder = make("div", { className: "graph", tabIndex: 0, role: "group",
      ariaLabel: "Layers of the network; arrow keys go along its wires" });
    const choice = make("select", { id: "layer", ariaLabel: "Layer",
      title: "The layer whose maps are shown", onchange: () => choose(look, choice.value) });
    const networks = make("select", { id: "network", ariaLabel: "Network", title: "The network",
      onchange: () => look.set({ network: networks.value, layer: "", map: "", p: "", q: "" }) });
    networks.append(...look.about.networks.map((each, n) => make("option", { value: n }, each.name)));
    networks.hidden = look.about.networks.length < 2;
    let zoom = 1, drawn = null;
    const button = (text, title, onclick) => make("button", { type: "button", title, onclick }, text);
    const scaled = (to) => {
      zoom = Math.max(0.08, Math.min(3, to));
      drawn.svg.setAttribute("width", drawn.width * zoom);
      drawn.svg.setAttribute("height", drawn.height * zoom);
    };
    element.append(make("div", { className: "row live" }, networks, choice,
      button("−", "Smaller", () => scaled(zoom / 1.3)), button("+", "Larger", () => scaled(zoom * 1.3)),
      button("Fit", "The whole network", () => scaled(holder.clientWidth / drawn.width))), holder);
    holder.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      scaled(zoom * (event.deltaY < 0 ? 1.15 : 1 / 1.15));
    }, { passive: false });
    holder.addEventListener("keydown", (event) => {
      const way = { ArrowRight: "outputs", ArrowDown: "outputs", ArrowLeft: "inputs",
        ArrowUp: "inputs" }[event.key];
      const at = drawn.nodes.get(look.state.layer);
      if (!way || !at) return;
      event.preventDefault();
      const next = at[way][event.key === "ArrowDown" ? at[way].length - 1 : 0];
      if (next) choose(look, next);
    });

    look.watch(["network"], () => {
      drawn = graph(look, (name) => choose(look, name));
      holder.replaceChildren(drawn.svg);
      choice.replaceChildren(...look.network.layers.map(({ name, kind, units }) =>
        make("option", { value: name }, `${name} · ${kind} ${units.join("×")}`)));
      scaled(Math.max(0.75, Math.min(1, holder.clientHeight / drawn.height || 1)));
      const { layer } = look.state, { name, shown } = look.network;
      if (look.layer(layer)) return;
      if (layer) look.say(`${name} has no layer ${layer}; ${shown} is shown.`);
      look.set({ layer: shown });
    });
    look.watch(["layer", "network"], ({ layer }) => {
      choice.value = layer;
      for (const [name, { node }] of drawn.nodes) node.classList.toggle("chosen", name === layer);
      const node = drawn.nodes.get(layer);
      if (!node) return;
      holder.scrollLeft = (node.x + W / 2) * zoom - holder.clientWidth / 2;
      holder.scrollTop = (node.y + H / 2) * zoom - holder.clientHeight / 2;
    });
  },
};

function choose(look, name) {
  look.set({ layer: name, map: "", p: "", q: "", region: "" });
}

/** Depth by the longest path from the image; rows where the layers of one depth find room. */
function placed(layers) {
  const depth = new Map(), row = new Map(), taken = new Map();
  for (const { name, inputs } of layers) {
    const d = Math.max(-1, ...inputs.map((each) => depth.get(each) ?? -1)) + 1;
    const wish = inputs.length ? Math.min(...inputs.map((each) => row.get(each) ?? 0)) : 0;
    const used = taken.get(d) ?? new Set();
    let y = inputs.length > 1 ? 0 : wish;
    while (used.has(y)) y += 1;
    used.add(y);
    taken.set(d, used);
    depth.set(name, d);
    row.set(name, y);
  }
  return { depth, row };
}

function graph(look, chosen) {
  const layers = look.network.layers;
  const { depth, row } = placed(layers);
  const nodes = new Map();
  const svg = document.createElementNS(SPACE, "svg");
  const width = (Math.max(0, ...depth.values()) + 1) * (W + GAP_X) + GAP_X;
  const height = (Math.max(0, ...row.values()) + 1) * (H + GAP_Y) + GAP_Y;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const wires = document.createElementNS(SPACE, "g");
  svg.append(wires);
  for (const { name, kind, units, inputs } of layers) {
    const x = GAP_X + depth.get(name) * (W + GAP_X), y = GAP_Y + row.get(name) * (H + GAP_Y);
    const node = document.createElementNS(SPACE, "g");
    node.setAttribute("class", `layer kind-${kind}`);
    node.setAttribute("transform", `translate(${x} ${y})`);
    const rect = document.createElementNS(SPACE, "rect");
    for (const [key, value] of Object.entries({ width: W, height: H, rx: 5 })) rect.setAttribute(key, value);
    const label = (text, at, kind) => {
      const found = document.createElementNS(SPACE, "text");
      found.setAttribute("x", 6);
      found.setAttribute("y", at);
      found.setAttribute("class", kind);
      found.textContent = text.length > 20 ? text.slice(0, 8) + "…" + text.slice(-11) : text;
      return found;
    };
    const title = document.createElementNS(SPACE, "title");
    title.textContent = `${name}: ${kind}, ${units[0]} maps of ${units[1]} × ${units[2]}`;
    node.append(rect, label(name, 14, "name"), label(`${kind} ${units.join("×")}`, 28, "size"), title);
    node.addEventListener("click", () => chosen(name));
    svg.append(node);
    nodes.set(name, { node, x, y, inputs, outputs: [] });
    for (const source of inputs) {
      const from = nodes.get(source);
      from.outputs.push(name);
      const path = document.createElementNS(SPACE, "path");
      const x0 = from.x + W, y0 = from.y + H / 2, y1 = y + H / 2;
      path.setAttribute("d", `M${x0} ${y0} C${x0 + 18} ${y0} ${x - 18} ${y1} ${x} ${y1}`);
      wires.append(path);
    }
  }
  return { svg, nodes, width, height };
}

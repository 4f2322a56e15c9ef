// One place of the image through the layers: a slider, at each layer the strongest unit there.

export default {
  id: "place",
  title: "One place",
  column: "left",
  mount(element, look) {
    const { make, number } = look.draw;
    const hint = make("p", { className: "hint", id: "place-about" },
      "Click a place of the image above; the slider goes through the layers there.");
    const slider = make("input", { type: "range", min: 0, value: 0, disabled: true, id: "depth",
      ariaLabel: "Layer", title: "From the first layer to the last, at this place" });
    element.append(hint, slider);
    const canvas = look.shownImage.canvas;
    canvas.tabIndex = 0;
    canvas.title = "Click a place, then use the slider over layers; arrow keys move the place";
    const over = look.draw.overlay(look.shownImage.holder, look.network.size);
    let rows = [];

    const ask = look.guarded(async () => {
      const { y, x } = look.state;
      if (y === undefined || x === undefined) return;
      over.setAttribute("viewBox", `0 0 ${look.network.size} ${look.network.size}`);
      look.draw.box(over, [Number(y), Number(y) + 1, Number(x), Number(x) + 1], "unit");
      const found = await look.ask("place", { y, x }, "place");
      if (!found) return;
      rows = found.header.rows;
      slider.max = Math.max(0, rows.length - 1);
      slider.disabled = !rows.length;
      describe();
    });
    const describe = () => {
      const at = rows.findIndex(({ layer }) => layer === look.state.layer);
      if (at >= 0) slider.value = at;
      const row = rows[at];
      if (row) {
        hint.textContent = `At pixel (${look.state.y}, ${look.state.x}), ${row.layer}: map ${row.map} ` +
          `is the strongest, ${number(row.value)} at (${row.p}, ${row.q}).`;
      }
    };
    const go = (row) => row &&
      look.set({ layer: row.layer, map: row.map, p: row.p, q: row.q, region: "" });
    slider.addEventListener("input", () => go(rows[Number(slider.value)]));
    const move = (y, x) => {
      const most = look.network.size - 1;
      look.set({ y: Math.max(0, Math.min(most, y)), x: Math.max(0, Math.min(most, x)) });
    };
    canvas.addEventListener("click", (event) => {
      const bounds = canvas.getBoundingClientRect(), S = look.network.size;
      move(Math.floor(((event.clientY - bounds.top) / bounds.height) * S),
        Math.floor(((event.clientX - bounds.left) / bounds.width) * S));
    });
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (!step) return;
      event.preventDefault();
      const by = Math.max(1, Math.round(look.network.size / 32)), half = Math.floor(look.network.size / 2);
      move(Number(look.state.y ?? half) + by * step[0], Number(look.state.x ?? half) + by * step[1]);
    });
    look.watch(["y", "x", "image", "network", "variant"], ask);
    look.watch(["layer"], describe);
  },
};

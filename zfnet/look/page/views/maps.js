// Maps of the chosen layer in order of strength, as thumbnails with their numbers.

const AT_A_TIME = 96;

export default {
  id: "maps",
  title: "Maps",
  column: "middle",
  mount(element, look) {
    const { make, number } = look.draw;
    const about = make("p", { className: "hint" });
    const scale = make("div", {});
    const grid = make("div", { className: "maps", role: "group", ariaLabel: "Maps of the layer" });
    const more = make("button", { type: "button", title: "The next maps in order of strength" }, "More maps");
    const go = make("input", { type: "number", min: 0, id: "map-number", ariaLabel: "Number of a map",
      title: "A map by its number; its strongest unit is projected",
      onchange: () => look.set({ map: go.value, p: "", q: "", region: "" }) });
    element.append(make("div", { className: "row" }, make("label", { htmlFor: "map-number" }, "Map "), go),
      about, scale, grid, more);
    look.draw.roving(grid, "button");
    let numbers = null, first = 0;

    const load = async () => {
      const found = await look.ask("maps", { layer: look.state.layer, first, count: AT_A_TIME }, "maps");
      if (!found) return;
      const { header, arrays } = found;
      if (first === 0) {
        numbers = arrays;
        grid.inert = false;
        grid.replaceChildren();
        about.textContent = `${header.K} maps of ${header.P} × ${header.Q}, the strongest first. ` +
          (header.finite ? "" : "Some values are not finite. ") + "Click one for its strongest unit.";
        scale.replaceChildren(look.draw.colourBar(header.low, header.high, "magma", "all maps alike"));
        go.max = header.K - 1;
      }
      const [count, h, w] = arrays.thumbnails.shape;
      for (let i = 0; i < count; i += 1) grid.append(tile(header, arrays.thumbnails, i, h, w));
      first += count;
      more.hidden = first >= header.K;
      mark();
    };
    const tile = (header, { data }, i, h, w) => {
      const at = header.first + i, map = numbers.order.data[at];
      const strongest = numbers.strongest.data[at];
      const canvas = make("canvas");
      look.draw.heat(canvas, data.subarray(i * h * w, (i + 1) * h * w), h, w, 0, 255);
      const active = (100 * numbers.active.data[at]).toFixed(0);
      const button = make("button", { type: "button", tabIndex: grid.children.length ? -1 : 0,
        title: `Map ${map}: strongest ${number(strongest)} at (${numbers.p.data[at]}, ` +
          `${numbers.q.data[at]}), mean ${number(numbers.mean.data[at])}, ${active} % above 0`,
        onclick: (event) => select(event, map) },
        canvas, make("span", {}, `${map}`), make("b", {}, number(strongest)));
      button.dataset.map = map;
      return button;
    };
    const select = (event, map) => {
      const maps = new Set((look.state.map ?? "").split(",").filter(Boolean));
      if (!event.ctrlKey && !event.metaKey && !event.shiftKey) maps.clear();
      if (maps.has(String(map))) maps.delete(String(map));
      else maps.add(String(map));
      look.set({ map: [...maps].join(","), p: "", q: "", region: "" });
    };
    const mark = () => {
      const maps = new Set((look.state.map ?? "").split(","));
      for (const each of grid.children) each.setAttribute("aria-pressed", String(maps.has(each.dataset.map)));
      if (!look.state.map?.includes(",")) go.value = look.state.map ?? "";
    };
    more.addEventListener("click", look.guarded(load));
    look.watch(["network", "layer"], () => {
      grid.inert = true; // (a click on a map of another layer chooses nothing)
    });
    look.watch(["image", "network", "variant", "layer"], look.guarded(async ({ layer }) => {
      if (!layer) return;
      first = 0;
      await load();
    }));
    look.watch(["map"], mark);
  },
};

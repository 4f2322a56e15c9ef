// The nine strongest places of a map over the images: patches beside their projections.

export default {
  id: "top",
  title: "Top nine",
  column: "right",
  mount(element, look) {
    const { make, number } = look.draw;
    const about = make("p", { className: "hint", id: "top-about" });
    const grid = make("div", { className: "top" });
    const permanent = make("a", { id: "permanent", title: "The address of this map" }, "This map's address");
    const written = make("p", { className: "hint" });
    const save = make("button", { type: "button", title: "Write a static page for every map of this layer",
      onclick: look.guarded(async () => {
        const { layer, network } = look.state;
        const found = await look.send("top-export", { layer, network }, "");
        written.textContent = `Pages are written to ${found.header.folder}`;
      }) }, "Write pages of this layer");
    element.append(about, grid, make("div", { className: "row live" }, permanent, save), written);
    let waiting = 0, known = "";
    const kept = new Map(); // tiles that were computed

    const chosen = () => {
      const { layer, map } = look.state;
      return { layer, map: (map ?? "").split(",")[0] || look.strongestMap?.(layer) };
    };
    const follow = look.guarded(async () => {
      clearTimeout(waiting);
      const { layer, map } = chosen();
      if (!layer || map === undefined) {
        waiting = setTimeout(follow, 300);
        return;
      }
      let found;
      try {
        found = await look.ask("top", { layer, map }, "top");
      } catch (error) {
        grid.replaceChildren();
        known = "";
        about.textContent = error.message;
        return;
      }
      if (!found) return;
      const { done, total, places, count_broken: broken, pages } = found.header;
      about.textContent = `${layer}, map ${map}: the strongest of ${done} of ${total} images` +
        (broken ? `; ${broken} cannot be read` : "") + ".";
      permanent.href = look.link({ layer, map, image: "", p: "", q: "", region: "" });
      if (pages) written.textContent = pages;
      if (done < total || (pages && !pages.startsWith("All"))) waiting = setTimeout(follow, 4000);
      const now = JSON.stringify([look.state.network, layer, map, places]);
      if (now === known) return;
      known = now;
      await tiles(layer, map, places, now);
    });
    const tiles = async (layer, map, places, mine) => {
      const figures = places.map((place, rank) => {
        const button = make("button", { type: "button",
          title: `Look at ${place.name}`,
          onclick: () => look.set({ image: place.image, layer, map, p: place.p, q: place.q, region: "" }) },
          make("canvas", { className: "patch" }), make("canvas", { className: "projection" }));
        return make("figure", {}, button,
          make("figcaption", {}, `${rank + 1}. ${place.name}: ${number(place.value)} at (${place.p}, ${place.q})`));
      });
      grid.replaceChildren(...figures);
      for (const [rank, figure] of figures.entries()) {
        if (known !== mine) return;
        try {
          const key = JSON.stringify([look.state.network, layer, map, places[rank]]);
          const found = kept.get(key) ?? await look.ask("top-tile", { layer, map, rank });
          kept.set(key, found);
          if (kept.size > 90) kept.delete(kept.keys().next().value);
          const { header, arrays } = found;
          look.draw.rgb(figure.querySelector(".patch"), arrays.patch);
          look.draw.rgb(figure.querySelector(".projection"), arrays.projection);
          const [top, bottom, left, right] = header.field;
          figure.append(make("span", { className: "scale" },
            `${bottom - top} × ${right - left} px; grey is 0, full contrast ±${number(header.full)}`));
        } catch (error) {
          figure.append(make("p", { className: "wrong" }, error.message));
        }
      }
    };
    look.watch(["layer", "map", "network"], follow);
    look.alsoProjected = follow;
  },
};

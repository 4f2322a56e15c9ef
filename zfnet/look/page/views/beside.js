// Two networks on the same image, linked: classes, the map, and the projection at the same place.

export default {
  id: "beside",
  title: "Side by side",
  column: "wide",
  mount(element, look) {
    const { make } = look.draw;
    const networks = look.about.networks;
    if (networks.length < 2) {
      element.hidden = true;
      return;
    }
    const hint = make("p", { className: "hint" },
      "The same layer, map and place of both where they have them; else the strongest unit.");
    const columns = networks.map((network, n) => column(look, network, n));
    element.append(hint, make("div", { className: "two" }, ...columns.map((each) => each.element)));
    look.watch(["image", "variant", "layer", "map", "p", "q", "network"], () => {
      for (const each of columns) each.follow();
    });
  },
};

/** What one of the networks has in place of the chosen unit: its layer, map and place. */
function counterpart(look, network, n) {
  const { layer, map, p, q } = look.state;
  const own = network.layers.find((each) => each.name === layer);
  if (!own) return { layer: network.shown };
  if (n === Number(look.state.network ?? 0)) return { layer, map, p, q };
  const theirs = look.layer(layer)?.units ?? own.units;
  if (!map || map.includes(",") || own.units[0] !== theirs[0]) return { layer };
  if (!p && p !== "0") return { layer, map };
  const moved = (at, axis) =>
    Math.min(own.units[axis] - 1, Math.floor(((Number(at) + 0.5) * own.units[axis]) / theirs[axis]));
  return { layer, map, p: moved(p, 1), q: moved(q ?? 0, 2) };
}

function column(look, network, n) {
  const { make, number } = look.draw;
  const heading = make("h3", {}, network.name);
  const classes = make("table", { className: "classes" });
  const about = make("p", { className: "hint" });
  const map = look.draw.figure("Map", `Map of ${network.name}`);
  const projection = look.draw.figure("Projection", `Projection of ${network.name} by the deconvnet`);
  const pictures = make("div", { className: "two" }, map.element, projection.element);
  const element = make("div", {}, heading, classes, about, pictures);
  const follow = look.guarded(async () => {
    const asked = { ...counterpart(look, network, n), network: n };
    const [image, found] = await Promise.all([
      look.ask("image", { network: n }, `beside-image-${n}`),
      look.ask("project", { ...asked, rules: "deconvnet" }, `beside-${n}`)]);
    if (!image || !found) return;
    look.draw.classes(classes, image.header.best);
    const { maps, region, value, layer } = found.header;
    about.textContent = `${layer}, map ${maps.join(", ")} at (${region[0]}, ${region[2]}): ${number(value)}`;
    const [drawn] = found.header.drawn;
    look.draw.rgb(projection.canvas, found.arrays.deconvnet);
    projection.scale.replaceChildren(look.draw.greyScale(drawn.high));
    const plane = await look.ask("map", { layer, map: maps[0], network: n }, `beside-map-${n}`);
    if (!plane) return;
    const [P, Q] = plane.arrays.values.shape;
    look.draw.heat(map.canvas, plane.arrays.values.data, P, Q, plane.header.low, plane.header.high);
    map.scale.replaceChildren(look.draw.colourBar(plane.header.low, plane.header.high));
    map.heading.textContent = `Map ${maps[0]}: ${P} × ${Q}`;
  });
  return { element, follow };
}

// How a unit is computed: its numbers, the comparison, and on request im2col row and Winograd tile.

import { make } from "../draw.js";
import { im2col, winograd } from "./details.js";
import { comparison, firstMap, numbers } from "./grids.js";
import { parts, shownChannel } from "./parts.js";

const TOGGLES = [
  ["irow", "im2col row", "Show the unit's row in the matrix of im2col"],
  ["itile", "Winograd tile", "Show the tile of outputs of Winograd's algorithm with its matrices"],
];

/** The view of a unit in `element`; returns update(state). */
export function forward(element, look) {
  let seen = null;
  const chosen = () => (look.state.ichannel === undefined ? null : Number(look.state.ichannel));
  const choose = (n) => look.set({ ichannel: n });

  async function update(state) {
    const asked = { layer: state.layer, map: firstMap(state), p: state.p, q: state.q };
    const found = await look.ask("inside", asked, "inside");
    if (!found) return null;
    seen = found;
    await draw();
    return found.header;
  }

  async function draw() {
    const { header, arrays } = seen;
    const unwritten = header.kind === "pointwise" && !header.formula;
    element.replaceChildren(...titled(header), ...parts(header, arrays, chosen(), choose),
      unwritten ? numbers([["engine", header.compared.value, `by ${header.compared.kernel}`]])
        : comparison(header.compared));
    if (header.layer_kind !== "Conv2d") return;
    element.append(toggles());
    if (look.state.irow) element.append(im2col(header, arrays));
    if (look.state.itile) await tile(header);
  }

  async function tile(header) {
    const place = make("div", {}, make("p", { className: "hint" }, "computing the tile …"));
    element.append(place);
    const [map, p, q] = header.unit;
    const asked = { layer: header.layer, map, p, q, channel: shownChannel(header, chosen()) };
    try {
      const found = await look.ask("inside-tile", asked, "inside-tile");
      if (found) place.replaceChildren(winograd(found.header, found.arrays));
    } catch (error) {
      place.replaceChildren(make("p", { className: "hint" }, error.message));
    }
  }

  function toggles() {
    const buttons = TOGGLES.map(([key, text, title]) => make("button", { type: "button", title,
      id: `inside-${key}`, ariaPressed: String(Boolean(look.state[key])),
      onclick: () => look.set({ [key]: look.state[key] ? "" : 1 }) }, text));
    return make("div", { className: "row" }, ...buttons);
  }

  return { update, redraw: () => (seen ? draw() : null) };
}

function titled(header) {
  const [map, p, q] = header.unit;
  const [K, P, Q] = header.planes;
  const settings = Object.entries(header.settings).map(([k, v]) => `${k.replaceAll("_", " ")} ${v}`);
  const from = header.inputs.join(", ");
  const lines = [make("h3", {}, `${header.layer} · map ${map} of ${K} · place (${p}, ${q}) of ${P} × ${Q}`),
    make("p", { className: "hint" }, [`${header.layer_kind} of ${from}`, ...settings].join("; "))];
  if (header.together.length) {
    lines.push(make("p", { className: "hint" },
      `In inference without a tape, ${header.together.join(", ")} are one call; here each is its own.`));
  }
  return lines;
}

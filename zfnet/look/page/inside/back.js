// One layer's step back in the projection of the unit: what a pixel gets, and from where.

import { make, number } from "../draw.js";
import { scatter } from "./details.js";
import { comparison, digits, equation, firstMap, labelled } from "./grids.js";
import { parts, shownChannel } from "./parts.js";

const RULES = ["deconvnet", "guided", "gradient"];

/** The view of a step in `element`; returns update(state). */
export function back(element, look) {
  const controls = make("div", { className: "row" });
  const shown = make("div");
  element.append(make("p", { className: "hint" },
    "The unit above is projected to the image, layer by layer. Choose a layer on the way, and an "
    + "element of its input: these are the numbers that it gets."), controls, shown);
  const through = make("select", { id: "inside-through", onchange: () =>
    look.set({ through: through.value, isource: "", ic: "", ih: "", iw: "" }) });
  const rule = make("select", { id: "inside-rule",
    onchange: () => look.set({ irule: rule.value, ic: "", ih: "", iw: "" }) },
    ...RULES.map((name) => make("option", { value: name }, name)));
  const source = make("select", { id: "inside-source", onchange: () =>
    look.set({ isource: source.value, ic: "", ih: "", iw: "" }) });
  const place = ["ic", "ih", "iw"].map((key) => make("input", { type: "number", min: 0,
    id: `inside-${key}`, onchange: () => set() }));
  const most = make("button", { type: "button",
    title: "Go to the element of the input with the largest cotangent",
    onclick: () => look.set({ ic: "", ih: "", iw: "" }) }, "Largest");
  const words = ["map", "row", "column"];
  controls.append(labelled("through", through), labelled("of its input", source),
    labelled("rules", rule), ...place.map((input, i) => labelled(words[i], input)), most);
  let seen = null;

  function set() {
    const [ic, ih, iw] = place.map((input) => Math.max(0, Math.round(Number(input.value) || 0)));
    look.set({ ic, ih, iw });
  }

  async function update(state) {
    const asked = { layer: state.layer, map: firstMap(state), p: state.p, q: state.q,
      rule: state.irule, through: state.through, source: state.isource,
      c: state.ic, h: state.ih, w: state.iw };
    const found = await look.ask("inside-step", asked, "inside");
    if (!found) return null;
    seen = found;
    fill(found.header);
    await draw();
    return found.header;
  }

  function fill(header) {
    options(through, header.way, header.through);
    options(source, header.sources.map((_, i) => i), header.source, header.sources);
    source.parentElement.hidden = header.sources.length < 2;
    rule.value = header.rule;
    place.forEach((input, i) => {
      input.max = header.shape[i] - 1;
      input.value = header.at[i];
    });
  }

  async function draw() {
    const { header, arrays } = seen;
    const choose = (n) => look.set({ ichannel: n });
    const chosen = look.state.ichannel === undefined ? null : Number(look.state.ichannel);
    const [c, h, w] = header.at;
    const others = header.readers.length > 1
      ? [`; ${header.readers.length} layers read it, and its whole cotangent is `,
        [digits(header.cotangent)]] : [];
    shown.replaceChildren(
      make("h3", {}, `${header.through} (${header.through_kind}), back to element (${c}, ${h}, ${w})`
        + ` of ${header.sources[header.source]}`),
      equation("it gets ", [digits(header.compared.expected)], ...others),
      ...parts(header, arrays, chosen, choose), comparison(header.compared));
    if (header.kind === "gathered" && header.through_kind === "Conv2d") await given(header, chosen);
  }

  async function given(header, chosen) {
    const place = make("div");
    shown.append(place);
    const state = look.state;
    const n = shownChannel(header, chosen);
    const [i, j] = nearest(header, seen.arrays, n);
    const asked = { layer: state.layer, map: firstMap(state), p: state.p, q: state.q, rule: state.irule,
      through: header.through, k: header.first + n, i, j };
    const found = await look.ask("inside-scattered", asked, "inside-scattered");
    const own = found ? header.at[0] - found.header.first : 0;
    if (found) place.replaceChildren(scatter(found.header, found.arrays, own));
  }

  return { update, redraw: () => (seen ? draw() : null) };
}

/** The position under the tap with the largest product of filter `n`; a position that exists. */
function nearest(header, { products, inside }, n) {
  const [, R, S] = products.shape;
  let best = -1;
  for (let at = 0; at < R * S; at += 1) {
    const size = Math.abs(products.data[n * R * S + at]);
    if (inside.data[at] && (best < 0 || size > Math.abs(products.data[n * R * S + best]))) best = at;
  }
  return best < 0 ? [0, 0] : [header.rows[Math.floor(best / S)], header.columns[best % S]];
}

function options(select, values, chosen, names = values) {
  select.replaceChildren(...values.map((value, i) =>
    make("option", { value: String(value) }, String(names[i]))));
  select.value = String(chosen);
}

// Inside one number: the products of a unit, and the steps of its projection back to the image.

import { back } from "../inside/back.js";
import { forward } from "../inside/forward.js";
import { labelled } from "../inside/grids.js";
import { styled } from "../inside/styled.js";
import { whileVisible } from "../inside/visible.js";

const UNIT = ["layer", "map", "p", "q", "image", "network", "variant"];
const BACK = ["through", "isource", "irule", "ic", "ih", "iw"];
const DRAWN = ["ichannel", "irow", "itile"];

export default {
  id: "inside",
  title: "Inside one number",
  mount(element, look) {
    const { make } = look.draw;
    styled();
    const controls = unitControls(look);
    const tabs = make("div", { className: "row", role: "group", ariaLabel: "Direction" });
    const panels = { "": make("div"), back: make("div", { hidden: true }) };
    const note = make("p", { className: "hint", role: "status" });
    element.append(make("p", { className: "hint" },
      "Every number that makes the value of one unit, and the value that the engine computed. "
      + "Choose a unit here, or click one in another part of the page."), controls.element, tabs,
      note, panels[""], panels.back);
    const views = { "": forward(panels[""], look), back: back(panels.back, look) };
    const names = { "": ["How it is computed", "The operands of the unit and their sum"],
      back: ["Step back", "What one element gets when the unit is projected to the image"] };
    const buttons = Object.entries(names).map(([key, [text, title]]) => make("button",
      { type: "button", title, id: `inside-tab-${key || "forward"}`,
        onclick: () => look.set({ inside: key }) }, text));
    tabs.append(...buttons);

    const direction = () => (look.state.inside === "back" ? "back" : "");
    let layer = look.state.layer;
    const update = whileVisible(element, look.guarded(async () => {
      if (layer !== look.state.layer) {
        layer = look.state.layer;
        look.set(FRESH); // what was chosen in another layer
      }
      const now = direction();
      Object.entries(panels).forEach(([key, panel]) => { panel.hidden = key !== now; });
      buttons.forEach((button, i) => {
        button.ariaPressed = String(Object.keys(names)[i] === now);
      });
      controls.fill();
      try {
        const header = await views[now].update(look.state);
        if (!header) return; // a newer request is on its way
        controls.show(header);
        note.textContent = "";
      } catch (error) {
        note.textContent = error.message;
        panels[""].replaceChildren();
      }
      element.dataset.shown = "true";
    }));
    const redraw = look.guarded(async () => views[direction()].redraw());
    look.watch([...UNIT, ...BACK, "inside"], update);
    look.watch(DRAWN, redraw);
  },
};

function unitControls(look) {
  const { make } = look.draw;
  const layer = make("select", { id: "inside-layer",
    onchange: () => look.set({ layer: layer.value, map: "", p: "", q: "", ...FRESH }) });
  const place = ["map", "p", "q"].map((key) => make("input", { type: "number", min: 0,
    id: `inside-${key}`, onchange: () => set() }));
  const strongest = make("button", { type: "button",
    title: "Go to the strongest unit of this map", onclick: () => look.set({ p: "", q: "" }) },
    "Strongest of the map");
  const words = ["map", "row p", "column q"];
  const element = make("div", { className: "row" }, labelled("layer", layer),
    ...place.map((input, i) => labelled(words[i], input)), strongest);

  function set() {
    const [map, p, q] = place.map((input) => Math.max(0, Math.round(Number(input.value) || 0)));
    look.set({ map, p, q, layer: layer.value });
  }

  function fill() {
    const names = look.network.layers.map((each) => each.name);
    if (names.join() !== [...layer.options].map((each) => each.value).join()) {
      layer.replaceChildren(...names.map((name) => make("option", { value: name }, name)));
    }
    layer.value = look.state.layer || look.network.shown;
  }

  function show(header) {
    layer.value = header.layer;
    place.forEach((input, i) => {
      input.max = header.planes[i] - 1;
      input.value = header.unit[i];
    });
  }

  return { element, fill, show };
}

const FRESH = { through: "", isource: "", ic: "", ih: "", iw: "", ichannel: "" };

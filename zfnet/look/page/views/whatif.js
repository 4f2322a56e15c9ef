// What if: the chosen map scaled, its filter changed, the image moved; and what follows.

import { edits, factorOf, filterOf, listed, STILL, variant, withFactor, withFilter }
  from "../inside/edits.js";
import { labelled } from "../inside/grids.js";
import { styled } from "../inside/styled.js";
import { whileVisible } from "../inside/visible.js";

export default {
  id: "whatif",
  title: "What if",
  mount(element, look) {
    const { make, number, percent } = look.draw;
    styled();
    const now = () => edits(look.state);
    const put = throttled(look);
    const controls = make("div", { className: "whatif-controls" });
    const list = make("ul", { className: "whatif-edits" });
    const classes = make("table", { className: "inside-numbers whatif-classes" });
    const pictures = make("div", { className: "inside-grids" });
    const note = make("p", { className: "hint", role: "status" });
    element.append(make("p", { className: "hint" },
      "Change the network or the image; every part of the page follows. No weight is changed in "
      + "place: without the edits everything is as before, bit for bit."),
    controls, list, note, classes, pictures);
    const map = mapControls(look, now, put);
    const image = imageControls(look, now, put);
    controls.append(map.element, image.element);

    const update = whileVisible(element, async () => {
      const { layer, map: maps } = look.state;
      try {
        const found = await look.ask("whatif", { layer, map: (maps ?? "").split(",")[0] }, "whatif");
        if (!found) return;
        note.textContent = "";
        map.show(found.header);
        image.show();
        show(found.header, found.arrays);
        element.dataset.shown = "true";
      } catch (error) {
        note.textContent = error.message;
        element.dataset.shown = "true";
      } finally {
        put.answered();
      }
    });

    function show(header, arrays) {
      const all = listed(now());
      list.replaceChildren(...all.map(([text, rest]) => make("li", {}, text, " ",
        make("button", { type: "button", title: `Undo: ${text}`,
          onclick: () => look.set({ variant: variant(rest) }) }, "Undo"))));
      if (all.length > 1) {
        list.append(make("li", {}, make("button", { type: "button", id: "whatif-undo",
          title: "Undo all edits", onclick: () => look.set({ variant: "" }) }, "Undo all")));
      }
      const rows = header.classes.map((row) => make("tr", {}, make("th", { scope: "row" }, row.name),
        make("td", { className: "number" }, percent(row.before)),
        make("td", { className: "number" }, percent(row.after)),
        make("td", { className: "number" }, points(row.after - row.before))));
      classes.replaceChildren(make("thead", {}, make("tr", {},
        ...["class", "before", "after", "change"].map((text) => make("th", {}, text)))),
      make("tbody", {}, ...rows));
      const both = ["before", "after"];
      pictures.replaceChildren(...both.map((when) => plane(header, arrays[when], when)),
        ...both.map((when, i) => projection(header, arrays, when, i)));
    }

    function plane(header, { data, shape }, when) {
      const [H, W] = shape;
      const figure = look.draw.figure(`${header.layer}, map ${header.map}, ${when}`);
      look.draw.heat(figure.canvas, data, H, W, header.low, header.high);
      figure.scale.replaceChildren(look.draw.colourBar(header.low, header.high));
      figure.element.className = "whatif-picture";
      return figure.element;
    }

    function projection(header, arrays, when, i) {
      const [p, q, value] = header.units[i];
      const figure = look.draw.figure(
        `deconvnet of its strongest unit ${when}: (${p}, ${q}), value ${number(value)}`);
      look.draw.rgb(figure.canvas, arrays[`projected_${when}`]);
      figure.scale.replaceChildren(look.draw.greyScale(header.full[i]));
      figure.element.className = "whatif-picture";
      return figure.element;
    }

    const points = (share) => `${share > 0 ? "+" : share < 0 ? "−" : ""}${
      Math.abs(100 * share).toFixed(1)} points`;
    look.watch(["image", "network", "variant", "layer", "map"], update);
  },
};

/** put(edits) sets the state's variant, one at a time: the newest waits for the last answer. */
function throttled(look) {
  let busy = false;
  let next = null;
  let timer = 0;
  function send() {
    const text = next;
    next = null;
    if (text === (look.state.variant ?? "")) return;
    busy = true;
    clearTimeout(timer);
    timer = setTimeout(put.answered, 2000); // an answer that never came
    look.set({ variant: text });
  }
  function put(all) {
    next = variant(all);
    if (!busy) send();
  }
  put.answered = () => {
    busy = false;
    if (next !== null) send();
  };
  return put;
}

function mapControls(look, now, put) {
  const { make } = look.draw;
  let shown = { layer: "", map: 0, kind: "" };
  const title = make("h3", {}, "The chosen map");
  const factor = slider(look, "factor", 0, 3, 0.05, "times", (value) =>
    put(withFactor(now(), shown.layer, shown.map, value)));
  const off = button(look, "whatif-off", "Off", "Switch the map off: all its values become 0",
    () => put(withFactor(now(), shown.layer, shown.map, 0)));
  const plain = button(look, "whatif-on", "As it is", "The map as the network computes it",
    () => put(withFactor(now(), shown.layer, shown.map, 1)));
  const angle = slider(look, "angle", -180, 180, 15, "degrees", (value) => change(value, null));
  const zeroed = make("input", { type: "checkbox", id: "whatif-zeroed",
    onchange: () => change(null, zeroed.checked) });
  const filter = make("div", {}, labelled("kernel rotated", angle.element, "inside-wide"),
    labelled("kernel zeroed, but for its bias", zeroed));

  function change(turned, zero) {
    const [, , angleNow, zeroedNow] = filterOf(now(), shown.layer, shown.map);
    put(withFilter(now(), shown.layer, shown.map, turned ?? angleNow, zero ?? zeroedNow));
  }

  function show(header) {
    shown = header;
    title.textContent = `The chosen map: ${header.layer}, map ${header.map} of ${header.maps}`;
    factor.show(factorOf(now(), header.layer, header.map));
    const [, , turned, zero] = filterOf(now(), header.layer, header.map);
    angle.show(turned);
    zeroed.checked = zero;
    filter.hidden = header.kind !== "Conv2d";
  }

  const element = make("div", {}, title, labelled("scaled", factor.element, "inside-wide"),
    make("div", { className: "row" }, off, plain), filter);
  return { element, show };
}

function imageControls(look, now, put) {
  const { make } = look.draw;
  const far = Math.round(look.network.size * 0.27);
  const kinds = [["shift", "shifted down", -far, far, 1, "pixels"],
    ["right", "shifted right", -far, far, 1, "pixels"], ["scale", "scaled", 0.5, 2, 0.05, "times"],
    ["angle", "rotated counterclockwise", -180, 180, 5, "degrees"]];
  const all = kinds.map(([key, text, low, high, step, unit]) => {
    const control = slider(look, `image-${key}`, low, high, step, unit, (value) =>
      put({ ...now(), image: { ...now().image, [key]: value } }));
    return { key, control, label: labelled(text, control.element, "inside-wide") };
  });
  const still = button(look, "whatif-still", "Image as it is", "Undo all moves of the image",
    () => put({ ...now(), image: STILL }));
  const element = make("div", {}, make("h3", {}, "The image (paper, Fig 5)"),
    ...all.map(({ label }) => label), make("div", { className: "row" }, still));
  const show = () => all.forEach(({ key, control }) => control.show(now().image[key]));
  return { element, show };
}

/** A range with its value in words; `follow(value)` while it is dragged. */
function slider(look, id, min, max, step, unit, follow) {
  const { make } = look.draw;
  const said = make("output", { className: "whatif-value" });
  const input = make("input", { type: "range", id: `whatif-${id}`, min, max, step,
    oninput: () => { tell(); follow(Number(input.value)); } });
  const tell = () => { said.textContent = `${Number(input.value)} ${unit}`.replace("-", "−"); };
  function show(value) {
    if (document.activeElement !== input || Number(input.value) === value) input.value = value;
    said.textContent = `${value} ${unit}`.replace("-", "−");
  }
  return { element: make("span", { className: "whatif-slider" }, input, said), show };
}

function button(look, id, text, title, onclick) {
  return look.draw.make("button", { type: "button", id, title, onclick }, text);
}

// Arrays as pictures on canvases: colours, scales, and helpers for elements.

/** Colour maps as 256 x 3 bytes, from the server. */
export const maps = { magma: null, diverging: null };

/** An element with properties and children; text is never read as HTML. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key in element && key !== "list" && key !== "form") element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

/** A number in three digits. */
export function number(value) {
  if (value === null || value === undefined) return "not finite";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential(1).replaceAll("-", "−");
  return Number(value.toPrecision(3)).toString().replace("-", "−");
}

/** 0.1234 -> "12.3 %" */
export const percent = (value) => (value === null ? "—" : `${(100 * value).toFixed(1)} %`);

/** RGB bytes (H,W,3) on the canvas, one pixel each; CSS enlarges it. */
export function rgb(canvas, { data, shape: [H, W] }) {
  const image = new ImageData(W, H);
  for (let i = 0, j = 0; i < W * H * 3; i += 3, j += 4) {
    image.data[j] = data[i];
    image.data[j + 1] = data[i + 1];
    image.data[j + 2] = data[i + 2];
    image.data[j + 3] = 255;
  }
  put(canvas, image);
}

/** Values (H,W) from low to high in the colours of a map; NaN is transparent. */
export function heat(canvas, data, H, W, low, high, map = "magma", alpha = 255) {
  const image = new ImageData(W, H);
  const table = maps[map];
  const times = 255 / (high - low || 1);
  for (let i = 0, j = 0; i < W * H; i += 1, j += 4) {
    const value = data[i];
    if (Number.isNaN(value)) continue;
    const at = 3 * Math.max(0, Math.min(255, Math.round((value - low) * times)));
    image.data[j] = table[at];
    image.data[j + 1] = table[at + 1];
    image.data[j + 2] = table[at + 2];
    image.data[j + 3] = alpha;
  }
  put(canvas, image);
}

function put(canvas, image) {
  if (canvas.width !== image.width) canvas.width = image.width;
  if (canvas.height !== image.height) canvas.height = image.height;
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** A colour bar with the values of its ends: every picture has one, or a scale in words. */
export function colourBar(low, high, map = "magma", what = "") {
  const canvas = make("canvas", { className: "bar", width: 256, height: 1 });
  canvas.setAttribute("aria-hidden", "true");
  const ramp = Float32Array.from({ length: 256 }, (_, i) => i);
  heat(canvas, ramp, 1, 256, 0, 255, map);
  return make("span", { className: "scale" }, make("span", {}, number(low)), canvas,
    make("span", {}, number(high)), what ? make("span", { className: "what" }, what) : "");
}

/** A figure with a canvas, a title above, and a place for its scale below. */
export function figure(title, label = title) {
  const canvas = make("canvas", { width: 1, height: 1 });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", label);
  const scale = make("span", { className: "scale-place" });
  const heading = make("span", { className: "figure-title" }, title);
  const holder = make("div", { className: "picture" }, canvas);
  const element = make("figure", {}, make("figcaption", {}, heading), holder, scale);
  return { element, canvas, scale, heading, holder };
}

/** Boxes and crosses over a picture of S pixels: an SVG that lies on the holder. */
export function overlay(holder, S) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", `0 0 ${S} ${S}`);
  svg.setAttribute("class", "over");
  svg.setAttribute("aria-hidden", "true");
  holder.append(svg);
  return svg;
}

/** A rectangle [top, bottom, left, right] on such an SVG, with a dark edge for light pictures. */
export function box(svg, sides, kind) {
  rectangle(svg, sides, `edge-of-${kind}`).classList.add("edge");
  return rectangle(svg, sides, kind);
}

function rectangle(svg, [top, bottom, left, right], kind) {
  const found = svg.querySelector(`.${kind}`);
  const rect = found ?? document.createElementNS("http://www.w3.org/2000/svg", "rect");
  rect.classList.add(kind);
  rect.setAttribute("x", left);
  rect.setAttribute("y", top);
  rect.setAttribute("width", Math.max(0, right - left));
  rect.setAttribute("height", Math.max(0, bottom - top));
  if (!found) svg.append(rect);
  return rect;
}

/** A table of the best classes, with bars; clear: those without the square. */
export function classes(table, best, clear = []) {
  const before = new Map(clear.map((each) => [each.class, each.probability]));
  table.replaceChildren(...best.map(({ class: label, name, probability }) => {
    const bar = make("span", { className: "share" });
    bar.style.width = `${100 * probability}%`;
    const was = before.has(label) ? ` (was ${percent(before.get(label))})` : "";
    return make("tr", {}, make("td", {}, bar, make("span", {}, name)),
      make("td", { className: "number" }, percent(probability) + was));
  }));
  if (!best.length) {
    table.replaceChildren(make("tr", {}, make("td", {}, "This network gives no classes.")));
  }
}

/** The scale of a projection about grey. */
export function greyScale(full) {
  const canvas = make("canvas", { className: "bar", width: 256, height: 1 });
  const image = new ImageData(256, 1);
  for (let i = 0; i < 256; i += 1) image.data.set([i, i, i, 255], 4 * i);
  canvas.getContext("2d").putImageData(image, 0, 0);
  canvas.setAttribute("aria-hidden", "true");
  return make("span", { className: "scale" }, make("span", {}, number(-full)), canvas,
    make("span", {}, number(full)), make("span", { className: "what" }, "grey is 0, each colour"));
}

/** Arrow keys move among the buttons of a grid; only one of them is a stop of the tab key. */
export function roving(grid, selector) {
  grid.addEventListener("keydown", (event) => {
    const all = [...grid.querySelectorAll(selector)];
    const at = all.indexOf(document.activeElement);
    if (at < 0) return;
    const top = all[0].offsetTop;
    const across = Math.max(1, all.findIndex((each) => each.offsetTop > top));
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across };
    let to = event.key in steps ? at + steps[event.key] : at;
    if (event.key === "Home") to = 0;
    if (event.key === "End") to = all.length - 1;
    if (to === at || !all[to]) return;
    event.preventDefault();
    all[at].tabIndex = -1;
    all[to].tabIndex = 0;
    all[to].focus();
  });
}

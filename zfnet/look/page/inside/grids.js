// Grids of numbers on colours, tables of named numbers, and equations.

import { colourBar, heat, make, maps, number } from "../draw.js";

/** Sides above which a grid is a picture without numbers. */
const MOST = 13;
/** Text and title of a tap without a pixel. */
const PADDING = ["pad", "no pixel: padding, which counts as 0"];
export const BETWEEN = ["·", "no window has the pixel at this tap: it falls between strides, or outside"];
export const LOST = ["lost", "outside of the plane: what it would get is lost"];

/** A number in seven digits, as sums are compared. */
export function digits(value) {
  if (value === null || value === undefined) return "not finite";
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text = size >= 1e6 || size < 1e-4 ? value.toExponential(6) : value.toPrecision(7);
  return text.replace(/-/g, "−");
}

/** The largest absolute value of numbers; 1 where all are 0. */
export function limitOf(values) {
  let most = 0;
  for (const value of values) if (Math.abs(value) > most) most = Math.abs(value);
  return most || 1;
}

/** Part `n` of an array (N,H,W). */
export function part({ data, shape }, n) {
  const size = shape[1] * shape[2];
  return { data: data.subarray(n * size, (n + 1) * size), shape: shape.slice(1) };
}

/**
 * A figure with an array (H,W) as colours and numbers, and its scale.
 *
 * rows, columns: names of both; outside: a mask whose zeros are padding; marked: [row, column];
 * limit: the value of the scale's ends, minus and plus; gap: what the mask's zeros are called.
 */
export function grid(title, { data, shape: [H, W] }, options = {}) {
  const limit = options.limit ?? limitOf(data);
  const figure = make("figure", {}, make("figcaption", {}, title));
  if (Math.max(H, W) > MOST) figure.append(picture(title, data, H, W, limit));
  else figure.append(make("div", { className: "inside-scroll", tabIndex: 0, role: "group",
    ariaLabel: title }, table(data, H, W, limit, options)));
  figure.append(make("div", {}, colourBar(-limit, limit, "diverging", options.what ?? "")));
  return figure;
}

function picture(title, data, H, W, limit) {
  const canvas = make("canvas", { role: "img", ariaLabel: `${title}, ${H} by ${W}` });
  heat(canvas, data, H, W, -limit, limit, "diverging");
  return make("div", { className: "inside-heat" }, canvas);
}

function table(data, H, W, limit, { rows, columns, inside, marked, gap = PADDING }) {
  const body = make("tbody");
  if (columns) {
    body.append(make("tr", {}, make("th", {}, ""),
      ...[...columns].map((name) => make("th", { scope: "col" }, String(name)))));
  }
  for (let r = 0; r < H; r += 1) {
    const line = make("tr");
    if (rows) line.append(make("th", { scope: "row" }, String(rows[r])));
    for (let s = 0; s < W; s += 1) line.append(cell(data[r * W + s], limit));
    body.append(line);
  }
  const cells = body.querySelectorAll("td");
  if (inside) inside.data.forEach((on, i) => { if (!on) empty(cells[i], gap); });
  if (marked) cells[marked[0] * W + marked[1]]?.classList.add("marked");
  return make("table", { className: "inside-grid" }, body);
}

function cell(value, limit) {
  const element = make("td", {}, number(value).replace("not finite", "NaN"));
  const at = 3 * Math.max(0, Math.min(255, Math.round(127.5 + (127.5 * value) / limit)));
  const [r, g, b] = maps.diverging.subarray(at, at + 3);
  element.style.background = `rgb(${r}, ${g}, ${b})`;
  element.style.color = 0.299 * r + 0.587 * g + 0.114 * b > 140 ? "#111" : "#fff";
  return element;
}

function empty(element, [text, title]) {
  element.className = "outside";
  element.style.background = "";
  element.style.color = "";
  element.textContent = text;
  element.title = title;
}

/** Names and numbers, one a line; a third entry says what the number is. */
export function numbers(rows) {
  const lines = rows.map(([name, value, what]) => make("tr", {},
    make("th", { scope: "row" }, name),
    make("td", {}, typeof value === "number" || value === null ? digits(value) : value),
    make("td", { className: "hint" }, what ?? "")));
  return make("table", { className: "inside-numbers" }, make("tbody", {}, ...lines));
}

/** What the engine computed beside what the numbers give. */
export function comparison(found) {
  const [word, kind] = found.within === null ? ["no bound of this kind is derived", ""]
    : found.within ? ["within the bound", "inside-good"] : ["outside of the bound", "wrong"];
  return make("div", {}, make("h3", {}, "What the engine computed"), numbers([
    ["engine", found.value, `by ${found.kernel}`],
    ["these numbers", found.expected, "summed in float64"],
    ["difference", found.difference, ""],
    ["bound", found.bound === null ? "—" : found.bound,
      "of the worst case, derived from what the kernel declares (kernels.bounds)"],
  ]), make("p", { className: `hint ${kind}` }, `The difference is ${word}.`));
}

/** A line of text and numbers; parts in lists are bold. */
export function equation(...parts) {
  return make("p", { className: "inside-equation" },
    ...parts.map((each) => (Array.isArray(each) ? make("b", {}, ...each) : each)));
}

/** A label with a control. */
export function labelled(text, control, className = "") {
  return make("label", { className: `inside-label ${className}` }, text, control);
}

/** The state's map, the first of several. */
export const firstMap = (state) => (state.map ?? "").split(",")[0];

// Sums of channels as bars with the running sum, as a table, and a slider through them.

import { make, number } from "../draw.js";
import { digits, labelled } from "./grids.js";

const HIGH = 100;
const SVG = "http://www.w3.org/2000/svg";

/**
 * Bars of `sums` and the line of the running sums, each with a click; a slider; a table.
 *
 * what: "channel" or "filter"; first: the number of the first one; chosen: which is shown;
 * choose(n): called with another one.
 */
export function channels(what, first, sums, partial, chosen, choose) {
  const element = make("div");
  const bars = chart(what, first, sums, partial, chosen, choose);
  const slider = make("input", { type: "range", min: 0, max: sums.length - 1, value: chosen,
    ariaLabel: `${what} whose products are shown`,
    oninput: () => choose(Number(slider.value)) });
  element.append(bars, labelled(`${what} ${first + chosen}`, slider, "inside-wide"),
    make("details", {}, make("summary", {}, `All ${sums.length} sums in order`),
      listed(what, first, sums, partial, chosen, choose)));
  return element;
}

function chart(what, first, sums, partial, chosen, choose) {
  const all = [0, ...sums, ...partial];
  const low = Math.min(...all);
  const high = Math.max(...all);
  const y = (value) => HIGH - (HIGH * (value - low)) / (high - low || 1);
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 -3 ${sums.length} ${HIGH + 6}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label",
    `Sums of ${sums.length} ${what}s as bars, and their running sum as a line`);
  const bar = (n) => `M${n + 0.05} ${y(0)}H${n + 0.95}V${y(sums[n])}H${n + 0.05}Z`;
  draw(svg, "path", { class: "bar-of-channel", d: sums.map((_, n) => bar(n)).join("") });
  draw(svg, "path", { class: "bar-chosen", d: bar(chosen) });
  draw(svg, "line", { class: "zero", x1: 0, x2: sums.length, y1: y(0), y2: y(0) });
  const steps = partial.map((value, n) => `H${n + 0.5}V${y(value)}`).join("");
  draw(svg, "path", { class: "running", d: `M0 ${y(0)}${steps}H${sums.length}` });
  svg.addEventListener("click", (event) => {
    const box = svg.getBoundingClientRect();
    const n = Math.floor(((event.clientX - box.left) / box.width) * sums.length);
    choose(Math.max(0, Math.min(sums.length - 1, n)));
  });
  return make("div", { className: "inside-bars" },
    make("div", { className: "inside-ends" },
      make("span", {}, `top ${number(high)}: blue bars are the sums of the ${what}s, orange the one`
        + " below, the line is the running sum")),
    svg,
    make("div", { className: "inside-ends" }, make("span", {}, `${what} ${first}`),
      make("span", {}, `bottom ${number(low)}`),
      make("span", {}, `${what} ${first + sums.length - 1}`)));
}

function draw(svg, tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  svg.append(element);
}

function listed(what, first, sums, partial, chosen, choose) {
  const head = make("tr", {}, make("th", {}, what), make("th", {}, "its sum"),
    make("th", {}, "running sum"));
  const lines = sums.map((sum, n) => {
    const line = make("tr", {},
      make("td", {}, make("button", { type: "button", title: `Show ${what} ${first + n}`,
        onclick: () => choose(n) }, String(first + n))),
      make("td", { className: "number" }, digits(sum)),
      make("td", { className: "number" }, digits(partial[n])));
    if (n === chosen) line.setAttribute("aria-current", "true");
    return line;
  });
  return make("div", { className: "inside-table" },
    make("table", {}, make("thead", {}, head), make("tbody", {}, ...lines)));
}

/** The channel whose sum is the largest by absolute value. */
export function largest(sums) {
  let best = 0;
  sums.forEach((sum, n) => { if (Math.abs(sum) > Math.abs(sums[best])) best = n; });
  return best;
}

// The numbers of one unit, or of one step back, by their kind.

import { make, number } from "../draw.js";
import { channels, largest } from "./channels.js";
import { BETWEEN, digits, equation, grid, limitOf, numbers, part } from "./grids.js";

const sign = (text) => make("span", { className: "inside-sign", ariaHidden: "true" }, text);

/** The parts as elements; `chosen` is the channel or filter, `choose(n)` shows another one. */
export function parts(header, arrays, chosen, choose) {
  const shown = SHOWN[header.kind](header, arrays, chosen, choose);
  if (header.factor !== null && header.factor !== undefined) {
    shown.push(equation("\u201cWhat if\u201d multiplies this map by ", [digits(header.factor)], ": ",
      [digits(header.compared.expected)]));
  }
  return shown;
}

/** The channel that is shown: the chosen one, or that of the largest sum. */
export function shownChannel(header, chosen) {
  const count = header.channel_sums.length;
  return chosen !== null && chosen < count ? chosen : largest(header.channel_sums);
}

function sum(header, arrays, chosen, choose) {
  const n = shownChannel(header, chosen);
  const limit = limitOf(arrays.window.data);
  const [window, filter, products] = ["window", "filter", "products"].map((k) => part(arrays[k], n));
  const back = header.kind === "gathered";
  const what = back ? "filter" : "channel";
  const names = { rows: axis("row", header.rows, back), columns: axis("", header.columns, back) };
  const gap = back ? BETWEEN : undefined;
  const bias = header.bias === null ? [] : [" + bias ", [digits(header.bias)]];
  const count = header.channel_sums.length;
  const last = `${what}s ${header.first} to ${header.first + count - 1}`;
  return [
    equation(`sum of ${arrays.products.data.length} products over ${last}: `,
      [digits(header.total)], ...bias, " = ", [digits(header.result)]),
    make("h3", {}, `Sums of the ${what}s, in order`),
    channels(what, header.first, header.channel_sums, header.partial_sums, n, choose),
    make("h3", {}, `The products of ${what} ${header.first + n}`),
    make("div", { className: "inside-grids" },
      grid(source(header), window,
        { ...names, inside: arrays.inside, gap, limit, what: `all ${what}s` }),
      sign("×"),
      grid(back ? "kernel, flipped" : "kernel", filter,
        { limit: limitOf(arrays.filter.data), what: `all ${what}s` }),
      sign("="),
      grid("products", products,
        { inside: arrays.inside, gap, limit: limitOf(arrays.products.data), what: `all ${what}s` })),
    equation(`their sum: `, [digits(header.channel_sums[n])], `; with all ${what}s before it: `,
      [digits(header.partial_sums[n])]),
  ];
}

const source = ({ kind, through }) => (kind === "sum" ? "window of the input"
  : through ? "cotangent at the outputs" : "positions of the input");

/** Names of rows or columns; of a step back, -1 is a tap without a position. */
const axis = (word, places, back = false) => places.map((i) =>
  (back && i < 0 ? "·" : `${word} ${i}`.trim().replace("-", "−")));

function maximum(header, arrays) {
  const [r, s] = header.winner;
  const [h, w] = [header.rows[r], header.columns[s]];
  return [
    equation("the largest pixel is ", [digits(header.result)], ` at row ${h}, column ${w}; the `,
      `switch that the tape keeps is h W + w = ${h} · ${header.width} + ${w} = `,
      [String(header.switch)]),
    make("div", { className: "inside-grids" }, grid("window of the input", arrays.values, {
      rows: axis("row", header.rows), columns: axis("", header.columns), inside: arrays.inside,
      marked: header.winner, what: "the switch is framed" })),
  ];
}

function average(header, arrays) {
  return [
    equation("sum ", [digits(header.total)], ` / ${header.divisor} pixels that count = `,
      [digits(header.result)]),
    make("div", { className: "inside-grids" }, grid("window of the input", arrays.values, {
      rows: axis("row", header.rows), columns: axis("", header.columns), inside: arrays.inside })),
  ];
}

function response(header) {
  const { alpha, size, beta, k, t } = header.numbers;
  const lines = header.values.map((value, i) => [
    `channel ${header.first + i}`, value,
    `square ${number(header.squares[i])}${header.first + i === header.channel ? ": the unit's own" : ""}`,
  ]);
  return [
    equation(`t = k + alpha / size · sum of squares = ${k} + ${number(alpha)} / ${size} · `,
      `${digits(header.squares.reduce((a, b) => a + b, 0))} = `, [digits(t)]),
    equation(`x / t^beta = ${digits(header.own)} / ${digits(t)}^${beta} = `,
      [digits(header.result)]),
    make("h3", {}, "The channels that enter"), numbers(lines),
  ];
}

function contrast(header, arrays) {
  const its = header.numbers;
  const names = { rows: axis("row", header.rows), columns: axis("", header.columns),
    marked: header.own, what: "the unit is framed" };
  return [
    equation("v = x − blurred mean = ", `${digits(its.x)} − ${digits(its.mean)} = `,
      [digits(its.v)]),
    equation(`v / max(sigma, c, floor) = ${digits(its.v)} / ${digits(its.divisor)} = `,
      [digits(header.result)], ` (${header.divides} is the largest)`),
    numbers([["sigma", its.sigma, "root of the blurred mean of v² over the channels"],
      ["c", its.c, "mean of all sigma of the image"], ["floor", its.floor, "the least divisor"]]),
    make("h3", {}, "The window of the blur"),
    make("div", { className: "inside-grids" }, grid("weights", arrays.weights, names),
      grid("mean of x over the channels", arrays.means, names),
      grid("mean of v² over the channels", arrays.squares, names)),
  ];
}

function standardised(header, arrays) {
  const its = header.numbers;
  const place = header.place.slice(-2);
  const flat = header.shape.length < 2;
  const shown = arrays.values ? [make("h3", {}, flat ? "All elements" : "The elements of this map"),
    make("div", { className: "inside-grids" }, grid(
      `${header.elements} elements of ${header.shape.join(" × ")} enter`, arrays.values,
      { marked: flat ? [0, place[0]] : place }))] : [];
  return [
    equation("(x − mean) / √(variance + eps) · weight + bias = ",
      `(${digits(its.x)} − ${digits(its.mean)}) / ${digits(its.deviation)} · `,
      `${digits(its.weight)} + ${digits(its.bias)} = `, [digits(header.result)]),
    numbers([["mean", its.mean, `of ${header.elements} elements`], ["variance", its.variance, ""],
      ["eps", its.eps, "added to the variance"], ["standardised", its.standard, ""]]),
    ...shown,
  ];
}

function channelwise(header) {
  const its = header.numbers;
  return [
    equation("x · scale + shift = ", `${digits(its.x)} · ${digits(its.scale)} + `,
      `${digits(its.shift)} = `, [digits(header.result)]),
    numbers([["mean", its.mean, "running mean of the channel, fixed"],
      ["variance", its.variance, "running variance, fixed"], ["eps", its.eps, ""],
      ["weight", its.weight, ""], ["bias", its.bias, ""],
      ["scale", its.scale, "weight / √(variance + eps)"],
      ["shift", its.shift, "bias − mean · scale"]]),
  ];
}

function pointwise(header) {
  const names = "abcdefgh";
  const lines = header.values.map((value, i) => [
    names[i] ?? String(i), value,
    `of ${header.inputs[header.sources[i]]}, at (${header.places[i].join(", ")})`,
  ]);
  const said = header.formula ? equation(`${header.formula} = `, [digits(header.result)])
    : equation("its formula is not written here; the element it reads is below");
  return [said, numbers(lines)];
}

function collected(header, arrays) {
  const names = { rows: axis("p =", header.rows), columns: axis("", header.columns) };
  const rule = header.maximum
    ? "each window gives its value to its switch: share 1 where that is this pixel, else 0"
    : "each window gives equal shares to its pixels";
  return [
    equation(`${rule}; sum over the windows that contain the pixel = `, [digits(header.result)]),
    make("div", { className: "inside-grids" },
      grid("cotangent of these windows", arrays.values, names), sign("×"),
      grid("share of this pixel", arrays.shares, names), sign("="),
      grid("products", arrays.products, names)),
    ...(arrays.switches ? [switches(header, arrays.switches)] : []),
  ];
}

function switches(header, { data, shape: [P, Q] }) {
  const lines = [];
  for (let i = 0; i < P * Q; i += 1) {
    const window = `window (${header.rows[Math.floor(i / Q)]}, ${header.columns[i % Q]})`;
    lines.push([window, `(${data[2 * i]}, ${data[2 * i + 1]})`, "row and column of its switch"]);
  }
  return numbers(lines);
}

function rectified(header) {
  const rules = [];
  if (header.cotangent_rectified) rules.push("the cotangent is cut off below 0");
  if (header.masked) rules.push("it passes only where the input was above 0");
  return [
    equation(`${rules.join("; ")}: cotangent ${digits(header.gy)}, input of the forward pass `,
      `${digits(header.x)}: `, [digits(header.result)]),
  ];
}

const passed = (header) => [
  equation(`cotangent ${digits(header.gy)} · ${digits(header.factor)} = `,
    [digits(header.result)],
    header.factor === 1 ? " (passed on unchanged)" : " (times the scale of the forward pass)"),
];

const SHOWN = {
  sum, gathered: sum, maximum, average, response, contrast, standardised, channelwise, pointwise,
  collected, rectified, passed,
};

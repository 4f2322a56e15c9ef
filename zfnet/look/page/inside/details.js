// The im2col row and the Winograd tile of one output, on request.

import { make, number } from "../draw.js";
import { digits, equation, grid, limitOf, LOST, part } from "./grids.js";

/** The window and the filter as rows of the two matrices that im2col multiplies. */
export function im2col(header, arrays) {
  const [C, R, S] = arrays.window.shape;
  const order = [];
  for (let r = 0; r < R; r += 1)
    for (let s = 0; s < S; s += 1)
      for (let c = 0; c < C; c += 1) order.push((c * R + r) * S + s);
  const window = order.map((at) => arrays.window.data[at]);
  const filter = order.map((at) => arrays.filter.data[at]);
  const shown = Math.min(order.length, 48);
  const head = ["column", "r", "s", "c", "row of im2col", "row of the filters", "product"];
  const lines = order.slice(0, shown).map((at, i) => {
    const [r, s, c] = [Math.floor(i / C / S), Math.floor(i / C) % S, i % C];
    const values = [window[i], filter[i], window[i] * filter[i]].map(number);
    return make("tr", {}, ...[i, r, s, header.first + c].map((v) => make("td", {}, String(v))),
      ...values.map((v) => make("td", { className: "number" }, v)));
  });
  const rows = { data: Float32Array.from([...window, ...filter]), shape: [2, order.length] };
  const limits = [limitOf(window), limitOf(filter)];
  const tall = Math.max(1, Math.round(order.length / 12));
  return make("div", {},
    make("h3", {}, "The im2col row"),
    equation(`row ${header.im2col_at} = (n P + p) Q + q of the matrix has ${order.length} columns, `,
      "(r s c) as in channels-last memory; times the filter's row, plus the bias, it is ",
      [digits(header.result)]),
    make("div", { className: "inside-grids" },
      grid("row of im2col", strip(rows, 0, tall), { limit: limits[0], what: "left to right" }),
      grid("row of the filters", strip(rows, 1, tall), { limit: limits[1], what: "left to right" })),
    make("details", {}, make("summary", {}, `The first ${shown} of ${order.length} columns`),
      make("div", { className: "inside-table" }, make("table", {},
        make("thead", {}, make("tr", {}, ...head.map((h) => make("th", {}, h)))),
        make("tbody", {}, ...lines)))));
}

/** Row `n` of an array (2,F), repeated so that it is a band. */
function strip({ data, shape: [, F] }, n, tall) {
  const band = new Float32Array(F * tall);
  for (let i = 0; i < tall; i += 1) band.set(data.subarray(n * F, (n + 1) * F), i * F);
  return { data: band, shape: [tall, F] };
}

/** The tile of outputs in which the unit lies, of one channel, and the sums of all channels. */
export function winograd(header, arrays) {
  const { d, g, V, U, products, M, y, BT, G, AT } = arrays;
  const [p, q] = header.origin;
  const phase = header.phases > 1 ? `, phase ${header.phase} of ${header.phases} of the stride` : "";
  const fewer = number(header.of_definition / header.multiplications);
  const places = { rows: header.rows, columns: header.columns };
  const sign = (text) => make("span", { className: "inside-sign", ariaHidden: "true" }, text);
  return make("div", {},
    make("h3", {}, "The Winograd tile"),
    equation(`outputs (${p}, ${q}) to (${p + y.shape[0] - 1}, ${q + y.shape[1] - 1}); `,
      `${header.multiplications} multiplications a channel instead of ${header.of_definition}, `,
      `${fewer} times fewer; the framed output is `, [digits(header.result)]),
    make("h3", {}, `Channel ${header.channel}${phase}`),
    make("div", { className: "inside-grids" }, grid("tile d of the input", d, places), sign("→"),
      grid("V = Bᵀ d B", V)),
    make("div", { className: "inside-grids" }, grid("kernel g", g), sign("→"),
      grid("U = G g Gᵀ", U), sign("∘"), grid("U ∘ V", products)),
    make("h3", {}, "All channels"),
    make("div", { className: "inside-grids" }, grid("M = sum of U ∘ V", M), sign("→"),
      grid(`y = Aᵀ M A${header.bias ? " + bias" : ""}`, y, { marked: header.within,
        rows: range(p, y.shape[0]), columns: range(q, y.shape[1]) })),
    make("details", {}, make("summary", {}, "The matrices Bᵀ, G and Aᵀ along the rows"),
      make("div", { className: "inside-grids" }, grid("Bᵀ", BT), grid("G", G), grid("Aᵀ", AT))));
}

const range = (first, count) => Array.from({ length: count }, (_, i) => first + i);

/** What one position of a convolution gives to the pixels of its window, in one channel. */
export function scatter(header, arrays, channel) {
  const n = Math.min(channel, arrays.filter.shape[0] - 1);
  const [k, i, j] = header.at;
  const names = { rows: header.rows, columns: header.columns, inside: arrays.inside,
    gap: LOST };
  const sign = (text) => make("span", { className: "inside-sign", ariaHidden: "true" }, text);
  return make("div", {},
    make("h3", {}, "What one position gives"),
    equation(`position (${k}, ${i}, ${j}) of ${header.through} has the cotangent `,
      [digits(header.value)], `; it gives that times the kernel to the pixels of its window `,
      `(channel ${header.first + n})`),
    make("div", { className: "inside-grids" },
      grid("kernel", part(arrays.filter, n)), sign("→"),
      grid("what each pixel gets", part(arrays.products, n), names)));
}

// Edits of the network and the image, as the state's variant holds them.

const NAME = "whatif:";
export const STILL = { shift: 0, scale: 1, angle: 0, right: 0 };

/** {maps: [[layer, map, factor]], filters: [[layer, filter, angle, zeroed]], image} of the state. */
export function edits(state) {
  let found = {};
  if ((state.variant ?? "").startsWith(NAME)) {
    try {
      found = JSON.parse(state.variant.slice(NAME.length));
    } catch {
      found = {}; // the server says what is wrong with the address
    }
  }
  return { maps: found.maps ?? [], filters: found.filters ?? [],
    image: { ...STILL, ...found.image } };
}

/** The variant of edits; "" without any. */
export function variant({ maps, filters, image }) {
  const moved = Object.entries(image).filter(([key, value]) => value !== STILL[key]);
  const kept = {};
  if (maps.length) kept.maps = maps;
  if (filters.length) kept.filters = filters;
  if (moved.length) kept.image = Object.fromEntries(moved);
  return Object.keys(kept).length ? NAME + JSON.stringify(kept) : "";
}

const at = (list, layer, number) => list.find(([l, n]) => l === layer && n === number);
const without = (list, layer, number) => list.filter(([l, n]) => l !== layer || n !== number);

export const factorOf = (all, layer, map) => at(all.maps, layer, map)?.[2] ?? 1;

/** The edits with map `map` times `factor`; 1 takes it out. */
export function withFactor(all, layer, map, factor) {
  const others = without(all.maps, layer, map);
  return { ...all, maps: factor === 1 ? others : [...others, [layer, map, factor]] };
}

export const filterOf = (all, layer, filter) =>
  at(all.filters, layer, filter) ?? [layer, filter, 0, false];

/** The edits with the filter rotated by `angle`, and zeroed or not. */
export function withFilter(all, layer, filter, angle, zeroed) {
  const others = without(all.filters, layer, filter);
  const plain = angle === 0 && !zeroed;
  return { ...all, filters: plain ? others : [...others, [layer, filter, angle, zeroed]] };
}

/** A sentence for each edit, and the edits without it. */
export function listed(all) {
  const maps = all.maps.map(([layer, map, factor]) => [
    factor === 0 ? `${layer}: map ${map} off` : `${layer}: map ${map} × ${factor}`,
    withFactor(all, layer, map, 1)]);
  const filters = all.filters.map(([layer, filter, angle, zeroed]) => [
    zeroed ? `${layer}: filter ${filter} zeroed` : `${layer}: filter ${filter} rotated by ${angle}°`,
    withFilter(all, layer, filter, 0, false)]);
  const words = { shift: "pixels down", right: "pixels to the right", scale: "times larger",
    angle: "degrees counterclockwise" };
  const image = Object.entries(words).filter(([key]) => all.image[key] !== STILL[key]).map(
    ([key, word]) => [`image: ${all.image[key]} ${word}`,
      { ...all, image: { ...all.image, [key]: STILL[key] } }]);
  return [...maps, ...filters, ...image];
}

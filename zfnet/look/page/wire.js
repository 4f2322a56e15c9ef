// Requests to the server: binary frames, and one request at a time for each channel.

const tab = Math.random().toString(36).slice(2, 12);
const open = new Map(); // channel -> AbortController
const TYPES = { uint8: Uint8Array, int32: Int32Array, float32: Float32Array };

/** Header and arrays of a body; each array is {data, shape}. */
export function decode(buffer) {
  const end = 4 + new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, end - 4)));
  const arrays = {};
  let at = end;
  for (const { name, type, shape } of header.arrays) {
    const count = shape.reduce((a, b) => a * b, 1);
    const data = new TYPES[type](buffer, at, count);
    arrays[name] = { data, shape };
    at += Math.ceil(data.byteLength / 8) * 8;
  }
  delete header.arrays;
  return { header, arrays };
}

async function fetched(path, parameters, channel, options) {
  open.get(channel)?.abort();
  const mine = new AbortController();
  if (channel) open.set(channel, mine);
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== null && value !== "") query.set(key, value);
  }
  if (channel) query.set("channel", `${tab}-${channel}`);
  try {
    const answer = await fetch(`api/${path}?${query}`, { ...options, signal: mine.signal });
    if (answer.status === 204) return null;
    if (!answer.ok) throw new Error(await answer.text());
    return decode(await answer.arrayBuffer());
  } catch (error) {
    if (error.name === "AbortError") return null;
    if (error instanceof TypeError) throw new Error("The server does not answer: has it ended?");
    throw error;
  } finally {
    if (open.get(channel) === mine) open.delete(channel);
  }
}

/** {header, arrays} of a view's route; null if a newer request of the channel replaced this one. */
export const ask = (path, parameters = {}, channel = "") => fetched(path, parameters, channel, {});

/** The same with a body. */
export const send = (path, parameters, body, channel = "") =>
  fetched(path, parameters, channel, { method: "POST", body });

/** The names of the views' modules. */
export async function viewModules() {
  return (await fetch("api/views")).json();
}

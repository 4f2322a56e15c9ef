// State of the page, kept in the address behind "#", and those who follow it.

const watchers = [];
export const state = read();

function read() {
  return Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
}

function write() {
  location.hash === link() || history.replaceState(null, "", link());
}

/** The part of the address behind "#" for this state with changes. */
export function link(changes = {}) {
  const kept = Object.entries({ ...state, ...changes });
  return "#" + new URLSearchParams(kept.filter(([, value]) => value !== undefined && value !== ""));
}

/** Change keys; undefined or "" removes one. Those who watch a changed key are called. */
export function set(changes) {
  const changed = new Set();
  for (const [key, value] of Object.entries(changes)) {
    const text = value === undefined || value === null ? "" : String(value);
    if ((state[key] ?? "") === text) continue;
    if (text === "") delete state[key];
    else state[key] = text;
    changed.add(key);
  }
  if (!changed.size) return;
  write();
  notify(changed);
}

function notify(changed) {
  for (const { keys, follow } of watchers) if (keys.some((key) => changed.has(key))) follow(state);
}

/** Call follow(state) now, and whenever one of the keys changes. */
export function watch(keys, follow) {
  watchers.push({ keys, follow });
  follow(state);
}

addEventListener("hashchange", () => {
  const now = read();
  const changes = Object.fromEntries(Object.keys(state).map((key) => [key, ""]));
  set({ ...changes, ...now });
});

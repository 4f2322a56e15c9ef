// The page: what the server shows, its views in their order, and the tools of the header.

import * as draw from "./draw.js";
import { link, set, state, watch } from "./state.js";
import { ask, send, viewModules } from "./wire.js";
import { tools } from "./tools.js";

const OF_EVERY_REQUEST = ["image", "network", "variant"];
const PATIENCE = 700; // milliseconds, after which the page says that it computes
const COMPUTING = "Computing … (at its first use a kernel is compiled, which takes some seconds)";

let slow = 0; // answers that take longer

/** The answer; while it takes long the page says so. */
async function announced(answer) {
  const count = (change) => {
    slow += change;
    document.getElementById("computing").textContent = slow ? COMPUTING : "";
  };
  let counted = false;
  const timer = setTimeout(() => { counted = true; count(1); }, PATIENCE);
  try {
    return await answer;
  } finally {
    clearTimeout(timer);
    if (counted) count(-1);
  }
}

const look = {
  state, set, watch, link, draw,
  about: null,
  /** The network that the state names. */
  get network() {
    return look.about.networks[Number(state.network ?? 0)] ?? look.about.networks[0];
  },
  /** A layer of that network by its name. */
  layer: (name) => look.network.layers.find((layer) => layer.name === name),
  ask(path, parameters = {}, channel = "") {
    const own = Object.fromEntries(OF_EVERY_REQUEST.map((key) => [key, state[key]]));
    return announced(ask(path, { ...own, ...parameters }, channel));
  },
  send: (...given) => announced(send(...given)),
  /** A sentence in the page's line of messages. */
  say(text, wrong = false) {
    const line = document.getElementById("message");
    line.textContent = text;
    line.classList.toggle("wrong", wrong);
  },
  /** An asynchronous function whose errors become a sentence on the page. */
  guarded: (work) => async (...given) => {
    try {
      return await work(...given);
    } catch (error) {
      look.say(error.message, true);
      return null;
    }
  },
};

function mount(view) {
  const section = draw.make("section", { id: `view-${view.id}` });
  const heading = draw.make("h2", { id: `heading-${view.id}` }, view.title);
  section.setAttribute("aria-labelledby", heading.id);
  section.append(heading);
  document.getElementById(`column-${view.column ?? "wide"}`).append(section);
  try {
    view.mount(section, look);
  } catch (error) {
    section.append(draw.make("p", { className: "wrong" }, `This part failed: ${error.message}`));
    console.error(error);
  }
}

async function start() {
  const [about, names] = await announced(Promise.all([ask("about"), viewModules()]));
  look.about = about.header;
  for (const name of ["magma", "diverging"]) draw.maps[name] = about.arrays[name].data;
  document.getElementById("called").textContent = look.about.networks.map((n) => n.name).join(" · ");
  tools(document.getElementById("tools"), look);
  const modules = await Promise.allSettled(names.map((name) => import(`./views/${name}`)));
  for (const { value, reason } of modules) {
    if (value) mount(value.default);
    else look.say(`A part of the page cannot be loaded: ${reason.message}`, true);
  }
  document.documentElement.dataset.ready = "true";
}

look.guarded(start)();

// The style sheet of "inside one number" and "what if".

import { make } from "../draw.js";

export function styled() {
  if (document.getElementById("inside-style")) return;
  document.head.append(make("link", { id: "inside-style", rel: "stylesheet",
    href: "inside/inside.css" }));
}

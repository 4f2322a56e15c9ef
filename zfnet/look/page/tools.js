// Tools of the header: the link to what is seen, and the page as one file.

import { make } from "./draw.js";
import { saved } from "./saving.js";

export function tools(element, look) {
  const copy = make("button", { type: "button", title: "Copy the address of what you see",
    onclick: look.guarded(async () => {
      await navigator.clipboard.writeText(location.href);
      look.say("The address is copied; it works while this server runs.");
    }) }, "Copy link");
  const save = make("button", { type: "button", id: "save",
    title: "Save what you see as one HTML file that needs no server",
    onclick: look.guarded(async () => {
      const page = new Blob([await saved()], { type: "text/html" });
      const address = URL.createObjectURL(page);
      make("a", { href: address, download: "zfnet-look.html" }).click();
      setTimeout(() => URL.revokeObjectURL(address), 10000);
      look.say("Saved as zfnet-look.html.");
    }) }, "Save page");
  element.append(copy, save);
}

// The image: chosen, dropped, pasted, from the folder or the webcam; and the classes it gets.

export default {
  id: "image",
  title: "Image",
  column: "left",
  mount(element, look) {
    const shown = look.draw.figure("", "The image as the network takes it");
    const classes = look.draw.make("table", { className: "classes" });
    element.append(shown.element, classes);
    look.watch(["image", "network", "variant"], look.guarded(async () => {
      const found = await look.ask("image", {}, "image");
      if (!found) return;
      look.draw.rgb(shown.canvas, found.arrays.pixels);
      shown.heading.textContent = found.header.name;
    }));
  },
};

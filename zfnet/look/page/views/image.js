// The image: chosen, dropped, pasted, from the folder or the webcam; and the classes it gets.

import { camera } from "../camera.js";

export default {
  id: "image",
  title: "Image",
  column: "left",
  mount(element, look) {
    const { make } = look.draw;
    const shown = look.draw.figure("", "The image as the network takes it");
    shown.canvas.id = "image";
    const classes = make("table", { className: "classes" });
    const strip = make("div", { className: "strip", role: "group", ariaLabel: "Images" });
    const file = make("input", { type: "file", accept: "image/*", id: "choose",
      className: "unseen", multiple: true,
      onchange: () => upload([...file.files]) });
    const choose = make("label", { className: "button", htmlFor: "choose",
      title: "Choose image files; you may also drop or paste one anywhere" }, "Choose…");
    const controls = make("div", { className: "row live" }, file, choose, ...camera(look, shown, classes));
    element.append(shown.element, classes, controls,
      make("p", { className: "hint live" }, "Drop an image anywhere, or paste one."), strip);

    const upload = look.guarded(async (files) => {
      for (const each of files) {
        look.say(`Reading ${each.name || "the image"}…`);
        const found = await look.send("upload", { name: each.name }, each);
        look.set({ image: found.header.image });
        look.say(`${found.header.name} is shown; it is kept while the server runs.`);
      }
      await list();
    });

    addEventListener("dragover", (event) => event.preventDefault());
    addEventListener("drop", (event) => {
      event.preventDefault();
      upload([...event.dataTransfer.files]);
    });
    addEventListener("paste", (event) => {
      const files = [...event.clipboardData.files].filter((each) => each.type.startsWith("image/"));
      if (files.length) upload(files);
    });

    const thumbnails = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        thumbnails.unobserve(target);
        thumbnail(target);
      }
    });
    const thumbnail = async (button) => {
      try {
        const found = await look.ask("thumbnail", { image: button.dataset.image });
        look.draw.rgb(button.querySelector("canvas"), found.arrays.pixels);
      } catch (error) { // (a broken image of the folder: the others stay)
        button.replaceChildren("unreadable");
        button.title = error.message;
        button.classList.add("broken");
      }
    };
    const list = look.guarded(async () => {
      const { header } = await look.ask("images");
      strip.replaceChildren(...header.images.map(({ id, name }) => {
        const button = make("button", { type: "button", title: name, ariaLabel: `Image ${name}`,
          onclick: () => look.set({ image: id }) }, make("canvas", { width: 1, height: 1 }));
        button.dataset.image = id;
        thumbnails.observe(button);
        return button;
      }));
      mark();
    });
    const mark = () => {
      for (const each of strip.children) {
        each.setAttribute("aria-pressed", String(each.dataset.image === look.state.image));
      }
    };

    look.watch(["image", "network", "variant"], look.guarded(async () => {
      const found = await look.ask("image", {}, "image");
      if (!found) return;
      look.draw.rgb(shown.canvas, found.arrays.pixels);
      const S = found.arrays.pixels.shape[0];
      shown.heading.textContent = found.header.name;
      shown.scale.textContent = `${S} × ${S} pixels, as the network takes it`;
      shown.scale.className = "scale";
      look.draw.classes(classes, found.header.best);
      if (!look.state.image) look.set({ image: found.header.image });
      mark();
    }));
    list();
    look.shownImage = shown;
  },
};

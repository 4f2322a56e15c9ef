// The page as it is, as one self-contained HTML file without scripts.

/** The document as text: styles inside, canvases as pictures, controls as they stand. */
export async function saved() {
  const rules = [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules]);
  const style = rules.map((rule) => rule.cssText).join("\n");
  const copy = document.documentElement.cloneNode(true);
  const canvases = [...document.querySelectorAll("canvas")];
  [...copy.querySelectorAll("canvas")].forEach((canvas, n) => {
    const picture = document.createElement("img");
    picture.src = canvases[n].toDataURL("image/png");
    picture.className = canvas.className;
    picture.style.cssText = canvas.style.cssText;
    picture.alt = canvas.getAttribute("aria-label") ?? "";
    canvas.replaceWith(picture);
  });
  const images = [...document.querySelectorAll("img")].filter((each) => each.complete);
  const inlined = new Map(images.map((each) => [each.src, asData(each)]));
  for (const picture of copy.querySelectorAll("img")) {
    const found = inlined.get(picture.src);
    if (found) picture.setAttribute("src", found);
  }
  for (const gone of copy.querySelectorAll("script, link, video, nav, .live")) gone.remove();
  for (const control of copy.querySelectorAll("button, input, select, textarea")) {
    control.setAttribute("disabled", "");
  }
  const sheet = document.createElement("style");
  sheet.textContent = style;
  copy.querySelector("head").append(sheet);
  copy.dataset.saved = "true";
  return "<!doctype html>\n" + copy.outerHTML;
}

function asData(image) {
  if (image.src.startsWith("data:")) return image.src;
  const canvas = document.createElement("canvas");
  canvas.width = image.naturalWidth || 1;
  canvas.height = image.naturalHeight || 1;
  canvas.getContext("2d").drawImage(image, 0, 0);
  return canvas.toDataURL("image/png");
}

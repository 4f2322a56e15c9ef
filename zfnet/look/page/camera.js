// The webcam: each frame through the network, the strongest unit's deconvnet projection beside it.

/** Controls for the page: a button, a video, and the picture of the projection. */
export function camera(look, shown, classes) {
  const { make } = look.draw;
  const video = make("video", { muted: true, playsInline: true, hidden: true });
  const projection = look.draw.figure("", "Projection of the strongest unit in the webcam's frame");
  projection.element.hidden = true;
  const rate = make("span", { className: "hint", id: "camera-rate" });
  let stream = null;

  const stop = () => {
    stream?.getTracks().forEach((track) => track.stop());
    stream = null;
    button.textContent = "Webcam";
    button.setAttribute("aria-pressed", "false");
    projection.element.hidden = true;
    rate.textContent = "";
    keep.hidden = true;
  };
  const start = async () => {
    if (!navigator.mediaDevices) throw new Error("This browser gives no page a webcam here.");
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } });
    } catch (error) {
      throw new Error(`The webcam cannot be used: ${error.message}`);
    }
    video.srcObject = stream;
    await video.play();
    button.textContent = "Stop webcam";
    button.setAttribute("aria-pressed", "true");
    projection.element.hidden = false;
    keep.hidden = false;
    await follow();
  };
  const follow = async () => {
    const times = [];
    while (stream) {
      const pixels = grabbed(video, look.network);
      const { layer, map } = look.state;
      const found = await look.send("frame", { network: look.state.network, layer, map }, pixels);
      if (!found || !stream) continue;
      show(found);
      await new Promise(requestAnimationFrame);
      times.push(performance.now());
      document.documentElement.dataset.frame = times.at(-1);
      if (times.length > 20) times.shift();
      const each = (times.at(-1) - times[0]) / (times.length - 1);
      if (times.length > 3) rate.textContent = `${(1000 / each).toFixed(1)} frames a second`;
    }
  };
  const show = ({ header, arrays }) => {
    look.draw.rgb(shown.canvas, arrays.pixels);
    look.draw.rgb(projection.canvas, arrays.picture);
    look.draw.classes(classes, header.best);
    shown.heading.textContent = "Webcam";
    projection.heading.textContent =
      `${header.layer} map ${header.map} at (${header.p}, ${header.q}), ${look.draw.number(header.value)}`;
    projection.scale.replaceChildren(look.draw.greyScale(header.high));
  };
  const kept = look.guarded(async () => {
    const canvas = document.createElement("canvas");
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    canvas.getContext("2d").drawImage(video, 0, 0);
    const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
    const found = await look.send("upload", { name: "webcam.png" }, blob);
    stop();
    look.set({ image: found.header.image });
  });
  const button = make("button", { type: "button", id: "webcam", ariaPressed: "false",
    title: "Send each frame of the webcam through the network; nothing leaves this machine",
    onclick: look.guarded(async () => {
      if (stream) return stop();
      try { await start(); } catch (error) { stop(); throw error; }
    }) }, "Webcam");
  const keep = make("button", { type: "button", hidden: true, onclick: kept,
    title: "Look at this frame as an image" }, "Keep frame");
  return [button, keep, rate, video, projection.element];
}

/** The frame as the network's square, RGBA bytes. */
function grabbed(video, network) {
  const side = network.resize;
  const canvas = new OffscreenCanvas(side, side);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const { videoWidth: W, videoHeight: H } = video;
  const short = Math.min(W, H);
  if (network.fit === "warp") context.drawImage(video, 0, 0, side, side);
  else context.drawImage(video, (W - short) / 2, (H - short) / 2, short, short, 0, 0, side, side);
  return context.getImageData(0, 0, side, side).data;
}

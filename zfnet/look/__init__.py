"""Interactive page of a network in the browser, computed live: `zfnet look`.

One process: an HTTP server on the loopback interface (`server.py`, `guard.py`), a session that
holds networks, images and their forward passes (`session.py`), and one engine thread that computes
(`engine.py`). The page is plain ES modules in `page/`.

A view is a part of the page: one Python module in `zfnet/look/views/` and one ES module in
`zfnet/look/page/views/`. Nothing else is edited for a new one.

    VIEW = View("inside", "inside.js", {"inside": answer}, order=60)     # the name VIEW is fixed

    def answer(session: Session, asked: Asked, job: Job) -> Frame:
        run = session.forward(asked)              # the network, image and variant of the request
        planes = run.planes(asked.text("layer"))  # (K,P,Q)
        job.check()                               # raises Stale if a newer request replaced it
        return Frame({"layer": ...}, {"planes": planes[:4]})

`answer` runs on the engine thread, for GET requests of `api/inside`. `Asked` reads parameters and
raises ValueError, which the page shows as one sentence. A `Frame` is a JSON header and arrays
(uint8, int32, float32) as one binary body. Requests of one tab with one channel replace each other:
an older one that waits is never computed, one that is computed ends at its next `job.check()`.
`job.check()` also ends the jobs of a server that stops.

The ES module has a default export that `page/main.js` mounts in the order of `order`:

    export default { id: "inside", title: "Inside one number",
      mount(element, look) {            // element: an empty <section> with a heading
        look.watch(["layer", "map", "p", "q"], async (state) => { ... }); } }

`look.state` is what the address holds: image, layer, map, p, q, network, variant, and any key that
a view sets with `look.set({key: value})`. `look.watch(keys, f)` calls f(state) now and whenever one
of them changes. `await look.ask(path, parameters, channel)` gives {header, arrays}, or null where a
newer request of the channel replaced it; image, network and variant of the state are added to the
parameters. `page/draw.js` draws arrays on canvases with scale bars.

A variant is a changed forward pass ("what if"): `session.variants["NAME"] = change`, where
`change(network, pixels, argument)` makes another Network and x (1,3,S,S) of the image's pixels
(H,W,3) uint8. A state with
`variant: "NAME:argument"` makes every view follow.
"""

from zfnet.look.frames import Frame
from zfnet.look.requests import Asked
from zfnet.look.session import Session
from zfnet.look.view import View

__all__ = ["Asked", "Frame", "Session", "View"]

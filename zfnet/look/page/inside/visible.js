// Work of a part of the page only while it can be seen, so that it delays no other part.

/** A function that calls `work` now if the element is in view, else once when it comes into view. */
export function whileVisible(element, work) {
  let seen = false;
  let waits = false;
  const observer = new IntersectionObserver((entries) => {
    seen = entries.at(-1).isIntersecting;
    if (seen && waits) run();
  }, { rootMargin: "200px" });
  observer.observe(element);
  function run() {
    waits = false;
    return work();
  }
  return () => {
    waits = true;
    return seen ? run() : null;
  };
}

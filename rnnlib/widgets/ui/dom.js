/** What every view needs: elements, their texts, and when to draw. Text reaches the page through textContent alone. */

const SVG = "http://www.w3.org/2000/svg";

/** An element with properties set on it and children put in; children may be strings.
 * Properties that elements do not have by name (aria-…, role, for) are set as attributes.
 * @returns {any} */
export function make(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (key in node) node[key] = value;
    else node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}

/** An element of a drawing with attributes set on it and children put in. */
export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/** Put text into a node that nobody else writes to, and only where it differs: most cells stay as they are from draw to
 * draw, and a node remembers what it shows more cheaply than it can be asked. */
export function setText(node, text) {
  if (node.shown === text) return;
  node.shown = text;
  node.textContent = text;
}

/** A value that is computed again only when something that it depends on has changed: kept(compute, a, b). */
export function keep() {
  let last = [];
  let value;
  return (compute, ...depends) => {
    if (!last.length || depends.some((thing, i) => thing !== last[i])) value = compute();
    last = depends;
    return value;
  };
}

/** Draw once, however many traits change in the same task. */
export function batchUpdates(draw) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    queueMicrotask(() => {
      waiting = false;
      draw();
    });
  };
}

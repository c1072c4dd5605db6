/**
 * The pixels of a figure as it is now, exactly as the browser shows them: its elements and the style rules that apply to
 * them go into an SVG that only a browser can draw, and it is drawn here. drawing.js makes an SVG for other programs.
 */

import { make, serialized, svg } from "./dom.js";

const SHARPNESS = 2; // pixels of the PNG for each of the page

/** Write into a copy what an element shows and its markup does not say. */
function freeze(node, copy) {
  if (node instanceof HTMLCanvasElement && node.width && node.height) {
    const { width, height } = getComputedStyle(node);
    const picture = make("img", { className: node.className, src: node.toDataURL(), alt: "" });
    picture.style.cssText = `${node.style.cssText};width:${width};height:${height};max-width:none`;
    copy.replaceWith(picture);
  } else if (node.type === "radio" || node.type === "checkbox") copy.toggleAttribute("checked", node.checked);
  else if (node instanceof HTMLInputElement) copy.setAttribute("value", node.value);
  else if (node instanceof HTMLTextAreaElement) copy.textContent = node.value;
  else if (node instanceof HTMLOptionElement) copy.toggleAttribute("selected", node.selected);
  if (node.scrollWidth <= node.clientWidth && node.scrollHeight <= node.clientHeight) return;
  if (!/auto|scroll/.test(getComputedStyle(node).overflow)) return;
  copy.style.overflow = "hidden";
  const { scrollLeft: left, scrollTop: top } = node;
  if (!left && !top) return;
  for (const child of copy.children) child.style.transform = `translate(${-left}px, ${-top}px)`;
  const all = copy.querySelectorAll("*");
  [...node.querySelectorAll("*")].forEach((inner, i) => {
    const style = getComputedStyle(inner);
    if (style.position !== "sticky") return;
    all[i].style.transform = `translate(${style.left === "auto" ? 0 : left}px, ${style.top === "auto" ? 0 : top}px)`;
  });
}

/** The text of the rules that apply to one of these elements; what depends on the window is settled as it is now. */
function rulesFor(rules, chain, fonts, base) {
  const [root] = chain;
  const applies = (selector) => {
    try {
      const real = selector.replace(/::[\w-]+(\([^)]*\))?/g, "");
      return chain.some((node) => node.matches(real)) || root.querySelector(real);
    } catch {
      return false; // nothing but a pseudo-element, or of another browser
    }
  };
  return [...rules].map((rule) => {
    if (rule.selectorText) return applies(rule.selectorText) ? rule.cssText : "";
    if (rule instanceof CSSMediaRule) return matchMedia(rule.conditionText).matches ? rulesFor(rule.cssRules, chain, fonts, base) : "";
    if (rule instanceof CSSFontFaceRule) fonts.push({ rule, base });
    return rule.cssRules ? rule.cssText : "";
  }).join("\n");
}

/** A font's rule with the font in it; an empty text where the figure does not use it or it cannot be had. */
async function fontRule({ rule, base }, root) {
  const name = rule.style.getPropertyValue("font-family").replace(/["']/g, "");
  const used = [root, ...root.querySelectorAll("math")].some((node) => getComputedStyle(node).fontFamily.includes(name));
  const [whole, address] = /url\(["']?([^"')]+)["']?\)/.exec(rule.cssText) ?? [];
  if (!used || !whole) return "";
  try {
    const bytes = new Uint8Array(await (await fetch(new URL(address, base))).arrayBuffer());
    const coded = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
    return rule.cssText.replace(whole, `url("data:font/woff2;base64,${coded}")`);
  } catch {
    return "";
  }
}

/** The text of an SVG with the elements of the figure.
 * @returns {Promise<{text: string, width: number, height: number}>} */
async function pageInside(root) {
  const { width, height: whole } = root.getBoundingClientRect();
  const height = [...root.querySelectorAll(".rnn-unshared")].reduce((rest, node) => {
    const { marginTop, marginBottom } = getComputedStyle(node);
    return rest - node.offsetHeight - parseFloat(marginTop) - parseFloat(marginBottom);
  }, whole);
  const copy = root.cloneNode(true);
  const copies = [...copy.querySelectorAll("*")];
  [...root.querySelectorAll("*")].forEach((node, i) => freeze(node, copies[i]));
  copy.querySelectorAll(".rnn-unshared").forEach((node) => node.remove());
  Object.assign(copy.style, { width: `${width}px`, maxWidth: "none", margin: 0 });

  // Around it, the elements that rules ask for, without boxes of their own.
  const chain = [root];
  let outermost = copy;
  for (let node = root.parentElement; node; node = node.parentElement) {
    chain.push(node);
    const around = node.cloneNode(false);
    around.setAttribute("style", "display: contents");
    around.append(outermost);
    outermost = around;
  }
  const fonts = [];
  const rules = [...document.styleSheets, ...(document.adoptedStyleSheets ?? [])].map((sheet) => {
    try {
      return rulesFor(sheet.cssRules, chain, fonts, sheet.href ?? document.baseURI);
    } catch {
      return ""; // of another host
    }
  });
  const faces = await Promise.all(fonts.map((font) => fontRule(font, root)));

  const drawing = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}` },
    svg("style", {}, [...faces, ...rules].join("\n")),
    svg("foreignObject", { width, height }, outermost));
  for (const { name, value } of document.documentElement.attributes) if (name !== "style") drawing.setAttribute(name, value);
  drawing.style.fontSize = getComputedStyle(document.documentElement).fontSize;
  return { text: serialized(drawing), width, height };
}

/** The figure as PNG; fails where the browser forbids it.
 * @returns {Promise<Blob>} */
export async function figurePixels(root) {
  const { text, width, height } = await pageInside(root);
  const image = make("img", { src: `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}` });
  await image.decode();
  const canvas = make("canvas", { width: Math.round(width * SHARPNESS), height: Math.round(height * SHARPNESS) });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((done, fail) => {
    canvas.toBlob((blob) => (blob ? done(blob) : fail(new Error("no pixels"))), "image/png");
  });
}

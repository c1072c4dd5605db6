/** A figure as it is now as an image: an SVG that needs nothing else, and that as PNG. */

import { make, svg } from "./dom.js";
import { drawing } from "./drawing.js";

const SHARPNESS = 2; // pixels of the PNG for each of the page

/** The rules of the fonts that the page brings along, each with the address of its style sheet. */
function fontFaces() {
  return [...document.styleSheets].flatMap((sheet) => {
    try {
      const rules = [...sheet.cssRules].filter((rule) => rule instanceof CSSFontFaceRule);
      return rules.map((rule) => ({ rule, base: sheet.href ?? document.baseURI }));
    } catch {
      return []; // of another host
    }
  });
}

/** A font's rule with the font in it; an empty text where the drawing does not use it or it cannot be had. */
async function fontRule({ rule, base }, used) {
  const name = rule.style.getPropertyValue("font-family").replace(/["']/g, "");
  const [whole, address] = /url\(["']?([^"')]+)["']?\)/.exec(rule.cssText) ?? [];
  if (!used.includes(name) || !whole) return "";
  try {
    const bytes = new Uint8Array(await (await fetch(new URL(address, base))).arrayBuffer());
    const coded = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
    return rule.cssText.replace(whole, `url("data:font/woff2;base64,${coded}")`);
  } catch {
    return "";
  }
}

/** The text of an SVG of the figure; its title says what it shows.
 * @returns {Promise<{text: string, width: number, height: number}>} */
export async function figureImage(root, title) {
  const { width, height, styles, parts } = drawing(root);
  const faces = await Promise.all(fontFaces().map((face) => fontRule(face, styles)));
  const whole = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}` },
    svg("title", {}, title), svg("style", {}, [...faces, styles].join("\n")), ...parts);
  whole.setAttributeNS("http://www.w3.org/XML/1998/namespace", "xml:space", "preserve");
  // What XML has no place for, a text may hold all the same.
  const text = new XMLSerializer().serializeToString(whole)
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "\ufffd");
  return { text, width, height };
}

/** The image as PNG; fails where the browser forbids it. */
export async function figurePixels({ text, width, height }) {
  const image = make("img", { src: `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}` });
  await image.decode();
  const canvas = make("canvas", { width: Math.round(width * SHARPNESS), height: Math.round(height * SHARPNESS) });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((done, fail) => {
    canvas.toBlob((blob) => (blob ? done(blob) : fail(new Error("no pixels"))), "image/png");
  });
}

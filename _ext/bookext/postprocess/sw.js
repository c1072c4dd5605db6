/* Keeps visited pages for reading without a network. The build writes BUILD and PAGES above.
 *
 * A page is kept together with all it loads, or not at all. What it loads is named by its content (`?v=`, and the names
 * of the figures' files, are hashes of it), is kept only where it is what its name says, and goes when no kept page names
 * it. So a page never meets a figure or a style sheet of another build, and needs no network to be whole.
 */

const SCOPE = registration.scope; // several books may live on one host, and share its store
const [KEPT, ASSETS] = [`book pages ${SCOPE}`, `book assets ${SCOPE}`];
const OFFLINE = `${SCOPE}offline.html`;
const NAMED = /[\w./%~@+-]*(?:\.\w+\?v=([0-9a-f]{8})|\/([0-9a-f]{12})\.(?:js|css))(?!\w)/g;

/** The address that a page of this build is kept under, whatever is asked of it; null for everything else. */
function pageOf(address) {
  if (!address.startsWith(SCOPE)) return null;
  const name = address.slice(SCOPE.length).replace(/[?#].*/s, "") || "index.html";
  return PAGES.includes(name) ? SCOPE + name : null;
}

/** What a text names by its content. The pictures that stand in for figures are not shown where scripts run. */
function named(text, base) {
  const shown = text.replace(/<img class="rnn-widget-picture"[^>]*>/g, "");
  return [...new Set([...shown.matchAll(NAMED)].map(([address]) => new URL(address, base).href))];
}

const contentName = (address) => [...address.matchAll(NAMED)].at(-1)?.slice(1).find(Boolean);

async function download(address) {
  const response = await fetch(address);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await response.clone().arrayBuffer()));
  const hash = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  if (response.ok && hash.startsWith(contentName(address))) return response;
  throw new Error(`${address} is of another build`);
}

/** All that a page loads, as `get` gives it: address -> response. */
async function collect(text, base, get, found = new Map()) {
  await Promise.all(named(text, base).filter((address) => !found.has(address)).map(async (address) => {
    found.set(address, null);
    const response = await get(address);
    found.set(address, response);
    if (response && /\.(css|js)\b/.test(address)) await collect(await response.clone().text(), address, get, found);
  }));
  return found;
}

/** Rejects, and keeps what there was, where the page or something that it loads cannot be had. */
async function keep(page, response) {
  if (!response.ok || response.redirected) throw new Error(`${page}: ${response.status}`);
  const html = await response.clone().text();
  await navigator.locks.request(ASSETS, async () => {
    const [pages, assets] = await Promise.all([caches.open(KEPT), caches.open(ASSETS)]);
    const found = await collect(html, page, async (address) => (await assets.match(address)) ?? download(address));
    for (const [address, asset] of found) await assets.put(address, asset);
    await pages.put(page, response);
    await sweep(pages, assets);
  });
}

async function sweep(pages, assets) {
  const needed = new Map();
  for (const request of await pages.keys()) {
    if (!pageOf(request.url)) await pages.delete(request);
    else await collect(await (await pages.match(request)).text(), request.url, (address) => assets.match(address), needed);
  }
  for (const request of await assets.keys()) if (!needed.has(request.url)) await assets.delete(request);
}

const renew = async (page) => keep(page, await fetch(page, { cache: "no-cache" }));

/** Every build installs anew: with its page for what is not kept, its search, and the pages that are open. */
async function install() {
  await renew(OFFLINE);
  const open = await clients.matchAll({ includeUncontrolled: true, type: "window" });
  const wanted = new Set([`${SCOPE}search.html`, ...open.map(({ url }) => pageOf(url))].filter(Boolean));
  await Promise.allSettled([...wanted].map(renew));
  await skipWaiting(); // whatever the build, kept pages and their assets fit
}

async function visit(event, page) {
  const navigates = event.request.mode === "navigate";
  try {
    const response = await fetch(event.request);
    if (navigates) event.waitUntil(keep(page, response.clone()).catch(() => {}));
    return response;
  } catch {
    const pages = await caches.open(KEPT);
    return (await pages.match(page)) ?? (navigates ? notKept(pages) : new Response(null, { status: 204 }));
  }
}

/** Says that the page asked for is not kept, at its own address, and lists those that are. */
async function notKept(pages) {
  const template = await pages.match(OFFLINE);
  if (!template) return Response.error();
  const titles = new Map(); // the front page has two addresses
  for (const { url } of await pages.keys()) {
    const [, title] = /<title>(.*) (?:&#8212;|—) .*<\/title>/.exec(await (await pages.match(url)).text()) ?? [];
    if (url !== OFFLINE && title && !titles.has(title)) titles.set(title, url);
  }
  const list = [...titles].map(([title, url]) => `<li><a href="${url}">${title}</a></li>`).join("");
  const html = (await template.text())
    .replace(/\b(src|href|action|data-content_root)="(?![a-z]+:|[/#])/g, (_, name) => `${name}="${SCOPE}`)
    .replace("<!-- kept -->", () => list);
  return new Response(html, { status: 503, headers: { "Content-Type": "text/html; charset=utf-8" } });
}

async function asset(request) {
  return (await (await caches.open(ASSETS)).match(request.url)) ?? fetch(request);
}

addEventListener("install", (event) => event.waitUntil(install()));
// without navigation preload: where the network breaks off, Firefox then shows its own error
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  if (method !== "GET" || !url.startsWith(SCOPE)) return;
  const page = pageOf(url);
  if (page) event.respondWith(visit(event, page));
  else if (contentName(url)) event.respondWith(asset(event.request));
});

/* Keeps visited pages for reading without a network. The build writes BUILD and PAGES above.
 *
 * A page is kept together with all it loads, or not at all. What it loads is named by its content: `?v=` and the names of
 * the figures' files are hashes. A file is stored, and served from the store, only if its content has the hash in its
 * name; it is deleted when no kept page names it. So a page never meets a figure or a style sheet of another build, and
 * needs no network to be whole.
 */

const SCOPE = registration.scope; // several books may live on one host, and share its store
const [KEPT, ASSETS] = [`book pages ${SCOPE}`, `book assets ${SCOPE}`];
const OFFLINE = `${SCOPE}offline.html`;
// The end of an address with a hash. Its beginning is found by going back: pages may hold very long runs of such signs.
const NAME_END = /\.\w+\?v=([0-9a-f]{8})(?!\w)|\/([0-9a-f]{12})\.(?:js|css)(?!\w)/g;
const IN_ADDRESS = /[\w./%~@+-]/;
const GONE = 410; // the status of what is stored in place of a kept page that a later build does not have

/** The address that a page is kept under, whatever is asked of it; null outside the book. */
function plain(address) {
  if (!address.startsWith(SCOPE)) return null;
  return SCOPE + (address.slice(SCOPE.length).split(/[?#]/, 1)[0] || "index.html");
}

const isPage = (address) => PAGES.includes(address.slice(SCOPE.length));

/** What a text names by its content. The pictures that stand in for figures are not shown where scripts run. */
function named(text, base) {
  const shown = text.replace(/<img class="rnn-widget-picture"[^<>]*>/g, "");
  const addresses = new Set();
  let end = 0;
  for (const match of shown.matchAll(NAME_END)) {
    let start = match.index;
    while (start > end && IN_ADDRESS.test(shown[start - 1])) start -= 1;
    end = match.index + match[0].length;
    addresses.add(new URL(shown.slice(start, end), base).href);
  }
  return [...addresses];
}

const contentName = (address) => [...address.matchAll(NAME_END)].at(-1)?.slice(1).find(Boolean);

/** Whether a response has the content that its address names. */
async function isNamed(response, address) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await response.clone().arrayBuffer()));
  const hash = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return response.ok && hash.startsWith(contentName(address));
}

/** The stored file, if it is still what its name says: every script of the origin can write to the store. */
async function stored(assets, address) {
  const response = await assets.match(address);
  if (!response || (await isNamed(response, address))) return response;
  await assets.delete(address);
}

async function download(address) {
  const response = await fetch(address);
  if (await isNamed(response, address)) return response;
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
    const found = await collect(html, page, async (address) => (await stored(assets, address)) ?? download(address));
    for (const [address, asset] of found) await assets.put(address, asset);
    await pages.put(page, response);
    await sweep(pages, assets);
  });
}

async function sweep(pages, assets) {
  const needed = new Map();
  for (const request of await pages.keys()) {
    const response = await pages.match(request);
    if (!isPage(request.url)) await pages.put(request, new Response(null, { status: GONE }));
    else await collect(await response.text(), request.url, (address) => stored(assets, address), needed);
  }
  for (const request of await assets.keys()) if (!needed.has(request.url)) await assets.delete(request);
}

const renew = async (page) => keep(page, await fetch(page, { cache: "no-cache" }));

/** Every build installs anew: with its page for what is not kept, its search, and the pages that are open. */
async function install() {
  await renew(OFFLINE);
  const open = await clients.matchAll({ includeUncontrolled: true, type: "window" });
  const wanted = new Set([`${SCOPE}search.html`, ...open.map(({ url }) => plain(url)).filter((url) => url && isPage(url))]);
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
    const kept = await pages.match(page);
    if (kept?.ok) return kept;
    return navigates ? notKept(pages) : new Response(null, { status: 204 });
  }
}

/** An address that is no page of this build. Where it was a kept page of an earlier one, it says so offline. */
async function visitOther(request, address) {
  try {
    return await fetch(request);
  } catch {
    const pages = await caches.open(KEPT);
    const kept = await pages.match(address);
    if (kept?.ok) return kept; // a newer worker, not yet active, has kept it
    return kept ? notKept(pages) : Response.error();
  }
}

/** The title of a page, without the book's, which follows it after a dash. */
function titleOf(html) {
  const [, whole = ""] = /<title>([^<]*)<\/title>/.exec(html) ?? [];
  return whole.split(/ (?:&#8212;|—) /).slice(0, -1).join(" — ");
}

/** Says that the page asked for is not kept, at its own address, and lists those that are. */
async function notKept(pages) {
  const template = await pages.match(OFFLINE);
  if (!template) return Response.error();
  const titles = new Map(); // the front page has two addresses
  for (const { url } of await pages.keys()) {
    const title = titleOf(await (await pages.match(url)).text());
    if (url !== OFFLINE && title && !titles.has(title)) titles.set(title, url);
  }
  const list = [...titles].map(([title, url]) => `<li><a href="${url}">${title}</a></li>`).join("");
  const html = (await template.text())
    .replace(/\b(src|href|action|data-content_root)="(?![a-z]+:|[/#])/g, (_, name) => `${name}="${SCOPE}`)
    .replace("<!-- kept -->", () => list);
  return new Response(html, { status: 503, headers: { "Content-Type": "text/html; charset=utf-8" } });
}

async function asset(request) {
  return (await stored(await caches.open(ASSETS), request.url)) ?? fetch(request);
}

addEventListener("install", (event) => event.waitUntil(install()));
// without navigation preload: where the network breaks off, Firefox then shows its own error
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("fetch", (event) => {
  const { method, mode, url } = event.request;
  const address = plain(url);
  if (method !== "GET" || !address) return;
  if (isPage(address)) event.respondWith(visit(event, address));
  else if (contentName(url)) event.respondWith(asset(event.request));
  else if (mode === "navigate") event.respondWith(visitOther(event.request, address));
});

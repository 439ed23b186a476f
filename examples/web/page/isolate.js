// Threads need two headers that a plain file server does not send. This service worker adds them to what the server
// answers; it keeps nothing, and sees only this folder.
const HEADERS = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("fetch", (event) => event.respondWith(isolated(event.request)));

async function isolated(request) {
  const { body, status, statusText, headers } = await fetch(request);
  const more = new Headers(headers);
  for (const [name, value] of Object.entries(HEADERS)) more.set(name, value);
  return new Response(body, { status, statusText, headers: more });
}

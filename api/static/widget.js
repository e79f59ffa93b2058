// Puts a chat about the documents into a page of another site:
// <script src="https://docs.example/widget.js" data-key="docqa_..." data-label="Ask the manuals" async></script>
// A button in the corner opens a frame of the service; nothing of this page is read, and nothing of it is changed.

(() => {
  const script = document.currentScript;
  const { key, label = "Ask the documentation" } = script?.dataset ?? {};
  if (!key) {
    console.error("docqa: the script element needs data-key, a key made by: docqa keys create --origin");
    return;
  }
  const PREFIX_LENGTH = 12; // how much of its key the service shows; the rest does not get into any address
  const address = new URL("widget", script.src);
  address.searchParams.set("key", key.slice(0, PREFIX_LENGTH));

  const style = new CSSStyleSheet(); // a style element could be forbidden by the page's policy
  style.replaceSync(`
    :host { all: initial; position: fixed; inset: auto 1rem 1rem auto; z-index: 2147483000; }
    [hidden] { display: none !important; }
    button {
      display: grid; place-items: center; width: 3.25rem; height: 3.25rem; margin-left: auto; padding: 0;
      border: 0; border-radius: 50%; background: #1d6b63; color: #fff; cursor: pointer;
      box-shadow: 0 2px 12px rgb(0 0 0 / 25%);
    }
    button:focus-visible { outline: 3px solid #74c7bb; outline-offset: 2px; }
    svg { width: 1.6rem; height: 1.6rem; fill: none; stroke: currentcolor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; }
    .panel {
      width: min(26rem, calc(100vw - 2rem)); height: min(40rem, calc(100vh - 6.5rem)); margin-bottom: 0.75rem;
      overflow: hidden; border-radius: 0.9rem; background: #faf9f6; box-shadow: 0 6px 32px rgb(0 0 0 / 28%);
    }
    iframe { display: block; width: 100%; height: 100%; border: 0; }
  `);

  const host = document.createElement("docqa-widget");
  const root = host.attachShadow({ mode: "closed" });
  root.adoptedStyleSheets = [style];
  const panel = document.createElement("div");
  panel.className = "panel";
  panel.hidden = true;
  const bubble = document.createElement("button");
  bubble.type = "button";
  bubble.ariaExpanded = "false";
  bubble.ariaLabel = label;
  bubble.title = label;
  bubble.append(speechBubble());
  root.append(panel, bubble);

  let frame = null;
  let ready = false;

  function toggle(open) {
    panel.hidden = !open;
    bubble.ariaExpanded = String(open);
    if (open) {
      frame ??= openFrame();
      focusFrame();
    } else bubble.focus();
  }

  function openFrame() {
    const made = document.createElement("iframe");
    made.title = label;
    made.allow = "clipboard-write";
    made.referrerPolicy = "no-referrer";
    made.setAttribute("sandbox", "allow-scripts allow-same-origin allow-popups allow-popups-to-escape-sandbox");
    made.src = address;
    panel.append(made);
    return made;
  }

  function focusFrame() {
    if (!ready) return;
    frame.focus();
    tell({ type: "docqa:open" });
  }

  function tell(message) {
    frame.contentWindow.postMessage(message, address.origin);
  }

  addEventListener("message", ({ source, origin, data }) => {
    if (!frame || source !== frame.contentWindow || origin !== address.origin) return;
    if (data?.type === "docqa:ready") {
      ready = true;
      tell({ type: "docqa:key", key, label });
      if (!panel.hidden) focusFrame();
    } else if (data?.type === "docqa:close") toggle(false);
  });
  bubble.addEventListener("click", () => toggle(panel.hidden));
  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !panel.hidden) toggle(false);
  });

  function speechBubble() {
    const space = "http://www.w3.org/2000/svg";
    const picture = document.createElementNS(space, "svg");
    picture.setAttribute("viewBox", "0 0 24 24");
    picture.setAttribute("aria-hidden", "true");
    const path = document.createElementNS(space, "path");
    path.setAttribute("d", "M4 5h16v11H10l-5 4v-4H4zM8 9h8M8 12h5");
    picture.append(path);
    return picture;
  }

  const show = () => document.body.append(host);
  if (document.body) show();
  else addEventListener("DOMContentLoaded", show);
})();

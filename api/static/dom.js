// Elements made in code. Strings only ever become text nodes or attribute values, never markup.

/** @param {string} tag @param {object} properties  `class`, `on: {event: handler}`, attributes; null leaves one out */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "on") for (const [event, handler] of Object.entries(value)) made.addEventListener(event, handler);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export function button(label, properties, onClick) {
  return element("button", { type: "button", ...properties, on: { click: onClick } }, label);
}

/** A line drawing on a grid of 20 by 20, which says nothing to screen readers. */
export function icon(path) {
  const space = "http://www.w3.org/2000/svg";
  const picture = document.createElementNS(space, "svg");
  picture.setAttribute("viewBox", "0 0 20 20");
  picture.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(space, "path");
  line.setAttribute("d", path);
  picture.append(line);
  return picture;
}

/** A button that acts at the second click only; the first one asks. `act(event)`. */
export function sureButton(label, question, act) {
  const made = button(label, { class: "quiet danger" }, (event) => {
    const sure = made.textContent === question;
    made.textContent = sure ? label : question;
    if (sure) act(event);
  });
  made.addEventListener("blur", () => {
    made.textContent = label;
  });
  return made;
}

/** A point in time given in seconds since the epoch, in the reader's own way of writing it. */
export function moment(seconds, { withTime = true } = {}) {
  const date = new Date(seconds * 1000);
  const shown = date.toLocaleString(undefined, { dateStyle: "medium", ...(withTime ? { timeStyle: "short" } : {}) });
  return element("time", { datetime: date.toISOString() }, shown);
}

"use strict";
// What every page has: its data, numbers as they are read, the theme, and the tip that shows exact values.
const gradlab = {};

gradlab.data = JSON.parse(document.getElementById("page-data").textContent);

// A word that a run can come to: its colour in figures, `light` and `dark`, and its `symbol`, `glyph` and `dash`, so that colour never speaks alone.
gradlab.words = JSON.parse(document.getElementById("page-words").textContent);

gradlab.bytes = (text) => {
  const whole = atob(text), made = new Uint8Array(whole.length);
  for (let place = 0; place < whole.length; place += 1) made[place] = whole.charCodeAt(place);  // ten times as fast as Uint8Array.from
  return made;
};
gradlab.floats = (text) => new Float32Array(gradlab.bytes(text).buffer);

gradlab.inflate = (text) => {
  if (typeof DecompressionStream === "undefined") throw new Error("this browser is too old for the figures; the tables hold the same values");
  return new Response(new Blob([gradlab.bytes(text)]).stream().pipeThrough(new DecompressionStream("gzip")));
};

// Arrays that travel compressed, byte planes one after the other (`arrays.packed`): each is replaced by its typed array.
gradlab.unpack = async (held) => {
  if (typeof held !== "object" || held === null || (Array.isArray(held) && typeof held[0] !== "object")) return held;
  if (held.packed === undefined) {
    await Promise.all(Object.keys(held).map(async (key) => { held[key] = await gradlab.unpack(held[key]); }));
    return held;
  }
  const planes = new Uint8Array(await gradlab.inflate(held.packed).arrayBuffer()), size = held.bytes, count = planes.length / size;
  const made = new Uint8Array(planes.length);
  for (let plane = 0; plane < size; plane += 1) for (let place = 0; place < count; place += 1) made[place * size + plane] = planes[plane * count + place];
  return size === 1 ? made : new { 4: Float32Array, 8: Float64Array }[size](made.buffer);
};

// JSON writes figures that are not finite as words.
gradlab.number = (value) =>
  typeof value === "number" ? value : { inf: Infinity, "-inf": -Infinity, nan: NaN }[value] ?? null;

const raised = (whole) => String(whole).replace(/./g, (sign) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(sign)]);

// 10 to a power at any size: a log10 of -612.35 is 4.5·10⁻⁶¹³, far beyond what a float can hold.
gradlab.power = (log10) => {
  if (Number.isNaN(log10)) return "nan";
  if (log10 === -Infinity) return "0";
  if (log10 === Infinity) return "inf";
  let exponent = Math.floor(log10);
  let digits = 10 ** (log10 - exponent);
  if (digits >= 9.995) { digits = 1; exponent += 1; }
  if (exponent >= -2 && exponent <= 3) return String(Number((digits * 10 ** exponent).toPrecision(3)));
  return `${digits.toFixed(2)}·10${raised(exponent)}`;
};

gradlab.tick = (log10) => (Number.isInteger(log10) ? `10${raised(log10)}` : gradlab.place(log10));

// A place on an axis of powers, round by construction: 0.5, 20, 2·10⁻³¹.
gradlab.place = (log10) => {
  const exponent = Math.floor(log10 + 1e-9), digits = Number((10 ** (log10 - exponent)).toPrecision(9));
  if (exponent >= -3 && exponent <= 3) return String(Number((digits * 10 ** exponent).toPrecision(9)));
  return digits === 1 ? `10${raised(exponent)}` : `${digits}·10${raised(exponent)}`;
};

// A value of a scale in words: `decades` is a log10.
gradlab.say = (value, scale) => {
  if (value === null || value === undefined) return "– (has no meaning here)";
  if (Number.isNaN(value)) return "nan (not a number)";
  if (scale === "decades") {
    if (value === -Infinity) return "0 (every entry is zero; log10 −inf)";
    if (value === Infinity) return "inf";
    return `${gradlab.power(value)} (log10 ${value.toFixed(2)})`;
  }
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (scale === "share") return value.toFixed(3);
  return Number.isInteger(value) && Math.abs(value) < 1e6 ? String(value) : String(Number(value.toPrecision(5)));
};

// A value with all its digits, under the name that it has in the files; what is drawn as its log10 there lies as it is.
gradlab.exactly = (quantity, value) => (quantity === "forward_rms" ? `${quantity} ${Number((10 ** value).toPrecision(12))}` : `${quantity} ${value}`);

gradlab.counted = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;

gradlab.range = (first, last, one, several) => (first === last ? `${one} ${first}` : `${several} ${first} to ${last}`);

// The rows of somebody's own module go by the names that it has for them; `module` is null where rows go by number.
gradlab.row = (module, noun, number) => (module ? module.names[number - 1] : `${noun} ${number}`);
gradlab.rows = (module, noun, first, last) => {
  if (!module) return gradlab.range(first, last, noun, `${noun}s`);
  return first === last ? `${module.names[first - 1]} (${module.kinds[first - 1]})` : `${module.names[first - 1]} to ${module.names[last - 1]}`;
};

// A name without its middle where there is no room for it: names differ mostly at their end.
gradlab.elided = (name, most = innerWidth < 480 ? 18 : 24) => {
  const letters = [...name], head = Math.floor(most / 4);
  return letters.length <= most ? name : `${letters.slice(0, head).join("")}…${letters.slice(letters.length - (most - head - 1)).join("")}`;
};

// Text for the figures' library, which reads a little HTML in its labels: nothing of a name is taken for a tag or a formula.
gradlab.plain = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/\$/g, "&#36;");

// A name that breaks where its parts do, not in the middle of a word or of a number.
gradlab.breakable = (text) => {
  const made = document.createDocumentFragment();
  for (const part of String(text).split(/(?<=[_./:,=~+-])(?=[^\s_./:,=~+-])(?!(?<=[0-9]\.)[0-9])(?!(?<=[0-9][eE][+-])[0-9])(?!(?<![A-Za-z0-9][+-])(?<=[+-])[0-9])/)) made.append(...(made.childNodes.length ? [document.createElement("wbr")] : []), part);
  return made;
};

gradlab.element = (tag, text, properties = {}) => Object.assign(document.createElement(tag), { textContent: text }, properties);

// A word with its colour and shape.
gradlab.word = (word) => {
  const made = gradlab.element("span", word, { className: `word ${word}` });
  made.dataset.glyph = gradlab.words[word]?.glyph ?? "";
  return made;
};

gradlab.theme = {
  listeners: [],
  printing: false,
  get dark() { return !this.printing && document.documentElement.dataset.theme === "dark"; },
  color(word) { return gradlab.words[word]?.[this.dark ? "dark" : "light"] ?? (this.dark ? "#adb5bd" : "#54595f"); },
  get colors() {
    return this.dark
      ? { text: "#e9ecef", muted: "#adb5bd", line: "#3a4148", back: "#14171a", first: "#74c0fc", second: "#ff9d66", theory: "#adb5bd",
          band: "rgba(173,181,189,.28)", mark: "rgba(240,228,66,.22)" }
      : { text: "#1b1f23", muted: "#54595f", line: "#d3d8dd", back: "#ffffff", first: "#0072b2", second: "#d55e00", theory: "#54595f",
          band: "rgba(84,89,95,.20)", mark: "rgba(240,228,66,.35)" };
  },
  set(name, keep) {
    document.documentElement.dataset.theme = name;
    const other = name === "dark" ? "light" : "dark", button = document.getElementById("theme");
    button.textContent = other === "dark" ? "Dark theme" : "Light theme";  // what a press leads to
    button.title = `Show this page in ${other} colours, and remember it.`;
    if (keep) { try { localStorage.setItem("gradlab-theme", name); } catch { /* a page that may keep nothing */ } }
    this.listeners.forEach((listen) => listen());
  },
};
document.getElementById("theme").addEventListener("click", () => gradlab.theme.set(gradlab.theme.dark ? "light" : "dark", true));
gradlab.theme.set(document.documentElement.dataset.theme, false);

// The tip: one element that follows the pointer or the keyboard, and is read aloud. Its text is never HTML.
gradlab.tip = {
  element: document.getElementById("tip"),
  show(lines, x, y, aloud = true) {
    const [first, ...rest] = lines;
    this.element.setAttribute("aria-live", aloud ? "polite" : "off");  // what describes an element is read aloud with it already
    this.element.replaceChildren(gradlab.element("b", first), ...rest.map((line) => gradlab.element("span", line)));
    this.element.hidden = false;
    const box = this.element.getBoundingClientRect();
    const left = x + 14 + box.width > innerWidth ? Math.max(4, x - 14 - box.width) : x + 14;
    const top = y + 14 + box.height > innerHeight ? Math.max(4, y - 14 - box.height) : y + 14;
    this.element.style.left = `${left}px`;
    this.element.style.top = `${top}px`;
  },
  hide() { this.element.hidden = true; },
};
addEventListener("keydown", (event) => { if (event.key === "Escape") gradlab.tip.hide(); });
addEventListener("scroll", () => gradlab.tip.hide(), { passive: true, capture: true });

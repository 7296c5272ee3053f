// Figures: drawn when they come near the window, redrawn with the theme, read by pointer and by arrow keys alike.
{
  const unpack = async () => {
    const held = document.getElementById("page-library");
    const [text] = await Promise.all([gradlab.inflate(held.textContent).text(), gradlab.unpack(gradlab.data)]);
    const script = gradlab.element("script", text);
    document.head.append(script);
    held.remove();
    return window.Plotly;
  };
  let library = null;  // unpacked when there is a first figure: a page without any need not read five megabytes of script
  const needed = () => (library ??= unpack());
  const drawn = [];

  const coarse = gradlab.coarse = matchMedia("(pointer: coarse)").matches;  // a finger scrolls the page, it does not zoom the figure

  const axis = (colors) => ({
    gridcolor: colors.line, linecolor: colors.muted, zerolinecolor: colors.line, tickcolor: colors.muted, automargin: true,
    title: { standoff: 6 }, exponentformat: "power",
  });

  // What all figures share, with a figure's own layout laid over it. An axis may say with `again(low, high, room)` which ticks it has
  // between two ends, about `room` of them where that is told; it is asked again when the figure was zoomed.
  const layout = (figure, own) => {
    const colors = gradlab.theme.colors;
    const made = {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: colors.text, size: 13, family: "system-ui, sans-serif" },
      margin: { l: 50, r: 12, t: 12, b: 44 }, hovermode: "closest", dragmode: coarse ? false : "zoom", showlegend: true,
      legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, font: { size: 12 } }, ...own,
    };
    figure.ticks = {};
    for (const key of Object.keys(made)) {
      if (!/^[xy]axis/.test(key)) continue;
      const { again, upright, ...rest } = made[key], width = figure.element.clientWidth;
      const room = !key.startsWith("x") ? undefined : upright ? Math.max(4, Math.floor((width - 60) / 15)) : Math.max(3, Math.min(10, Math.floor(width / 55)));
      if (again) figure.ticks[key] = (low, high) => again(low, high, room);
      made[key] = { ...axis(colors), ...rest, ...(again && rest.range && !rest.tickvals ? { tickmode: "array", ...figure.ticks[key](...sorted(rest.range)) } : {}) };
    }
    made.xaxis ??= axis(colors);
    made.yaxis ??= axis(colors);
    if (gradlab.theme.printing) Object.assign(made, { width: PAPER, autosize: false });
    return made;
  };
  const sorted = ([one, other]) => [Math.min(one, other), Math.max(one, other)];

  const PAPER = 660;  // pixels that the narrower of A4 and Letter has between its margins

  const retick = (figure) => {
    const change = {};
    for (const [key, again] of Object.entries(figure.ticks)) {
      const held = figure.element._fullLayout[key], { tickvals, ticktext } = again(...sorted(held.range));
      if (String(tickvals) !== String(held.tickvals)) Object.assign(change, { [`${key}.tickvals`]: tickvals, [`${key}.ticktext`]: ticktext });
    }
    if (Object.keys(change).length) window.Plotly.relayout(figure.element, change);
  };

  // The smallest of 1, 2, 5, 10, 20, ... (times `unit`) that makes at most so many steps of a length.
  const stride = (length, most, unit = 1) => {
    const exact = length / most / unit;
    if (!(exact > 1)) return unit;
    const power = 10 ** Math.floor(Math.log10(exact) + 1e-9);
    return unit * power * ([1, 2, 5, 10].find((size) => size * power >= exact * (1 - 1e-9)) ?? 10);
  };
  const multiples = (low, high, step) => {
    const first = Math.ceil(low / step - 1e-9), number = Math.max(0, Math.floor(high / step + 1e-9) - first + 1);
    return Array.from({ length: number }, (_, place) => (first + place) * step);
  };

  // Ticks of an axis of powers, whose places are log10: whole powers over many decades, 1, 2 and 5 over a few, round numbers within one.
  // They stay right where no float reaches.
  gradlab.powers = (low, high, most = 8) => {
    const span = high - low;
    let tickvals;
    if (span > 3) tickvals = multiples(low, high, stride(span, most));
    else if (span > 1) tickvals = multiples(Math.floor(low), high, 1).flatMap((whole) => [1, 2, 5].map((size) => whole + Math.log10(size))).filter((value) => value >= low && value <= high);
    else {
      const base = Math.floor(low), from = 10 ** (low - base), to = 10 ** (high - base);
      tickvals = multiples(from, to, stride(to - from, 8, 1e-9)).map((size) => base + Math.log10(size));
    }
    return { tickvals, ticktext: tickvals.map(span > 3 ? gradlab.tick : gradlab.place) };
  };

  // Ticks of an axis of whole numbers, none outside what there is.
  gradlab.wholes = (first, last) => (low, high, most = 10) => {
    const [from, to] = [Math.max(low, first), Math.min(high, last)], step = stride(to - from, most);
    const tickvals = multiples(from, to, step);
    if (from <= 1 && first === 1 && step > 1) tickvals.unshift(1);  // layers are counted from 1
    return { tickvals, ticktext: tickvals.map(String) };
  };

  // An axis of powers from about `low` to about `high`, both log10.
  gradlab.decades = (title, low, high) => {
    const found = { title: { text: title, standoff: 6 }, again: gradlab.powers };
    if (!(Number.isFinite(low) && Number.isFinite(high))) return { title: found.title };
    const room = Math.max((high - low) * .06, .03);
    return { ...found, tickmode: "array", ...gradlab.powers(low - room, high + room) };
  };

  // Where an axis of values begins and ends, and the place near its lower edge where what is not finite is shown.
  // Less than `least` is not blown up: it would be the noise of rounding.
  gradlab.frame = (low, high, scale, odd = false) => {
    if (!(low <= high)) return { range: [0, 1], floor: .05, again: () => ({ tickvals: [], ticktext: [] }) };
    const least = scale === "decades" ? .1 : scale === "share" ? .02 : Math.max(Math.abs(low + high) * .005, 1e-12);
    const spare = Math.max(0, least - (high - low)) / 2, [from, to] = [low - spare, high + spare], pad = (to - from) * .06;
    const floor = from - 2 * pad;
    return { range: [odd ? floor - pad : from - pad, to + pad], floor, ...(scale === "decades" ? { again: gradlab.powers } : {}) };
  };

  // An axis of layers or steps.
  gradlab.along = (title, first, last) => {
    const pad = Math.max(.5, (last - first) * .02);
    return { title: { text: title, standoff: 6 }, range: [first - pad, last + pad], again: gradlab.wholes(first, last), zeroline: false };
  };

  // Of the rows of a module between two ends those that there is room to name: all, or as many of the telling ones as lie apart.
  // `place` gives the place of a row on the axis, null where it is not on it.
  gradlab.nameable = (module, low, high, room, place = (row) => row) => {
    const inside = (rows) => [...new Set(rows.map(place))].filter((at) => at !== null && at >= low && at <= high);
    const everything = inside(module.names.map((_, at) => at + 1));
    if (everything.length <= room) return everything;
    const apart = (high - low) / room, chosen = [];
    for (const at of inside(module.telling)) if (chosen.every((other) => Math.abs(other - at) >= apart)) chosen.push(at);
    return chosen.sort((one, other) => one - other);
  };

  // An axis of the rows of a module, by name.
  gradlab.alongRows = (title, module) => {
    const count = module.names.length, pad = Math.max(.5, count * .02);
    const again = (low, high, room = 24) => {
      const tickvals = gradlab.nameable(module, low, high, room);
      return { tickvals, ticktext: tickvals.map((row) => gradlab.plain(gradlab.elided(module.names[row - 1]))) };
    };
    return { title: { text: title, standoff: 6 }, range: [1 - pad, count + pad], again, upright: true, tickangle: -90, tickfont: { size: 11 }, zeroline: false };
  };

  gradlab.finite = (values) => values.filter((value) => typeof value === "number" && Number.isFinite(value));
  gradlab.extent = (...lists) => {
    let low = Infinity, high = -Infinity;
    for (const list of lists) for (const value of list) if (typeof value === "number" && Number.isFinite(value)) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
    return [low, high];
  };

  gradlab.tall = (element) => (element.clientWidth < 480 ? 300 : 340);

  // A figure in the element `id`. `build()` gives { traces, layout, cursor }; it is called again when something has changed.
  // `cursor` (optional): columns, rows: how many places there are; locate(points) -> [column, row] of what the pointer is at;
  // describe(column, row) -> lines of the tip; place(column, row) -> [x, y] on the axes, and the names of these where there are several;
  // choose(column, row): click or Enter; select({ x, y }): a box was drawn from one end of each range to the other.
  // `tall(element)` (optional): the height that it will have, kept free until then so that nothing moves.
  gradlab.figure = (id, build, tall = null) => {
    const element = document.getElementById(id);
    if (tall) element.style.minHeight = `${tall(element)}px`;
    const figure = { element, build, near: false, at: [0, 0], cursor: null, busy: Promise.resolve() };
    figure.redraw = () => { if (figure.near) figure.busy = figure.busy.then(() => draw(figure)).catch((error) => failed(figure, error)); return figure.busy; };
    figure.force = () => { figure.near = true; return figure.redraw(); };
    needed().catch(() => 0);  // said where the figure is
    drawn.push(figure);
    gradlab.theme.listeners.push(figure.redraw);
    const watch = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) { watch.disconnect(); figure.force(); }
    }, { rootMargin: "400px" });
    watch.observe(element);
    tools(figure);
    keys(figure);
    return figure;
  };

  const failed = (figure, error) => {
    figure.element.replaceChildren(gradlab.element("p", `This figure could not be drawn: ${error.message}`, { className: "absent" }));
    console.error(error);
  };

  const draw = async (figure) => {
    const plotly = await needed();
    const made = figure.build();
    figure.cursor = made.cursor ?? null;
    if (made.cursor) figure.at = figure.at.map((place, side) => Math.min(place, (side ? made.cursor.rows : made.cursor.columns) - 1));
    const height = made.layout.height ?? gradlab.tall(figure.element);
    await plotly.react(figure.element, made.traces, layout(figure, { ...made.layout, height }), { displayModeBar: false, responsive: true, doubleClick: "reset" });
    if (!figure.heard) {
      figure.heard = true;
      figure.element.on("plotly_hover", (event) => {
        const place = figure.cursor?.locate(event.points);
        if (place) { figure.at = place; gradlab.tip.show(figure.cursor.describe(...place), event.event.clientX, event.event.clientY); }
      });
      figure.element.on("plotly_relayout", () => retick(figure));
      figure.element.on("plotly_unhover", () => gradlab.tip.hide());
      figure.element.on("plotly_click", (event) => {
        const place = figure.cursor?.locate(event.points);
        if (!place) return;
        if (coarse) tap(...place, figure);
        else figure.cursor.choose?.(...place);
      });
      figure.element.on("plotly_selected", (event) => { if (event?.range) figure.cursor?.select?.(event.range); });
    }
    figure.element.dataset.drawn = "yes";
  };

  // A finger has no hovering: its first touch of a place shows the value, another one chooses. The library tells of each touch twice.
  const tap = (column, row, figure) => {
    const when = performance.now(), place = `${column} ${row}`, before = figure.tapped;
    if (before?.place === place && when - before.when < 500) return;
    figure.tapped = { place, when };
    if (before?.place === place && !gradlab.tip.element.hidden && figure.cursor.choose) {
      figure.cursor.choose(column, row);
    } else {
      figure.at = [column, row];
      tell(figure);
    }
  };

  // The tip at the place where the keyboard or a finger is.
  const tell = (figure) => {
    const [x, y, horizontal = "xaxis", vertical = "yaxis"] = figure.cursor.place(...figure.at);
    const { [horizontal]: xaxis, [vertical]: yaxis } = figure.element._fullLayout;
    const box = figure.element.getBoundingClientRect();
    const across = xaxis._offset + xaxis.d2p(x), down = yaxis._offset + yaxis.d2p(y);
    gradlab.tip.show(figure.cursor.describe(...figure.at), box.left + (across || 0), box.top + (down || 0));
  };

  // Arrow keys walk over the same places that the pointer can be at.
  const keys = (figure) => {
    figure.element.addEventListener("keydown", (event) => {
      const cursor = figure.cursor;
      const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1], Home: [-1e9, 0], End: [1e9, 0],
                     PageUp: [0, -10], PageDown: [0, 10] }[event.key];
      if (!cursor || event.target !== figure.element) return;
      if (event.key === "Enter") { cursor.choose?.(...figure.at); return; }
      if (!step || (step[1] && cursor.rows < 2)) return;
      event.preventDefault();
      const limit = [cursor.columns, cursor.rows];
      if (figure.walked) figure.at = figure.at.map((place, side) => Math.max(0, Math.min(limit[side] - 1, place + step[side])));
      figure.walked = true;
      tell(figure);
    });
    figure.element.addEventListener("blur", () => gradlab.tip.hide());
  };

  // Below each figure: reset, and the picture as a file.
  const tools = (figure) => {
    const bar = gradlab.element("div", "", { className: "tools small" });
    const reset = gradlab.element("button", "reset zoom", { type: "button" });
    reset.addEventListener("click", () => figure.redraw());
    const save = gradlab.element("button", "save as SVG", { type: "button" });
    save.addEventListener("click", async () =>
      (await needed()).downloadImage(figure.element, { format: "svg", filename: `${gradlab.data.file ?? "gradlab"}-${figure.element.id}` }));
    bar.append(reset, save);
    figure.element.after(bar);
  };

  // On paper: light colours, every figure, the width of the page.
  addEventListener("beforeprint", () => {
    gradlab.theme.printing = true;
    document.querySelectorAll("details").forEach((details) => { details.dataset.was = details.open ? "open" : ""; details.open = true; });
    drawn.forEach((figure) => figure.force());
  });
  addEventListener("afterprint", () => {
    gradlab.theme.printing = false;
    document.querySelectorAll("details").forEach((details) => { details.open = details.dataset.was === "open"; });
    drawn.forEach((figure) => figure.redraw());
  });

  gradlab.figures = drawn;

  // Figures further down are drawn while nothing else is to do: so nothing moves when one scrolls, and paper gets all of them.
  const idle = window.requestIdleCallback ?? ((work) => setTimeout(work, 200));
  const next = () => {
    const figure = drawn.slice(0, 24).find((one) => !one.near);
    if (figure) figure.force().then(() => idle(next));
  };
  addEventListener("load", () => idle(next));
}

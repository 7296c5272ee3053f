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
  const library = unpack();
  const drawn = [];

  const coarse = matchMedia("(pointer: coarse)").matches;  // a finger scrolls the page, it does not zoom the figure

  const axis = (colors) => ({
    gridcolor: colors.line, linecolor: colors.muted, zerolinecolor: colors.line, tickcolor: colors.muted, automargin: true,
    title: { standoff: 6 }, exponentformat: "power",
  });

  // What all figures share, with a figure's own layout laid over it.
  const layout = (own) => {
    const colors = gradlab.theme.colors;
    const made = {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: colors.text, size: 13, family: "system-ui, sans-serif" },
      margin: { l: 50, r: 12, t: 12, b: 44 }, hovermode: "closest", dragmode: coarse ? false : "zoom", showlegend: true,
      legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, font: { size: 12 } }, ...own,
    };
    for (const key of Object.keys(made)) if (/^[xy]axis/.test(key)) made[key] = { ...axis(colors), ...made[key] };
    made.xaxis ??= axis(colors);
    made.yaxis ??= axis(colors);
    return made;
  };

  // Ticks that stay right where no float reaches: the axis is linear in log10, its labels are powers.
  gradlab.decades = (title, low, high) => {
    const found = { title: { text: title, standoff: 6 } };
    if (!(Number.isFinite(low) && Number.isFinite(high))) return found;
    const step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 1e4, 1e5].find((size) => (high - low) / size <= 7) ?? 1e6;
    const first = Math.floor(low / step) * step;
    const values = Array.from({ length: Math.ceil((high - first) / step) + 1 }, (_, place) => first + place * step);
    return { ...found, tickmode: "array", tickvals: values, ticktext: values.map(gradlab.tick) };
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

  // A figure in the element `id`. `build()` gives { traces, layout, cursor }; it is called again when something has changed.
  // `cursor` (optional): columns, rows: how many places there are; locate(points) -> [column, row] of what the pointer is at;
  // describe(column, row) -> lines of the tip; place(column, row) -> [x, y] on the axes; choose(column, row): click or Enter.
  gradlab.figure = (id, build) => {
    const element = document.getElementById(id);
    const figure = { element, build, near: false, at: [0, 0], cursor: null, busy: Promise.resolve() };
    figure.redraw = () => { if (figure.near) figure.busy = figure.busy.then(() => draw(figure)).catch((error) => failed(figure, error)); return figure.busy; };
    figure.force = () => { figure.near = true; return figure.redraw(); };
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
    const plotly = await library;
    const made = figure.build();
    figure.cursor = made.cursor ?? null;
    if (made.cursor) figure.at = figure.at.map((place, side) => Math.min(place, (side ? made.cursor.rows : made.cursor.columns) - 1));
    const height = made.layout.height ?? (figure.element.clientWidth < 480 ? 300 : 340);
    await plotly.react(figure.element, made.traces, layout({ ...made.layout, height }), { displayModeBar: false, responsive: true, doubleClick: "reset" });
    if (!figure.heard) {
      figure.heard = true;
      figure.element.on("plotly_hover", (event) => {
        const place = figure.cursor?.locate(event.points);
        if (place) { figure.at = place; gradlab.tip.show(figure.cursor.describe(...place), event.event.clientX, event.event.clientY); }
      });
      figure.element.on("plotly_unhover", () => gradlab.tip.hide());
      figure.element.on("plotly_click", (event) => {
        const place = figure.cursor?.locate(event.points);
        if (place) figure.cursor.choose?.(...place);
      });
    }
    figure.element.dataset.drawn = "yes";
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
      const [x, y] = cursor.place(...figure.at);
      const { xaxis, yaxis } = figure.element._fullLayout;
      const box = figure.element.getBoundingClientRect();
      const across = xaxis._offset + xaxis.d2p(x), down = yaxis._offset + yaxis.d2p(y);
      gradlab.tip.show(cursor.describe(...figure.at), box.left + (across || 0), box.top + (down || 0));
    });
    figure.element.addEventListener("blur", () => gradlab.tip.hide());
  };

  // Below each figure: reset, and the picture as a file.
  const tools = (figure) => {
    const bar = gradlab.element("div", "", { className: "tools" });
    const reset = gradlab.element("button", "reset zoom", { type: "button" });
    reset.addEventListener("click", async () => {
      const plotly = await library;
      const change = {};
      for (const key of Object.keys(figure.element._fullLayout)) {
        if (/^[xy]axis\d*$/.test(key)) {
          const range = figure.element.layout[key]?.autorange === "reversed" ? "reversed" : true;
          change[`${key}.autorange`] = range;
        }
      }
      await plotly.relayout(figure.element, change);
      await figure.redraw();
    });
    const save = gradlab.element("button", "save as SVG", { type: "button" });
    save.addEventListener("click", async () =>
      (await library).downloadImage(figure.element, { format: "svg", filename: `${gradlab.data.file ?? "gradlab"}-${figure.element.id}` }));
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
  gradlab.library = library;
}

// The page of one run.
{
  const { data } = gradlab, { module } = data;
  for (const grid of data.grids) grid.module = module;
  let marked = null;  // the finding that is being followed

  const { line, oddities } = gradlab;

  const band = (layers, low, high, color) => ({
    x: [...layers, ...[...layers].reverse()], y: [...high, ...low.reverse()], type: "scatter", mode: "lines", fill: "toself", fillcolor: color,
    line: { width: 0 }, hoverinfo: "skip", showlegend: false,
  });

  const beyond = (value) => value !== null && !Number.isFinite(value);

  const called = (layer) => {
    if (module) return `${gradlab.rows(module, "", layer, layer)}${layer === module.readout ? ", the readout" : ""}`;
    return layer === data.depth + 1 ? `layer ${layer}, the readout` : `layer ${layer}`;
  };

  const layerMark = () => {
    if (!marked || !marked.layers) return [];
    return [{ type: "rect", xref: "x", yref: "paper", x0: marked.layers[0] - .5, x1: marked.layers[1] + .5, y0: 0, y1: 1, line: { width: 0 },
              fillcolor: gradlab.theme.colors.mark, layer: "below" }];
  };

  // A band's line at any layer: where many layers are thinned, the band's need not be the profile's.
  const between = (layers, values) => (layer) => {
    const at = layers.findIndex((other) => other >= layer);
    if (at < 0 || layer < layers[0]) return NaN;
    if (layers[at] === layer) return values[at];
    return values[at - 1] + (values[at] - values[at - 1]) * (layer - layers[at - 1]) / (layers[at] - layers[at - 1]);
  };

  // A line over the layers; of a module a line along each of its chains, the rows beside them as faint points and the readout as a ring.
  // A line goes past a row that has no value.
  const along = (layers, values, name, color, more) => {
    if (!module) return [line(layers, values, name, color, more)];
    const value = new Map(layers.map((layer, place) => [layer, values[place]])), chained = new Set(module.chains.flat());
    const points = (rows, word, own) => ({
      ...line(rows, rows.map((row) => value.get(row)), word, color), mode: "markers", ...own, marker: { color: own.color ?? color, ...own.marker },
    });
    const ring = () => (value.has(module.readout) ? [points([module.readout], "readout", { marker: { size: 9, symbol: "circle-open", line: { width: 2 } } })] : []);
    const traces = module.chains.map((chain) => {
      const known = chain.filter((row) => (value.get(row) ?? null) !== null);
      return line(known, known.map((row) => value.get(row)), name, color, more);
    });
    const rest = layers.filter((layer) => !chained.has(layer) && layer !== module.readout);
    if (!module.chains.length) return [{ ...line(rest, rest.map((row) => value.get(row)), name, color, more), mode: "markers" }, ...ring()];
    if (rest.length) traces.push(points(rest, "other rows", { opacity: .4, marker: { size: rest.length > 60 ? 4 : 5 } }));
    return [...traces, ...ring()];
  };

  // Over thirty decades a band of a tenth of one is thinner than a line: divided by theory it can be seen.
  let divided = false;
  const against = [];
  document.getElementById("against")?.addEventListener("change", (event) => {
    divided = event.target.value === "theory";
    against.forEach((figure) => figure.redraw());
  });

  const tallProfile = (element) => gradlab.tall(element) + (module ? 80 : 0);  // names stand upright below the axis

  for (const profile of data.profiles) {
    const measured = profile.init.map(gradlab.number), last = profile.final?.map(gradlab.number) ?? null;
    const told = profile.band, place = Object.fromEntries((told?.layers ?? []).map((layer, index) => [layer, index]));
    const figure = gradlab.figure(`profile-${profile.quantity}`, () => {
      const colors = gradlab.theme.colors, traces = [], by = divided && told !== null;
      const expected = (told?.typical ?? []).map(gradlab.number), spread = (told?.spread ?? []).map(gradlab.number);
      const at = by ? between(told.layers, expected) : () => 0;
      const less = (values) => values.map((value, index) => {
        const theory = at(profile.layers[index]);
        return value === null || !Number.isFinite(theory) ? null : value - theory;
      });
      const init = by ? less(measured) : measured, final = last && by ? less(last) : last;
      const extents = [gradlab.extent(init, final ?? [])];
      if (told) {
        const typical = by ? expected.map((value) => (Number.isFinite(value) ? 0 : value)) : expected;
        const known = typical.map((value, index) => Number.isFinite(value) && spread[index] !== null ? index : -1).filter((index) => index >= 0);
        const layers = known.map((index) => told.layers[index]), edge = (times) => known.map((index) => typical[index] + times * spread[index]);
        extents.push(gradlab.extent(typical), gradlab.extent(edge(-2), edge(2)));
        for (const width of [2, 1]) if (known.length) traces.push(band(layers, edge(-width), edge(width), colors.band));
        traces.push({ ...line(told.layers, typical, "theory", colors.theory, { line: { dash: "dash", width: 1.5 } }), mode: "lines" });
      }
      traces.push(...along(profile.layers, init, `step ${profile.init_step}`, colors.first));
      if (final) traces.push(...along(profile.layers, final, `step ${profile.final_step}`, colors.second, { line: { dash: "dot" } }));
      const odd = [init, final ?? []].some((values) => values.some(beyond)), { floor, ...yaxis } = gradlab.frame(...gradlab.extent(...extents), "decades", odd);
      traces.push(...oddities(profile.layers, init, floor, colors), ...(final ? oddities(profile.layers, final, floor, colors) : []));
      return {
        traces: gradlab.once(traces),
        layout: {
          hovermode: "x", height: tallProfile(figure.element), shapes: layerMark(), yaxis: by ? { ...yaxis, title: { text: "× theory", standoff: 6 } } : yaxis,
          xaxis: module ? gradlab.alongRows("", module) : gradlab.along(profile.thinned ? `${data.noun} (${profile.layers.length} of them drawn)` : data.noun, 1, data.depth + 1),
        },
        cursor: {
          columns: profile.layers.length, rows: 1,
          locate: (points) => { const at = profile.layers.indexOf(points[0].x); return at < 0 ? null : [at, 0]; },
          place: (column) => [profile.layers[column], Number.isFinite(init[column]) ? init[column] : floor],
          choose: (column) => toLayer(profile.layers[column]),
          describe: (column) => {
            const layer = profile.layers[column];
            const lines = [called(layer), `step ${profile.init_step}: ${gradlab.say(measured[column], "decades")}`];
            if (last) lines.push(`step ${profile.final_step}: ${gradlab.say(last[column], "decades")}`);
            if (layer in place) {
              const index = place[layer], wide = spread[index];
              lines.push(`theory: ${gradlab.say(expected[index], "decades")}${wide === null ? "" : ` ± ${wide.toPrecision(2)} decades`}`);
              if (by && Number.isFinite(init[column])) lines.push(`step ${profile.init_step} is ${gradlab.power(init[column])} × theory`);
            }
            return lines;
          },
        },
      };
    }, tallProfile);
    if (told) against.push(figure);
  }

  // Where the run stopped being finite, as a line at that place of an axis and words at its upper end.
  const divergence = (place, late, over = {}) => {
    if (data.diverged === null || place < 0) return { shapes: [], annotations: [] };
    const color = gradlab.theme.color("diverged"), { mark, words } = gradlab.broken;
    return {
      shapes: [{ type: "line", xref: "x", yref: "paper", x0: place, x1: place, y0: 0, y1: 1, line: { color, dash: "dot" } }],
      annotations: [{ x: place, y: 1, xref: "x", yref: "paper", text: `${mark} ${words} from step ${data.diverged}`, showarrow: false, bgcolor: gradlab.theme.colors.back, xanchor: late ? "right" : "left", yanchor: "top", font: { color }, ...over }],
    };
  };

  // ---- heatmap
  let shown = data.grids[0];

  const tallMap = (element) => (element.clientWidth < 480 ? 420 : 440);

  const heatmap = () => {
    const grid = shown, width = grid.columns.length, [low, high] = gradlab.heatmaps.ends(grid.low, grid.high, grid.scale);
    const element = document.getElementById("heatmap-plot"), phone = element.clientWidth < 480;
    const bar = phone ? { orientation: "h", y: -.3, thickness: 12, len: 1 } : { thickness: 14, len: 1 };
    const row = (layer) => { const at = grid.rows.findIndex(([, last]) => layer <= last); return at < 0 ? grid.rows.length - 1 : at; };
    const column = grid.columns.findIndex(([, last]) => last >= (marked?.step ?? 0));
    const shapes = !marked || !marked.layers ? [] : [{
      type: "rect", x0: Math.max(column, 0) - .5, x1: width - .5, y0: row(marked.layers[0]) - .5, y1: row(marked.layers[1]) + .5,
      line: { color: "#ffffff", width: 3 } }, {
      type: "rect", x0: Math.max(column, 0) - .5, x1: width - .5, y0: row(marked.layers[0]) - .5, y1: row(marked.layers[1]) + .5,
      line: { color: "#000000", width: 1.5, dash: "dash" } }];
    note(grid);
    const made = gradlab.heatmaps.drawn(grid, { low, high, bar, numTicks: phone ? 5 : 10, choose: (x, y) => toLayer(grid.rows[y][0], grid.rows[y][1]) });
    const reached = grid.columns.findIndex(([, last]) => last >= data.diverged), broken = reached < 0 ? width : reached;
    const told = divergence(broken - .5, broken > width / 2, { yanchor: "bottom" });
    if (told.shapes.length) made.layout.margin = { l: 50, r: 12, t: 30, b: 44 };
    return { ...made, layout: { ...made.layout, height: tallMap(element), shapes: [...shapes, ...told.shapes], annotations: told.annotations } };
  };

  const note = (grid) => {
    const place = document.getElementById("heatmap-note");
    const parts = [`${grid.label} (${grid.quantity}${grid.scale === "decades" ? ", colours by its log10" : ""}); ${module ? "rows in order of first use, the input" : "layer 1, at the input,"} on top${module ? `, those that have a value${module.kinds.includes("block") ? "; blocks are in the table" : ""}` : ""}.`];
    if (grid.thinned) {
      const several = ([first, last]) => first !== last, over = [];
      if (grid.rows.some(several)) over.push(gradlab.rows(module, data.noun, ...grid.rows.find(several)));
      if (grid.columns.some(several)) over.push(gradlab.range(...grid.columns.find(several), "step", "steps"));
      parts.push(`Each cell is the mean over ${over.join(", ")} and the like, ${{ decades: "but one that covers a zero or what is not finite shows that", share: "the mean of the cell: a single layer or step may lie far from it; one that covers what is not finite shows that" }[grid.scale] ?? "but one that covers what is not finite shows that"}.`);
      parts.push(`${grid.rows.length} × ${grid.columns.length} cells are what a screen can show; layers.parquet has every value.`);
    }
    place.replaceChildren(gradlab.element("span", parts.join(" ")), ...gradlab.heatmaps.keys(gradlab.heatmaps.cells(grid).kinds));
  };

  let map = null;
  const choose = (quantity) => {
    const found = data.grids.find((grid) => grid.quantity === quantity);
    if (!found) return;
    shown = found;
    document.querySelectorAll("#switch input").forEach((input) => { input.checked = input.value === quantity; });
    map?.redraw();
  };
  if (data.grids.length) {
    map = gradlab.figure("heatmap-plot", heatmap, tallMap);
    document.getElementById("switch").addEventListener("change", (event) => choose(event.target.value));
    choose(shown.quantity);
  }

  // ---- curves
  const beside = { loss: "holdout_loss", accuracy: "holdout_accuracy" };
  for (const curve of data.curves) {
    if (!document.getElementById(`curve-${curve.quantity}`)) continue;
    const values = curve.values.map(gradlab.number);
    const held = data.curves.find((other) => other.quantity === beside[curve.quantity]);
    const constant = gradlab.number(data.constant[curve.quantity] ?? null);
    const apart = held?.values.map(gradlab.number) ?? [], [low, high] = gradlab.extent(values, apart, [constant]);
    const wide = curve.scale === "figure" && low > 0 && high / low > 100, log = (value) => (wide && value !== null ? Math.log10(value) : value);
    gradlab.figure(`curve-${curve.quantity}`, () => {
      const colors = gradlab.theme.colors, traces = [line(curve.steps, values.map(log), curve.label, colors.first)];
      const { floor, ...yaxis } = gradlab.frame(log(low), log(high), wide ? "decades" : curve.scale, [...values, ...apart].some(beyond));
      if (held) traces.push({ ...line(held.steps, apart.map(log), held.label, colors.second, { marker: { size: 9, symbol: "diamond" } }), mode: "markers" });
      if (constant !== null && curve.steps.length) traces.push({
        x: [curve.steps[0], curve.steps.at(-1)], y: [log(constant), log(constant)], type: "scatter", mode: "lines", name: `constant answer: ${Number(constant.toPrecision(4))}`,
        line: { color: colors.theory, dash: "dash", width: 1.5 }, hoverinfo: "skip" });
      traces.push(...oddities(curve.steps, values, floor, colors));
      // What was held out has a larger mark of the same kind; at a step where both are not finite, they lie on one another.
      if (held) traces.push(...oddities(held.steps, apart, floor, colors).map((trace) => ({ ...trace, marker: { ...trace.marker, size: 12 } })));
      // A run may diverge between two records, behind the last that there is.
      const first = curve.steps[0], last = data.diverged === null ? curve.steps.at(-1) : Math.max(curve.steps.at(-1), data.diverged);
      const { shapes, annotations } = divergence(data.diverged, data.diverged > (first + last) / 2);
      if (marked?.step && data.diverged === null) shapes.push({ type: "line", xref: "x", yref: "paper", x0: marked.step, x1: marked.step, y0: 0, y1: 1, line: { color: colors.muted, dash: "dot" } });
      const title = curve.thinned ? `step (${curve.steps.length} of them drawn)` : "step";
      return {
        traces: gradlab.once(traces), layout: { hovermode: "x", showlegend: traces.length > 1, shapes, annotations, xaxis: gradlab.along(title, first, last), yaxis },
        cursor: {
          columns: curve.steps.length, rows: 1,
          locate: (points) => {
            const at = curve.steps.indexOf(points[0].x);
            return at < 0 ? null : [at, 0];
          },
          place: (column) => [curve.steps[column], Number.isFinite(values[column]) ? log(values[column]) : floor],
          describe: (column) => {
            const step = curve.steps[column], lines = [`step ${step}`, `${curve.label}: ${gradlab.say(values[column], curve.scale)}`];
            const at = held?.steps.indexOf(step) ?? -1;
            if (at >= 0) lines.push(`${held.label}: ${gradlab.say(apart[at], curve.scale)}`);
            return lines;
          },
        },
      };
    }, gradlab.tall);
  }

  // ---- seeds
  if (data.seeds.length) {
    let figure = data.seeds[0];
    const draw = () => {
      const colors = gradlab.theme.colors, one = figure, values = one.values.map(gradlab.number);
      const told = one.expected, spread = told?.spread ?? 0, band = told ? [told.typical - spread, told.typical + spread] : [];
      const { floor, ...yaxis } = gradlab.frame(...gradlab.extent(values, band), "figure", values.some(beyond));
      const heights = values.map((value) => (Number.isFinite(value) ? value : floor));
      const traces = [{
        x: one.seeds.map((_, place) => place), y: heights, type: "scatter", mode: "markers", hoverinfo: "none", showlegend: false,
        marker: { opacity: 1, size: one.own.map((own) => (own ? 15 : 10)), symbol: one.words.map((word) => gradlab.words[word]?.symbol ?? "circle"),
                  color: one.words.map((word) => gradlab.theme.color(word)), line: { width: one.own.map((own) => (own ? 3 : 1)), color: colors.text } },
      }];
      // Seeds stand side by side whatever their numbers are.
      const { again, ...along } = gradlab.along("seed", 0, one.seeds.length - 1);
      const xaxis = { ...along, again: (...ends) => { const { tickvals } = again(...ends); return { tickvals, ticktext: tickvals.map((place) => String(one.seeds[place])) }; } };
      const shapes = [];
      if (told?.spread) shapes.push({ type: "rect", xref: "paper", yref: "y", x0: 0, x1: 1, y0: band[0], y1: band[1], fillcolor: colors.band, line: { width: 0 }, layer: "below" });
      if (told) shapes.push({ type: "line", xref: "paper", yref: "y", x0: 0, x1: 1, y0: told.typical, y1: told.typical, line: { color: colors.theory, dash: "dash", width: 1.5 } });
      const number = gradlab.finite(values).length, mean = gradlab.number(one.mean), sd = gradlab.number(one.sd);
      document.getElementById("seeds-note").textContent = [
        mean === null ? "no seed has a finite value" : `mean ${gradlab.say(mean, "figure")}${sd === null ? "; one seed, no spread" : `, standard deviation ${gradlab.say(sd, "figure")} over ${number} seeds`}`,
        number < values.length ? `${values.length - number} not finite, shown at the lower edge` : "",
        told ? `theory expects ${told.typical.toFixed(2)}${told.spread ? ` ± ${told.spread.toFixed(2)} (dashed line and band)` : " (dashed line)"}` : "", "the run of this page is the large point"].filter(Boolean).join("; ");
      return {
        traces, layout: { height: 280, shapes, xaxis, yaxis: { title: { text: one.figure, standoff: 6 }, ...yaxis } },
        cursor: {
          columns: one.seeds.length, rows: 1, locate: (points) => [points[0].pointIndex, 0], place: (column) => [column, heights[column]],
          choose: (column) => { location.href = one.links[column]; },
          describe: (column) => [`seed ${one.seeds[column]}: ${one.words[column]}`, `${one.figure}: ${Number.isFinite(values[column]) ? String(values[column]) : gradlab.say(values[column], "figure")}`, one.ids[column]],
        },
      };
    };
    const strip = gradlab.figure("seeds-plot", draw, () => 280);
    document.getElementById("seed-switch").addEventListener("change", (event) => { figure = data.seeds[Number(event.target.value)]; strip.redraw(); });
  }

  // ---- sizes of the columns
  if (data.columns) {
    const held = data.columns, count = held.names.length, places = held.names.map((_, place) => place + 1);
    const parts = [["deviations", "standard deviation", "circle"], ["means", "|mean|", "diamond-open"]].map(([name, word, symbol]) => [held[name].map(gradlab.number), word, symbol]);
    gradlab.figure("columns-plot", () => {
      const colors = gradlab.theme.colors;
      const { floor, ...yaxis } = gradlab.frame(...gradlab.extent(...parts.map(([values]) => values)), "decades", parts.some(([values]) => values.some(beyond)));
      const traces = parts.flatMap(([values, word, symbol], part) => [
        { ...line(places, values, word, part ? colors.second : colors.first, { marker: { size: 8, symbol } }), mode: "markers" },
        ...oddities(places, values, floor, colors),
      ]);
      return {
        traces: gradlab.once(traces),
        layout: { hovermode: "x", height: 300, xaxis: gradlab.along("column", 1, count), yaxis },
        cursor: {
          columns: count, rows: 1, locate: (points) => { const at = places.indexOf(points[0].x); return at < 0 ? null : [at, 0]; },
          place: (column) => [places[column], Number.isFinite(parts[0][0][column]) ? parts[0][0][column] : floor],
          describe: (column) => [`column ${column + 1}: ${held.names[column]}`, ...parts.map(([values, word]) => `${word}: ${gradlab.say(values[column], "decades")}`)],
        },
      };
    }, () => 300);
  }

  // ---- spectrum
  if (data.spectrum) {
    const held = data.spectrum, parts = [["high", "largest"], ["median", "median"], ["low", "smallest"]];
    const value = (name, step, layer) => gradlab.number(held[name][step][layer]);
    gradlab.figure("spectrum-plot", () => {
      const colors = gradlab.theme.colors, traces = [], everything = [];
      held.steps.forEach((step, at) => parts.forEach(([name, word], part) => {
        const values = held.layers.map((_, layer) => value(name, at, layer));
        everything.push(values);
        traces.push(line(held.layers, values, `${word}, step ${step}`, at ? colors.second : colors.first, { line: { dash: ["solid", "dash", "dot"][part] } }));
      }));
      const { floor, ...yaxis } = gradlab.frame(...gradlab.extent(...everything), "decades", everything.some((values) => values.some(beyond)));
      everything.forEach((values) => traces.push(...oddities(held.layers, values, floor, colors)));
      return {
        traces: gradlab.once(traces),
        layout: { hovermode: "x", height: 380, xaxis: gradlab.along("layer", held.layers[0], held.layers.at(-1)), yaxis },
        cursor: {
          columns: held.layers.length, rows: 1, locate: (points) => [held.layers.indexOf(points[0].x), 0],
          place: (column) => [held.layers[column], Number.isFinite(value("high", 0, column)) ? value("high", 0, column) : floor],
          describe: (column) => [`layer ${held.layers[column]}`, ...held.steps.flatMap((step, at) => parts.map(([name, word]) => `${word}, step ${step}: ${gradlab.say(value(name, at, column), "decades")}`))],
        },
      };
    }, () => 380);
  }

  // ---- the table, and the way from findings to pictures
  const table = document.getElementById("layer-table");
  const markRows = (first, last) => {
    table?.querySelectorAll("tbody tr").forEach((row) => {
      const layer = Number(row.dataset.row) + 1;
      row.classList.toggle("marked", layer >= first && layer <= last);
    });
  };
  const toLayer = (first, last = first) => {
    markRows(first, last);
    if (fewer?.checked && table.querySelector("tr.marked[hidden]")) { fewer.checked = false; filtered(); }
    table?.querySelector("tr.marked")?.scrollIntoView({ block: "center" });
  };
  const filter = document.getElementById("layer-filter");
  const fewer = document.getElementById("layer-few"), few = new Set(data.few);
  const filtered = filter ? gradlab.filter(table, filter, document.getElementById("layer-count"), (row) => !fewer?.checked || filter.value.trim() !== "" || few.has(Number(row.dataset.row) + 1)) : null;
  fewer?.addEventListener("change", () => filtered());

  // What a remedy changes, to the clipboard; where a browser refuses that, it is selected.
  document.querySelectorAll(".copy").forEach((button) => button.addEventListener("click", async () => {
    const held = button.closest("div").querySelector("pre");
    let done = true;
    try { await navigator.clipboard.writeText(held.textContent); } catch {
      getSelection().selectAllChildren(held);
      done = document.execCommand("copy");
    }
    button.nextElementSibling.value = done ? "copied" : "selected";
  }));

  document.querySelectorAll("[data-finding]").forEach((anchor) => anchor.addEventListener("click", () => {
    marked = data.findings[Number(anchor.dataset.finding)];
    if (marked.layers) markRows(...marked.layers);
    if (marked.anchor === "heatmap") choose(marked.quantity);
    gradlab.figures.forEach((figure) => figure.redraw());
  }));
}

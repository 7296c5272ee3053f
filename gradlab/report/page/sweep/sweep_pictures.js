// The pictures of a sweep: every run as a line over its axes, and its backward signal over depth.
{
  const { data, sweep } = gradlab;
  const symbol = (word) => gradlab.words[word]?.symbol ?? "circle";
  const opacity = (number) => (number > 400 ? .35 : number > 120 ? .5 : number > 30 ? .7 : .95);

  // Lines of several runs as one trace, with gaps between them.
  const bundle = (lines) => {
    const x = [], y = [];
    for (const [across, up] of lines) {
      if (x.length) { x.push(null); y.push(null); }
      for (let place = 0; place < across.length; place += 1) { x.push(across[place]); y.push(up[place]); }
    }
    return { x, y, type: "scatter", connectgaps: false };
  };

  // ---- every run as a line
  const { dimensions, drawn } = data;
  const home = document.getElementById("lines-plot");
  if (home) {
    const last = dimensions.length - 1;
    const upright = matchMedia("(max-width: 48rem)");
    const shorten = (label, most) => ([...label].length > most ? `${[...label].slice(0, most - 1).join("")}…` : label);
    // A name in the room that there is: in two lines where one is too short, cut where both are.
    const named = (name, most) => {
      const dot = name.indexOf(".") + 1;
      const parts = [...name].length <= most || !dot ? [name] : [name.slice(0, dot), name.slice(dot)];
      return parts.map((part) => gradlab.plain(shorten(part, most))).join("<br>");
    };
    const value = (member, at) => {
      const name = dimensions[at].name, axis = data.axes.find((one) => one.name === name);
      if (axis) return axis.values[axis.at[member]];
      if (at === last) return sweep.word(member);
      const figure = data.members.figures.find((one) => one.name === name), told = gradlab.number(figure.values[member]);
      return told === null ? "– (has no value)" : String(told);
    };
    let visible = [];

    const tall = (down) => (down ? 90 * dimensions.length + 60 : 520);
    const turned = () => (gradlab.theme.printing ? tall(true) < 950 : upright.matches);  // paper is narrow too, and not endless

    const build = () => {
      const colors = gradlab.theme.colors, down = turned();
      const places = dimensions.map((_, at) => at);
      const line = (index) => {
        const along = dimensions.map((one) => one.positions[index]);
        return down ? [along, places] : [places, along];
      };
      const kept = [], others = [];
      drawn.forEach((member, index) => (sweep.shows(member) ? kept : others).push(index));
      visible = kept;
      const traces = [], by = new Map();
      if (others.length) traces.push({ ...bundle(others.map(line)), mode: "lines", hoverinfo: "skip", showlegend: false, line: { color: colors.line, width: 1 }, opacity: .6 });
      for (const index of kept) {
        const word = sweep.word(drawn[index]);
        by.set(word, [...(by.get(word) ?? []), index]);
      }
      const found = [];
      for (const word of [...data.words].reverse()) {  // the worst on top
        const indices = by.get(word);
        if (!indices) continue;
        found[traces.length] = indices;
        traces.push({
          ...bundle(indices.map(line)), name: `${gradlab.words[word].glyph} ${word}`, mode: kept.length <= 150 ? "lines+markers" : "lines", hoverinfo: "none",
          line: { color: gradlab.theme.color(word), width: kept.length > 120 ? 1.2 : 1.8, dash: kept.length > 120 ? "solid" : gradlab.words[word].dash }, opacity: opacity(kept.length),
          marker: { symbol: symbol(word), size: 6, color: gradlab.theme.color(word) },
        });
      }
      const marked = drawn.indexOf(sweep.chosen);
      if (marked >= 0) {
        const word = sweep.word(sweep.chosen);
        found[traces.length] = [marked];
        traces.push({ ...bundle([line(marked)]), mode: "lines+markers", hoverinfo: "none", showlegend: false, line: { color: colors.text, width: 4 },
                      marker: { symbol: symbol(word), size: 12, color: gradlab.theme.color(word), line: { color: colors.text, width: 1.5 } } });
      }
      const wide = Math.max(1, gradlab.theme.printing ? 660 : home.clientWidth) / dimensions.length;
      const edge = wide * (last + 1) / Math.max(1, last) - wide / 2 - 8;  // the first and the last name stand on one side of their axis
      const marks = dimensions.flatMap((one) => one.ticks.map(([position]) => position));
      const lowest = Math.min(0, ...marks) - .06, highest = Math.max(1, ...marks) + .06;
      const shapes = [], annotations = [];
      dimensions.forEach((one, at) => {
        shapes.push({ type: "line", layer: "below", line: { color: colors.muted, width: 1 }, ...(down ? { x0: 0, x1: 1, y0: at, y1: at } : { x0: at, x1: at, y0: 0, y1: 1 }) });
        annotations.push({
          text: down ? gradlab.plain(one.name) : named(one.name, at % last ? Math.max(10, Math.floor(wide / 8.2)) : Math.max(8, Math.floor(edge / 8.2))), showarrow: false, font: { size: 12, color: colors.text, weight: 700 }, bgcolor: colors.back, opacity: .92, borderpad: 1,
          ...(down ? { x: lowest, y: at - .45, xanchor: "left", yanchor: "middle" } : { x: at, y: highest - .02, yanchor: "bottom", xanchor: at === 0 ? "left" : at === last ? "right" : "center" }),
        });
        const fits = down ? Math.max(3, Math.floor(home.clientWidth * .62 / one.ticks.length / 7)) : 16;
        for (const [position, label] of one.ticks) {
          const glyph = at === last ? gradlab.words[label]?.glyph ?? "" : "";
          annotations.push({
            text: gradlab.plain(glyph && label.length > fits ? glyph : `${glyph} ${shorten(label, fits)}`.trim()), showarrow: false, font: { size: 11, color: colors.text }, bgcolor: colors.back, opacity: .88, borderpad: 1,
            ...(down ? { x: position, y: at + .35, xanchor: "center", yanchor: "middle" }
                     : { x: at, y: position, xanchor: at === last ? "right" : "left", xshift: at === last ? -5 : 5, yanchor: "middle" }),
          });
        }
      });
      const hidden = { visible: false, fixedrange: true, zeroline: false, showgrid: false };
      return {
        traces,
        layout: {
          height: tall(down), hovermode: "closest", shapes, annotations, margin: down ? { l: 28, r: 28, t: 30, b: 10 } : { l: 12, r: 12, t: 40, b: 12 },
          dragmode: gradlab.coarse ? false : "select", selectdirection: "any", hoverdistance: 12,
          legend: { orientation: "h", y: down ? 1.01 : 1.06, yanchor: "bottom", x: 0, font: { size: 12 }, itemclick: false, itemdoubleclick: false },
          xaxis: { ...hidden, range: down ? [lowest, highest] : [-.08, last + .08] },
          yaxis: { ...hidden, range: down ? [last + .65, -.7] : [lowest, highest + .06] },
        },
        cursor: {
          columns: dimensions.length, rows: Math.max(1, kept.length),
          locate: ([point]) => {
            const indices = found[point.curveNumber];
            if (!indices) return null;
            const index = indices[Math.floor(point.pointIndex / (dimensions.length + 1))];
            const row = kept.indexOf(index);
            return row < 0 ? null : [point.pointIndex % (dimensions.length + 1), row];
          },
          place: (column, row) => {
            const position = dimensions[column].positions[kept[row] ?? 0] ?? 0;
            return down ? [position, column] : [column, position];
          },
          describe: (column, row) => {
            if (!kept.length) return ["no run is shown"];
            const member = drawn[kept[row]];
            return [`${sweep.title(member)}: ${sweep.word(member)}`, `${dimensions[column].name}: ${value(member, column)}`];
          },
          choose: (_, row) => { if (kept.length) sweep.choose(drawn[kept[row]]); },
          select: (range) => {
            const [along, across] = (down ? [range.y, range.x] : [range.x, range.y]).map((ends) => [Math.min(...ends), Math.max(...ends)]);
            const columns = places.filter((at) => at >= along[0] && at <= along[1]);
            const inside = visible.filter((index) => columns.some((at) => {
              const position = dimensions[at].positions[index];
              return position >= across[0] && position <= across[1];
            }));
            if (!inside.length) return;
            sweep.asked.box = new Set(inside.map((index) => drawn[index]));
            sweep.update();
          },
        },
      };
    };
    const lines = gradlab.figure("lines-plot", build, () => tall(upright.matches));
    sweep.listen(lines.redraw);
    upright.addEventListener("change", lines.redraw);
  }

  // ---- backward signal over depth
  const MOST_PANELS = 25;
  const stage = document.getElementById("depths-plot");
  if (stage) {
    const held = data.depths;
    const start = [];
    let total = 0;
    for (const shape of held.shape) { start.push(total); total += held.shapes[shape].layers.length; }
    // A member's line: relative depths, and values; null where it has none at that moment.
    const profile = (place, moment) => {
      if (!(held.has[place] & (moment === "init" ? 1 : 2))) return null;
      const { depth, layers } = held.shapes[held.shape[place]];
      return { depth, layers, x: layers.map((layer) => (depth > 1 ? (layer - 1) / (depth - 1) : 0)), y: Array.from(held[moment].subarray(start[place], start[place] + layers.length)) };
    };
    const order = new Map(held.members.map((member, place) => [member, place]));
    const by = document.getElementById("panel-by");
    const choices = [
      ...(sweep.sides && data.axes.length > 1 ? [["cells", "cell of the map"]] : []), ...data.axes.map((axis, place) => [String(place), axis.name]), ["verdict", "verdict"], ["all", "all runs together"],
    ];
    by.append(...choices.map(([value, label]) => gradlab.element("option", label, { value })));
    const fewCells = sweep.sides && sweep.sides[1] >= 0 && sweep.labels()[0].length * sweep.labels()[1].length <= MOST_PANELS;
    by.value = fewCells ? "cells" : sweep.sides ? String(sweep.sides[0]) : "verdict";
    let moment = "final";

    // Panels: name, and the places of their lines; the order is that of the axes.
    const panels = () => {
      const found = new Map();
      const [rows, columns] = by.value === "cells" ? sweep.labels() : [];
      held.members.forEach((member, place) => {
        let key = 0, name = "all runs";
        if (by.value === "cells") {
          const row = sweep.row(member), column = sweep.column(member);
          [key, name] = [row * columns.length + column, sweep.sides[1] < 0 ? rows[row] : `${rows[row]} · ${columns[column]}`];
        } else if (by.value === "verdict") [key, name] = [data.members.word[member], sweep.word(member)];
        else if (by.value !== "all") {
          const axis = data.axes[Number(by.value)];
          [key, name] = [axis.alone.at[member], axis.alone.labels[axis.alone.at[member]]];
        }
        if (!found.has(key)) found.set(key, { key, name, places: [] });
        found.get(key).places.push(place);
      });
      // Members stand worst first, so the panel that came first holds the worst.
      const kept = [...found.values()].slice(0, MOST_PANELS);
      return { shown: kept.sort((one, other) => one.key - other.key), left: found.size - kept.length };
    };

    const trace = (word, lines, more) => ({ ...bundle(lines.map(({ x, y }) => [x, y.map((value) => (Number.isFinite(value) ? value : null))])), hoverinfo: "none", mode: lines.some(({ x }) => x.length < 3) ? "lines+markers" : "lines",
      name: `${gradlab.words[word].glyph} ${word}`, legendgroup: word, line: { color: gradlab.theme.color(word), width: 1.5, dash: gradlab.words[word].dash }, marker: { symbol: symbol(word), size: 6, color: gradlab.theme.color(word) }, ...more });

    const build = () => {
      const colors = gradlab.theme.colors, { shown, left } = panels();
      const width = gradlab.theme.printing ? 660 : Math.max(200, stage.clientWidth), across = Math.max(1, Math.min(shown.length, Math.floor(width / 165), by.value === "cells" && sweep.sides[1] >= 0 && sweep.labels()[1].length > 2 ? Math.max(sweep.labels()[1].length, 3) : 6));
      const down = Math.ceil(shown.length / across), top = 26, each = 168, height = down * each + 96;
      const lines = [];  // every line that can be pointed at
      const traces = [], owner = [], annotations = [], layout = {}, seen = new Set();
      let low = Infinity, high = -Infinity, drawnLines = 0, without = 0;
      const prepared = shown.map((panel) => panel.places.map((place) => {
        const line = profile(place, moment);
        if (!line) { without += 1; return null; }
        const [least, most] = gradlab.extent(line.y);
        low = Math.min(low, least); high = Math.max(high, most);
        return { ...line, member: held.members[place] };
      }).filter(Boolean));
      const odd = prepared.some((panel) => panel.some((line) => line.y.some((value) => !Number.isFinite(value))));
      const { range, floor } = gradlab.frame(low, high, "decades", odd);
      shown.forEach((panel, at) => {
        const row = Math.floor(at / across), column = at % across, suffix = at ? String(at + 1) : "";
        const gap = 10 / width, span = (1 - gap * (across - 1)) / across;
        const ends = [column * (span + gap), column * (span + gap) + span];
        const foot = 1 - (row + 1) / down, tall = 1 / down, band = [foot + tall * .06, foot + tall - tall * top / each];
        const bottom = at + across >= shown.length;
        layout[`xaxis${suffix}`] = { domain: ends, anchor: `y${suffix}`, range: [-.04, 1.04], tickvals: [.12, .88], ticktext: ["input", "output"], showticklabels: bottom, showgrid: false, automargin: false, fixedrange: true, tickfont: { size: 11 }, ticks: "", zeroline: false };
        layout[`yaxis${suffix}`] = { again: (least, most) => gradlab.powers(Math.max(least, low - .5), most, 7), domain: band, anchor: `x${suffix}`, range, showticklabels: column === 0, automargin: false, fixedrange: true, zeroline: false, tickfont: { size: 11 } };
        annotations.push({ text: gradlab.plain([...panel.name].length > Math.floor(width * span / 7.5) ? `${[...panel.name].slice(0, Math.floor(width * span / 7.5) - 1).join("")}…` : panel.name), xref: "paper", yref: "paper", x: (ends[0] + ends[1]) / 2, y: band[1], xanchor: "center", yanchor: "bottom", showarrow: false, font: { size: 12, color: colors.text, weight: 600 } });
        const refs = { xaxis: `x${suffix}`, yaxis: `y${suffix}` }, kept = [], others = [], own = new Map();
        for (const line of prepared[at]) (sweep.shows(line.member) ? kept : others).push(line);
        if (others.length) traces.push({ ...trace(sweep.word(others[0].member), others, { hoverinfo: "skip", showlegend: false, opacity: .7, line: { color: colors.line, width: 1 }, mode: "lines", legendgroup: "" }), ...refs });
        for (const line of kept) {
          line.suffix = suffix;
          const word = sweep.word(line.member);
          own.set(word, [...(own.get(word) ?? []), line]);
        }
        for (const word of [...data.words].reverse()) {
          const some = own.get(word);
          if (!some) continue;
          owner[traces.length] = some;
          traces.push({ ...trace(word, some, { showlegend: !seen.has(word), opacity: opacity(prepared[at].length * 2) }), ...refs });
          seen.add(word);
          lines.push(...some);
          drawnLines += some.length;
        }
        for (const mark of gradlab.oddities(kept.flatMap((line) => line.x), kept.flatMap((line) => line.y), floor, colors)) {
          traces.push({ ...mark, ...refs, legendgroup: mark.name, showlegend: !seen.has(mark.name), hoverinfo: "skip" });
          seen.add(mark.name);
        }
        const marked = prepared[at].find((line) => line.member === sweep.chosen);
        if (marked) {
          marked.suffix = suffix;
          owner[traces.length] = [marked];
          traces.push({ ...trace(sweep.word(marked.member), [marked], { showlegend: false, line: { color: colors.text, width: 4 } }), ...refs });
        }
      });
      const note = [`At ${moment === "final" ? "each run's last finite step" : "the first step"}, relative to the last hidden layer: 10⁰ is no change on the way back; one scale for all panels.`];
      if (by.value === "cells") note.push(`Panels: ${data.axes[sweep.sides[0]].name}${sweep.sides[1] < 0 ? "" : ` · ${data.axes[sweep.sides[1]].name}`}.`);
      if (left) note.push(`${left} ${left === 1 ? "panel is" : "panels are"} left out; those that are drawn hold the worst runs.`);
      if (held.members.length < data.total) note.push(`${held.members.length} of ${data.total} runs have a profile here.`);
      if (without) note.push(`${without} ${without === 1 ? "run has" : "runs have"} no value at that step.`);
      document.getElementById("depths-note").textContent = note.join(" ");
      const rows = Math.max(1, lines.length);
      return {
        traces,
        layout: { ...layout, annotations, height, hovermode: "closest", hoverdistance: 12, dragmode: false, margin: { l: 52, r: 8, t: 44, b: 30 },
                  legend: { orientation: "h", y: 1 + 14 / (height - 74), yanchor: "bottom", x: 0, font: { size: 12 }, itemclick: false, itemdoubleclick: false } },
        cursor: {
          columns: Math.max(1, ...lines.map((line) => line.x.length)), rows,
          locate: ([point]) => {
            let index = point.pointIndex;
            for (const line of owner[point.curveNumber] ?? []) {
              if (index < line.x.length) return [index, Math.max(0, lines.indexOf(line))];
              index -= line.x.length + 1;
            }
            return null;
          },
          place: (column, row) => {
            const line = lines[row];
            if (!line) return [0, 0];
            const at = Math.min(column, line.x.length - 1), value = line.y[at];
            return [line.x[at], Number.isFinite(value) ? value : floor, `xaxis${line.suffix}`, `yaxis${line.suffix}`];
          },
          describe: (column, row) => {
            const line = lines[row];
            if (!line) return ["no run is shown"];
            const at = Math.min(column, line.x.length - 1);
            return [`${sweep.title(line.member)}: ${sweep.word(line.member)}`, `layer ${line.layers[at]} of ${line.depth}: ${gradlab.say(line.y[at], "decades")}`];
          },
          choose: (_, row) => { if (lines[row]) sweep.choose(lines[row].member); },
        },
      };
    };
    const figure = gradlab.figure("depths-plot", build);
    sweep.listen(figure.redraw);
    by.addEventListener("change", figure.redraw);
    document.getElementById("moment").addEventListener("change", (event) => { moment = event.target.value; figure.redraw(); });
    let before = stage.clientWidth;
    new ResizeObserver(() => { if (Math.abs(stage.clientWidth - before) > 40) { before = stage.clientWidth; figure.redraw(); } }).observe(stage);

    // ---- of the run that is chosen
    let own = null;
    const single = () => {
      const colors = gradlab.theme.colors, place = order.get(sweep.chosen);
      const parts = place === undefined ? [] : ["init", "final"].map((one) => profile(place, one));
      const there = parts.filter(Boolean), [low, high] = gradlab.extent(...there.map((line) => line.y));
      const { range, floor, again } = gradlab.frame(low, high, "decades", there.some((line) => line.y.some((value) => !Number.isFinite(value)))), traces = [];
      parts.forEach((line, at) => {
        if (!line) return;
        const color = at ? colors.second : colors.first;
        traces.push(gradlab.line(line.layers, line.y, at ? "last finite step" : "first step", color, { line: { dash: at ? "dot" : "solid" } }), ...gradlab.oddities(line.layers, line.y, floor, colors));
      });
      return {
        traces: gradlab.once(traces), layout: { height: 230, hovermode: "x", margin: { l: 50, r: 8, t: 8, b: 36 }, xaxis: gradlab.along("layer", 1, there[0]?.depth ?? 1), yaxis: { range, again } },
        cursor: {
          columns: there[0]?.layers.length ?? 1, rows: 1, locate: (points) => { const at = there[0]?.layers.indexOf(points[0].x) ?? -1; return at < 0 ? null : [at, 0]; },
          place: (column) => [there[0]?.layers[column] ?? 0, Number.isFinite(there[0]?.y[column]) ? there[0].y[column] : floor],
          describe: (column) => (there.length ? [`layer ${there[0].layers[column]} of ${there[0].depth}`, ...parts.map((line, at) => (line ? `${at ? "last finite step" : "first step"}: ${gradlab.say(line.y[column], "decades")}` : null)).filter(Boolean)] : ["nothing was recorded"]),
        },
      };
    };
    sweep.listen(() => {
      if (sweep.chosen === null) return;
      document.getElementById("details-figure").hidden = !order.has(sweep.chosen);
      if (!order.has(sweep.chosen)) return;
      own ??= gradlab.figure("details-plot", single);
      own.force();
    });
  } else document.getElementById("details-figure").hidden = true;
}

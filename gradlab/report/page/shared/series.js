// Lines over layers or steps, and grids over both: how a series is drawn, the values that are not finite among them.
{
  // What is not finite is marked alike in every picture.
  gradlab.broken = { mark: "✖", words: "not finite", symbol: "x" };

  // Places that are not finite cannot stand on an axis of powers: they are shown at its lower edge.
  gradlab.oddities = (x, y, low, colors, own = {}) => {
    const zero = { x: [], y: [] }, broken = { x: [], y: [] };
    y.forEach((value, place) => {
      if (value === -Infinity) { zero.x.push(x[place]); zero.y.push(low); }
      else if (value !== null && !Number.isFinite(value)) { broken.x.push(x[place]); broken.y.push(low); }
    });
    const made = [];
    if (zero.x.length) made.push({ ...zero, type: "scatter", mode: "markers", name: "zero", hoverinfo: "none", marker: { symbol: "triangle-down-open", size: 8, color: own.zero ?? colors.text } });
    if (broken.x.length) made.push({ ...broken, type: "scatter", mode: "markers", name: gradlab.broken.words, hoverinfo: "none", marker: { symbol: gradlab.broken.symbol, size: 9, color: gradlab.theme.color("diverged"), ...(own.broken ? { line: { width: 1.5, color: own.broken } } : {}) } });
    return made;
  };

  gradlab.line = (x, y, name, color, more = {}) => ({
    x, y: y.map((value) => (Number.isFinite(value) ? value : null)), name, type: "scatter", mode: x.length > 60 ? "lines" : "lines+markers",
    hoverinfo: "none", line: { color, width: 2, ...more.line }, marker: { color, size: 5, ...more.marker },
  });

  // Each name stands in the legend once.
  gradlab.once = (traces) => {
    const named = new Set();
    return traces.map((trace) => {
      const again = trace.name !== undefined && named.has(trace.name);
      named.add(trace.name);
      return again ? { ...trace, showlegend: false } : trace;
    });
  };

  const viridis = [[0, "#440154"], [.25, "#3b528b"], [.5, "#21918c"], [.75, "#5ec962"], [1, "#fde725"]];
  const odd = [["zero", "#000000", ""], [gradlab.broken.words, "#d7005f", gradlab.broken.mark], ["has no meaning", "#808080", ""]];

  // A grid's cells as the library takes them: `plain` the finite values, `special` the places in `odd` of the others.
  const unpacked = new Map();
  const cells = (grid) => {
    if (!unpacked.has(grid)) {
      const { values, absent } = grid, width = grid.columns.length;
      const plain = [], special = [], kinds = new Set();
      grid.rows.forEach((_, row) => {
        const rowPlain = new Array(width), rowSpecial = new Array(width);
        for (let column = 0; column < width; column += 1) {
          const value = values[row * width + column];
          const kind = absent?.[row * width + column] ? 2 : Number.isFinite(value) ? null : value === -Infinity && grid.scale === "decades" ? 0 : 1;
          rowPlain[column] = kind === null ? value : null;
          rowSpecial[column] = kind;
          if (kind !== null) kinds.add(kind);
        }
        plain.push(rowPlain);
        special.push(rowSpecial);
      });
      unpacked.set(grid, { values, absent, width, plain, special, kinds });
    }
    return unpacked.get(grid);
  };

  // Ends of a scale of colours, from the finite values' ends.
  const ends = (low, high, scale) => {
    if (scale === "share") return [0, 1];
    const [least, most] = [low ?? 0, high ?? 1];
    if (most - least >= (scale === "decades" ? 1 : 1e-12)) return [least, most];
    // less than a decade is no picture: keep noise from filling the scale
    const middle = (least + most) / 2, half = scale === "decades" ? .5 : Math.max(Math.abs(middle) * .05, 1e-12);
    return [middle - half, middle + half];
  };

  // Marks on a scale of colours: values, and what they are called.
  const marks = (low, high, scale) => {
    if (scale !== "decades") return null;
    const { tickvals = [], ticktext = [] } = gradlab.decades("", low, high);
    const kept = tickvals.map((value, place) => [value, ticktext[place]]).filter(([value]) => value >= low && value <= high);
    return { tickmode: "array", tickvals: kept.map(([value]) => value), ticktext: kept.map(([, text]) => text) };
  };

  // Ticks of an axis whose places are cells: whole layers or steps, also such as lie within a cell or between two.
  const cellular = (spans, most) => {
    const first = spans[0][0], last = spans.at(-1)[1], whole = gradlab.wholes(first, last);
    const place = (value) => {
      const at = spans.findIndex(([, end]) => value <= end), [from, to] = spans[at];
      if (value >= from) return at - .5 + (value - from + .5) / (to - from + 1);
      const before = spans[at - 1][1];
      return at - 1 + (value - before) / (from - before);
    };
    const value = (place) => {
      const at = Math.max(0, Math.min(spans.length - 1, Math.round(place))), [from, to] = spans[at];
      return from - .5 + (place - at + .5) * (to - from + 1);
    };
    const again = (low, high) => {
      const made = whole(value(low), value(high), most);
      return { tickvals: made.tickvals.map(place), ticktext: made.ticktext };
    };
    return { range: [-.5, spans.length - .5], again, showgrid: false, zeroline: false };
  };

  // The same where the rows have names: a cell goes by the first row that it covers.
  const namedCells = (module, spans, most) => {
    const place = (row) => { const at = spans.findIndex(([, end]) => row <= end); return at < 0 ? null : at; };
    const again = (low, high) => {
      const tickvals = gradlab.nameable(module, low, high, most, place);
      return { tickvals, ticktext: tickvals.map((at) => gradlab.plain(gradlab.elided(module.names[spans[at][0] - 1]))) };
    };
    return { again, showgrid: false, zeroline: false, tickfont: { size: innerWidth < 480 ? 10 : 11 } };
  };

  // A grid as a figure; `grid.module`: names of its rows, where they have names. `low`, `high`: ends of the colours; `bar`: where the colours are explained, null for nowhere.
  const drawn = (grid, { low, high, bar, numTicks, numNames = 24, choose }) => {
    const { values, absent, width, plain, special, kinds } = cells(grid), colors = gradlab.theme.colors;
    const traces = [{
      type: "heatmap", z: plain, zmin: low, zmax: high, colorscale: viridis, hoverinfo: "none", hoverongaps: true, showscale: bar !== null,
      ...(bar === null ? {} : { colorbar: { ...bar, outlinewidth: 0, tickfont: { color: colors.text }, ...marks(low, high, grid.scale) } }),
    }];
    if (kinds.size) traces.push({
      type: "heatmap", z: special, zmin: -.5, zmax: 2.5, showscale: false, hoverinfo: "none",
      colorscale: odd.flatMap(([, color], place) => [[place / 3, color], [(place + 1) / 3, color]]),
    });
    return {
      traces,
      layout: {
        showlegend: false, hovermode: "closest",
        xaxis: { title: { text: "step", standoff: 6 }, ...cellular(grid.columns, numTicks) },
        yaxis: { title: { text: grid.noun ?? "layer", standoff: 6 }, ...(grid.module ? namedCells(grid.module, grid.rows, numNames) : cellular(grid.rows, 10)), range: [grid.rows.length - .5, -.5] },
      },
      cursor: {
        columns: width, rows: grid.rows.length, choose,
        locate: (points) => { const index = points[0].pointIndex ?? points[0].pointNumber; return [index[1], index[0]]; },
        place: (x, y) => [x, y],
        describe: (x, y) => {
          const at = y * width + x, value = absent?.[at] ? null : values[at];
          const where = `${gradlab.rows(grid.module, grid.noun ?? "layer", ...grid.rows[y])}, ${gradlab.range(...grid.columns[x], "step", "steps")}`;
          const mean = grid.rows[y][0] !== grid.rows[y][1] || grid.columns[x][0] !== grid.columns[x][1];
          const exact = mean || !Number.isFinite(value) || value === null ? [] : [gradlab.exactly(grid.quantity, value)];
          return [where, `${grid.label}: ${gradlab.say(value, grid.scale)}${!mean || value === null ? "" : Number.isFinite(value) ? ", mean of the cell" : ", somewhere in the cell"}`, ...exact];
        },
      },
    };
  };

  // What the colours of cells without a finite value mean, as elements.
  const keys = (kinds) => [...kinds].sort().map((kind) => {
    const key = gradlab.element("span", "", { className: "key" }), swatch = document.createElement("i");
    swatch.style.background = odd[kind][1];
    swatch.textContent = odd[kind][2];
    key.append(swatch, odd[kind][0]);
    return key;
  });

  gradlab.heatmaps = { cells, drawn, ends, keys, marks, viridis };
}

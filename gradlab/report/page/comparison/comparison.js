// The page of a comparison: every side in a stroke of its own, on profiles, their differences, curves and heatmaps.
{
  const { data } = gradlab;
  const light = ["#0072b2", "#d55e00", "#00835f", "#a8467f", "#96690b", "#1b1f23", "#2a8ac4", "#7a7000"];
  const dark = ["#74c0fc", "#ff9d66", "#4fd1a5", "#eaa3cd", "#f5b942", "#ffffff", "#3f9ce8", "#f0e442"];
  const dashes = ["solid", "6px,3px", "2px,3px", "9px,3px,2px,3px", "14px,4px", "14px,3px,2px,3px,2px,3px"];
  const symbols = ["circle", "square", "diamond", "triangle-up", "triangle-down", "star", "cross", "hexagon", "pentagon", "bowtie", "hourglass", "x"];
  const paths = {
    circle: "M4 0A4 4 0 1 1-4 0A4 4 0 1 1 4 0Z", square: "M-3.5-3.5H3.5V3.5H-3.5Z", diamond: "M0-5L5 0L0 5L-5 0Z", "triangle-up": "M-4.5 3.5L0-4.5L4.5 3.5Z",
    "triangle-down": "M-4.5-3.5L0 4.5L4.5-3.5Z", star: "M0-5L1.3-1.6L4.8-1.5L2 .7L3 4L0 2L-3 4L-2 .7L-4.8-1.5L-1.3-1.6Z",
    cross: "M-1.5-4.5H1.5V-1.5H4.5V1.5H1.5V4.5H-1.5V1.5H-4.5V-1.5H-1.5Z", hexagon: "M-2.3-4H2.3L4.6 0L2.3 4H-2.3L-4.6 0Z",
    pentagon: "M0-4.8L4.6-1.5L2.8 4H-2.8L-4.6-1.5Z", bowtie: "M-4.5-4V4L4.5-4V4Z", hourglass: "M-4-4.5H4L-4 4.5H4Z", x: "M-4.5-2.5L-2.5-4.5L0-2L2.5-4.5L4.5-2.5L2 0L4.5 2.5L2.5 4.5L0 2L-2.5 4.5L-4.5 2.5L-2 0Z",
  };
  const color = (side) => (gradlab.theme.dark ? dark : light)[side % light.length];
  const dash = (side) => dashes[side % dashes.length];
  const symbol = (side) => symbols[side % symbols.length];
  const shown = data.sides.map(() => true);

  // ---- swatches: how a side is drawn, wherever it is named
  const svg = (tag, attributes) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return made;
  };
  const stroke = (side) => ({ stroke: color(side), "stroke-width": 2, fill: "none", ...(dash(side) === "solid" ? {} : { "stroke-dasharray": dash(side).replace(/px/g, "") }) });
  const swatches = () => document.querySelectorAll(".swatch[data-side]").forEach((place) => {
    const side = Number(place.dataset.side), picture = svg("svg", { width: 40, height: 14, viewBox: "0 0 40 14" });
    picture.append(svg("path", { d: "M1 7H39", ...stroke(side) }), svg("path", { d: paths[symbol(side)], transform: "translate(20 7)", fill: color(side) }));
    place.replaceChildren(picture);
  });

  // ---- lines
  const finite = Number.isFinite;
  const line = (x, y, side, more = {}) => ({
    ...gradlab.line(x, y, data.sides[side].letter, color(side), { line: { dash: dash(side) } }), mode: "lines+markers", hoverinfo: "none",
    marker: { color: color(side), symbol: symbol(side), size: 7, maxdisplayed: 9 }, ...more,
  });
  const thin = (x, y, side) => ({ ...gradlab.line(x, y, "", color(side), { line: { width: 1 } }), mode: "lines", opacity: .45, hoverinfo: "skip" });

  // Letters at the ends of lines, moved apart where they would lie on one another. `points`: side, x, y; `height`: pixels of the axis.
  const letters = (points, [low, high], height, end) => {
    const colors = gradlab.theme.colors, pixel = (value) => ((value - low) / (high - low)) * height;
    const placed = points.map((point) => ({ ...point, at: pixel(point.y) })).sort((a, b) => a.at - b.at);
    const gap = 15;
    for (let round = 0; round < 40; round += 1) {
      for (let place = 1; place < placed.length; place += 1) {
        const short = gap - (placed[place].at - placed[place - 1].at);
        if (short > 0) { placed[place].at += short / 2; placed[place - 1].at -= short / 2; }
      }
    }
    for (const point of placed) point.at = Math.max(7, Math.min(height - 7, point.at));  // none leaves the picture
    placed.forEach((point, place) => { if (place) point.at = Math.max(point.at, placed[place - 1].at + Math.min(gap, (height - 14) / placed.length)); });
    const over = (placed.at(-1)?.at ?? 0) - (height - 7);
    if (over > 0) for (let place = placed.length - 1, most = height - 7; place >= 0 && placed[place].at > most; place -= 1) { placed[place].at = most; most -= Math.min(gap, (height - 14) / placed.length); }
    return placed.map(({ side, x, y, at }) => ({
      x, y, text: `<b>${data.sides[side].letter}</b>`, showarrow: false, xref: "x", yref: "y", xanchor: end ? "left" : "right", xshift: end ? 6 : -6,
      yshift: at - pixel(y), font: { color: color(side), size: 13 }, bgcolor: colors.back, borderpad: 0,
    }));
  };

  const beyond = (lists) => any(lists, (value) => value !== null && !finite(value));
  const nothing = () => ({ text: "nothing to show", x: .5, y: .5, xref: "paper", yref: "paper", showarrow: false, font: { color: gradlab.theme.colors.muted } });
  const plotHeight = (id) => (document.getElementById(id).clientWidth < 480 ? 300 : 360);
  const nearest = (values, wanted) => {
    let best = 0;
    for (let place = 1; place < values.length; place += 1) if (Math.abs(values[place] - wanted) < Math.abs(values[best] - wanted)) best = place;
    return best;
  };
  const longest = (lists) => lists.reduce((best, list) => (list && list.length > best.length ? list : best), []);
  const say = (id, ...parts) => { document.getElementById(id).textContent = parts.filter(Boolean).join(" "); };
  const any = (lists, test) => lists.some((list) => list.some(test));
  const odd = (lists) => [
    any(lists, (value) => value === -Infinity) ? "▽ zero, shown at the lower edge." : "",
    any(lists, (value) => Number.isNaN(value) || value === Infinity) ? `${gradlab.broken.mark} ${gradlab.broken.words}, shown at the lower edge.` : "",
  ];

  // ---- profiles and differences
  const unpack = (side) => {
    if (!side) return null;
    const layers = side.layers ?? Array.from({ length: side.depth }, (_, place) => place + 1);
    return { depth: side.depth, layers, names: side.names, x: side.positions ? [...gradlab.floats(side.positions)] : layers.map((layer) => (side.depth > 1 ? (layer - 1) / (side.depth - 1) : 0)), values: [...gradlab.floats(side.values)], each: side.each.map((values) => [...gradlab.floats(values)]) };
  };
  for (const profile of data.profiles) for (const moment of Object.values(profile.moments)) {
    moment.sides = moment.sides.map(unpack);
    moment.differences = [null, ...moment.differences.map((one) => one && { x: [...gradlab.floats(one.positions)], values: [...gradlab.floats(one.values)] })];
  }
  let quantity = data.profiles[0], moment = data.profiles.some((profile) => profile.moments.final) ? "final" : "init";
  const at = (profile) => profile.moments[moment] ?? { sides: [], differences: [] };
  const visible = (lists) => lists.map((one, side) => [one, side]).filter(([one, side]) => one && shown[side]);
  const when = { final: "at the last finite step", init: "at the first step" };
  const depthAxis = { title: { text: "relative depth", standoff: 6 }, range: [-.09, 1.04], tickvals: [0, .25, .5, .75, 1], ticktext: ["0, input", "0.25", "0.5", "0.75", "1"], zeroline: false };

  const lines = (id, drawn, scale, unit, describe, base = null) => {
    const colors = gradlab.theme.colors, height = plotHeight(id);
    const [low, high] = gradlab.extent(...drawn.map(([one]) => one.values), ...drawn.flatMap(([one]) => one.each ?? []), base ? [0] : []);
    const { floor, ...axis } = gradlab.frame(low, high, scale, beyond(drawn.map(([one]) => one.values)));
    const ceiling = axis.range[1] - (axis.range[1] - axis.range[0]) * .02;
    const traces = drawn.flatMap(([one, side]) => (one.each ?? []).map((values) => thin(one.x, values, side)));
    for (const [one, side] of drawn) {
      const above = base ? one.x.filter((_, place) => one.values[place] === Infinity) : [];  // A is zero there
      const rest = base ? one.values.map((value) => (value === Infinity ? null : value)) : one.values;
      traces.push(line(one.x, one.values, side), ...gradlab.oddities(one.x, rest, floor, colors, { zero: color(side), broken: color(side) }));
      if (above.length) traces.push({ x: above, y: above.map(() => ceiling), type: "scatter", mode: "markers", hoverinfo: "none", marker: { symbol: "triangle-up-open", size: 8, color: color(side) } });
    }
    const ends = drawn.flatMap(([one, side]) => { const place = one.values.findIndex(finite); return place < 0 || one.x[place] > .3 ? [] : [{ side, x: one.x[place], y: one.values[place] }]; });
    if (base) ends.push({ side: 0, x: 0, y: 0 });
    const columns = longest(drawn.map(([one]) => one.x));
    return {
      traces,
      layout: { height, showlegend: false, hovermode: "x", xaxis: depthAxis, yaxis: { title: { text: unit, standoff: 6 }, ...axis, zeroline: false },
                annotations: drawn.length ? letters(ends, axis.range, height - 70, false) : [nothing()] },
      cursor: {
        columns: Math.max(columns.length, 1), rows: 1,
        locate: (points) => [nearest(columns, points[0].x), 0],
        place: (column) => { const value = drawn.find(([one]) => one.x === columns)?.[0].values[column]; return [columns[column] ?? 0, finite(value) ? value : floor]; },
        describe: (column) => (columns.length ? [`relative depth ${Number((columns[column]).toFixed(3))}, ${when[moment]}`, ...drawn.map(([one, side]) => describe(one, side, nearest(one.x, columns[column])))] : ["nothing to show"]),
      },
    };
  };

  const difference = (value, scale) => {
    if (Number.isNaN(value)) return "nan (not a number)";
    if (scale !== "decades") return `${value > 0 ? "+" : ""}${gradlab.say(value, scale)}`;
    if (value === -Infinity) return "zero here, not in A";
    if (value === Infinity) return "zero in A, not here";
    return `${gradlab.power(value)} times A's (${value > 0 ? "+" : ""}${value.toFixed(2)} decades)`;
  };

  const profilePicture = () => {
    const drawn = visible(at(quantity).sides);
    const missing = data.sides.filter((_, side) => shown[side] && !at(quantity).sides[side]).map((side) => side.letter);
    say("profile-note", `${quantity.label} (${quantity.quantity})${quantity.relative ? ", relative to the last hidden layer's," : ""} ${when[moment]}.`,
        missing.length ? `${missing.join(", ")}: no profile.` : "", drawn.some(([one]) => one.layers.length < one.depth) ? "Some of the layers are drawn." : "", ...odd(drawn.map(([one]) => one.values)));
    return lines("profile-plot", drawn, quantity.scale, "", (one, side, place) => {
      const seeds = one.each.map((values) => values[place]), [low, high] = gradlab.extent(seeds);
      const spread = seeds.length ? `; seeds ${quantity.scale === "decades" ? `${gradlab.power(low)} to ${gradlab.power(high)}` : `${gradlab.say(low, quantity.scale)} to ${gradlab.say(high, quantity.scale)}`}` : "";
      return `${data.sides[side].letter}, ${one.names ? one.names[place] : `layer ${one.layers[place]} of ${one.depth}`}: ${gradlab.say(one.values[place], quantity.scale)}${finite(low) ? spread : ""}`;
    });
  };
  const differencePicture = () => {
    const drawn = visible(at(quantity).differences), known = at(quantity).sides[0], values = drawn.map(([one]) => one.values);
    say("difference-note", known ? `${quantity.label}: each side against A, which is the line at ${quantity.scale === "decades" ? "1" : "0"}, layers between straight.` : "A has no profile, so there is nothing to hold the others against.",
        any(values, (value) => value === -Infinity) ? "▽ zero here, not in A." : "", any(values, (value) => value === Infinity) ? "△ zero in A, not here." : "", any(values, Number.isNaN) ? `${gradlab.broken.mark} ${gradlab.broken.words}.` : "");
    const made = lines("difference-plot", drawn, quantity.scale, quantity.scale === "decades" ? "times A's" : "more than A's", (one, side, place) => `${data.sides[side].letter}: ${difference(one.values[place], quantity.scale)}`, known && shown[0]);
    if (known && shown[0]) made.traces.unshift({ ...line([0, 1], [0, 0], 0), hoverinfo: "skip", mode: "lines" });
    return made;
  };

  // Small pictures without axes: `drawn` holds series with x and values, `loud` is the side that stands out, null for all alike.
  const mini = (drawn, loud, [left, right], position = (value) => value) => {
    const picture = svg("svg", { viewBox: "0 0 120 48", preserveAspectRatio: "none" });
    const heights = drawn.map(([one]) => one.values.map((value) => (finite(value) ? position(value) : value)));
    const [low, high] = gradlab.extent(...heights), across = (x) => 4 + ((x - left) / (right - left || 1)) * 112;
    const up = (value) => (high - low > 1e-9 ? 44 - ((value - low) / (high - low)) * 40 : 24);
    drawn.map(([one, side], place) => [one, side, heights[place]]).sort(([, a], [, b]) => (a === loud) - (b === loud)).forEach(([one, side, values]) => {
      // Of every few points the least, the largest and a gap: a spike is not thinned away.
      const step = Math.max(1, Math.ceil(one.x.length / 80)), kept = new Set([0, one.x.length - 1]);
      for (let from = 0; from < one.x.length; from += step) {
        let least = from, most = from;
        for (let index = from; index < Math.min(from + step, one.x.length); index += 1) {
          if (!finite(values[index])) { if (index === from || finite(values[index - 1])) kept.add(index); continue; }
          if (!finite(values[least]) || values[index] < values[least]) least = index;
          if (!finite(values[most]) || values[index] > values[most]) most = index;
        }
        kept.add(least).add(most);
      }
      let path = "", pen = false;
      one.x.forEach((x, index) => {
        if (!kept.has(index)) return;
        if (finite(values[index])) path += `${pen ? "L" : "M"}${across(x).toFixed(1)} ${up(values[index]).toFixed(1)}`;
        pen = finite(values[index]);
      });
      if (one.x.length === 1 && path) path += "h6";
      const quiet = loud !== null && side !== loud;
      picture.append(svg("path", { d: path, ...stroke(side), ...(quiet ? { stroke: gradlab.theme.colors.line, "stroke-dasharray": "none" } : {}), "vector-effect": "non-scaling-stroke" }));
    });
    return picture;
  };

  // The switch is made of small pictures of what it leads to.
  const minis = () => document.querySelectorAll(".mini").forEach((place) => {
    const profile = data.profiles.find((one) => one.quantity === place.dataset.quantity);
    place.replaceChildren(mini(visible(at(profile).sides), null, [0, 1]));
  });

  // On each side's card: where it stands among the others.
  const glances = () => document.querySelectorAll(".glance").forEach((place) => {
    const side = Number(place.dataset.side), parts = [];
    const add = (label, picture) => { const part = gradlab.element("span", label); part.append(picture); parts.push(part); };
    const profile = data.profiles[0]?.moments.final?.sides, loss = data.curves.find((curve) => curve.quantity === "loss")?.sides;
    if (profile?.[side]?.values.some(finite)) add(`${data.profiles[0].label} over depth`, mini(profile.map((one, other) => [one, other]).filter(([one]) => one), side, [0, 1]));
    if (loss?.[side]?.values.some(finite)) {
      const drawn = loss.map((one, other) => [one && { x: one.steps, values: one.values.map(gradlab.number) }, other]).filter(([one]) => one);
      const [low, high] = gradlab.extent(...drawn.map(([one]) => one.values));
      add("loss over the steps", mini(drawn, side, gradlab.extent(...drawn.map(([one]) => one.x)), low > 0 && high / low > 100 ? Math.log10 : undefined));
    }
    place.replaceChildren(...parts);
  });

  const pictures = [];
  if (data.profiles.length) {
    pictures.push(gradlab.figure("profile-plot", profilePicture), gradlab.figure("difference-plot", differencePicture));
    const titles = () => {
      say("profile-title", `${quantity.label} ${when[moment]}`);
      say("difference-title", `${quantity.label} against A`);
    };
    document.querySelector(`#moment-switch [value=${moment}]`).checked = true;
    const again = () => { titles(); minis(); pictures.slice(0, 2).forEach((figure) => figure.redraw()); };
    document.getElementById("quantity-switch").addEventListener("change", (event) => { quantity = data.profiles.find((one) => one.quantity === event.target.value); again(); });
    document.getElementById("moment-switch").addEventListener("change", (event) => { moment = event.target.value; again(); });
    again();
  }

  // ---- curves
  for (const curve of data.curves) {
    const id = `curve-${curve.quantity}`;
    const numbers = (one) => one && { ...one, values: one.values.map(gradlab.number), each: one.each?.map((seed) => ({ ...seed, values: seed.values.map(gradlab.number) })) };
    const sides = curve.sides.map(numbers), held = curve.held?.map(numbers) ?? [], constant = gradlab.number(curve.constant ?? null);
    pictures.push(gradlab.figure(id, () => {
      const colors = gradlab.theme.colors, height = plotHeight(id), drawn = visible(sides), points = visible(held);
      const everything = [...drawn, ...points].flatMap(([one]) => [one.values, ...one.each.map((seed) => seed.values)]);
      const [low, high] = gradlab.extent(...everything, constant === null || !drawn.length ? [] : [constant]);
      const wide = curve.scale === "figure" && low > 0 && high / low > 100, log = (value) => (wide && finite(value) ? Math.log10(value) : value);
      const { floor, ...axis } = gradlab.frame(log(low), log(high), wide ? "decades" : curve.scale, drawn.some(([one]) => !one.values.some(finite)) || beyond(points.map(([one]) => one.values)));
      const traces = drawn.length > 6 ? [] : drawn.flatMap(([one, side]) => one.each.map((seed) => thin(seed.steps, seed.values.map(log), side)));
      for (const [one, side] of drawn) {
        traces.push(line(one.steps, one.values.map(log), side));
        const broken = one.broken.map(([step, value]) => [step, gradlab.number(value)]);
        if (broken.length) traces.push({ x: broken.map(([step]) => step), y: broken.map(([, value]) => log(value)), type: "scatter", mode: "markers", hoverinfo: "skip", marker: { symbol: gradlab.broken.symbol, size: 12, color: gradlab.theme.color("diverged"), line: { width: 1, color: colors.back } } });
        if (!one.values.some(finite)) traces.push(...gradlab.oddities(one.steps, one.values, floor, colors, { broken: color(side) }));
      }
      for (const [one, side] of points) traces.push({ x: one.steps, y: one.values.map((value) => (finite(value) ? log(value) : null)), type: "scatter", mode: "markers", hoverinfo: "skip", marker: { symbol: `${symbol(side)}-open`, size: 11, color: color(side), line: { width: 2 } } });
      for (const [one, side] of points) traces.push(...gradlab.oddities(one.steps, one.values, floor, colors, { zero: color(side), broken: color(side) }).map((trace) => ({ ...trace, hoverinfo: "skip" })));
      const last = Math.max(1, ...drawn.flatMap(([one]) => [one.steps.at(-1), ...one.broken.map(([step]) => step)]));
      if (constant !== null && drawn.length) traces.unshift({ x: [0, last], y: [log(constant), log(constant)], type: "scatter", mode: "lines", hoverinfo: "skip", line: { color: colors.theory, dash: "2px,2px", width: 1.5 } });
      const ends = drawn.flatMap(([one, side]) => { const place = one.values.findLastIndex(finite); return place < 0 ? [] : [{ side, x: one.steps[place], y: log(one.values[place]) }]; });
      const unfinite = [
        drawn.some(([one]) => one.broken.length) && "from the mark on", drawn.some(([one]) => !one.values.some(finite)) && "at every step, shown at the lower edge",
        beyond(points.map(([one]) => one.values)) && "what was held out, shown at the lower edge",
      ].filter(Boolean);
      say(`${id}-note`, points.length ? "Large open marks: the held-out part." : "", constant !== null ? `Dotted grey: the best answer that does not look at the inputs, ${gradlab.say(constant, "figure")}.` : "",
          unfinite.length ? `${gradlab.broken.mark} ${gradlab.broken.words}: ${unfinite.join("; ")}.` : "");
      const columns = longest(drawn.map(([one]) => one.steps));
      return {
        traces,
        layout: { height, showlegend: false, hovermode: "x", xaxis: { title: { text: "step", standoff: 6 }, range: [-last * .02, last * 1.07], again: gradlab.wholes(0, last), zeroline: false },
                  yaxis: { ...axis, zeroline: false }, annotations: drawn.length ? letters(ends, axis.range, height - 70, true) : [nothing()] },
        cursor: {
          columns: Math.max(columns.length, 1), rows: 1,
          locate: (found) => [nearest(columns, found[0].x), 0],
          place: (column) => { const value = drawn.find(([one]) => one.steps === columns)?.[0].values[column]; return [columns[column] ?? 0, finite(value) ? log(value) : floor]; },
          describe: (column) => {
            const step = columns[column];
            if (step === undefined) return ["nothing to show"];
            return [`${curve.label}, step ${step}`, ...drawn.map(([one, side]) => {
              const place = nearest(one.steps, step), own = points.find(([, other]) => other === side)?.[0], also = own ? own.steps.indexOf(one.steps[place]) : -1;
              const elsewhere = one.steps[place] === step ? "" : ` at step ${one.steps[place]}`;
              return `${data.sides[side].letter}${elsewhere}: ${gradlab.say(one.values[place], curve.scale)}${also < 0 ? "" : `; held out ${gradlab.say(own.values[also], curve.scale)}`}`;
            })];
          },
        },
      };
    }));
  }

  // ---- heatmaps
  for (const one of data.grids) one.sides.forEach((own, place) => { if (own) Object.assign(own, { module: data.sides[place].module, noun: data.sides[place].module ? "row" : "layer" }); });
  if (data.grids.length) {
    let grid = data.grids[0];
    const { cells, drawn, ends, keys, marks, viridis } = gradlab.heatmaps;
    const narrow = (id) => document.getElementById(id).clientWidth < 420;
    const maps = data.sides.map((side, place) => gradlab.figure(`heatmap-${place}`, () => {
      const [low, high] = ends(grid.low, grid.high, grid.scale), own = grid.sides[place];
      note();
      if (!own) return { traces: [], layout: { height: 60, xaxis: { visible: false }, yaxis: { visible: false } } };
      const made = drawn(own, { low, high, bar: null, numNames: 14, numTicks: narrow(`heatmap-${place}`) ? 4 : 7 });
      return { ...made, layout: { ...made.layout, height: 300 } };
    }));
    const explain = () => {
      const [low, high] = ends(grid.low, grid.high, grid.scale), strip = gradlab.element("span", "", { className: "tones" });
      strip.style.background = `linear-gradient(to right, ${viridis.map(([share, tone]) => `${tone} ${share * 100}%`).join(", ")})`;
      const end = (value) => gradlab.element("span", grid.scale === "decades" ? gradlab.power(value) : gradlab.say(value, grid.scale));
      const inner = marks(low, high, grid.scale);
      const list = [gradlab.element("span", `${grid.label}:`), end(low), strip, end(high)];
      if (grid.low === null) list.splice(0, Infinity, gradlab.element("span", `${grid.label}: no finite value on any side`));
      document.getElementById("ramp").replaceChildren(...list);
      let last = 0;  // marks that would lie on one another are left out
      if (inner) inner.tickvals.forEach((value, place) => {
        const share = (value - low) / (high - low);
        if (share < .08 || share > .92 || (share - last) * strip.clientWidth < 48) return;
        last = share;
        const mark = gradlab.element("i", inner.ticktext[place]);
        mark.style.insetInlineStart = `${share * 100}%`;
        strip.append(mark);
      });
      data.sides.forEach((_, place) => {
        const own = grid.sides[place], absent = document.getElementById(`heatmap-${place}-absent`);
        document.getElementById(`heatmap-${place}-seed`).textContent = own && data.sides[place].seeds > 1 ? `seed ${own.seed}` : "";
        absent.hidden = Boolean(own);
        absent.textContent = own ? "" : `${grid.label} was not recorded`;
        document.getElementById(`heatmap-${place}`).classList.toggle("empty", !own);
      });
    };
    const note = () => {
      const kinds = new Set(), thinned = grid.sides.some((own) => own?.thinned);
      grid.sides.forEach((own) => { if (own) cells(own).kinds.forEach((kind) => kinds.add(kind)); });
      document.getElementById("heatmap-note").replaceChildren(gradlab.element("span", thinned ? `Where there are more layers or steps than cells, a cell is the mean of what it covers; one that covers ${grid.scale === "decades" ? "a zero or " : ""}what is not finite shows that. ` : ""), ...keys(kinds));
    };
    document.getElementById("switch").addEventListener("change", (event) => {
      grid = data.grids.find((one) => one.quantity === event.target.value);
      explain();
      maps.forEach((figure) => figure.redraw());
    });
    explain();
  }

  // ---- which sides are drawn; on a phone the switch scrolls, and shows that it does
  const switched = document.getElementById("side-switch");
  if (switched) {
    const look = () => { switched.dataset.more = gradlab.beyond(switched).filter((edge) => edge !== "down").join(" "); };
    switched.addEventListener("scroll", look, { passive: true });
    new ResizeObserver(look).observe(switched);
  }
  document.getElementById("side-switch")?.addEventListener("change", (event) => {
    shown[Number(event.target.value)] = event.target.checked;
    document.querySelectorAll("figure.heatmap").forEach((figure) => { figure.hidden = !shown[Number(figure.dataset.side)]; });
    minis();
    pictures.forEach((figure) => figure.redraw());
  });
  const small = () => { swatches(); minis(); glances(); };
  gradlab.theme.listeners.push(small);
  addEventListener("beforeprint", small);  // on paper the colours are those of the light theme
  addEventListener("afterprint", small);
  small();

  // ---- the tables
  const rows = document.getElementById("row-table");
  if (rows) gradlab.filter(rows, document.getElementById("row-filter"), document.getElementById("row-count"));
  const table = document.getElementById("figure-table");
  if (table) {
    const only = document.getElementById("changed-only");
    const apply = gradlab.filter(table, document.getElementById("figure-filter"), document.getElementById("figure-count"), (row) => !only.checked || row.dataset.changed === "yes");
    only.addEventListener("change", apply);
  }
}

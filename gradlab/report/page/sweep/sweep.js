// The page of a sweep: which runs are shown, the verdict map, the table, and what is told of the run that is chosen.
{
  const { data } = gradlab;
  const { members, words, axes } = data;
  const count = members.id.length;
  const element = gradlab.element;
  const find = (id) => document.getElementById(id);
  const text = (place) => members.texts[place];

  // Which runs are shown: those of every part that is set.
  const asked = { words: new Set(), cell: null, box: null, group: null };
  const listeners = [];
  let shown = new Uint8Array(count).fill(1);
  let chosen = null;

  const sweep = {
    asked, title: (member) => `${text(members.name[member])}-${members.id[member]}`, word: (member) => words[members.word[member]],
    shows: (member) => shown[member] === 1, get chosen() { return chosen; }, listen: (listener) => listeners.push(listener),
    sides: data.start ? [...data.start] : null,
  };
  gradlab.sweep = sweep;

  // Place of a member on an axis of the map as it is now: as its rows, its columns, or the only axis.
  sweep.row = (member) => axes[sweep.sides[0]][sweep.sides[1] < 0 ? "alone" : "down"].at[member];
  sweep.column = (member) => (sweep.sides[1] < 0 ? 0 : axes[sweep.sides[1]].across.at[member]);
  sweep.labels = () => [axes[sweep.sides[0]][sweep.sides[1] < 0 ? "alone" : "down"].labels, sweep.sides[1] < 0 ? ["verdict"] : axes[sweep.sides[1]].across.labels];

  const fits = (member) =>
    (!asked.words.size || asked.words.has(members.word[member])) &&
    (!asked.cell || (sweep.row(member) === asked.cell[0] && sweep.column(member) === asked.cell[1])) &&
    (!asked.box || asked.box.has(member)) && (asked.group === null || members.group[member] === asked.group);

  // ---- the table and the filter
  const table = find("member-table"), filter = find("member-filter");
  const apply = table ? gradlab.filter(table, filter, document.createElement("output"), (row) => fits(Number(row.dataset.row))) : () => {};

  const picked = () => {
    const parts = [];
    if (asked.cell) {
      const [rows, columns] = sweep.labels(), [down, across] = sweep.sides;
      parts.push(["cell", `${axes[down].name} ${rows[asked.cell[0]]}${across < 0 ? "" : `, ${axes[across].name} ${columns[asked.cell[1]]}`}`]);
    }
    if (asked.box) parts.push(["box", "the box over the lines"]);
    if (asked.group !== null) parts.push(["group", "one group"]);
    find("picked").replaceChildren(...parts.map(([part, said]) => {
      const button = element("button", `${said} ✕`, { type: "button", title: "show the others too" });
      button.addEventListener("click", () => { asked[part] = null; sweep.update(); });
      return button;
    }));
  };

  let waiting = 0;
  sweep.update = () => {
    apply();
    refresh();
  };
  const refresh = () => {
    let left = 0;
    for (const row of table.tBodies[0].rows) { shown[Number(row.dataset.row)] = row.hidden ? 0 : 1; left += !row.hidden; }
    const whole = left === count, all = data.total === count ? "" : ` listed, of ${data.total}`;
    find("member-count").textContent = whole ? `${gradlab.counted(count, "run")}${all}` : `${left} of ${gradlab.counted(count, "run")}${all}`;
    find("clear").hidden = whole && !asked.words.size && !asked.cell && !asked.box && asked.group === null && !filter.value;
    document.querySelectorAll(".chip").forEach((chip) => chip.setAttribute("aria-pressed", String(asked.words.has(words.indexOf(chip.dataset.word)))));
    document.querySelectorAll(".cell").forEach((cell) => cell.setAttribute("aria-pressed", String(
      Boolean(asked.cell) && Number(cell.dataset.row) === asked.cell[0] && Number(cell.dataset.column) === asked.cell[1])));
    picked();
    clearTimeout(waiting);
    waiting = setTimeout(() => listeners.forEach((listener) => listener()), 60);
  };

  if (table) {
    filter.addEventListener("input", refresh);
    document.querySelectorAll(".chip").forEach((chip) => chip.addEventListener("click", () => {
      const word = words.indexOf(chip.dataset.word);
      if (!asked.words.delete(word)) asked.words.add(word);
      sweep.update();
    }));
    find("clear").addEventListener("click", () => {
      asked.words.clear();
      Object.assign(asked, { cell: null, box: null, group: null });
      filter.value = "";
      sweep.update();
    });
    find("worst-first").addEventListener("click", () => {
      table.tBodies[0].append(...[...table.tBodies[0].rows].sort((one, other) => one.dataset.row - other.dataset.row));
      table.querySelectorAll("th[aria-sort]").forEach((head) => head.setAttribute("aria-sort", "none"));
    });
    table.addEventListener("click", (event) => {
      const button = event.target.closest("button[data-member]");
      if (button) sweep.choose(Number(button.dataset.member));
    });
  }

  // ---- groups: the number of runs shows only these
  const groups = find("group-table");
  if (groups) {
    const column = [...groups.tHead.rows[0].cells].findIndex((head) => head.dataset.name === "n");
    for (const row of groups.tBodies[0].rows) {
      const cell = row.cells[column];
      const button = element("button", cell.textContent, { type: "button", className: "plain", title: "show only these runs" });
      button.addEventListener("click", () => { asked.group = Number(row.dataset.row); sweep.update(); find("members").scrollIntoView(); });
      cell.replaceChildren(button);
    }
  }

  // ---- the map
  const map = find("map-table");
  const tally = (cell) => {
    const lines = [];
    for (let place = 1; place < cell.length; place += 2) lines.push(`${words[cell[place]]}: ${cell[place + 1]} of ${cell[0]}`);
    return lines;
  };
  const held = () => data.maps[sweep.sides.join(",")];
  const name = (label) => {
    const made = element("bdi", "");
    made.append(gradlab.breakable(label));
    return made;
  };
  const heading = (label, scope) => {
    const made = element("th", "", { scope });
    made.append(name(label));
    return made;
  };
  const muted = (said) => element("span", said, { className: "muted" });
  const drawMap = () => {
    const [rows, columns] = sweep.labels(), [down, across] = sweep.sides, { cells, rest } = held();
    const corner = heading(axes[down].name, "col");
    if (across >= 0) corner.append(muted(" ↓ · "), name(axes[across].name), muted(" →"));
    const top = element("tr", "");
    top.append(corner, ...columns.map((label) => heading(label, "col")));
    map.tHead.replaceChildren(top);
    map.tBodies[0].replaceChildren(...cells.map((line, row) => {
      const made = element("tr", "");
      made.append(heading(rows[row], "row"), ...line.map((cell, column) => {
        const place = element("td", "");
        if (!cell) { place.append(muted("–")); return place; }
        const word = words[cell[1]], button = element("button", "", { type: "button", className: `cell ${word}` });
        button.style.setProperty("--share", (cell[2] / cell[0]).toFixed(2));
        Object.assign(button.dataset, { row, column });
        button.append(gradlab.word(word), " ", element("span", `${cell[2]}/${cell[0]}`, { className: "share" }));
        place.append(button);
        return place;
      }));
      return made;
    }));
    find("map-note").textContent = rest;
    mix();
  };
  // Below the leading word of a cell whose runs do not agree: all verdicts in proportion.
  const mix = () => document.querySelectorAll(".cell").forEach((button) => {
    const cell = held().cells[Number(button.dataset.row)][Number(button.dataset.column)];
    if (cell.length <= 3) return;
    const strip = element("span", "", { className: "mix", ariaHidden: "true" });
    for (let place = 1; place < cell.length; place += 2) {
      const part = element("i", "", { className: words[cell[place]] });
      part.style.flexGrow = cell[place + 1];
      strip.append(part);
    }
    button.append(strip);
  });
  if (map) {
    const selects = [find("map-down"), find("map-across")];
    selects.forEach((select, side) => select.addEventListener("change", () => {
      const before = sweep.sides, now = selects.map((one) => Number(one.value));
      if (now[0] === now[1]) {  // the other side takes what this one had
        now[1 - side] = before[side];
        if (now[0] < 0) now[0] = before[0];
        selects.forEach((one, place) => { one.value = String(now[place]); });
      }
      sweep.sides = now;
      asked.cell = null;
      drawMap();
      here();
      sweep.update();
    }));
    map.addEventListener("click", (event) => {
      const cell = event.target.closest(".cell");
      if (!cell) return;
      const place = [Number(cell.dataset.row), Number(cell.dataset.column)];
      asked.cell = asked.cell && asked.cell.join() === place.join() ? null : place;
      gradlab.tip.hide();
      sweep.update();
    });
    const tip = (event) => {
      const cell = event.target.closest?.(".cell");
      if (!cell) return;
      const [rows, columns] = sweep.labels(), [down, across] = sweep.sides, row = Number(cell.dataset.row), column = Number(cell.dataset.column);
      const box = cell.getBoundingClientRect();
      const where = [`${axes[down].name}: ${rows[row]}`, ...(across < 0 ? [] : [`${axes[across].name}: ${columns[column]}`])];
      gradlab.tip.show([where.join(", "), ...tally(held().cells[row][column])], box.left + box.width / 2, box.bottom - 6);
    };
    map.addEventListener("mouseover", tip);
    map.addEventListener("focusin", (event) => { if (event.target.matches(":focus-visible")) tip(event); });
    for (const away of ["mouseout", "focusout"]) map.addEventListener(away, () => gradlab.tip.hide());
    mix();
  }
  // Marks the cell in which the chosen run lies.
  const here = () => document.querySelectorAll(".cell").forEach((cell) => cell.classList.toggle("here",
    chosen !== null && sweep.row(chosen) === Number(cell.dataset.row) && sweep.column(chosen) === Number(cell.dataset.column)));

  // ---- the run that is chosen
  let byKey = false, origin = null;
  addEventListener("keydown", () => { byKey = true; }, true);
  addEventListener("pointerdown", () => { byKey = false; }, true);

  const facts = (pairs) => {
    const list = element("dl", "", { className: "facts" });
    for (const [name, value] of pairs) {
      const told = element("dd", "");
      told.append(element("bdi", value));
      list.append(element("dt", name), told);
    }
    return list;
  };
  const line = (...parts) => { const made = element("p", "", { dir: "auto" }); made.append(...parts); return made; };

  const figures = (member) => members.figures.map(({ name, kind, values }) => {
    const value = gradlab.number(values[member]);
    return value === null ? null : [name, Number.isFinite(value) ? String(value) : gradlab.say(value, kind === "decades" ? "figure" : kind)];
  }).filter(Boolean);

  const details = (member) => {
    const own = members.link[member].endsWith("/") ? "its directory" : "its own page";
    const findings = element("ul", "", { className: "findings" });
    for (const [severity, rule, message, remedy] of members.findings[member].map((places) => places.map(text))) {
      const item = element("li", "", { className: severity });
      item.append(element("strong", `${severity}: ${rule}`));
      if (message !== text(members.why[member])) item.append(element("div", message, { dir: "auto" }));  // else it stands above
      if (remedy) item.append(element("p", `remedy: ${remedy}`, { className: "remedy", dir: "auto" }));
      findings.append(item);
    }
    const failed = members.failed[member].map(([condition, actual]) => line(
      element("strong", "FAILED", { className: "worse" }), " ", element("code", text(condition)), ` (it is ${text(actual)})`));
    const link = element("a", own, { href: members.link[member] });
    const set = axes.map((axis) => [axis.name, axis.values[axis.at[member]]]);
    const unread = members.unread[member] < 0 ? [] : [line(text(members.unread[member]))];
    return [
      line(gradlab.word(sweep.word(member)), " ", text(members.why[member])), ...failed, ...unread,
      line(link, " · ", element("code", `${data.command} ${members.id[member]}`), " writes its page"),
      ...(findings.children.length ? [findings] : []), facts([...set, ...figures(member), ["setting", text(members.setting[member])]]),
    ];
  };

  sweep.choose = (member) => {
    if (chosen === null || !find("details").contains(document.activeElement)) origin = document.activeElement;
    chosen = member;
    const title = find("details-title");
    title.replaceChildren(name(sweep.title(member)));
    find("details-body").replaceChildren(...details(member));
    find("details").hidden = false;
    find("details").scrollTop = 0;
    document.body.classList.add("chosen");
    table.querySelectorAll("tr.marked").forEach((row) => row.classList.remove("marked"));
    table.tBodies[0].querySelector(`tr[data-row="${member}"]`)?.classList.add("marked");
    if (map) here();
    gradlab.tip.hide();
    if (byKey) title.focus({ preventScroll: true });
    listeners.forEach((listener) => listener());
  };
  const close = () => {
    if (chosen === null) return;
    chosen = null;
    find("details").hidden = true;
    document.body.classList.remove("chosen");
    table.querySelectorAll("tr.marked").forEach((row) => row.classList.remove("marked"));
    if (map) here();
    if (byKey) origin?.focus?.({ preventScroll: true });
    listeners.forEach((listener) => listener());
  };
  find("details-close").addEventListener("click", close);
  addEventListener("keydown", (event) => { if (event.key === "Escape") close(); });

  if (table) refresh();
}

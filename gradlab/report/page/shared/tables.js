// Tables: sorted by any column, filtered by words, exact values on hover.
{
  // Numbers by size, words by the alphabet; what has no value stands last whichever way it is sorted.
  const key = (cell) => {
    const exact = cell.dataset.v;
    if (exact === undefined) return cell.textContent.trim() === "–" ? null : cell.textContent.trim();
    const value = exact === "inf" || exact === "-inf" ? Infinity * (exact === "inf" ? 1 : -1) : Number(exact);
    return Number.isNaN(value) ? null : value;
  };
  const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true }));

  gradlab.sortable = (table) => {
    const body = table.tBodies[0];
    table.querySelectorAll("thead th").forEach((head, column) => {
      head.querySelector("button")?.addEventListener("click", () => {
        const direction = head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
        table.querySelectorAll("thead th[aria-sort]").forEach((other) => other.setAttribute("aria-sort", "none"));
        head.setAttribute("aria-sort", direction);
        const sign = direction === "ascending" ? 1 : -1;
        const rows = [...body.rows].map((row) => [key(row.cells[column]), row]);
        rows.sort(([a], [b]) => (a === null ? (b === null ? 0 : 1) : b === null ? -1 : sign * compare(a, b)));
        body.append(...rows.map(([, row]) => row));
      });
    });
  };

  // Shows the rows in which every word occurs. `also(row)` may ask for more; `count` says how many are left.
  gradlab.filter = (table, input, count, also = () => true) => {
    const rows = [...table.tBodies[0].rows].map((row) => [row, row.textContent.toLowerCase()]);
    const apply = () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let left = 0;
      for (const [row, text] of rows) {
        const fits = words.every((word) => text.includes(word)) && also(row);
        row.hidden = !fits;
        left += fits;
      }
      count.textContent = left === rows.length ? gradlab.counted(rows.length, "row") : `${left} of ${gradlab.counted(rows.length, "row")}`;
    };
    input.addEventListener("input", apply);
    apply();
    return apply;
  };

  // Whether a region goes on beyond its edges: `start`, `end`, `down`.
  const beyond = gradlab.beyond = (region) => [
    Math.abs(region.scrollLeft) > 1 ? "start" : "", region.scrollWidth - region.clientWidth - Math.abs(region.scrollLeft) > 1 ? "end" : "",
    region.scrollHeight - region.clientHeight - region.scrollTop > 1 ? "down" : "",
  ].filter(Boolean);

  // Columns whose end lies beyond the right edge, and rows beyond the lower one.
  const hidden = (region) => {
    const { right, bottom } = region.getBoundingClientRect(), table = region.querySelector("table");
    const columns = [...(table?.tHead?.rows[0]?.cells ?? [])].filter((cell) => cell.getBoundingClientRect().right > right + 1).length;
    const rows = [...(table?.tBodies[0]?.rows ?? [])].filter((row) => !row.hidden && row.getBoundingClientRect().bottom > bottom + 1).length;
    return [[columns, "column", "to the right"], [rows, "row", "below"]].filter(([count]) => count).map(([count, what, where]) => `${count} more ${what}${count === 1 ? "" : "s"} ${where}`);
  };

  // Says and shows that a table scrolls.
  gradlab.edged = (region) => {
    const frame = gradlab.element("div", "", { className: "frame" }), more = gradlab.element("p", "", { className: "more", ariaHidden: "true" });
    const focused = document.activeElement === region;
    region.replaceWith(frame);
    frame.append(region, gradlab.element("i", "", { className: "beside" }), gradlab.element("i", "", { className: "below" }));
    frame.after(more);
    if (focused) region.focus();
    let waiting = 0;
    const look = () => {
      waiting = 0;
      const edges = beyond(region);
      frame.dataset.more = edges.join(" ");
      more.textContent = edges.length && region.clientWidth ? hidden(region).join(", ") : "";
      more.hidden = region.scrollWidth <= region.clientWidth + 1 && region.scrollHeight <= region.clientHeight + 1;
    };
    const soon = () => { waiting ||= requestAnimationFrame(look); };
    region.addEventListener("scroll", soon, { passive: true });
    const watch = new ResizeObserver(soon);
    watch.observe(region);
    for (const part of region.children) watch.observe(part);
    look();
  };

  document.querySelectorAll("table.sortable").forEach(gradlab.sortable);
  document.querySelectorAll(".scroll").forEach(gradlab.edged);
  document.addEventListener("mouseover", (event) => {
    const cell = event.target.closest?.("td[data-v]");
    if (!cell) return;
    const head = cell.closest("table").querySelectorAll("thead th")[cell.cellIndex];
    const box = cell.getBoundingClientRect();
    gradlab.tip.show([head.dataset.name ?? head.textContent.trim(), cell.dataset.v], box.left, box.bottom - 8);
  });
  document.addEventListener("mouseout", (event) => { if (event.target.closest?.("td[data-v]")) gradlab.tip.hide(); });
}

(function () {
  "use strict";
  var root = document.documentElement;
  var table = document.getElementById("table");
  var body = table.tBodies[0];
  var heads = Array.prototype.slice.call(table.tHead.rows[table.tHead.rows.length - 1].cells);
  var cases = document.getElementById("cases");
  var search = document.getElementById("search");
  var group = document.getElementById("group");
  var count = document.getElementById("count");
  var rows = Array.prototype.map.call(body.rows, function (row, place) {
    return {
      row: row,
      place: place,
      card: document.getElementById(row.dataset.card),
      id: row.dataset.id.toLowerCase(),
      group: row.dataset.group
    };
  });
  root.classList.add("js");

  function value(entry, column) {
    var text = entry.row.cells[column].dataset.v;
    if (heads[column].dataset.kind === "text") return text;
    return text === "" ? null : Number(text);
  }

  function compare(column, direction) {
    return function (a, b) {
      var x = value(a, column), y = value(b, column);
      if (x === null || y === null) {
        if (x === y) return a.place - b.place;
        return x === null ? 1 : -1;
      }
      if (x === y) return a.place - b.place;
      var less = typeof x === "string" ? x.localeCompare(y, "en", { numeric: true }) < 0 : x < y;
      return (less ? -1 : 1) * direction;
    };
  }

  function arrange() {
    var lines = document.createDocumentFragment();
    var cards = document.createDocumentFragment();
    rows.forEach(function (entry) {
      lines.appendChild(entry.row);
      if (entry.card) cards.appendChild(entry.card);
    });
    body.appendChild(lines);
    cases.appendChild(cards);
  }

  function sort(column) {
    var head = heads[column];
    var now = head.getAttribute("aria-sort");
    var first = head.dataset.first === "descending" ? "descending" : "ascending";
    var other = first === "ascending" ? "descending" : "ascending";
    var next = now === first ? other : first;
    heads.forEach(function (one) { one.removeAttribute("aria-sort"); });
    head.setAttribute("aria-sort", next);
    rows.sort(compare(column, next === "ascending" ? 1 : -1));
    arrange();
  }

  function filter() {
    var words = search.value.toLowerCase().trim();
    var wanted = group.value;
    var shown = 0;
    rows.forEach(function (entry) {
      var fits = entry.id.indexOf(words) >= 0 && (wanted === "" || entry.group === wanted);
      entry.row.hidden = !fits;
      if (entry.card) entry.card.hidden = !fits;
      if (fits) shown += 1;
    });
    count.textContent = shown + " of " + rows.length + " shown";
  }

  heads.forEach(function (head, column) {
    var button = document.createElement("button");
    button.type = "button";
    button.title = head.title;
    while (head.firstChild) button.appendChild(head.firstChild);
    head.appendChild(button);
    button.addEventListener("click", function () { sort(column); });
  });
  search.addEventListener("input", filter);
  group.addEventListener("change", filter);
  filter();

  document.addEventListener("keydown", function (event) {
    var typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName || "");
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/") {
      search.focus();
      event.preventDefault();
      return;
    }
    var step = event.key === "j" ? 1 : event.key === "k" ? -1 : 0;
    if (!step) return;
    var visible = rows.filter(function (entry) { return entry.card && !entry.card.hidden; });
    if (!visible.length) return;
    var at = visible.findIndex(function (entry) { return "#" + entry.card.id === location.hash; });
    var next = at < 0 ? 0 : Math.min(visible.length - 1, Math.max(0, at + step));
    location.hash = visible[next].card.id;
    visible[next].card.scrollIntoView();
  });
})();

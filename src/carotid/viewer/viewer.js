/* Words, moves, and the start. */

const measured = (name, digits, unit) => {
  const value = artery[name][row], sd = artery[`${name}Sd`][row];
  if (value === null) return "–";
  return value.toFixed(digits) + (sd === null ? "" : ` ± ${sd.toFixed(digits)}`) + unit;
};

const told = () => {
  const s = Math.round(10 * artery.s[row]) / 10 || 0; // never -0
  const place = artery.fromBifurcation ? `${s > 0 ? "+" : ""}${s.toFixed(1)} mm from the bifurcation` : `${s.toFixed(1)} mm along the artery`;
  $("where").textContent = `${place}${artery.segment[row] ? ", " + artery.segment[row] : ""}; slice ${artery.slice[row]}`;
  const rows = [
    ["Lumen area", measured("la", 1, " mm²")],
    ["Total vessel area", measured("tva", 1, " mm²")],
    ["Normalised wall index", measured("nwi", 2, "")],
    ["Thickness of the wall, mean", measured("mean", 2, " mm")],
    ["Thickness of the wall, largest (arrow)", measured("max", 2, " mm")],
  ];
  $("numbers").replaceChildren(...rows.map(([name, value]) => {
    const line = document.createElement("tr"), head = document.createElement("th"), cell = document.createElement("td");
    head.scope = "row"; head.textContent = name; cell.textContent = value;
    line.append(head, cell);
    return line;
  }));
  const read = { yes: "", lumen: "The wall is not counted here. ", no: "This slice is not counted. " }[artery.readable[row]];
  $("flags").textContent = read + (artery.flags[row] ? `Flags: ${artery.flags[row].replaceAll(",", ", ").replaceAll("_", " ")}.` : "");
};

let waiting = false;
const go = (to) => {
  row = Math.min(Math.max(to, 0), artery.s.length - 1);
  $("s").value = row;
  $("s").setAttribute("aria-valuetext", `${artery.s[row].toFixed(1)} mm`);
  told();
  draw();
  markCurve();
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    moveRing();
  });
};

const nearest = (s) => artery.s.reduce((best, v, k) => (Math.abs(v - s) < Math.abs(artery.s[best] - s) ? k : best), 0);

const choose = (number, to) => {
  artery = scene.arteries[number];
  $("artery").value = number;
  $("s").max = artery.s.length - 1;
  for (const name of ["narrowest", "thickest"]) $(name).disabled = artery.jump[name] === undefined;
  $("bifurcation").disabled = !artery.fromBifurcation;
  curve();
  go(to === undefined ? (artery.fromBifurcation ? nearest(0) : 0) : to);
};

/* Sizes change without the window: a bar to scroll with comes and goes. */
let wide = 0;
const fit = () => {
  if (wide === $("space").clientWidth) return;
  wide = $("space").clientWidth;
  curve();
  markCurve();
  Plotly.Plots.resize($("space")).then(show);
};

const start = () => {
  $("artery").append(...scene.arteries.map((one, k) => new Option(title(one), k)));
  wide = $("space").clientWidth;
  show();
  choose(0);
  $("artery").addEventListener("change", (event) => choose(Number(event.target.value)));
  $("s").addEventListener("input", (event) => go(Number(event.target.value)));
  $("narrowest").addEventListener("click", () => go(artery.jump.narrowest));
  $("thickest").addEventListener("click", () => go(artery.jump.thickest));
  $("bifurcation").addEventListener("click", () => go(nearest(0)));
  $("surface").addEventListener("change", show);
  $("lines").addEventListener("change", show);
  $("view").addEventListener("change", turn);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { show(); draw(); });
  new ResizeObserver(fit).observe($("space"));
  $("curve").addEventListener("click", (event) => {
    const box = $("curve").getBoundingClientRect();
    go(nearest(along(event.clientX - box.left)));
  });
  $("space").on("plotly_relayouting", (event) => { if (event["scene.camera"]) $("view").value = viewName(event["scene.camera"]); });
  $("space").on("plotly_relayout", turned);
  $("space").on("plotly_click", (event) => {
    const point = event.points[0];
    const number = point.data.meta;
    if (number === undefined) return;
    choose(number, Math.floor(point.pointNumber / RING));
  });
};

if (artery) start();
else $("space").textContent = "There are no arteries to show.";

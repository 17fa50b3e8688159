/* The curve: areas inside lumen and outer wall along the artery, on one scale for all arteries. */

const HIGH = 170, FOOT = 20, HEAD = 20, LEFT = 36, RIGHT = 6;
const NORMAL_95 = 1.96;

const areas = scene.arteries.flatMap((one) => [...one.la, ...one.tva]).filter((v) => v !== null);
const largest = Math.max(1, ...areas);
const tick = [1, 2, 5, 10, 20, 25, 50, 100, 200, 500].find((step) => largest / step <= 4) || 1000;
const most = tick * Math.ceil(largest / tick);

const curveWidth = () => Math.max($("curve").getBoundingClientRect().width, 200);
const ends = () => [artery.s[0], artery.s[artery.s.length - 1]];
const across = (s) => {
  const [low, high] = ends();
  return LEFT + ((s - low) / Math.max(high - low, 1e-6)) * (curveWidth() - LEFT - RIGHT);
};
const along = (x) => {
  const [low, high] = ends();
  return low + ((x - LEFT) / (curveWidth() - LEFT - RIGHT)) * (high - low);
};
const up = (v) => HEAD + (HIGH - FOOT - HEAD) * (1 - Math.min(Math.max(v / most, 0), 1));
const dot = (k, v) => `${across(artery.s[k]).toFixed(1)} ${up(v).toFixed(1)}`;

/* Runs of slices that belong together and have all the values. */
const runs = (...lists) => {
  const found = [];
  let open = false;
  artery.s.forEach((_, k) => {
    if (k && !artery.joined[k - 1]) open = false;
    if (lists.some((list) => list[k] === null)) { open = false; return; }
    if (!open) found.push([]);
    open = true;
    found[found.length - 1].push(k);
  });
  return found;
};
const line = (values) => runs(values).map((run) => "M" + run.map((k) => dot(k, values[k])).join("L")).join("");
const band = (values, spread) => runs(values, spread).map((run) => {
  const edge = (sign) => run.map((k) => dot(k, values[k] + sign * NORMAL_95 * spread[k]));
  return "M" + [...edge(1), ...edge(-1).reverse()].join("L") + "Z";
}).join("");

const curve = () => {
  const wide = curveWidth(), foot = HIGH - FOOT, place = (v) => `${v > 0 ? "+" : v < 0 ? "−" : ""}${Math.abs(v)} mm`;
  const text = (x, y, anchor, words) => `<text x="${x}" y="${y}" text-anchor="${anchor}">${words}</text>`;
  const ticks = Array.from({ length: most / tick + 1 }, (_, n) => n * tick);
  const [low, high] = ends();
  const fork = artery.fromBifurcation && low <= 0 && high >= 0;
  $("curve").setAttribute("viewBox", `0 0 ${wide} ${HIGH}`);
  $("curve").innerHTML = ticks.map((v) => `<path class="${v ? "grid" : "axis"}" d="M${LEFT} ${up(v)}H${wide - RIGHT}"/>`
      + text(LEFT - 6, up(v) + 4, "end", v)).join("")
    + (fork ? `<path class="zero" d="M${across(0).toFixed(1)} ${HEAD}V${foot}"/>`
      + text(Math.min(Math.max(across(0), 112), wide - 34).toFixed(1), 12, "middle", "bifurcation") : "")
    + `<path class="band outer" d="${band(artery.tva, artery.tvaSd)}"/><path class="band lumen" d="${band(artery.la, artery.laSd)}"/>`
    + `<path class="outer" d="${line(artery.tva)}"/><path class="lumen" d="${line(artery.la)}"/><path class="now" id="now" d=""/>`
    + text(0, 12, "start", "area, mm²") + text(LEFT, HIGH - 4, "start", place(Math.round(low)))
    + text(wide - RIGHT, HIGH - 4, "end", place(Math.round(high)));
  $("bands").hidden = !artery.laSd.some((v) => v !== null);
};

const markCurve = () => $("now").setAttribute("d", `M${across(artery.s[row]).toFixed(1)} ${HEAD}V${HIGH - FOOT}`);

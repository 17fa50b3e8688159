/* The arteries in 3D: walls, lumens, centerlines, the ring at the slider, letters of directions. */

const always = () => true;

/* Two triangles between each two points of two neighbouring rings, where they are wanted. */
const surface = (one, rings, wanted) => {
  const x = [], y = [], z = [], i = [], j = [], k = [];
  const add = (a, b, c) => {
    if (wanted(a) && wanted(b) && wanted(c)) { i.push(a); j.push(b); k.push(c); }
  };
  one.height.forEach((height, r) => {
    for (let p = 0; p < RING; p++) {
      const at = 2 * (RING * r + p), there = known(rings, r); // else no triangle has it
      x.push(there ? rings[at] : one.middle[2 * r]);
      y.push(there ? rings[at + 1] : one.middle[2 * r + 1]);
      z.push(height);
    }
    if (r === 0 || !one.joined[r - 1] || !known(rings, r) || !known(rings, r - 1)) return;
    for (let p = 0; p < RING; p++) {
      const q = (p + 1) % RING, low = RING * (r - 1), up = RING * r;
      add(low + p, low + q, up + p);
      add(low + q, up + q, up + p);
    }
  });
  return { x, y, z, i, j, k };
};

const GLASS = 0.3;

/* Every mesh has its own `uid`: Plotly takes one of the same place for the same, colors and all. */
const traces = () => {
  const shown = $("surface").value, lines = $("lines").checked, found = [];
  const light = { ambient: 0.75, diffuse: 0.4, specular: 0.1, roughness: 0.7 };
  scene.arteries.forEach((one, number) => {
    const common = { type: "mesh3d", lighting: light, meta: number, showlegend: false };
    const said = (words) => `${title(one)}<br>${words}<extra></extra>`;
    if (shown !== "wall") {
      found.push({ ...common, uid: `lumen${number}`, ...surface(one, one.lumen, always), color: css("--lumen"),
        opacity: lines ? GLASS : 1, hovertemplate: said("lumen") });
    }
    if (shown === "lumen") return;
    const read = (p) => !Number.isNaN(one.thickness[p]), opacity = shown === "both" || lines ? GLASS : 1;
    found.push({ ...common, uid: `wall${number}`, ...surface(one, one.wall, read), opacity,
      intensity: Array.from(one.thickness, (v) => (Number.isNaN(v) ? 0 : v)),
      cmin: 0, cmax: scene.top, colorscale: scene.colors, showscale: number === 0,
      colorbar: { title: { text: "mm", side: "top" }, thickness: 12, len: 0.42, y: 0, yanchor: "bottom",
        x: 1, xanchor: "right", xpad: 14, /* below the letter L */ dtick: 1, tickformat: "d",
        tickfont: { color: css("--ink") }, bgcolor: "rgba(0,0,0,0)" },
      hovertemplate: said("wall %{intensity:.2f} mm") });
    const rest = surface(one, one.wall, always), grey = { ...rest, i: [], j: [], k: [] };
    rest.i.forEach((a, n) => {
      if (read(a) && read(rest.j[n]) && read(rest.k[n])) return;
      grey.i.push(a); grey.j.push(rest.j[n]); grey.k.push(rest.k[n]);
    });
    if (grey.i.length) {
      found.push({ ...common, uid: `grey${number}`, ...grey, opacity, color: css("--unread"), hovertemplate: said("wall not read") });
    }
  });
  if (!lines) return found;
  for (const one of scene.centerlines) {
    const n = one.points.length / 3, at = (c) => Array.from({ length: n }, (_, k) => one.points[3 * k + c]);
    const fork = one.label === "bifurcation";
    found.push({ type: "scatter3d", uid: `${one.side} ${one.label}`, mode: fork ? "markers" : "lines", x: at(0), y: at(1), z: at(2),
      showlegend: false, line: { color: css("--accent"), width: 5 }, marker: { color: css("--accent"), size: 5, symbol: "diamond" },
      hovertemplate: `${one.side} ${fork ? "bifurcation" : "centerline, " + one.label}<extra></extra>` });
  }
  return found;
};

const RING_SIZE = 1.15; // so wide that it lies around the surface

/* The slice that is shown, as a ring around the artery. */
const ring = () => {
  const rings = $("surface").value !== "lumen" && known(artery.wall, row) ? artery.wall : artery.lumen;
  if (!known(rings, row)) return { x: [], y: [], z: [] };
  const points = outlineOf(rings, row), middle = middleOf(points);
  const around = (c) => [...points, points[0]].map((one) => middle[c] + RING_SIZE * (one[c] - middle[c]));
  return { x: around(0), y: around(1), z: Array(RING + 1).fill(artery.height[row]) };
};

const moveRing = () => {
  const { x, y, z } = ring();
  Plotly.restyle($("space"), { x: [x], y: [y], z: [z] }, [0]);
};

const bounds = () => {
  const low = [Infinity, Infinity, Infinity], high = [-Infinity, -Infinity, -Infinity];
  const take = (c, v) => { if (v < low[c]) low[c] = v; if (v > high[c]) high[c] = v; };
  for (const one of scene.arteries) {
    one.wall.forEach((v, n) => { if (!Number.isNaN(v)) take(n % 2, v); });
    one.lumen.forEach((v, n) => { if (!Number.isNaN(v)) take(n % 2, v); });
    for (const h of one.height) take(2, h);
  }
  for (const one of scene.centerlines) one.points.forEach((v, n) => take(n % 3, v));
  return [low, high];
};

const EYES = { front: [0, 1], back: [0, -1], right: [1, 0], left: [-1, 0] };
const FAR = 5, RAISED = 0.1; // so far that one can zoom in without parts behind the eye
const viewFrom = (name) => ({ eye: { x: FAR * EYES[name][0], y: FAR * EYES[name][1], z: FAR * RAISED }, center: { x: 0, y: 0, z: 0 },
  up: { x: 0, y: 0, z: 1 }, projection: { type: "orthographic" } });

/* Where the eye is, as a direction: how far one has moved the picture aside changes nothing. */
const direction = (camera) => {
  const center = camera.center || { x: 0, y: 0, z: 0 };
  const way = ["x", "y", "z"].map((c) => camera.eye[c] - center[c]), length = Math.hypot(...way);
  return way.map((v) => v / length);
};
const viewName = (camera) => {
  const way = direction(camera);
  const same = (name) => direction(viewFrom(name)).every((v, c) => Math.abs(v - way[c]) < 0.01);
  return Object.keys(EYES).find(same) || "hand";
};
const cameraNow = () => ($("view").value === "hand" ? $("space").layout.scene.camera : viewFrom($("view").value));

const ROOM_MM = 8;
const SEEN = 1.9; // units of Plotly from top to bottom; the distance of the eye changes nothing here
const ACROSS = 0.75; // letters of an axis are shown where it does not point at the eye

const letters = (camera) => {
  const [low, high] = bounds(), middle = low.map((v, c) => (v + high[c]) / 2), way = direction(camera);
  const room = 0.99 * ROOM_MM; // on the edge, Plotly would leave out some
  const word = (text, c, value, more) => {
    const [x, y, z] = middle.map((v, n) => (n === c ? value : v));
    return { text, x, y, z, showarrow: false, font: { color: css("--soft"), size: 14 }, ...more };
  };
  return [
    ["R", 0, high[0] + room], ["L", 0, low[0] - room], ["A", 1, high[1] + room], ["P", 1, low[1] - room],
    ["head", 2, high[2] + room, { yanchor: "bottom" }],
  ].filter((one) => Math.abs(way[one[1]]) < ACROSS).map((one) => word(...one));
};

const layout = () => {
  const [low, high] = bounds(), camera = cameraNow(), box = $("space").getBoundingClientRect();
  const hidden = (c) => ({ visible: false, showspikes: false, range: [low[c] - ROOM_MM, high[c] + ROOM_MM] });
  const size = low.map((v, c) => high[c] - v + 2 * ROOM_MM);
  const fit = SEEN / Math.max(size[2], (Math.max(size[0], size[1]) * box.height) / box.width);
  return {
    margin: { l: 0, r: 0, t: 18, b: 0 }, paper_bgcolor: "rgba(0,0,0,0)", font: { color: css("--ink") }, uirevision: "same",
    hoverlabel: { bgcolor: css("--field"), font: { color: css("--ink") } },
    scene: { xaxis: hidden(0), yaxis: hidden(1), zaxis: hidden(2), camera, uirevision: "same",
      aspectmode: "manual", aspectratio: { x: fit * size[0], y: fit * size[1], z: fit * size[2] }, annotations: letters(camera) },
  };
};

/* Plotly sorts by depth in 16 bits over a range that is far too long: walls and lumens would show in stripes. */
const DEPTH = 4 * FAR;
const sortFinely = () => {
  const plot = $("space")._fullLayout.scene._scene.glplot;
  if (!(plot.zFar > DEPTH)) return;
  plot.zFar = DEPTH;
  plot.redraw();
};

const show = () => {
  const mark = { type: "scatter3d", uid: "ring", mode: "lines", ...ring(), hoverinfo: "skip", showlegend: false,
    line: { color: css("--ring"), width: 7 } };
  return Plotly.react($("space"), [mark, ...traces()], layout(), { displayModeBar: false, scrollZoom: true }).then(sortFinely);
};

const turn = () => {
  const camera = viewFrom($("view").value);
  Plotly.relayout($("space"), { "scene.camera": camera, "scene.annotations": letters(camera) });
};

/* After a drag: what the list says, and the letters. */
const turned = (event) => {
  const camera = event["scene.camera"];
  if (!camera) return;
  $("view").value = viewName(camera);
  const wanted = letters(camera), there = $("space").layout.scene.annotations;
  if (wanted.map((one) => one.text).join() !== there.map((one) => one.text).join()) {
    Plotly.relayout($("space"), { "scene.annotations": wanted });
  }
};

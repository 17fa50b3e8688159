"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const scene = JSON.parse($("scene").textContent);
  const RING = scene.ring;
  const NAMES = { internal: "common and internal", external: "external" };
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const floats = (text) => {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    return new Float32Array(bytes.buffer);
  };
  for (const one of scene.arteries) {
    for (const name of ["middle", "lumen", "wall", "thickness"]) one[name] = floats(one[name]);
    if (one.tiles) {
      one.image = new Image();
      one.image.src = one.tiles;
      one.image.decode().then(() => draw()).catch(() => {});
    }
  }
  for (const one of scene.centerlines) one.points = floats(one.points);

  let artery = scene.arteries[0];
  let row = 0;

  /* --- surfaces --- */

  const known = (rings, k) => !Number.isNaN(rings[2 * RING * k]);

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

  const title = (one) => `${one.side} ${NAMES[one.label]}`;

  /* Every mesh has its own `uid`: Plotly takes one of the same place for the same, colors and all. */
  const traces = () => {
    const shown = $("surface").value, found = [];
    const light = { ambient: 0.75, diffuse: 0.4, specular: 0.1, roughness: 0.7 };
    scene.arteries.forEach((one, number) => {
      const common = { type: "mesh3d", lighting: light, meta: number, showlegend: false };
      const said = (words) => `${title(one)}<br>${words}<extra></extra>`;
      if (shown !== "wall") {
        found.push({ ...common, uid: `lumen${number}`, ...surface(one, one.lumen, always), color: css("--lumen"), hovertemplate: said("lumen") });
      }
      if (shown !== "lumen") {
        const read = (p) => !Number.isNaN(one.thickness[p]), opacity = shown === "both" ? 0.35 : 1;
        found.push({ ...common, uid: `wall${number}`, ...surface(one, one.wall, read), opacity,
          intensity: Array.from(one.thickness, (v) => (Number.isNaN(v) ? 0 : v)),
          cmin: 0, cmax: scene.top, colorscale: scene.colors, showscale: number === 0,
          colorbar: { title: { text: "mm", side: "top" }, thickness: 12, len: 0.6, x: 1, xanchor: "right", xpad: 6, dtick: 1, tickformat: "d",
            tickfont: { color: css("--ink") }, bgcolor: "rgba(0,0,0,0)" },
          hovertemplate: said("wall %{intensity:.2f} mm") });
        const rest = surface(one, one.wall, always), grey = { ...rest, i: [], j: [], k: [] };
        rest.i.forEach((a, n) => {
          if (read(a) && read(rest.j[n]) && read(rest.k[n])) return;
          grey.i.push(a); grey.j.push(rest.j[n]); grey.k.push(rest.k[n]);
        });
        if (grey.i.length) found.push({ ...common, uid: `grey${number}`, ...grey, opacity, color: css("--unread"), hovertemplate: said("wall not read") });
      }
    });
    if ($("lines").checked) {
      for (const one of scene.centerlines) {
        const n = one.points.length / 3, at = (c) => Array.from({ length: n }, (_, k) => one.points[3 * k + c]);
        const fork = one.label === "bifurcation";
        found.push({ type: "scatter3d", mode: fork ? "markers" : "lines", x: at(0), y: at(1), z: at(2), showlegend: false,
          line: { color: css("--outer"), width: 3 }, marker: { color: css("--outer"), size: 5, symbol: "diamond" },
          hovertemplate: `${one.side} ${fork ? "bifurcation" : "centerline, " + one.label}<extra></extra>` });
      }
    }
    return found;
  };

  /* The slice that is shown, as rings and as a corner of the scan's letters. */
  const marks = () => {
    const at = (rings) => {
      const x = [], y = [], z = [];
      if (known(rings, row)) {
        for (let p = 0; p <= RING; p++) {
          const q = 2 * (RING * row + (p % RING));
          x.push(rings[q]); y.push(rings[q + 1]); z.push(artery.height[row]);
        }
      }
      return { x, y, z };
    };
    return [artery.wall, artery.lumen].map((rings) => ({ type: "scatter3d", mode: "lines", ...at(rings), hoverinfo: "skip",
      showlegend: false, line: { color: css("--ink"), width: 6 } }));
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
  const camera = () => {
    const [x, y] = EYES[$("view").value];
    return { eye: { x: 1.25 * x, y: 1.25 * y, z: 0.12 }, up: { x: 0, y: 0, z: 1 }, projection: { type: "orthographic" } };
  };

  const ROOM_MM = 8;
  const SEEN = 1.9; // units of Plotly from top to bottom; the distance of the eye changes nothing here

  const layout = () => {
    const [low, high] = bounds(), middle = low.map((v, c) => (v + high[c]) / 2);
    const hidden = (c) => ({ visible: false, showspikes: false, range: [low[c] - ROOM_MM, high[c] + ROOM_MM] });
    const word = (text, x, y, z) => ({ text, x, y, z, showarrow: false, font: { color: css("--soft"), size: 14 } });
    const size = low.map((v, c) => high[c] - v + 2 * ROOM_MM), box = $("space").getBoundingClientRect();
    const fit = SEEN / Math.max(size[2], (Math.max(size[0], size[1]) * box.height) / box.width);
    return {
      margin: { l: 0, r: 0, t: 0, b: 0 }, paper_bgcolor: "rgba(0,0,0,0)", font: { color: css("--ink") }, uirevision: "same",
      hoverlabel: { bgcolor: css("--field"), font: { color: css("--ink") } },
      scene: { xaxis: hidden(0), yaxis: hidden(1), zaxis: hidden(2), camera: camera(), uirevision: "same",
        aspectmode: "manual", aspectratio: { x: fit * size[0], y: fit * size[1], z: fit * size[2] },
        annotations: [word("R", high[0] + ROOM_MM, middle[1], middle[2]), word("L", low[0] - ROOM_MM, middle[1], middle[2]),
          word("head", middle[0], middle[1], high[2] + 5)] },
    };
  };

  const show = () => {
    Plotly.react($("space"), [...marks(), ...traces()], layout(), { displayModeBar: false, responsive: true, scrollZoom: true });
  };

  /* --- the slice --- */

  const draw = () => {
    const canvas = $("slice"), paint = canvas.getContext("2d"), size = canvas.width;
    const { pixels, half, columns } = scene.tile;
    paint.fillStyle = "#000";
    paint.fillRect(0, 0, size, size);
    if (artery.image && artery.image.complete && artery.image.naturalWidth) {
      const left = (row % columns) * pixels, top = Math.floor(row / columns) * pixels;
      paint.imageSmoothingQuality = "high";
      paint.drawImage(artery.image, left + 0.5, top + 0.5, pixels - 1, pixels - 1, 0, 0, size, size);
    }
    const x0 = artery.middle[2 * row], y0 = artery.middle[2 * row + 1], scale = size / (2 * half);
    const outline = (rings, color, dash) => {
      if (!known(rings, row)) return;
      paint.beginPath();
      for (let p = 0; p < RING; p++) {
        const q = 2 * (RING * row + p);
        paint.lineTo(size / 2 - (rings[q] - x0) * scale, size / 2 - (rings[q + 1] - y0) * scale);
      }
      paint.closePath();
      paint.strokeStyle = color;
      paint.lineWidth = 3;
      paint.setLineDash(dash);
      paint.stroke();
    };
    outline(artery.wall, "#ffd23f", [12, 5]);
    outline(artery.lumen, "#ff5a4f", []);
    paint.setLineDash([]);
    paint.font = "600 26px system-ui, Arial, sans-serif";
    paint.lineWidth = 5;
    paint.strokeStyle = "#000";
    paint.fillStyle = "#fff";
    const write = (text, x, y) => { paint.strokeText(text, x, y); paint.fillText(text, x, y); };
    write("R", 12, size / 2 + 9);
    write("A", size / 2 - 9, 32);
    write("5 mm", size - 20 - 5 * scale + (5 * scale - paint.measureText("5 mm").width) / 2, size - 32);
    paint.strokeRect(size - 20 - 5 * scale, size - 22, 5 * scale, 5);
    paint.fillRect(size - 20 - 5 * scale, size - 22, 5 * scale, 5);
  };

  /* --- the curve --- */

  const WIDE = 600, HIGH = 150, FOOT = 18, LEFT = 34;
  const across = (s) => {
    const low = artery.s[0], high = artery.s[artery.s.length - 1];
    return LEFT + ((s - low) / Math.max(high - low, 1e-6)) * (WIDE - LEFT - 6);
  };
  const curve = () => {
    const values = [...artery.la, ...artery.tva].filter((v) => v !== null);
    const top = Math.max(1, ...values) * 1.05, up = (v) => (HIGH - FOOT) * (1 - v / top) + 2;
    const line = (list) => {
      let pen = false;
      return list.map((v, k) => {
        if (k && !artery.joined[k - 1]) pen = false;
        if (v === null) { pen = false; return ""; }
        const step = `${pen ? "L" : "M"}${across(artery.s[k]).toFixed(1)} ${up(v).toFixed(1)}`;
        pen = true;
        return step;
      }).join("");
    };
    const zero = artery.fromBifurcation && artery.s[0] < 0 && artery.s[artery.s.length - 1] > 0
      ? `<path class="zero" d="M${across(0).toFixed(1)} 0V${HIGH - FOOT + 2}"/>` : "";
    const ends = [artery.s[0], artery.s[artery.s.length - 1]].map((s) => Math.round(s));
    $("curve").innerHTML = `${zero}<path class="outer" d="${line(artery.tva)}"/><path class="lumen" d="${line(artery.la)}"/>`
      + `<path class="now" id="now" d=""/><text x="0" y="12">${Math.round(top)}</text><text x="0" y="26">mm²</text>`
      + `<text x="${LEFT}" y="${HIGH - 3}">${ends[0]} mm</text><text x="${WIDE - 4}" y="${HIGH - 3}" text-anchor="end">${ends[1]} mm</text>`
      + `<text x="${WIDE / 2}" y="${HIGH - 3}" text-anchor="middle">outer outline dashed, lumen solid</text>`;
  };

  /* --- words --- */

  const number = (value, digits, unit) => (value === null ? "–" : `${value.toFixed(digits)}${unit}`);
  const told = () => {
    const s = Math.round(10 * artery.s[row]) / 10 || 0; // never -0
    const place = artery.fromBifurcation ? `${s > 0 ? "+" : ""}${s.toFixed(1)} mm from the bifurcation` : `${s.toFixed(1)} mm along the artery`;
    $("where").textContent = `${place}${artery.segment[row] ? ", " + artery.segment[row] : ""}; slice ${artery.slice[row]}`;
    const rows = [
      ["Lumen area", number(artery.la[row], 1, " mm²")],
      ["Total vessel area", number(artery.tva[row], 1, " mm²")],
      ["Normalised wall index", number(artery.nwi[row], 2, "")],
      ["Thickness of the wall, mean", number(artery.mean[row], 2, " mm")],
      ["Thickness of the wall, largest", number(artery.max[row], 2, " mm")],
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

  /* --- moves --- */

  let waiting = false;
  const go = (to) => {
    row = Math.min(Math.max(to, 0), artery.s.length - 1);
    $("s").value = row;
    $("s").setAttribute("aria-valuetext", `${artery.s[row].toFixed(1)} mm`);
    told();
    draw();
    const x = across(artery.s[row]).toFixed(1);
    $("now").setAttribute("d", `M${x} 0V${HIGH - FOOT + 2}`);
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      const rings = marks();
      Plotly.restyle($("space"), { x: rings.map((r) => r.x), y: rings.map((r) => r.y), z: rings.map((r) => r.z) }, [0, 1]);
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

  if (!artery) {
    $("space").textContent = "There are no arteries to show.";
    return;
  }
  $("artery").append(...scene.arteries.map((one, k) => new Option(title(one), k)));
  show();
  choose(0);
  $("artery").addEventListener("change", (event) => choose(Number(event.target.value)));
  $("s").addEventListener("input", (event) => go(Number(event.target.value)));
  $("narrowest").addEventListener("click", () => go(artery.jump.narrowest));
  $("thickest").addEventListener("click", () => go(artery.jump.thickest));
  $("bifurcation").addEventListener("click", () => go(nearest(0)));
  $("surface").addEventListener("change", show);
  $("lines").addEventListener("change", show);
  $("view").addEventListener("change", () => Plotly.relayout($("space"), { "scene.camera": camera() }));
  scheme.addEventListener("change", show);
  $("curve").addEventListener("click", (event) => {
    const box = $("curve").getBoundingClientRect(), x = ((event.clientX - box.left) / box.width) * WIDE;
    const low = artery.s[0], high = artery.s[artery.s.length - 1];
    go(nearest(low + ((x - LEFT) / (WIDE - LEFT - 6)) * (high - low)));
  });
  $("space").on("plotly_click", (event) => {
    const point = event.points[0];
    const number = point.data.meta;
    if (number === undefined) return;
    choose(number, Math.floor(point.pointNumber / RING));
  });
})();

/* The slice: the scan around the artery, outlines, and an arrow at the thickest place of the wall. */

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
  const at = ([x, y]) => [size / 2 - (x - x0) * scale, size / 2 - (y - y0) * scale]; // seen from the feet
  const outline = (rings, color, dash) => {
    if (!known(rings, row)) return;
    paint.beginPath();
    for (const point of outlineOf(rings, row)) paint.lineTo(...at(point));
    paint.closePath();
    paint.strokeStyle = color;
    paint.lineWidth = 3;
    paint.setLineDash(dash);
    paint.stroke();
  };
  outline(artery.wall, css("--scan-outer"), [12, 5]);
  outline(artery.lumen, css("--scan-lumen"), []);
  paint.setLineDash([]);
  arrow(paint, at);
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

/* From outside towards the thickest place; directions count from anterior towards lateral. */
const arrow = (paint, at) => {
  const degrees = artery.maxDegrees[row];
  if (degrees === null || !known(artery.wall, row) || !known(artery.lumen, row)) return;
  const angle = (degrees * Math.PI) / 180, outward = artery.side === "right" ? 1 : -1;
  const way = [outward * Math.sin(angle), Math.cos(angle)], middle = middleOf(outlineOf(artery.lumen, row));
  const along = ([x, y]) => (x - middle[0]) * way[0] + (y - middle[1]) * way[1];
  const reach = Math.max(...outlineOf(artery.wall, row).map(along));
  const place = (mm, aside) => at([middle[0] + mm * way[0] - aside * way[1], middle[1] + mm * way[1] + aside * way[0]]);
  const tip = reach + 0.5;
  const path = (...points) => { paint.moveTo(...points[0]); for (const one of points.slice(1)) paint.lineTo(...one); };
  paint.beginPath();
  path(place(tip + 3.5, 0), place(tip, 0));
  path(place(tip + 1.1, 0.6), place(tip, 0), place(tip + 1.1, -0.6));
  for (const [color, width] of [["#000b", 9], ["#fff", 4]]) {
    paint.strokeStyle = color;
    paint.lineWidth = width;
    paint.stroke();
  }
};

for (const one of scene.arteries) {
  if (!one.tiles) continue;
  one.image = new Image();
  one.image.src = one.tiles;
  one.image.decode().then(() => draw()).catch(() => {});
}

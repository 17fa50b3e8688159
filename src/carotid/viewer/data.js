/* What the page is about: arteries as data, and the slice that is shown now. */

const $ = (id) => document.getElementById(id);
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const scene = JSON.parse($("scene").textContent);
const RING = scene.ring;
const NAMES = { internal: "common and internal", external: "external" };

let artery = scene.arteries[0];
let row = 0;

const title = (one) => `${one.side} ${NAMES[one.label]}`;

const floats = (text) => {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  return new Float32Array(bytes.buffer);
};
for (const one of scene.arteries) {
  for (const name of ["middle", "lumen", "wall", "thickness"]) one[name] = floats(one[name]);
}
for (const one of scene.centerlines) one.points = floats(one.points);

/* Whether a slice has an outline. */
const known = (rings, k) => !Number.isNaN(rings[2 * RING * k]);

/* The points of an outline, [x, y] in mm. */
const outlineOf = (rings, k) => Array.from({ length: RING }, (_, p) => {
  const at = 2 * (RING * k + p);
  return [rings[at], rings[at + 1]];
});

const middleOf = (points) => [0, 1].map((c) => points.reduce((sum, one) => sum + one[c], 0) / points.length);

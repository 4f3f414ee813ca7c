// Sorts the Gaussians from far to near along a viewing direction, off the page's own thread.
// In:  {places: Float32Array of x y z}, once; then {forward: [x, y, z]}, as often as the view turns.
// Out: {order: Uint32Array}.
let places, keys, halfway, order;

onmessage = ({ data }) => {
  if (data.places) {
    places = data.places;
    const count = places.length / 3;
    keys = new Float32Array(count);
    halfway = new Uint32Array(count);
    return;
  }
  sort(data.forward);
  postMessage({ order }, [order.buffer]);
};

function sort([x, y, z]) {
  const count = keys.length;
  let farthest = -Infinity;
  for (let i = 0; i < count; i++) {
    keys[i] = places[3 * i] * x + places[3 * i + 1] * y + places[3 * i + 2] * z;
    if (keys[i] > farthest) farthest = keys[i];
  }
  // No key is below zero then, and the bits of such floats are in the order of the floats.
  for (let i = 0; i < count; i++) keys[i] = farthest - keys[i];
  const bits = new Uint32Array(keys.buffer);
  order = new Uint32Array(count);
  pass(bits, 0, null, halfway);
  pass(bits, 16, halfway, order);
}

// One step of a radix sort, by 16 bits: stable, so that two of them sort by 32.
function pass(bits, shift, from, to) {
  const starts = new Uint32Array(65537);
  for (let i = 0; i < bits.length; i++) starts[((bits[i] >>> shift) & 65535) + 1]++;
  for (let b = 0; b < 65536; b++) starts[b + 1] += starts[b];
  for (let i = 0; i < bits.length; i++) {
    const item = from ? from[i] : i;
    to[starts[(bits[item] >>> shift) & 65535]++] = item;
  }
}

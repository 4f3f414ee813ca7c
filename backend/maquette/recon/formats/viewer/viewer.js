// Shows the model of this page: unpacks it, keeps it sorted, and turns it by mouse, finger and keyboard.
"use strict";

const byId = (id) => document.getElementById(id);
const text = (id) => byId(id).textContent;
const canvas = byId("canvas");
const state = (name) => { document.documentElement.dataset.state = name; };

function fail(words) {
  byId("message").textContent = words;
  byId("message").hidden = false;
  byId("words").hidden = true;
  canvas.hidden = true;
  state("failed");
}

// ---- the model: SPZ version 3, base64

async function unpack() {
  const letters = text("model"), step = 4 << 18, parts = [];
  for (let at = 0; at < letters.length; at += step)
    parts.push(Uint8Array.from(atob(letters.slice(at, at + step)), (letter) => letter.charCodeAt(0)));
  const unpacked = new Blob(parts).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(unpacked).arrayBuffer());
}

function parse(bytes) {
  const view = new DataView(bytes.buffer), count = view.getUint32(8, true), degree = bytes[12];
  const unit = 2 ** -bytes[13], shBytes = 3 * ((degree + 1) ** 2 - 1);
  const starts = [16];
  for (const width of [9, 1, 3, 3, 4]) starts.push(starts.at(-1) + count * width);
  const [atPlace, atAlpha, atColor, atScale, atRotation, atHarmonics] = starts;
  const places = new Float32Array(3 * count);
  for (let i = 0, at = atPlace; i < places.length; i++, at += 3)
    places[i] = (((bytes[at] << 8) | (bytes[at + 1] << 16) | (bytes[at + 2] << 24)) >> 8) * unit;
  const splats = new Uint32Array(8 * count), floats = new Float32Array(splats.buffer);
  for (let i = 0; i < count; i++) {
    floats.set(places.subarray(3 * i, 3 * i + 3), 8 * i);
    const c = atColor + 3 * i, s = atScale + 3 * i;
    splats[8 * i + 3] = bytes[c] | (bytes[c + 1] << 8) | (bytes[c + 2] << 16) | (bytes[atAlpha + i] << 24);
    splats[8 * i + 4] = view.getUint32(atRotation + 4 * i, true);
    splats[8 * i + 5] = bytes[s] | (bytes[s + 1] << 8) | (bytes[s + 2] << 16);
  }
  const sets = Math.ceil(shBytes / 16), harmonics = new Uint8Array(16 * sets * count);
  for (let i = 0; i < count && sets; i++)
    harmonics.set(bytes.subarray(atHarmonics + shBytes * i, atHarmonics + shBytes * (i + 1)), 16 * sets * i);
  return { count, degree, places, splats, harmonics: new Uint32Array(harmonics.buffer) };
}

// ---- drawing

function program(gl) {
  const made = gl.createProgram();
  for (const [kind, id] of [[gl.VERTEX_SHADER, "vertex"], [gl.FRAGMENT_SHADER, "fragment"]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, text(id).trim());
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
    gl.attachShader(made, shader);
  }
  gl.linkProgram(made);
  if (!gl.getProgramParameter(made, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(made));
  return made;
}

function texture(gl, unit, words) {
  const most = gl.getParameter(gl.MAX_TEXTURE_SIZE), width = Math.min(4096, most);
  const height = Math.max(1, Math.ceil(words.length / 4 / width));
  if (height > most) throw new Error("The model is too large for this graphics card.");
  const padded = new Uint32Array(4 * width * height);
  padded.set(words);
  gl.activeTexture(gl.TEXTURE0 + unit);
  gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
  for (const filter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, filter, gl.NEAREST);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA32UI, width, height, 0, gl.RGBA_INTEGER, gl.UNSIGNED_INT, padded);
}

class Drawing {
  constructor(gl, model) {
    this.gl = gl;
    this.shown = 0;
    this.program = program(gl);
    gl.useProgram(this.program);
    texture(gl, 0, model.splats);
    texture(gl, 1, model.harmonics);
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 1, -1, -1, 1, 1, 1]), gl.STATIC_DRAW);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
    this.order = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, this.order);
    gl.enableVertexAttribArray(1);
    gl.vertexAttribIPointer(1, 1, gl.UNSIGNED_INT, 0, 0);
    gl.vertexAttribDivisor(1, 1);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.clearColor(0.086, 0.094, 0.114, 1);
    gl.uniform1i(this.at("splats"), 0);
    gl.uniform1i(this.at("harmonics"), 1);
    gl.uniform1i(this.at("degree"), model.degree);
  }

  at(name) { return this.gl.getUniformLocation(this.program, name); }

  sorted(order) {
    this.gl.bindBuffer(this.gl.ARRAY_BUFFER, this.order);
    this.gl.bufferData(this.gl.ARRAY_BUFFER, order, this.gl.DYNAMIC_DRAW);
    this.shown = order.length;
  }

  draw(camera) {
    const gl = this.gl, { width, height } = canvas;
    gl.viewport(0, 0, width, height);
    gl.clear(gl.COLOR_BUFFER_BIT);
    for (const name of ["eye", "right", "up", "forward"]) gl.uniform3fv(this.at(name), camera[name]);
    gl.uniform2f(this.at("screen"), width, height);
    gl.uniform1f(this.at("focal"), camera.focal(width, height));
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, this.shown);
  }
}

// ---- the camera, around a point; y is up

class Camera {
  constructor(start) { this.start = start; this.reset(); }

  reset() {
    this.target = [...this.start.target];
    this.distance = this.start.distance;
    this.yaw = this.start.yaw;
    this.pitch = this.start.pitch;
  }

  focal(width, height) { return 0.5 * Math.min(width, height) / Math.tan(Math.PI / 8); }
  get forward() {
    return [-Math.sin(this.yaw) * Math.cos(this.pitch), -Math.sin(this.pitch), -Math.cos(this.yaw) * Math.cos(this.pitch)];
  }
  get right() { return [Math.cos(this.yaw), 0, -Math.sin(this.yaw)]; }
  get up() {
    return [-Math.sin(this.yaw) * Math.sin(this.pitch), Math.cos(this.pitch), -Math.cos(this.yaw) * Math.sin(this.pitch)];
  }
  get eye() { const f = this.forward; return this.target.map((t, i) => t - this.distance * f[i]); }

  turn(across, down) {
    this.yaw -= across;
    this.pitch = Math.min(1.55, Math.max(-1.55, this.pitch + down));
  }

  move(across, down) {  // in screen heights at the distance of the target
    const { right, up } = this, size = 2 * Math.tan(Math.PI / 8) * this.distance;
    this.target = this.target.map((t, i) => t - size * (across * right[i] - down * up[i]));
  }

  approach(factor) {
    this.distance = Math.min(100, Math.max(0.02, this.distance / this.start.distance * factor)) * this.start.distance;
  }
}

// ---- what people do

function listen(camera, changed) {
  const pointers = new Map();
  const scale = () => 1 / Math.min(canvas.clientWidth, canvas.clientHeight);
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, event);
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (event) => pointers.delete(event.pointerId));
  canvas.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const dx = (event.clientX - before.clientX) * scale(), dy = (event.clientY - before.clientY) * scale();
    if (pointers.size === 2) {
      const other = [...pointers.values()].find((pointer) => pointer.pointerId !== event.pointerId);
      const apart = (a) => Math.hypot(a.clientX - other.clientX, a.clientY - other.clientY) + 1;
      camera.approach(apart(before) / apart(event));
      camera.move(dx / 2, dy / 2);
    } else if (event.buttons & 2 || event.shiftKey) camera.move(dx, dy);
    else camera.turn(4 * dx, 4 * dy);
    pointers.set(event.pointerId, event);
    changed();
  });
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    camera.approach(Math.exp(Math.max(-100, Math.min(100, event.deltaY * (event.deltaMode ? 30 : 1))) * 0.002));
    changed();
  }, { passive: false });
  const keys = {
    ArrowLeft: () => camera.turn(0.1, 0), ArrowRight: () => camera.turn(-0.1, 0),
    ArrowUp: () => camera.turn(0, 0.1), ArrowDown: () => camera.turn(0, -0.1),
    "+": () => camera.approach(0.9), "-": () => camera.approach(1.1),
    r: () => camera.reset(),
  };
  window.addEventListener("keydown", (event) => {
    const act = keys[event.key] ?? keys[event.key.toLowerCase()];
    if (!act || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    act();
    changed();
  });
  canvas.addEventListener("dblclick", () => { camera.reset(); changed(); });
}

async function show() {
  const gl = canvas.getContext("webgl2", { antialias: false, powerPreference: "high-performance", preserveDrawingBuffer: true });
  if (!gl) return fail("This browser has no WebGL 2, which the model is drawn with. Try a current Firefox, Chrome, Edge or Safari.");
  if (!window.DecompressionStream) return fail("This browser is too old to unpack the model. Try a current Firefox, Chrome, Edge or Safari.");
  canvas.addEventListener("webglcontextlost", () => fail("The graphics card gave up. Reload the page to see the model again."));
  const model = parse(await unpack());
  const drawing = new Drawing(gl, model), camera = new Camera(JSON.parse(text("start")));
  const sorter = new Worker(URL.createObjectURL(new Blob([text("sorter")], { type: "text/javascript" })));
  let sortedBy = null, sorting = false, waiting = false;

  const sort = () => {
    const forward = camera.forward;
    if (sorting || (sortedBy && forward.every((f, i) => Math.abs(f - sortedBy[i]) < 0.005))) return;
    sorting = true;
    sortedBy = forward;
    sorter.postMessage({ forward });
  };
  const frame = () => {
    waiting = false;
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    const width = Math.max(1, Math.round(canvas.clientWidth * ratio)), height = Math.max(1, Math.round(canvas.clientHeight * ratio));
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    drawing.draw(camera);
    sort();
  };
  const changed = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(frame);
  };
  sorter.onerror = () => fail("The model could not be sorted: this browser runs no workers here.");
  sorter.onmessage = ({ data }) => {
    sorting = false;
    drawing.sorted(data.order);
    byId("message").hidden = true;
    changed();
    requestAnimationFrame(() => state("shown"));
  };
  sorter.postMessage({ places: model.places });
  listen(camera, changed);
  new ResizeObserver(changed).observe(canvas);
  changed();
}

state("loading");
show().catch((error) => fail(`The model could not be shown: ${error.message}`));

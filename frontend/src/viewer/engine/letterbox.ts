/** Where a photo lies in the canvas: whole, centred, as large as fits. CSS pixels. */

export interface Rectangle {
  left: number;
  top: number;
  width: number;
  height: number;
  /** Canvas pixels a photo pixel. */
  scale: number;
}

export function letterbox(photo: { width: number; height: number }, canvas: { width: number; height: number }): Rectangle {
  const scale = Math.min(canvas.width / photo.width, canvas.height / photo.height);
  const [width, height] = [photo.width * scale, photo.height * scale];
  return { left: (canvas.width - width) / 2, top: (canvas.height - height) / 2, width, height, scale };
}

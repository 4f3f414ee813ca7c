const SIDE_PX = 320;

/** Small pictures made one after another: two hundred photos at full size would fill the memory. */
export class Thumbnails {
  private last: Promise<unknown> = Promise.resolve();
  private made: string[] = [];
  private closed = false;

  make(file: File, done: (url: string) => void): void {
    this.last = this.last.then(() => this.one(file, done)).catch(() => {
      // HEIC and TIFF are read by the server, not by every browser: such a photo shows its name alone.
    });
  }

  private async one(file: File, done: (url: string) => void): Promise<void> {
    if (this.closed) return;
    const bitmap = await createImageBitmap(file, { resizeWidth: SIDE_PX, resizeQuality: "medium" });
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
    bitmap.close();
    const url = URL.createObjectURL(await canvas.convertToBlob({ type: "image/jpeg", quality: 0.8 }));
    this.made.push(url);
    done(url);
  }

  close(): void {
    this.closed = true;
    for (const url of this.made) URL.revokeObjectURL(url);
  }
}

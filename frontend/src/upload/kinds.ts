/** What a file is for, as far as its name tells; the server looks at its content. */
export type Kind = "photo" | "mask" | "video" | "archive" | "cameras";

const ENDINGS: readonly [Kind, RegExp][] = [
  ["mask", /\.mask\.png$/i],
  ["photo", /\.(jpe?g|png|webp|tiff?|heic|heif)$/i],
  ["video", /\.(mp4|mov|avi|mkv|webm|m4v)$/i],
  ["archive", /\.zip$/i],
  ["cameras", /(^|\/)(transforms\.json|(cameras|images|points3D)\.(txt|bin)|[^/]*_par\.txt)$/i],
];

export function kindOf(path: string): Kind | null {
  return ENDINGS.find(([, ending]) => ending.test(path))?.[0] ?? null;
}

/** Files that systems leave in folders, and copies that other programs make smaller: nobody means to send them. */
export function isLeftOver(path: string): boolean {
  return path.split("/").some((part) => /^(\.|__MACOSX$|thumbs\.db$|desktop\.ini$|images_\d+$)/i.test(part));
}

export const ACCEPT = ".jpg,.jpeg,.png,.webp,.tif,.tiff,.heic,.heif,.mp4,.mov,.avi,.mkv,.webm,.m4v,.zip,.json,.txt,.bin";

/** Line drawings, 20 x 20, in the colour of the text beside them. */

const PATHS = {
  frame: "M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4M7.5 10a2.5 2.5 0 1 0 5 0 2.5 2.5 0 1 0-5 0",
  reset: "M4 10a6 6 0 1 1 2 4.5M4 16v-3.5h3.5",
  orbit: "M7 10a3 3 0 1 0 6 0 3 3 0 1 0-6 0M2 10c0-2 3.6-3.5 8-3.5s8 1.5 8 3.5-3.6 3.5-8 3.5",
  fly: "M17 3 3 9l5.5 2.5L11 17z",
  view: "M10 3v14M10 3 7 6M10 3l3 3M4 17h12",
  picture: "M3 6h3l1.5-2h5L14 6h3v10H3zM7.5 10.8a2.5 2.5 0 1 0 5 0 2.5 2.5 0 1 0-5 0",
  full: "M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4",
  small: "M7 3v4H3M17 7h-4V3M13 17v-4h4M3 13h4v4",
  help: "M7.5 7.5a2.5 2.5 0 1 1 3.6 2.2c-.8.4-1.1.9-1.1 1.8M10 14.6v.1",
  previous: "M12 4 6 10l6 6",
  next: "m8 4 6 6-6 6",
  close: "M5 5l10 10M15 5 5 15",
  load: "M10 2.5 17 6.3v7.4L10 17.5 3 13.7V6.3zM3 6.3l7 3.9 7-3.9M10 10.2v7.3",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg viewBox="0 0 20 20" width="20" height="20" fill="none" stroke="currentColor" strokeWidth="1.6" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

import type { ReactNode } from "react";

/** Our own strokes on a 24 px grid, drawn at the size of the text. They carry no meaning alone: words stand beside. */
function icon(shape: ReactNode) {
  return function Icon({ className = "size-[1.2em]" }: { className?: string }) {
    return (
      <svg
        viewBox="0 0 24 24"
        fill="none"
        stroke="currentColor"
        strokeWidth={1.8}
        strokeLinecap="round"
        strokeLinejoin="round"
        aria-hidden
        className={`shrink-0 ${className}`}
      >
        {shape}
      </svg>
    );
  };
}

export const IconPlus = icon(<path d="M12 5v14M5 12h14" />);
export const IconCheck = icon(<path d="m5 12.5 4.5 4.5L19 7.5" />);
export const IconCross = icon(<path d="M6 6l12 12M18 6 6 18" />);
export const IconMore = icon(<path d="M5 12h.01M12 12h.01M19 12h.01" strokeWidth={3} />);
export const IconSearch = icon(<><circle cx="11" cy="11" r="6.5" /><path d="m16 16 4 4" /></>);
export const IconWarning = icon(<><path d="M12 4 2.8 20h18.4z" /><path d="M12 10v4.5M12 17.2h.01" /></>);
export const IconInfo = icon(<><circle cx="12" cy="12" r="8.5" /><path d="M12 11v5M12 8h.01" /></>);
export const IconClock = icon(<><circle cx="12" cy="12" r="8.5" /><path d="M12 7.5V12l3 2" /></>);
export const IconPhoto = icon(<><rect x="3.5" y="5" width="17" height="14" rx="2" /><path d="m4 17 5-5 4 4 2.5-2.5L20 18" /><circle cx="15.5" cy="9.5" r="1.2" /></>);
export const IconVideo = icon(<><rect x="3" y="6" width="12.5" height="12" rx="2" /><path d="m15.5 11 5.5-3v8l-5.5-3" /></>);
export const IconFile = icon(<path d="M13.5 3.5H7a1.5 1.5 0 0 0-1.5 1.5v14A1.5 1.5 0 0 0 7 20.5h10a1.5 1.5 0 0 0 1.5-1.5V8.5zM13.5 3.5v5h5" />);
export const IconFolder = icon(<path d="M3.5 18V6.5A1.5 1.5 0 0 1 5 5h4.5l2 2.5H19a1.5 1.5 0 0 1 1.5 1.5v9a1.5 1.5 0 0 1-1.5 1.5H5A1.5 1.5 0 0 1 3.5 18z" />);
export const IconUpload = icon(<path d="M12 16V4.5M7.5 8.5 12 4l4.5 4.5M4.5 15.5V18A1.5 1.5 0 0 0 6 19.5h12a1.5 1.5 0 0 0 1.5-1.5v-2.5" />);
export const IconDownload = icon(<path d="M12 4.5V16M7.5 11.5 12 16l4.5-4.5M4.5 15.5V18A1.5 1.5 0 0 0 6 19.5h12a1.5 1.5 0 0 0 1.5-1.5v-2.5" />);
export const IconRetry = icon(<path d="M19.5 12a7.5 7.5 0 1 1-2.2-5.3L19.5 9M19.5 4.5V9H15" />);
export const IconTrash = icon(<path d="M4.5 7h15M9.5 7V4.5h5V7M6.5 7l.8 12.5h9.4L17.5 7M10 11v5M14 11v5" />);
export const IconPen = icon(<path d="m14.5 6 3.5 3.5M4.5 19.5l.8-4L16 4.8a1.7 1.7 0 0 1 2.4 0l.8.8a1.7 1.7 0 0 1 0 2.4L8.5 18.7z" />);
export const IconCube = icon(<><path d="m12 3.5 8 4.4v8.2l-8 4.4-8-4.4V7.9z" /><path d="m4.2 8 7.8 4.3L19.8 8M12 12.3v8" /></>);
export const IconPlay = icon(<path d="M8 5.5v13l10.5-6.5z" />);
export const IconStop = icon(<rect x="6.5" y="6.5" width="11" height="11" rx="1.5" />);
export const IconRefine = icon(<path d="M12 3.5 13.8 10 20.5 12l-6.7 2L12 20.5 10.2 14 3.5 12l6.7-2z" />);
export const IconChevron = icon(<path d="m9 6 6 6-6 6" />);
export const IconSun = icon(<><circle cx="12" cy="12" r="3.8" /><path d="M12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6 7 7M17 17l1.4 1.4M18.4 5.6 17 7M7 17l-1.4 1.4" /></>);
export const IconMoon = icon(<path d="M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z" />);
export const IconSystem = icon(<><rect x="3.5" y="5" width="17" height="11" rx="1.5" /><path d="M9 20h6M12 16v4" /></>);
export const IconKey = icon(<><circle cx="8" cy="15" r="4" /><path d="m11 12 8-8M16 7l2.5 2.5M13.5 9.5l2 2" /></>);
export const IconShare = icon(<path d="M10 14 20 4M14 4h6v6M18 13.5V18a1.5 1.5 0 0 1-1.5 1.5h-10A1.5 1.5 0 0 1 5 18V8a1.5 1.5 0 0 1 1.5-1.5H11" />);

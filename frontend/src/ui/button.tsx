import type { ButtonHTMLAttributes } from "react";

export type Tone = "primary" | "plain" | "quiet" | "danger";
export type Size = "md" | "sm";

const TONES: Record<Tone, string> = {
  primary: "bg-accent text-on-accent hover:bg-accent-strong",
  plain: "border border-line bg-surface text-ink hover:bg-raised",
  quiet: "text-ink-soft hover:bg-raised hover:text-ink",
  danger: "bg-bad text-surface hover:brightness-95",
};
const SIZES: Record<Size, string> = { md: "h-10 px-4", sm: "h-9 px-3 text-sm" };

/** The looks of a button, for links that act like one. */
export function buttonLook(tone: Tone = "plain", size: Size = "md"): string {
  return `inline-flex shrink-0 items-center justify-center gap-2 rounded-md font-medium whitespace-nowrap transition-colors pointer-coarse:min-h-10 disabled:opacity-50 disabled:pointer-events-none ${TONES[tone]} ${SIZES[size]}`;
}

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  tone?: Tone;
  size?: Size;
  /** Shows that it works on it and takes no second click; the width stays. */
  busy?: boolean;
}

export function Button({ tone, size, busy = false, className = "", children, disabled, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      className={`${buttonLook(tone, size)} ${className}`}
      disabled={disabled || busy}
      aria-busy={busy || undefined}
    >
      {busy && <Spinner />}
      {children}
    </button>
  );
}

export function Spinner({ className = "" }: { className?: string }) {
  return (
    <span
      aria-hidden
      className={`inline-block size-4 animate-spin rounded-full border-2 border-current border-r-transparent ${className}`}
    />
  );
}

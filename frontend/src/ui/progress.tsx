interface ProgressProps {
  /** 0 to 100; null: at work, nobody knows how far. */
  percent: number | null;
  label: string;
  tone?: "accent" | "bad" | "good";
  className?: string;
}

const TONES = { accent: "bg-accent", bad: "bg-bad", good: "bg-good" };

export function Progress({ percent, label, tone = "accent", className = "" }: ProgressProps) {
  const shown = percent === null ? null : Math.min(Math.max(percent, 0), 100);
  return (
    <div
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={shown === null ? undefined : Math.round(shown)}
      className={`h-1.5 overflow-hidden rounded-full bg-raised ${className}`}
    >
      <div
        className={`h-full origin-left rounded-full ${TONES[tone]} ${shown === null ? "w-1/3 animate-pulse" : "w-full transition-transform duration-500"}`}
        style={shown === null ? undefined : { transform: `scaleX(${shown / 100})` }}
      />
    </div>
  );
}

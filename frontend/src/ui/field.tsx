import { useId, type InputHTMLAttributes, type ReactNode, type SelectHTMLAttributes } from "react";

const BOX =
  "w-full rounded-md border border-line-strong bg-surface px-3 text-ink disabled:opacity-50 aria-invalid:border-bad";

interface FieldProps {
  label: ReactNode;
  /** Stands under the input; what it means and its unit. */
  hint?: ReactNode;
  error?: string | null;
}

/** A labelled input; its hint and its error are read out with it. */
export function TextField({ label, hint, error, ...rest }: FieldProps & InputHTMLAttributes<HTMLInputElement>) {
  const id = useId();
  const described = hint || error ? `${id}-hint` : undefined;
  return (
    <div className="space-y-1">
      <label htmlFor={id} className="text-sm font-medium">
        {label}
      </label>
      <input {...rest} id={id} className={`${BOX} h-10`} aria-invalid={error ? true : undefined} aria-describedby={described} />
      <Hint id={described} hint={hint} error={error} />
    </div>
  );
}

export function SelectField({
  label,
  hint,
  error,
  children,
  ...rest
}: FieldProps & SelectHTMLAttributes<HTMLSelectElement>) {
  const id = useId();
  const described = hint || error ? `${id}-hint` : undefined;
  return (
    <div className="space-y-1">
      <label htmlFor={id} className="text-sm font-medium">
        {label}
      </label>
      <select {...rest} id={id} className={`${BOX} h-10`} aria-describedby={described}>
        {children}
      </select>
      <Hint id={described} hint={hint} error={error} />
    </div>
  );
}

interface CheckFieldProps {
  label: ReactNode;
  hint?: ReactNode;
  checked: boolean;
  onChange: (checked: boolean) => void;
}

export function CheckField({ label, hint, checked, onChange }: CheckFieldProps) {
  return (
    <label className="flex items-start gap-2.5">
      <input
        type="checkbox"
        checked={checked}
        onChange={(event) => onChange(event.target.checked)}
        className="mt-1 size-4 accent-accent"
      />
      <span>
        <span className="text-sm font-medium">{label}</span>
        {hint && <span className="block text-sm text-ink-soft">{hint}</span>}
      </span>
    </label>
  );
}

function Hint({ id, hint, error }: { id: string | undefined; hint?: ReactNode; error?: string | null | undefined }) {
  if (!id) return null;
  return (
    <p id={id} className={`text-sm ${error ? "text-bad" : "text-ink-soft"}`}>
      {error ?? hint}
    </p>
  );
}

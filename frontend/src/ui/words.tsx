/** A sentence of the API, in which commands stand between backticks. */
export function Words({ text }: { text: string | null | undefined }) {
  return (text ?? "").split("`").map((part, index) =>
    index % 2 === 0 ? (
      part
    ) : (
      // oxlint-disable-next-line react/no-array-index-key -- the parts of one sentence keep their order
      <code key={index} className="rounded bg-ink/7 px-1 font-mono text-[0.9em] wrap-anywhere">
        {part}
      </code>
    ),
  );
}

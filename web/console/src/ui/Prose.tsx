/** A sentence of ours in which `names` stand between backticks; of several lines, such as a traceback, line by line. */
export function Prose({ text }: { text: string }) {
  if (text.includes("\n")) return <code class="lines">{text}</code>;
  return <>{text.split("`").map((part, i) => (i % 2 ? <code key={i}>{part}</code> : part))}</>;
}

/**
 * How far something long is, and a way to stop it.
 *
 *     <Progress label="Replaying" done={1200} of={5000} onCancel={stop} />       // `of` undefined: nobody knows how long
 */
import { whole } from "./format";

interface Props {
  label: string;
  done?: number;
  of?: number | undefined;
  onCancel?: () => void;
  /** What is being counted. */
  unit?: string;
  /** How a count is written, with its unit. */
  show?: ((value: number) => string) | undefined;
}

export function Progress({ label, done = 0, of, onCancel, unit = "events", show }: Props) {
  const share = of ? Math.min(1, done / of) : undefined;
  return (
    <div class="progress">
      <div class="progress-words">
        <span>{label}</span>
        <span class="progress-count">{show ? (of !== undefined ? `${show(done)} of ${show(of)}` : "") : of !== undefined ? `${whole(done)} of ${whole(of)} ${unit}` : done > 0 ? `${whole(done)} ${unit}` : ""}</span>
      </div>
      <progress class="progress-bar" aria-label={label} {...(share === undefined ? {} : { value: share, max: 1 })} />
      {onCancel && <button type="button" class="button" onClick={onCancel}>Cancel</button>}
    </div>
  );
}

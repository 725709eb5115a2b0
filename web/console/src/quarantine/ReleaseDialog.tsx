/** Letting many calls out: changed or as they are, after a look at how many would be taken, with progress and cancel. */
import { useState } from "preact/hooks";
import { useJob } from "../api/useJob";
import { Dialog } from "../ui/Dialog";
import { whole } from "../ui/format";
import { CloseIcon, PlusIcon } from "../ui/icons";
import { Link } from "../ui/Link";
import { Progress } from "../ui/Progress";
import { Prose } from "../ui/Prose";
import { Notice } from "../ui/states";
import { pageOf, type Released } from "./api";

export interface Which {
  source: string;
  reason: string;
  name: string;
  pointer: string | null;
}

interface Props {
  which: Which;
  count: number;
  title: string;
  onClose: () => void;
  onDone: () => void;
}

interface Edit {
  pointer: string;
  value: string;
  remove: boolean;
}

export function ReleaseDialog({ which, count, title, onClose, onDone }: Props) {
  const [edits, setEdits] = useState<Edit[]>([]);
  const job = useJob<Released>();
  const given = edits.filter((edit) => edit.pointer);
  const body = (dry: boolean) => ({
    which, dry_run: dry,
    set: given.filter((edit) => !edit.remove).map((edit) => `${edit.pointer}=${edit.value}`),
    remove: given.filter((edit) => edit.remove).map((edit) => edit.pointer),
  });
  const start = async (dry: boolean) => {
    const ended = await job.start("/api/quarantine/release", body(dry));
    if (ended && !dry) onDone();
  };
  const change = (index: number, edit: Partial<Edit>) => { job.clear(); setEdits(edits.map((one, i) => (i === index ? { ...one, ...edit } : one))); };
  const { result } = job;
  const over = result !== null && !result.dry_run;
  return (
    <Dialog wide title={title === "all" ? `Let ${whole(count)} calls out` : <>Let {whole(count)} {count === 1 ? "call" : "calls"} out: <code>{title}</code></>} onClose={onClose}
      actions={over ? <button type="button" class="button primary" onClick={onClose}>Close</button> : (
        <>
          <button type="button" class="button" disabled={job.running} onClick={() => void start(true)}>Look first</button>
          <button type="button" class="button primary" disabled={job.running} onClick={() => void start(false)}>Let them out</button>
        </>
      )}>
      <p>Each goes through today’s pipeline once more, with its own message id and time of receipt. What would be refused again stays here.</p>
      <div class="quarantine-edits">
        {edits.map((edit, i) => (
          <div key={i} class="quarantine-edit" role="group" aria-label={`Change ${i + 1}`}>
            <select class="choice" aria-label="What to do" value={edit.remove ? "remove" : "set"} onChange={(event) => change(i, { remove: event.currentTarget.value === "remove" })}><option value="set">set</option><option value="remove">remove</option></select>
            <input class="quarantine-input" aria-label="Where, a JSON pointer" placeholder="/properties/total" value={edit.pointer} spellcheck={false} onInput={(event) => change(i, { pointer: event.currentTarget.value })} />
            {!edit.remove && <><span>to</span><input class="quarantine-input" aria-label="Value, as JSON" placeholder='12 or "text"' value={edit.value} spellcheck={false} onInput={(event) => change(i, { value: event.currentTarget.value })} /></>}
            <button type="button" class="button quiet square" aria-label="Remove this change" onClick={() => { job.clear(); setEdits(edits.filter((_, at) => at !== i)); }}><CloseIcon /></button>
          </div>
        ))}
        <button type="button" class="button quiet" onClick={() => setEdits([...edits, { pointer: which.pointer ?? "", value: "", remove: false }])}><PlusIcon />Change something in each of them</button>
      </div>
      {job.running && <Progress label="Going through the calls" done={job.done} of={job.total} unit="calls" onCancel={job.cancel} />}
      {job.error && <Notice tone="bad" title="That did not work">{job.error}</Notice>}
      {job.view?.state === "cancelled" && <Notice tone="odd" title="Cancelled">Those that were let out before are out.</Notice>}
      {result && (
        <Notice tone={result.refused ? "odd" : "good"} title={result.dry_run ? `${whole(result.released)} of ${whole(result.chosen)} would become events` : `${whole(result.released)} of ${whole(result.chosen)} were let out`}>
          {result.still_refused.length > 0 && (
            <>
              <p>{whole(result.refused)} would be refused again:</p>
              <ul class="quarantine-still">{result.still_refused.slice(0, 5).map((one) => <li key={one.position}><Link href={pageOf(one.position)} onClick={onClose}>{one.position}</Link> <Prose text={one.why} /></li>)}</ul>
            </>
          )}
        </Notice>
      )}
    </Dialog>
  );
}

/** What changed in the settings in force, from what to what: the newest first. */
import { useResource } from "../api/useResource";
import { moment } from "../ui/format";
import { EmptyState, Fetched } from "../ui/states";
import { When } from "../ui/When";

interface Change {
  key: string;
  before?: string;
  after?: string;
}

interface Entry {
  at: string;
  changes: Change[];
  while_stopped: boolean;
}

export function Changes() {
  const all = useResource<{ changes: Entry[] }>("/api/settings/changes", { everyMs: 3000 });
  return (
    <Fetched resource={all}>
      {({ changes }) => !changes.length
        ? <div class="frame"><EmptyState title="Nothing has changed since the first start">Edits of trackway.yaml are listed here as they come into force, with what was there before. Version control says who made them.</EmptyState></div>
        : <ol class="frame settings-changes">{[...changes].reverse().map((entry, i) => <Together key={`${entry.at} ${i}`} entry={entry} />)}</ol>}
    </Fetched>
  );
}

/** Changes that came into force together. */
function Together({ entry }: { entry: Entry }) {
  return (
    <li>
      <header>
        <time dateTime={entry.at}>{moment(entry.at).replace(/\.\d+$/, "")}</time>
        <span class="faint"><When at={entry.at} /></span>
        {entry.while_stopped && <span class="badge" title="It was found at a start: it was made while nothing ran, or just before a crash">while stopped</span>}
      </header>
      <dl>
        {entry.changes.map(({ key, before, after }) => (
          <div key={key}>
            <dt><code>{key}</code></dt>
            <dd>
              {before === undefined ? <span class="faint">not set</span> : <del><span class="sr-only">before </span>{before}</del>}
              <span class="settings-arrow" aria-label="is now">→</span>
              {after === undefined ? <span class="faint">not set</span> : <ins>{after}</ins>}
            </dd>
          </div>
        ))}
      </dl>
    </li>
  );
}

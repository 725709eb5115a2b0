/** What a destination refused for good: by reason, with a sample of what was sent and answered, and a way to let it out. */
import { useState } from "preact/hooks";
import { destinationPath, type Letter, type LetterGroup, type Released } from "../api/destinations";
import { useJob } from "../api/useJob";
import { useResource, type Resource } from "../api/useResource";
import { confirm } from "../ui/Dialog";
import { whole } from "../ui/format";
import { ChevronIcon, OkayIcon, ReplayIcon } from "../ui/icons";
import { Link } from "../ui/Link";
import { Section } from "../ui/PageHeader";
import { Progress } from "../ui/Progress";
import { EmptyState, Fetched, Notice } from "../ui/states";
import { toast } from "../ui/Toast";
import { When } from "../ui/When";

interface Props {
  of: string;
  name: string;
  groups: Resource<{ groups: LetterGroup[] }>;
}

export function Letters({ of: key, name, groups }: Props) {
  const job = useJob<Released>();
  const let_ = async (wanted: { reason?: string; message_id?: string }, what: string) => {
    if (job.running || !(await confirm({ title: `Try ${what} again?`, body: `They are sent to ${name} anew from the event, with today's settings. What fails again comes back here.`, action: "Release" }))) return;
    const ended = await job.start(destinationPath(key, "release"), wanted);
    if (ended?.state === "done") {
      const { released, replayed, expired } = ended.result!;
      const left = [replayed && `${whole(replayed)} delivered by a replay since`, expired && `${whole(expired)} no longer in the log`].filter(Boolean).join(", ");
      toast(`${whole(released)} ${released === 1 ? "event is" : "events are"} tried again${left && `; left: ${left}`}`);
    } else if (ended?.state === "cancelled") {
      toast(`Cancelled after ${whole(ended.done)} events; the rest stays here`);
    }
    groups.reload();
  };
  return (
    <>
      {job.running && <div class="frame frame-pad"><Progress label="Releasing" done={job.done} of={job.total} onCancel={job.cancel} /></div>}
      {job.error && <Notice tone="bad" title="Not all were released">{job.error}</Notice>}
      <Fetched resource={groups}>
        {({ groups: found }) => !found.length ? (
          <div class="frame"><EmptyState title="No dead letters" icon={<OkayIcon />}>What {name} refuses for good waits here, with what was sent and answered, and can be let out again.</EmptyState></div>
        ) : (
          <Section title="By reason" note={`${whole(found.reduce((all, group) => all + group.events, 0))} events wait`}
            actions={<button type="button" class="button" onClick={() => void let_({}, "all dead letters")}><ReplayIcon />Release all</button>}>
            <div class="frame letter-groups">
              {found.map((group) => <Group key={group.reason} of={key} group={group} onRelease={let_} />)}
            </div>
          </Section>
        )}
      </Fetched>
    </>
  );
}

function Group({ of: key, group, onRelease }: { of: string; group: LetterGroup; onRelease: (wanted: { reason?: string; message_id?: string }, what: string) => Promise<void> }) {
  const [open, setOpen] = useState(false);
  return (
    <section class="letter-group" aria-label={`Reason ${group.reason}`}>
      <header>
        <button type="button" class="letter-toggle" aria-expanded={open} onClick={() => setOpen(!open)}>
          <ChevronIcon /><code class="code-chip">{group.reason}</code><span class="letter-detail ellipsis">{group.sample.detail || firstLine(group.sample.answer)}</span>
        </button>
        <span class="letter-count"><b>{whole(group.events)}</b> {group.events === 1 ? "event" : "events"}</span>
        <span class="letter-when"><When at={group.last_ms} /></span>
        <button type="button" class="button" onClick={() => void onRelease({ reason: group.reason }, group.events === 1 ? "this event" : `these ${whole(group.events)} events`)}>Release</button>
      </header>
      {open && <Opened of={key} group={group} onRelease={onRelease} />}
    </section>
  );
}

function Opened({ of: key, group, onRelease }: { of: string; group: LetterGroup; onRelease: (wanted: { message_id?: string }, what: string) => Promise<void> }) {
  const letters = useResource<{ letters: Letter[] }>(`${destinationPath(key, "letters")}?limit=20&reason=${encodeURIComponent(group.reason)}`);
  return (
    <div class="letter-opened">
      <div class="exchange">
        <div><h3>Sent</h3><pre class="raw" tabIndex={0}>{group.sample.request || "Nothing was sent."}</pre></div>
        <div><h3>Answered</h3><pre class="raw" tabIndex={0}>{group.sample.answer || "Nothing."}</pre></div>
      </div>
      <h3>Newest events</h3>
      <Fetched resource={letters}>
        {({ letters: found }) => (
          <ul class="letter-list">
            {found.map((letter) => (
              <li key={`${letter.place[0]}/${letter.place[1]}`}>
                <Link href={`/events/${encodeURIComponent(letter.message_id)}`} class="mono ellipsis">{letter.message_id}</Link>
                <span class="faint"><When at={letter.at_ms} /></span>
                <button type="button" class="button quiet" onClick={() => void onRelease({ message_id: letter.message_id }, "this event")}>Release</button>
              </li>
            ))}
          </ul>
        )}
      </Fetched>
    </div>
  );
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0]!.slice(0, 200);
}

/** Watches for the source's next event while somebody sets a client up. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Entry } from "../api/records";
import { useStream } from "../api/useStream";
import { OutcomeMark, TypeChip } from "../live/labels";
import "../live/first-event.css";
import { Link } from "../ui/Link";
import { Prose } from "../ui/Prose";
import { When } from "../ui/When";

const RENDER_MS = 300;

export function FirstEventCheck({ source }: { source: string }) {
  const [shown, setShown] = useState<{ entry: Entry; fresh: boolean } | null>(null);
  const latest = useRef<{ entry: Entry; fresh: boolean } | null>(null);
  const opened = useRef(Date.now());
  // A busy source sends thousands of records: what is drawn is the newest, a few times a second.
  useEffect(() => {
    const timer = setInterval(() => setShown(latest.current), RENDER_MS);
    return () => clearInterval(timer);
  }, []);
  const link = useStream(`/api/live?${new URLSearchParams({ source, recent: "1", body: "0" }).toString()}`, {
    records: (entries: Entry[]) => {
      const entry = entries.at(-1);
      if (entry) latest.current = { entry, fresh: new Date(entry.receivedAt).getTime() >= opened.current };
    },
  });
  const entry = shown?.entry;
  return (
    <div class="first-check" data-state={!entry ? "waiting" : entry.outcome} role="status" aria-live="polite">
      {entry ? <OutcomeMark entry={entry} /> : <span class="pulse" aria-hidden="true"><i /><i /><i /></span>}
      <div>
        <b>{!entry ? "Waiting for your first event" : entry.outcome === "quarantined" ? "A call came, but it was refused" : shown.fresh ? "It works: an event just came in" : "Events are coming in"}</b>
        <p>{link === "lost" ? "Trackway does not answer; trying again." : !entry ? "Send one with a line below. It shows up here at once." : entry.outcome === "quarantined" ? <Prose text={entry.message ?? ""} /> : (
          <>{<TypeChip type={entry.type} />} {entry.name || "no name"}, <When at={entry.receivedAt} /></>
        )}</p>
      </div>
      {entry && <Link class="button" href={`/events/${encodeURIComponent(entry.messageId)}`}>Trace it</Link>}
    </div>
  );
}

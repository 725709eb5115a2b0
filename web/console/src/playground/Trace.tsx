/** What becomes of a call that was sent for real: asked until it is known. */
import { useEffect, useState } from "preact/hooks";
import { get, isAbort } from "../api/client";
import { pathOf } from "../api/records";
import { CheckIcon, RefusedIcon } from "../ui/icons";
import { Link } from "../ui/Link";
import type { Sent, Story } from "./api";

const EVERY_MS = 500;
const PATIENCE = 60;
const OPEN = new Set(["pending", "retrying"]);

export function Trace({ sent, messageId }: { sent: Sent; messageId: string }) {
  const [story, setStory] = useState<Story | null>(null);
  useEffect(() => {
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout>;
    let left = PATIENCE;
    const ask = async () => {
      try {
        const { stories } = await get<{ stories: Story[] }>(`/api/trace/${encodeURIComponent(messageId)}`, { signal: abort.signal });
        const found = stories.at(-1);
        if (found) setStory(found);
        if (found && isOver(found)) return;
      } catch (error) {
        if (isAbort(error)) return;
      }
      if (--left > 0 && !abort.signal.aborted) timer = setTimeout(() => void ask(), EVERY_MS);
    };
    void ask();
    return () => { abort.abort(); clearTimeout(timer); };
  }, [messageId]);
  const verdict = sent.answer.verdicts?.[0];
  const taken = sent.status === 200;
  return (
    <ol class="play-trace" aria-live="polite">
      <Step done={taken} bad={!taken} title={`The collector answered ${sent.status}`} text={verdict ? `${verdict.verdict}${verdict.reason ? `: ${verdict.reason}` : ""}` : (sent.answer.message ?? "")} />
      <Step done={story !== null} bad={story !== null && story.outcome !== "event"} title={story ? (story.outcome === "event" ? "It is an event" : `It was ${story.outcome}`) : "On its way through the pipeline …"}
        text={story?.reason ? `${story.reason}: ${story.message}` : messageId} href={story ? `/events/${pathOf(story.position)}` : undefined} />
      {story?.destinations.map((one) => (
        <Step key={one.destination} done={!OPEN.has(one.outcome)} bad={one.outcome === "failed"} title={`${one.destination}: ${one.outcome}`} text={one.reason} />
      ))}
      {story?.warehouses.map((one) => (
        <Step key={one.warehouse} done={one.loaded} title={`${one.warehouse}: ${one.loaded ? "loaded" : "not yet loaded"}`} text={one.rows.map((row) => row.table).join(", ")} />
      ))}
    </ol>
  );
}

function isOver(story: Story): boolean {
  return story.outcome !== "event" || (story.destinations.every((one) => one.outcome !== "pending") && story.warehouses.every((one) => one.loaded));
}

function Step({ done, bad = false, title, text, href }: { done: boolean; bad?: boolean; title: string; text: string; href?: string | undefined }) {
  return (
    <li class={bad ? "bad" : done ? "good" : "open"}>
      <span class="play-step-mark" aria-hidden="true">{bad ? <RefusedIcon /> : done ? <CheckIcon /> : <i class="spinner" />}</span>
      <div><b>{href ? <Link href={href}>{title}</Link> : title}</b>{text && <small>{text}</small>}</div>
    </li>
  );
}

/** What became of the event at each destination, every request that carried it, and what can be done about it. */
import { useState } from "preact/hooks";
import { messageOf } from "../api/client";
import { makeCase, preview, resend, type Preview } from "../api/destinations";
import { destinationName, type Workspace } from "../api/workspace";
import { CodeBlock, download } from "../ui/CodeBlock";
import { confirm } from "../ui/Dialog";
import { moment, whole } from "../ui/format";
import { DestinationsIcon, ReplayIcon, DownloadIcon } from "../ui/icons";
import { Link } from "../ui/Link";
import { Notice } from "../ui/states";
import { span } from "../ui/time";
import { toast } from "../ui/Toast";
import { When } from "../ui/When";
import { Step } from "./Story";
import type { AttemptStory, DestinationStory, StoryOf } from "./story";

const OUTCOMES: Record<DestinationStory["outcome"], { word: string; tone: "good" | "odd" | "bad" | "off" }> = {
  delivered: { word: "Delivered", tone: "good" },
  discarded: { word: "Filtered", tone: "off" },
  failed: { word: "Failed", tone: "bad" },
  retrying: { word: "Retrying", tone: "odd" },
  pending: { word: "Pending", tone: "odd" },
  earlier: { word: "Not meant for it", tone: "off" },
};

export function Destinations({ story, workspace, onChange }: { story: StoryOf; workspace: Workspace | null; onChange: () => void }) {
  return (
    <>
      {story.destinations.map((one) => <One key={`${one.destination}#${one.replay ?? ""}`} story={story} of={one} workspace={workspace} onChange={onChange} />)}
      {!story.destinations.length && <Step icon={<DestinationsIcon />} tone="off" title="Destinations" note="none has ever run" />}
    </>
  );
}

function One({ story, of: one, workspace, onChange }: { story: StoryOf; of: DestinationStory; workspace: Workspace | null; onChange: () => void }) {
  const { word, tone } = OUTCOMES[one.outcome];
  const name = destinationName(workspace, one.destination);
  const [shown, setShown] = useState<Preview | { problem: string } | null>(null);
  const [busy, setBusy] = useState(false);
  const again = async () => {
    if (!(await confirm({ title: `Send this event to ${name} again?`, body: "It is sent once more with today's settings, beside the live events, also when the destination has it already.", action: "Send again" }))) return;
    setBusy(true);
    try {
      const { replay } = await resend(one.destination, story.position);
      toast(`Replay ${replay} is ordered; its end shows up here`);
    } catch (error) {
      toast(messageOf(error), "bad");
    }
    setBusy(false);
    onChange();
  };
  const testCase = async () => {
    try {
      const made = await makeCase(one.destination, story.event);
      download(`${slug(story.name || story.type)}.json`, `${JSON.stringify(made, null, 2)}\n`, "application/json");
      toast("Put the file into the destination type's folder of cases");
    } catch (error) {
      toast(messageOf(error), "bad");
    }
  };
  const show = async () => {
    if (shown) return setShown(null);
    try {
      setShown(await preview(one.destination, story.event));
    } catch (error) {
      setShown({ problem: messageOf(error) });
    }
  };
  return (
    <Step icon={<DestinationsIcon />} tone={tone}
      title={<Link href={`/destinations/${encodeURIComponent(one.destination)}`}>{name}</Link>}
      note={<><span class={`badge ${tone}`}>{word}</span>{one.reason && <code class="code-chip">{one.reason}</code>}{one.replay !== null && <span class="faint">by replay {one.replay}</span>}</>}
      actions={one.replay === null && (
        <>
          <button type="button" class="button quiet" aria-expanded={shown !== null} onClick={() => void show()}>{shown ? "Hide the request" : "Show the request"}</button>
          <button type="button" class="button quiet" onClick={() => void testCase()} title={`A test case for the destination type, as a file in its folder of cases`}><DownloadIcon />Test case</button>
          <button type="button" class="button quiet" disabled={busy} onClick={() => void again()}><ReplayIcon />Send again</button>
        </>
      )}>
      {one.detail && one.detail !== one.answer && <p>{one.detail}</p>}
      {one.outcome === "retrying" && <p class="quiet-text">Tried {whole(one.tries)} times. {one.next_try_ms && <>Next try at {moment(new Date(one.next_try_ms).toISOString())}.</>}</p>}
      {one.attempts.length > 0 && <Attempts attempts={one.attempts} />}
      {(one.request || one.answer) && (
        <div class="exchange">
          <div><h3>Last request</h3><pre class="raw" tabIndex={0}>{one.request || "–"}</pre></div>
          <div><h3>Its answer</h3><pre class="raw" tabIndex={0}>{one.answer || "none"}</pre></div>
        </div>
      )}
      {shown && <Previewed shown={shown} />}
    </Step>
  );
}

function Attempts({ attempts }: { attempts: readonly AttemptStory[] }) {
  return (
    <ul class="attempts">
      {attempts.map((attempt, i) => (
        <li key={i}>
          <span class={`attempt-status ${attempt.status !== null && attempt.status < 300 ? "good" : "bad"}`}>{attempt.status ?? "no answer"}</span>
          <span><When at={attempt.at_ms} /></span>
          <span class="quiet-text">took {span(attempt.duration_ms / 1000)}{attempt.events > 1 && <>, with {whole(attempt.events - 1)} other {attempt.events === 2 ? "event" : "events"}</>}</span>
          {attempt.answer && <code class="attempt-answer" title={attempt.answer}>{attempt.answer}</code>}
        </li>
      ))}
    </ul>
  );
}

function Previewed({ shown }: { shown: Preview | { problem: string } }) {
  if ("problem" in shown) return <Notice tone="bad" title="The request could not be made">{shown.problem}</Notice>;
  const reason = shown.skipped ?? shown.rejected;
  return (
    <div class="stack previewed">
      <p class="quiet-text">What today's settings make of the event; secrets are hidden.</p>
      {reason && <Notice tone={shown.rejected ? "bad" : "info"} title={shown.rejected ? "It would be refused before it is sent" : "Nothing would be sent"}><code>{reason}</code> {shown.detail}</Notice>}
      {shown.requests.map((request, i) => (
        <CodeBlock key={i} label={<code>{request.method} {request.url}</code>} wrap
          code={[...Object.entries(request.headers).map(([name, value]) => `${name}: ${value}`), "", typeof request.body === "string" ? request.body : JSON.stringify(request.body, null, 2)].join("\n")} />
      ))}
    </div>
  );
}

function slug(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]+/g, "_").replace(/^_+|_+$/g, "").slice(0, 60) || "event";
}

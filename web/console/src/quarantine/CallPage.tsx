/** One refused call: what is wrong, the text with the place marked, and a desk to mend it at. */
import { useEffect, useState } from "preact/hooks";
import { isAbort, messageOf, post } from "../api/client";
import { useJob } from "../api/useJob";
import { useResource } from "../api/useResource";
import { sourceName, useWorkspace } from "../api/workspace";
import { JsonDiff } from "../json/JsonDiff";
import { JsonTree } from "../json/JsonTree";
import { TypeChip } from "../live/labels";
import { moment } from "../ui/format";
import { OkayIcon, RefusedIcon } from "../ui/icons";
import { LazyEditor } from "../ui/LazyEditor";
import { Link } from "../ui/Link";
import { Page, Section, useTitle } from "../ui/PageHeader";
import { Prose } from "../ui/Prose";
import { EmptyState, Fetched, Notice } from "../ui/states";
import { toast } from "../ui/Toast";
import { placeOf, type Released, type RefusedCall, type Tried } from "./api";

const TYPING_MS = 250;

export function CallPage({ params }: { params: Record<string, string> }) {
  const place = placeOf(params);
  const call = useResource<RefusedCall>(place && `/api/quarantine/${place.partition}/${place.offset}`);
  useTitle("Refused call");
  if (!place) return <EmptyState title="This is no place in quarantine" action={<Link class="button" href="/quarantine">To the quarantine</Link>}>An address looks like /quarantine/0/12.</EmptyState>;
  return <Fetched resource={call}>{(found) => <Shown key={found.position} call={found} reload={call.reload} />}</Fetched>;
}

function Shown({ call, reload }: { call: RefusedCall; reload: () => void }) {
  const workspace = useWorkspace();
  const parsed = parse(call.body);
  return (
    <Page title={call.name || "A call without a name"} back={{ href: "/quarantine", label: "Quarantine" }}
      note={<><TypeChip type={call.type} />{call.released && <span class="badge good">let out</span>}</>}>
      <Notice tone="bad" title={<>Refused by {call.stage}: <code>{call.reason}</code></>}>
        <Prose text={call.message} />{call.pointer && <> The fault is at <code>{call.pointer}</code>.</>}{call.meaning && call.meaning !== call.message && <p><Prose text={call.meaning} /></p>}
      </Notice>
      {call.released && <Notice tone="good" title="It was let out already">Letting it out once more gives a duplicate, which the pipeline leaves out. <Link href={`/live?q=${encodeURIComponent(call.message_id)}`}>See what became of it</Link>.</Notice>}
      <div class="quarantine-desk">
        <Section title="As it came">
          {parsed === undefined ? <pre class="raw" tabIndex={0}>{call.body}</pre> : <JsonTree value={parsed} marks={call.pointer ? [{ pointer: nearest(parsed, call.pointer), kind: "bad", text: call.message }] : []} />}
          <dl class="facts frame quarantine-facts">
            <div><dt>Received</dt><dd>{moment(call.received_at)}</dd></div>
            <div><dt>Source</dt><dd>{sourceName(workspace, call.source)}</dd></div>
            <div><dt>Message id</dt><dd><code>{call.message_id}</code></dd></div>
            <div><dt>Position</dt><dd><code>{call.position}</code></dd></div>
          </dl>
        </Section>
        <Mend call={call} before={parsed} reload={reload} />
      </div>
    </Page>
  );
}

function Mend({ call, before, reload }: { call: RefusedCall; before: unknown; reload: () => void }) {
  const first = call.readable ?? call.body;
  const [text, setText] = useState(first);
  const [tried, setTried] = useState<Tried | null>(null);
  const [problem, setProblem] = useState("");
  const job = useJob<Released>();
  useEffect(() => {
    const abort = new AbortController();
    const timer = setTimeout(() => {
      const body = text === first ? null : text;
      post<Tried>("/api/quarantine/attempt", { position: call.position, body }, { signal: abort.signal }).then(
        (answer) => { setTried(answer); setProblem(""); },
        (error: unknown) => { if (!isAbort(error)) setProblem(messageOf(error)); },
      );
    }, TYPING_MS);
    return () => { clearTimeout(timer); abort.abort(); };
  }, [text, call.position]);
  const release = async () => {
    const ended = await job.start("/api/quarantine/release", { calls: [{ position: call.position, ...(text === first ? {} : { body: text }) }] });
    if (ended?.state === "done" && ended.result) toast(ended.result.released ? "Let out: it is on its way through the pipeline" : "It would be refused again, so it stays", ended.result.released ? "good" : "bad");
    reload();
  };
  const after = parse(text);
  return (
    <Section title="Mend it" note="Change the call; what would become of it is said at once"
      actions={<button type="button" class="button" disabled={text === first} onClick={() => setText(first)}>Undo the changes</button>}>
      <div class="editor-frame quarantine-editor"><LazyEditor label="The call, to be changed" language="json" value={text} onChange={setText} /></div>
      {tried && (
        <div class={`quarantine-verdict ${tried.accepted ? "good" : "bad"}`} role="status">
          {tried.accepted ? <OkayIcon /> : <RefusedIcon />}
          <span>{tried.accepted ? "It would become an event." : <>It would be refused again: <Prose text={tried.refused} /></>}</span>
          <button type="button" class="button primary" disabled={!tried.accepted || job.running} onClick={() => void release()}>{job.running ? "Letting out …" : "Let it out"}</button>
        </div>
      )}
      {(problem || job.error) && <Notice tone="bad" title="That did not work">{problem || job.error}</Notice>}
      {text !== first && after !== undefined && <JsonDiff before={before} after={after} label="Your changes" />}
    </Section>
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Return the pointer, or that of the nearest part that is there: what is missing cannot be marked. */
function nearest(value: unknown, pointer: string): string {
  let node: unknown = value;
  let found = "";
  for (const step of pointer.slice(1).split("/")) {
    const key = step.replaceAll("~1", "/").replaceAll("~0", "~");
    if (typeof node !== "object" || node === null || !Object.hasOwn(node, key)) break;
    node = (node as Record<string, unknown>)[key];
    found += `/${step}`;
  }
  return found;
}

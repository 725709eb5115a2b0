/** One call's way, step by step: received, judged, changed, sent, stored. */
import { useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { pathOf } from "../api/records";
import { sourceName, type Workspace } from "../api/workspace";
import { curl } from "../curl";
import { JsonDiff } from "../json/JsonDiff";
import { JsonTree } from "../json/JsonTree";
import { bytes } from "../ui/bytes";
import { CodeBlock } from "../ui/CodeBlock";
import { CopyButton } from "../ui/CopyButton";
import { between, moment, whole } from "../ui/format";
import { OkayIcon, RefusedIcon, TerminalIcon, DuplicateIcon, WarehouseIcon, SourcesIcon, SettingsIcon } from "../ui/icons";
import { Link } from "../ui/Link";
import { Prose } from "../ui/Prose";
import { Segments } from "../ui/Tabs";
import { Changes } from "./Changes";
import { Destinations } from "./Destinations";
import type { StageStory, StoryOf } from "./story";
import { Remarks } from "./Remarks";

export function Story({ story, workspace, onChange }: { story: StoryOf; workspace: Workspace | null; onChange: () => void }) {
  return (
    <ol class="timeline">
      <Received story={story} workspace={workspace} />
      <Judged story={story} />
      {story.stages.length > 0 && <Pipeline story={story} />}
      {story.event && <Event story={story} />}
      {story.event && <Destinations story={story} workspace={workspace} onChange={onChange} />}
      {story.event && story.warehouses.map((one) => <Warehouse key={one.warehouse} of={one} />)}
    </ol>
  );
}

interface StepProps {
  icon: ComponentChildren;
  tone?: "good" | "odd" | "bad" | "off" | undefined;
  title: ComponentChildren;
  note?: ComponentChildren;
  actions?: ComponentChildren;
  children?: ComponentChildren;
}

/** One step of the timeline. */
export function Step({ icon, tone, title, note, actions, children }: StepProps) {
  return (
    <li class="step" data-tone={tone}>
      <span class="step-icon" aria-hidden="true">{icon}</span>
      <div class="step-main">
        <header class="step-head"><h2>{title}</h2>{note && <span class="step-note">{note}</span>}{actions && <span class="step-actions">{actions}</span>}</header>
        {children}
      </div>
    </li>
  );
}

function Received({ story, workspace }: { story: StoryOf; workspace: Workspace | null }) {
  const { call } = story;
  const received = new Date(story.received_at_ms).toISOString();
  const [open, setOpen] = useState(false);
  const key = workspace?.sources.find((source) => source.key === story.source)?.write_keys[0] ?? "WRITE_KEY";
  return (
    <Step icon={<SourcesIcon />} title="Received" note={<time dateTime={received}>{moment(received)}</time>}
      actions={call && (
        <>
          <button type="button" class="button" aria-expanded={open} onClick={() => setOpen(!open)}>{open ? "Hide the call" : "Show the call"}</button>
          <CopyButton label="Copy as curl" icon={<TerminalIcon />} title="The call as it was sent; with its messageId it counts as a duplicate"
            text={() => curl(workspace?.ingest_url ?? location.origin, key, story.type, call.body)} />
        </>
      )}>
      {call ? (
        <dl class="step-facts">
          <div><dt>Source</dt><dd>{sourceName(workspace, story.source)}</dd></div>
          {call.sent_at && <div><dt>Sent</dt><dd>{between(call.sent_at, received)} before, by the client's clock</dd></div>}
          <div><dt>From</dt><dd class="mono">{call.ip || "–"}</dd></div>
          <div><dt>Client</dt><dd>{call.user_agent || "–"}</dd></div>
          <div><dt>Size</dt><dd>{bytes(call.size_bytes)}</dd></div>
          {call.released && <div><dt>Released</dt><dd><Link href={`/events/${pathOf(call.released)}`}>after it waited in quarantine</Link></dd></div>}
        </dl>
      ) : <p class="none">The raw log no longer keeps the call itself.</p>}
      {open && call && (
        <div class="stack">
          <CodeBlock label="The call as it was sent" code={call.body} wrap />
          {call.shared && <CodeBlock label="Shared by its batch" code={call.shared} wrap />}
        </div>
      )}
    </Step>
  );
}

function Judged({ story }: { story: StoryOf }) {
  if (story.outcome === "event") {
    return (
      <Step icon={<OkayIcon />} tone="good" title="Accepted" note={story.findings.length ? `with ${story.findings.length} ${story.findings.length === 1 ? "remark" : "remarks"}` : "nothing to remark"}>
        <Remarks of={story.findings} />
      </Step>
    );
  }
  const quarantined = story.outcome === "quarantined";
  const call = parsed(story.call?.body);
  return (
    <Step icon={quarantined ? <RefusedIcon /> : <DuplicateIcon />} tone={quarantined ? "bad" : "off"} title={quarantined ? "Quarantined" : story.reason === "duplicate" ? "Left out: it was sent before" : "Left out"}
      note={<>{story.stage && <>by {story.stage} </>}<code class="code-chip">{story.reason}</code></>}
      actions={story.original && <Link class="button" href={`/events/${pathOf(story.original)}`}>The event that it repeats</Link>}>
      {story.message && <p><Prose text={story.message} />{story.pointer && <> At <code>{story.pointer}</code>.</>}</p>}
      {quarantined && call !== undefined && <JsonTree value={call} marks={[{ pointer: story.pointer, kind: "bad", text: story.message || story.reason }]} />}
    </Step>
  );
}

function Pipeline({ story }: { story: StoryOf }) {
  const busy = story.stages.filter((stage) => stage.changes.length || stage.findings.length || stage.end || stage.others?.length);
  const idle = story.stages.filter((stage) => !busy.includes(stage));
  const changes = story.stages.reduce((all, stage) => all + stage.changes.length, 0);
  return (
    <Step icon={<SettingsIcon />} title="Pipeline" note={`${whole(changes)} ${changes === 1 ? "change" : "changes"} in ${story.stages.length} stages`}>
      <div class="stages">
        {busy.map((stage) => <Stage key={stage.stage} stage={stage} />)}
        {idle.length > 0 && <p class="stages-idle">Nothing to do for {idle.map((stage) => stage.stage.replaceAll("_", " ")).join(", ")}.</p>}
      </div>
      {story.today.length > 0 && (
        <div class="notice odd"><div class="notice-text"><b>Today's pipeline would make something else of it</b><Changes changes={story.today} /></div></div>
      )}
    </Step>
  );
}

function Stage({ stage }: { stage: StageStory }) {
  return (
    <details class="stage" open={stage.changes.length + stage.findings.length <= 4 || stage.end !== ""}>
      <summary>
        <span class="stage-name">{stage.stage.replaceAll("_", " ")}</span>
        <span class="faint">{[stage.changes.length && `${stage.changes.length} ${stage.changes.length === 1 ? "change" : "changes"}`, stage.findings.length && `${stage.findings.length} ${stage.findings.length === 1 ? "remark" : "remarks"}`].filter(Boolean).join(", ")}</span>
        {stage.end && <span class={`badge ${stage.end === "quarantined" ? "bad" : ""}`}>{stage.end}: {stage.reason}</span>}
      </summary>
      {stage.message && <p><Prose text={stage.message} /></p>}
      {stage.others && stage.others.length > 0 && <p>Split; the other events are {stage.others.join(", ")}.</p>}
      <Remarks of={stage.findings} />
      <Changes changes={stage.changes} />
    </details>
  );
}

function Event({ story }: { story: StoryOf }) {
  const [view, setView] = useState<"event" | "diff">("event");
  const sent = parsed(story.call?.body);
  return (
    <Step icon={<OkayIcon />} title="The event" note={<code class="faint">{pathOf(story.position)}</code>}
      actions={
        <>
          {sent !== undefined && <Segments label="Show" value={view} onChange={setView} options={[{ value: "event", label: "As stored" }, { value: "diff", label: "Against the call" }]} />}
          <CopyButton label="Copy JSON" text={JSON.stringify(story.event, null, 2)} />
        </>
      }>
      {view === "event" ? <JsonTree value={story.event} /> : <JsonDiff before={sent} after={story.event} label="The call against the stored event" />}
    </Step>
  );
}

function parsed(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

function Warehouse({ of: { warehouse, loaded, rows } }: { of: StoryOf["warehouses"][number] }) {
  return (
    <Step icon={<WarehouseIcon />} tone={loaded ? "good" : "off"} title={warehouse} note={loaded ? (rows.length ? `${rows.length} ${rows.length === 1 ? "row" : "rows"}` : "loaded") : "not loaded yet"}>
      {rows.map((row, i) => (
        <details class="stage" key={row.table} open={i === 0}>
          <summary><code>{row.table}</code><span class="faint">{Object.keys(row.values).length} columns</span></summary>
          <dl class="columns-list">
            {Object.entries(row.values).map(([column, value]) => <div key={column}><dt><code>{column}</code></dt><dd class="mono">{typeof value === "string" ? value : JSON.stringify(value)}</dd></div>)}
          </dl>
        </details>
      ))}
    </Step>
  );
}

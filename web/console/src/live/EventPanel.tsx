import { useEffect, useState } from "preact/hooks";
import { ApiError } from "../api/client";
import { getEvent, pathOf, type Detail, type Entry, type Position } from "../api/records";
import type { Workspace } from "../api/workspace";
import { repeatCurl } from "../curl";
import { JsonTree, type Mark } from "../json/JsonTree";
import { CopyButton } from "../ui/CopyButton";
import { between, moment } from "../ui/format";
import { Link } from "../ui/Link";
import { CloseIcon, LinkIcon, LiveIcon, TerminalIcon, WarningIcon } from "../ui/icons";
import { Prose } from "../ui/Prose";
import { OutcomeMark, outcomeWord, TypeChip } from "./labels";
import { Remarks } from "../event/Remarks";

interface Props {
  at: Position;
  /** What the list knows already, to show until the rest is there. */
  known: Entry | null;
  workspace: Workspace | null;
  onClose: () => void;
  onOpen: (at: Position) => void;
}

/** Everything about one record, beside the list. */
export function EventPanel({ at, known, workspace, onClose, onOpen }: Props) {
  const path = pathOf(at);
  const [loaded, setLoaded] = useState<{ path: string; detail?: Detail; problem?: string }>({ path: "" });
  useEffect(() => {
    const abort = new AbortController();
    getEvent(at, abort.signal).then(
      (detail) => setLoaded({ path, detail }),
      (error: unknown) => {
        if (!abort.signal.aborted) setLoaded({ path, problem: error instanceof ApiError ? error.message : String(error) });
      },
    );
    return () => abort.abort();
  }, [path]);

  const detail = loaded.path === path ? loaded.detail : undefined;
  const entry = detail?.record ?? known;
  const title = entry?.name || (entry ? entry.type : "Event");
  return (
    <aside class="panel" role="complementary" aria-label={`Event ${title}`}>
      <header class="panel-head">
        <div class="panel-title">
          {entry && <TypeChip type={entry.type} />}
          <h2 title={title}>{title || "Event"}</h2>
          <button type="button" class="button quiet square" onClick={onClose} aria-label="Close" title="Close (Esc)"><CloseIcon /></button>
        </div>
        <div class="panel-actions">
          {entry?.messageId && <Link class="button primary" href={`/events/${encodeURIComponent(entry.messageId)}`}><LiveIcon />Trace</Link>}
          {detail?.raw && (
            <CopyButton label="Copy as curl" icon={<TerminalIcon />} title="The call as it was sent; with its messageId it counts as a duplicate"
              text={() => repeatCurl(workspace?.ingest_url ?? location.origin, workspace?.sources.find((each) => each.key === entry?.source), entry?.type ?? "", detail.raw!)} />
          )}
          <CopyButton label="Copy link" icon={<LinkIcon />} text={`${location.origin}/events/${path}`} />
        </div>
      </header>
      <div class="panel-body">
        {loaded.path === path && loaded.problem && <p class="notice bad" role="alert"><WarningIcon />{loaded.problem}</p>}
        {entry && <Verdict entry={entry} onOpen={onOpen} />}
        {entry && <Summary entry={entry} detail={detail} workspace={workspace} />}
        {detail && <Content key={path} detail={detail} />}
      </div>
    </aside>
  );
}

function Verdict({ entry, onOpen }: { entry: Entry; onOpen: (at: Position) => void }) {
  return (
    <>
      {entry.reason && (
        <div class={entry.outcome === "quarantined" ? "notice bad" : "notice"}>
          <OutcomeMark entry={entry} />
          <div>
            <b>{outcomeWord(entry)}: <code>{entry.reason}</code></b>
            {entry.message && <p><Prose text={entry.message} /></p>}
            {entry.pointer && <p>At <code>{entry.pointer}</code></p>}
            {entry.original && <p><a href={`/events/${pathOf(entry.original)}`} onClick={(click) => { click.preventDefault(); onOpen(entry.original!); }}>Show the event that it repeats</a></p>}
          </div>
        </div>
      )}
      {!!entry.findings?.length && (
        <div class="notice odd"><div class="notice-text"><Remarks of={entry.findings} /></div></div>
      )}
    </>
  );
}

function Summary({ entry, detail, workspace }: { entry: Entry; detail: Detail | undefined; workspace: Workspace | null }) {
  const source = workspace?.sources.find((each) => each.key === entry.source)?.name ?? entry.source;
  const raw = detail?.raw;
  const rows: [string, string | undefined, boolean?][] = [
    ["Outcome", outcomeWord(entry)],
    ["Source", source],
    ["Received", moment(entry.receivedAt)],
    ["Happened", happened(entry)],
    ["User id", entry.userId, true],
    ["Anonymous id", entry.anonymousId, true],
    ["Message id", entry.messageId, true],
    ["IP address", raw?.ip, true],
    ["Client", raw?.userAgent],
    ["Place", pathOf(entry.position), true],
  ];
  return (
    <dl class="summary">
      {rows.map(([label, value, mono]) => value && (
        <div key={label}><dt>{label}</dt><dd class={mono ? "mono" : undefined}>{value}</dd></div>
      ))}
    </dl>
  );
}

function happened(entry: Entry): string | undefined {
  if (!entry.timestamp) return undefined;
  if (entry.outcome !== "ok") return `${moment(entry.timestamp)}, by the client's clock`;
  const delay = new Date(entry.receivedAt).getTime() - new Date(entry.timestamp).getTime();
  if (delay === 0) return moment(entry.timestamp);
  return `${moment(entry.timestamp)} (${delay > 0 ? `${between(entry.timestamp, entry.receivedAt)} before` : `${between(entry.receivedAt, entry.timestamp)} after`} it was received)`;
}

/** The event as a tree, or the call as it came. */
function Content({ detail }: { detail: Detail }) {
  const { record, raw } = detail;
  const hasTree = record.body !== undefined;
  const [raws, setRaws] = useState(!hasTree);
  const text = raws ? (raw?.body ?? record.bodyText ?? "") : JSON.stringify(record.body, null, 2);
  return (
    <section class="content">
      <div class="content-head">
        <div class="segments" role="tablist" aria-label="Content">
          <button type="button" role="tab" aria-selected={!raws} disabled={!hasTree} onClick={() => setRaws(false)}>Event</button>
          <button type="button" role="tab" aria-selected={raws} onClick={() => setRaws(true)}>As sent</button>
        </div>
        <CopyButton text={text} label={raws ? "Copy text" : "Copy JSON"} />
      </div>
      {raws ? <Raw detail={detail} /> : <JsonTree value={record.body} marks={marksOf(record)} />}
    </section>
  );
}

function Raw({ detail: { raw, record } }: { detail: Detail }) {
  if (!raw) return <><p class="none">The raw log no longer keeps this call.</p>{record.bodyText && <pre class="raw" tabIndex={0}>{record.bodyText}</pre>}</>;
  return (
    <>
      <pre class="raw" tabIndex={0}>{raw.body}</pre>
      {raw.shared && <><h3>Shared by its batch</h3><pre class="raw" tabIndex={0}>{raw.shared}</pre></>}
    </>
  );
}

function marksOf(entry: Entry): Mark[] {
  const marks: Mark[] = (entry.findings ?? []).map((finding) => ({ pointer: finding.pointer, kind: "odd", text: finding.detail || finding.code }));
  if (entry.outcome === "quarantined" && entry.pointer) marks.unshift({ pointer: entry.pointer, kind: "bad", text: entry.message ?? entry.reason ?? "" });
  return marks;
}

/** Sending events of the log to a destination once more: a form, a dry run, the order, and how far it is. */
import { useMemo, useState } from "preact/hooks";
import { messageOf, post } from "../api/client";
import { useJob } from "../api/useJob";
import { useResource } from "../api/useResource";
import { destinationName, sourceName, useWorkspace } from "../api/workspace";
import { confirm } from "../ui/Dialog";
import { DataTable } from "../ui/DataTable";
import { sum, whole, zone } from "../ui/format";
import { FqlInput } from "../ui/FqlInput";
import { ReplayIcon } from "../ui/icons";
import { Link } from "../ui/Link";
import { Page, Section, useTitle } from "../ui/PageHeader";
import { Progress } from "../ui/Progress";
import { router, useQueryParam } from "../ui/router";
import { EmptyState, Fetched, Notice } from "../ui/states";
import { Segments } from "../ui/Tabs";
import { toast } from "../ui/Toast";
import { When } from "../ui/When";
import { OPEN, type Preview as Previewed, type Replay, type Wish } from "./api";
import { Preview } from "./Preview";
import { ReplayDetail } from "./ReplayDetail";
import "./replay.css";

const RANGES = [["1h", "1 hour"], ["24h", "24 hours"], ["7d", "7 days"], ["all", "all kept"], ["own", "from … to"]] as const;
const MS: Record<string, number> = { "1h": 3_600_000, "24h": 86_400_000, "7d": 604_800_000 };

export default function ReplayPage({ params }: { params: Record<string, string> }) {
  const number = params["number"];
  return number !== undefined ? <One number={number} /> : <All />;
}

function All() {
  const workspace = useWorkspace();
  const replays = useResource<{ replays: Replay[] }>("/api/replays", { everyMs: 1000 });
  return (
    <Page title="Replay" note="Send events of the log to a destination once more, beside the live ones">
      <NewReplay />
      <Section title="Replays">
        <Fetched resource={replays}>
          {({ replays: found }) => (
            <DataTable label="All replays" rows={found} rowKey={(one) => String(one.id)} href={(one) => `/replay/${one.id}`}
              empty={<div class="frame"><EmptyState title="Nothing was replayed yet" icon={<ReplayIcon />}>After an outage or a wrong mapping, choose above what a destination is to get once more.</EmptyState></div>}
              columns={[
                { key: "id", label: "Replay", cell: (one) => `Replay ${one.id}` },
                { key: "to", label: "To", cell: (one) => destinationName(workspace, one.destination) },
                { key: "state", label: "State", cell: (one) => <StateBadge replay={one} /> },
                { key: "events", label: "Events", number: true, cell: (one) => whole(one.accepted) },
                { key: "delivered", label: "Delivered", number: true, cell: (one) => whole(one.delivered) },
                { key: "out", label: "Left out", number: true, hide: "narrow", cell: (one) => whole(sum(one.discarded)) },
                { key: "failed", label: "Failed", number: true, hide: "narrow", cell: (one) => whole(sum(one.failed)) },
                { key: "at", label: "Ordered", hide: "narrow", cell: (one) => <When at={one.created_at} /> },
              ]} />
          )}
        </Fetched>
      </Section>
    </Page>
  );
}

export function StateBadge({ replay }: { replay: Replay }) {
  const tone = { waiting: "", running: "accent", done: "good", cancelled: "odd", failed: "bad" }[replay.state] ?? "";
  return <span class={`badge ${tone}`}>{replay.state}</span>;
}

function NewReplay() {
  const workspace = useWorkspace();
  const [to, setTo] = useQueryParam("to");
  const [where, setWhere] = useQueryParam("where");
  const [range, setRange] = useQueryParam("range", "24h");
  const [from, setFrom] = useQueryParam("from");
  const [until, setUntil] = useQueryParam("until");
  const [source, setSource] = useQueryParam("source");
  const [anew, setAnew] = useQueryParam("pipeline");
  const [again, setAgain] = useQueryParam("again");
  const [rate, setRate] = useQueryParam("rate");
  const [problem, setProblem] = useState("");
  const job = useJob<Previewed>();
  const destinations = workspace?.destinations ?? [];
  const destination = to || destinations[0]?.key || "";
  const wish = (): Wish => ({
    destination, where,
    from_ms: range === "own" ? msOf(from) : range === "all" ? null : Date.now() - MS[range]!,
    to_ms: range === "own" ? msOf(until) : null,
    sources: source ? [source] : [],
    through_pipeline: anew === "1", again: again === "1",
    rate: Number(rate) > 0 ? Number(rate) : null,
  });
  const key = JSON.stringify([destination, where, range, from, until, source, anew, again, rate]);
  const [looked, setLooked] = useState("");
  const look = async () => { setProblem(""); setLooked(key); await job.start("/api/replays/preview", wish()); };
  const start = async () => {
    const count = job.result && looked === key ? `${whole(job.result.to_send)} events` : "the chosen events";
    if (!(await confirm({ title: `Replay to ${destinationName(workspace, destination)}?`, body: `${count} are sent beside the live ones. ${again === "1" ? "Also those that it has already: it may count them twice." : "Those that it has already are passed over."}`, action: "Start the replay" }))) return;
    try {
      const made = await post<Replay>("/api/replays", wish());
      toast(`Replay ${made.id} is ordered`);
      router.go(`/replay/${made.id}`);
    } catch (error) {
      setProblem(messageOf(error));
    }
  };
  if (workspace && !destinations.length) {
    return <div class="frame"><EmptyState title="There is no destination to replay to" icon={<ReplayIcon />}>Add one under <code>destinations:</code> in trackway.yaml; a replay brings it what it has missed.</EmptyState></div>;
  }
  return (
    <section class="frame replay-form" aria-label="A new replay">
      <div class="replay-fields">
        <label class="replay-field"><span>To</span>
          <select class="choice" value={destination} onChange={(event) => setTo(event.currentTarget.value)}>
            {destinations.map((one) => <option key={one.key} value={one.key}>{one.name}{one.enabled ? "" : " (switched off)"}</option>)}
          </select>
        </label>
        <label class="replay-field"><span>From the source</span>
          <select class="choice" value={source} onChange={(event) => setSource(event.currentTarget.value)}>
            <option value="">any</option>
            {workspace?.sources.map((one) => <option key={one.key} value={one.key}>{sourceName(workspace, one.key)}</option>)}
          </select>
        </label>
        <div class="replay-field"><span>Received in the last</span><Segments label="Received in the last" value={range} onChange={setRange} options={RANGES.map(([value, label]) => ({ value, label }))} /></div>
        {range === "own" && (
          <>
            <label class="replay-field"><span>From ({zone()})</span><input class="replay-input" type="datetime-local" value={from} onInput={(event) => setFrom(event.currentTarget.value)} /></label>
            <label class="replay-field"><span>To, exclusive ({zone()})</span><input class="replay-input" type="datetime-local" value={until} onInput={(event) => setUntil(event.currentTarget.value)} /></label>
          </>
        )}
        <label class="replay-field replay-rate"><span>Events a second</span><input class="replay-input" type="number" min="0.1" step="any" placeholder="as fast as it takes" value={rate} onInput={(event) => setRate(event.currentTarget.value)} /></label>
      </div>
      <div class="replay-field"><span id="replay-where">Only events for which this holds</span><FqlInput label="Filter in FQL" value={where} onChange={setWhere} /></div>
      <div class="replay-choices">
        <label><input type="checkbox" checked={anew === "1"} onChange={(event) => setAnew(event.currentTarget.checked ? "1" : "")} /> <span>Make the events anew <small>from the calls, by today’s pipeline</small></span></label>
        <label><input type="checkbox" checked={again === "1"} onChange={(event) => setAgain(event.currentTarget.checked ? "1" : "")} /> <span>Also what it has already <small>otherwise passed over</small></span></label>
      </div>
      <div class="replay-act">
        <button type="button" class="button" disabled={job.running || !destination} onClick={() => void look()}>Dry run</button>
        <button type="button" class="button primary" disabled={job.running || !destination} onClick={() => void start()}>Start the replay …</button>
      </div>
      {job.running && <Progress label="Looking at the events" done={job.done} of={job.total} onCancel={job.cancel} />}
      {(problem || job.error) && <Notice tone="bad" title="That cannot be replayed">{problem || job.error}</Notice>}
      {job.view?.state === "cancelled" && <Notice tone="odd" title="The dry run was cancelled" />}
      {job.result && <>{looked !== key && <Notice tone="odd" title="The form has changed since">Run it dry once more.</Notice>}<Preview found={job.result} destination={destinationName(workspace, destination)} /></>}
    </section>
  );
}

function msOf(local: string): number | null {
  const ms = new Date(local).getTime();
  return Number.isNaN(ms) ? null : ms;
}

function One({ number }: { number: string }) {
  const known = /^\d{1,12}$/.test(number);
  const [ended, setEnded] = useState(false);
  const replay = useResource<Replay>(known ? `/api/replays/${number}` : null, { everyMs: ended ? 0 : 700 });
  const over = replay.data && !OPEN.has(replay.data.state);
  useMemo(() => { if (over) setEnded(true); }, [over]);
  useTitle(`Replay ${number}`);
  if (!known) return <EmptyState title="There is no such replay" action={<Link class="button" href="/replay">To the replays</Link>} />;
  return <Fetched resource={replay}>{(found) => <ReplayDetail replay={found} reload={replay.reload} badge={<StateBadge replay={found} />} />}</Fetched>;
}



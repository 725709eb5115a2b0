/** One destination: how it stands, what became of its events, why some failed, how it is set up. */
import { useState } from "preact/hooks";
import { messageOf } from "../api/client";
import { check, destinationPath, pause, resume, type Checked, type Detail, type DestinationStatus, type LetterGroup } from "../api/destinations";
import { isRange, RANGES, REFRESH_MS, type Health, type History, type RangeName } from "../api/health";
import type { DestinationCounts, Overview } from "../api/overview";
import { useResource } from "../api/useResource";
import { useWorkspace } from "../api/workspace";
import { Breakdown } from "../breakdown/Breakdown";
import { percent } from "../ui/bytes";
import { Chart } from "../ui/Chart";
import { confirm } from "../ui/Dialog";
import { rate, short, sum } from "../ui/format";
import { PauseIcon, PlayIcon } from "../ui/icons";
import { Page, Section, useTitle } from "../ui/PageHeader";
import { useQueryParam } from "../ui/router";
import { Stat, Stats } from "../ui/Stat";
import { EmptyState, Fetched, Loading, Notice } from "../ui/states";
import { Segments, TabPanel, Tabs } from "../ui/Tabs";
import { span } from "../ui/time";
import { toast } from "../ui/Toast";
import { When } from "../ui/When";
import { Letters } from "./Letters";
import { Mappings } from "./Mappings";
import { SettingsTable } from "./SettingsTable";
import { errorRate, standingOf, StandingBadge } from "./standing";

const EVERY_MS = 3000;

export function DestinationPage({ of: key }: { of: string }) {
  const workspace = useWorkspace();
  const [tab, setTab] = useQueryParam("tab", "overview");
  const detail = useResource<Detail>(destinationPath(key), { everyMs: 30_000 });
  const status = useResource<{ destinations: DestinationStatus[] }>("/api/destinations", { everyMs: EVERY_MS });
  const health = useResource<Health>("/api/health", { everyMs: EVERY_MS }).data?.destinations.find((one) => one.destination === key);
  const counts = useResource<Overview>("/api/overview", { everyMs: EVERY_MS }).data?.destinations.find((one) => one.destination === key);
  const groups = useResource<{ groups: LetterGroup[] }>(destinationPath(key, "groups"), { everyMs: 2 * EVERY_MS });
  const known = workspace?.destinations.find((one) => one.key === key);
  const name = known?.name ?? key;
  const now = status.data?.destinations.find((one) => one.destination === key);
  const standing = standingOf(known?.enabled ?? true, now, health);
  const failed = sum(counts?.failed ?? {});
  useTitle(name);
  if (workspace && !known) {
    return <Page title={key} back={{ href: "/destinations", label: "Destinations" }}><EmptyState title={`There is no destination ${key}`}>It may have been taken out of trackway.yaml, or have another key now.</EmptyState></Page>;
  }
  return (
    <Page title={name} back={{ href: "/destinations", label: "Destinations" }}
      note={<><span class="kind">{known?.type}</span>{status.data && <StandingBadge standing={standing} />}</>}
      actions={known?.enabled && <Actions of={key} name={name} paused={now?.state === "paused"} canCheck={detail.data?.can_check ?? false} onDone={status.reload} />}
      tabs={<Tabs label="Destination" value={tab} onChange={setTab} tabs={[
        { value: "overview", label: "Overview" },
        { value: "breakdown", label: "Breakdown" },
        { value: "letters", label: "Dead letters", ...(failed ? { count: short(failed) } : {}) },
        { value: "mapping", label: "Mapping" },
        { value: "settings", label: "Settings" },
      ]} />}>
      <TabPanel of="overview" value={tab}>
        {standing.more && <Notice tone={standing.tone === "bad" ? "bad" : standing.tone === "odd" ? "odd" : "info"} title={standing.word}>{standing.more}{now?.paused_ms ? <> Paused <When at={now.paused_ms} />.</> : null}</Notice>}
        <Figures counts={counts} health={health} p95_s={now?.p95_s} />
        <Funnel counts={counts} />
        <OverTime of={key} />
      </TabPanel>
      <TabPanel of="breakdown" value={tab}><Breakdown destination={key} /></TabPanel>
      <TabPanel of="letters" value={tab}><Letters of={key} name={name} groups={groups} /></TabPanel>
      <TabPanel of="mapping" value={tab}><Fetched resource={detail}>{(found) => <Mappings detail={found} />}</Fetched></TabPanel>
      <TabPanel of="settings" value={tab}><Fetched resource={detail}>{(found) => <SettingsTable detail={found} />}</Fetched></TabPanel>
    </Page>
  );
}

function Actions({ of: key, name, paused, canCheck, onDone }: { of: string; name: string; paused: boolean; canCheck: boolean; onDone: () => void }) {
  const [busy, setBusy] = useState(false);
  const toggle = async () => {
    if (!paused && !(await confirm({ title: `Pause ${name}?`, body: "Nothing more is sent to it until you resume. Its events wait in the log, in order; a restart does not end the pause.", action: "Pause" }))) return;
    setBusy(true);
    try {
      await (paused ? resume(key) : pause(key));
      toast(paused ? `${name} goes on` : `${name} is paused`);
    } catch (error) {
      toast(messageOf(error), "bad");
    }
    setBusy(false);
    onDone();
  };
  return (
    <>
      <Test of={key} name={name} canCheck={canCheck} />
      <button type="button" class={paused ? "button primary" : "button"} disabled={busy} onClick={() => void toggle()}>
        {paused ? <PlayIcon /> : <PauseIcon />}{paused ? "Resume" : busy ? "Pausing …" : "Pause"}
      </button>
    </>
  );
}

function Test({ of: key, name, canCheck }: { of: string; name: string; canCheck: boolean }) {
  const [running, setRunning] = useState<AbortController | null>(null);
  const [found, setFound] = useState<Checked | { problem: string } | null>(null);
  const run = async () => {
    const abort = new AbortController();
    setRunning(abort);
    setFound(null);
    try {
      setFound(await check(key, abort.signal));
    } catch (error) {
      if (!abort.signal.aborted) setFound({ problem: messageOf(error) });
    }
    setRunning(null);
  };
  const shown = found && ("problem" in found ? { tone: "bad", text: found.problem } : { tone: { OK: "good", FAIL: "bad", UNKNOWN: "odd" }[found.status], text: found.finding });
  return (
    <>
      {shown && <span class={`badge ${shown.tone} check-result`} role="status" title={shown.text}>{shown.text}</span>}
      {running
        ? <button type="button" class="button" onClick={() => running.abort()}><i class="spinner" aria-hidden="true" />Stop testing</button>
        : <button type="button" class="button" onClick={() => void run()} title={canCheck ? `Asks ${name} whether it knows the credentials; changes nothing` : "This kind has no way to ask without sending an event"}>Test connection</button>}
    </>
  );
}

function Figures({ counts, health, p95_s }: { counts: DestinationCounts | undefined; health: Health["destinations"][number] | undefined; p95_s: number | null | undefined }) {
  const share = errorRate(health);
  return (
    <Stats>
      <Stat label="Delivered per second" value={rate(health?.rate ?? 0)} note="last minute" />
      <Stat label="Delivered" value={short(counts?.delivered ?? 0)} note={`of ${short(counts?.accepted ?? 0)} accepted`} />
      <Stat label="Pending" value={short(counts?.pending ?? 0)} note={health?.retrying ? `${short(health.retrying)} tried again later` : "wait in the log, in order"} />
      <Stat label="Lag" value={(health?.lag_s ?? 0) < 1 ? "0 s" : span(health!.lag_s)} note="age of the oldest event" tone={(health?.lag_s ?? 0) > 300 ? "bad" : (health?.lag_s ?? 0) > 30 ? "odd" : undefined} />
      <Stat label="Failed requests" value={share === null ? "–" : percent(share)} note={health ? `${short(health.errors)} of ${short(health.requests)} lately` : ""} tone={share !== null && share > 0.05 ? "odd" : undefined} />
      <Stat label="Answers within" value={p95_s == null ? "–" : span(p95_s)} note="95 of 100 requests" />
    </Stats>
  );
}

interface Step {
  label: string;
  count: number;
  tone: "accent" | "quiet" | "good" | "odd" | "bad";
  reasons?: Record<string, number>;
}

/** What became of all events: accepted, filtered, delivered, waiting and failed, each with its reasons. */
function Funnel({ counts }: { counts: DestinationCounts | undefined }) {
  if (!counts) return <Loading />;
  const steps: Step[] = [
    { label: "Accepted", count: counts.accepted, tone: "accent" },
    { label: "Filtered", count: sum(counts.discarded), tone: "quiet", reasons: counts.discarded },
    { label: "Delivered", count: counts.delivered, tone: "good" },
    { label: "Retrying", count: counts.retrying, tone: "odd" },
    { label: "Waiting", count: counts.pending - counts.retrying, tone: "quiet" },
    { label: "Failed", count: sum(counts.failed), tone: "bad", reasons: counts.failed },
  ];
  return (
    <Section title="What became of its events" note="since it first ran">
      <div class="frame funnel" role="list">
        {steps.map((step) => (
          <div key={step.label} class={`funnel-step ${step.tone}`} role="listitem">
            <span class="funnel-label">{step.label}</span>
            <span class="funnel-bar" aria-hidden="true"><i style={{ width: `${counts.accepted ? Math.max(step.count ? 0.4 : 0, (step.count / counts.accepted) * 100) : 0}%` }} /></span>
            <span class="funnel-count">{short(step.count)}</span>
            <span class="funnel-share">{counts.accepted ? percent(step.count / counts.accepted) : "–"}</span>
            {step.reasons && step.count > 0 && (
              <span class="funnel-reasons">{Object.entries(step.reasons).sort((one, other) => other[1] - one[1]).map(([reason, number]) => <span key={reason} class="reason-chip">{reason}<b>{short(number)}</b></span>)}</span>
            )}
          </div>
        ))}
      </div>
    </Section>
  );
}

function OverTime({ of: key }: { of: string }) {
  const [wanted, setRange] = useQueryParam("range", "1h");
  const range: RangeName = isRange(wanted) ? wanted : "1h";
  const { data } = useResource<History>(`/api/history?range=${range}`, { everyMs: REFRESH_MS[range], keep: true });
  const own = data?.destinations.find((one) => one.destination === key);
  return (
    <Section title="Over time" actions={<Segments label="Time" value={range} options={RANGES} onChange={setRange} />}>
      {!data ? <Loading /> : !own ? <div class="frame"><EmptyState title="Nothing known yet">A line begins some seconds after the first event.</EmptyState></div> : (
        <div class="charts">
          <div class="frame chart-frame"><Chart label="Events per second" times={data.times} range={[data.from_s, data.to_s]} format={rate} legend
            series={[{ label: "Delivered", values: own.delivered, colour: "--series-1" }, { label: "Filtered", values: own.discarded, colour: "--series-8" }, { label: "Failed", values: own.failed, colour: "--bad" }]} /></div>
          <div class="frame chart-frame"><Chart label="Lag" times={data.times} range={[data.from_s, data.to_s]} format={span} durations kind="area" legend series={[{ label: "Lag", values: own.lag_s, colour: "--series-2" }]} /></div>
        </div>
      )}
    </Section>
  );
}

/** What a replay would send: counts with reasons, and some of the events. */
import { JsonDiff } from "../json/JsonDiff";
import { JsonTree } from "../json/JsonTree";
import { diffOf } from "../playground/pointers";
import { sum, whole } from "../ui/format";
import { Link } from "../ui/Link";
import { Stat, Stats } from "../ui/Stat";
import type { Preview as Previewed, Sent } from "./api";
import { Reasons } from "./ReplayDetail";

export function Preview({ found, destination }: { found: Previewed; destination: string }) {
  return (
    <div class="replay-preview" role="status">
      <Stats>
        <Stat label={`Would be sent to ${destination}`} value={whole(found.to_send)} tone={found.to_send ? "good" : undefined} note={`of ${whole(found.looked_at)} looked at`} />
        <Stat label="Left out" value={whole(sum(found.left_out))} />
        <Stat label="Would fail" value={whole(sum(found.failing))} tone={sum(found.failing) ? "bad" : undefined} />
        <Stat label="Differ from what is stored" value={whole(found.differing)} tone={found.differing ? "odd" : undefined} />
        <Stat label="Sent otherwise than then" value={whole(found.sent_otherwise)} tone={found.sent_otherwise ? "odd" : undefined} />
      </Stats>
      <div class="replay-reasons">
        <Reasons title="Left out" counts={found.left_out} />
        <Reasons title="Would fail" counts={found.failing} />
      </div>
      {found.samples.length > 0 && <h3>Some of them</h3>}
      {found.samples.map((sample) => (
        <details key={sample.message_id} class="replay-sample">
          <summary><b>{sample.name || "no name"}</b> <code>{sample.message_id}</code>{(sample.differs.length > 0 || (sample.sent?.differs.length ?? 0) > 0) && <span class="badge odd">differs</span>}</summary>
          <p><Link href={`/events/events/${sample.position[0]}/${sample.position[1]}`}>The event</Link>{sample.then && <>; before: {sample.then.outcome} {sample.then.reason}</>}</p>
          {sample.now.map((row, i) => { const value = parse(row); return value === undefined ? <pre key={i} class="raw" tabIndex={0}>{row}</pre> : <JsonTree key={i} value={value} />; })}
          {sample.differs.length > 0 && <><h4>Stored, and as today’s pipeline makes it</h4><JsonDiff {...diffOf(sample.differs)} label="Differences" /></>}
          {sample.sent && <SentThen sent={sample.sent} />}
        </details>
      ))}
    </div>
  );
}

/** What was sent before, made once more, against what would be sent. */
function SentThen({ sent }: { sent: Sent }) {
  const settings = sent.settings_until && `, with the settings that were changed at ${sent.settings_until}`;
  return (
    <>
      <h4>Sent at {sent.at}{settings}, and now</h4>
      {sent.end ? <p>With those settings the same event ends today as {sent.end}.</p> : sent.differs.length ? <JsonDiff {...diffOf(sent.differs)} label="Differences in what is sent" /> : <p>No difference.</p>}
      {sent.unknown.length > 0 && <p class="quiet-text">Taken as they are today, since their values then are not kept: {sent.unknown.join(", ")}</p>}
    </>
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

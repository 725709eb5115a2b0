/** What each stage of the pipeline does to the call. */
import { diffOf } from "./pointers";
import { JsonDiff } from "../json/JsonDiff";
import { Prose } from "../ui/Prose";
import type { StageTold } from "./api";

export function Stages({ stages }: { stages: readonly StageTold[] }) {
  const idle = stages.filter((stage) => !stage.changes.length && !stage.findings.length && !stage.end);
  const active = stages.filter((stage) => !idle.includes(stage));
  return (
    <div class="play-stages">
      {active.map((stage) => (
        <section key={stage.stage}>
          <h2>{stage.stage.replaceAll("_", " ")}{stage.end && <span class="badge bad">{stage.end}</span>}</h2>
          {stage.message && <p><code>{stage.reason}</code> <Prose text={stage.message} /></p>}
          {stage.findings.map((finding, i) => <p key={i} class="quiet-text"><code>{finding.pointer || "/"}</code> {finding.code.replaceAll("_", " ")}{finding.detail && `: ${finding.detail}`}</p>)}
          {stage.changes.length > 0 && <JsonDiff {...diffOf(stage.changes)} label={`What ${stage.stage} changes`} />}
        </section>
      ))}
      {idle.length > 0 && <p class="faint">No change by {idle.map((stage) => stage.stage.replaceAll("_", " ")).join(", ")}.</p>}
    </div>
  );
}

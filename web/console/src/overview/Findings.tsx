/** The newest remarks on events: odd names, wrong types, what a tracking plan does not know. */
import { useResource } from "../api/useResource";
import { sourceName, useWorkspace } from "../api/workspace";
import { DataTable } from "../ui/DataTable";
import { Section } from "../ui/PageHeader";
import { When } from "../ui/When";

interface Finding {
  at_ms: number;
  source: string;
  type: string;
  name: string;
  path: string;
  code: string;
  detail: string;
  suggestion: string | null;
  message_id: string;
}

const SHOWN = 8;

export function Findings() {
  const workspace = useWorkspace();
  const { data } = useResource<{ findings: Finding[] }>(`/api/catalogue/findings?limit=200`, { everyMs: 15_000 });
  if (!data?.findings.length) return null;
  const groups = grouped(data.findings).slice(0, SHOWN);
  return (
    <Section title="Findings" note="the newest remarks on events">
      <DataTable label="Findings" rows={groups} rowKey={(row) => row.key} href={(row) => `/events/${encodeURIComponent(row.newest.message_id)}`}
        columns={[
          { key: "code", label: "Finding", cell: (row) => <code class="code-chip">{row.newest.code}</code>, sort: (row) => row.newest.code },
          { key: "event", label: "Event", cell: (row) => <span class="clip">{row.newest.name || row.newest.type}</span>, sort: (row) => row.newest.name },
          { key: "detail", label: "What", hide: "narrow", cell: (row) => <span class="clip wide quiet-text">{row.newest.detail || row.newest.path}{row.newest.suggestion && <> → <b>{row.newest.suggestion}</b></>}</span> },
          { key: "source", label: "Source", hide: "medium", cell: (row) => sourceName(workspace, row.newest.source) },
          { key: "count", label: "Lately", number: true, cell: (row) => row.count, sort: (row) => row.count },
          { key: "at", label: "Last", number: true, hide: "narrow", cell: (row) => <When at={row.newest.at_ms} />, sort: (row) => row.newest.at_ms },
        ]} />
    </Section>
  );
}

/** The same remark on the same event of the same source is one row. */
function grouped(findings: readonly Finding[]): { key: string; newest: Finding; count: number }[] {
  const groups = new Map<string, { key: string; newest: Finding; count: number }>();
  for (const finding of [...findings].reverse()) {
    const key = JSON.stringify([finding.source, finding.type, finding.name, finding.code, finding.path]);
    const group = groups.get(key);
    if (group) group.count++;
    else groups.set(key, { key, newest: finding, count: 1 });
  }
  // What is merely new stands behind what is wrong.
  return [...groups.values()].sort((one, other) => Number(isNews(one.newest)) - Number(isNews(other.newest)));
}

function isNews(finding: Finding): boolean {
  return finding.code.startsWith("new_");
}

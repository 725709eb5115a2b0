/** The rule that an event follows as YAML, ready for the plan's file. */
import { useState } from "preact/hooks";
import { withQuery } from "../api/client";
import { useResource } from "../api/useResource";
import { CodeBlock, download } from "../ui/CodeBlock";
import { Dialog } from "../ui/Dialog";
import { whole } from "../ui/format";
import { Fetched } from "../ui/states";
import { Segments } from "../ui/Tabs";
import type { Draft } from "./api";

export function AddToPlan({ source, type, name, onClose }: { source: string; type: string; name: string; onClose: () => void }) {
  const draft = useResource<Draft>(withQuery("/api/plan/draft", { source, type, event: name }));
  const [shown, setShown] = useState<"rule" | "whole">("rule");
  return (
    <Dialog wide title={`Add ${name || type} to the plan`} onClose={onClose} actions={<button type="button" class="button primary" onClick={onClose}>Done</button>}>
      <Fetched resource={draft}>
        {(found) => (
          <div class="stack">
            <p>Learnt from the newest {whole(found.events)} {found.events === 1 ? "event" : "events"}: what each of them had is marked <code>!</code>, a text of few values became a list of them. Correct it, then save it as <code>{found.file}</code>{found.new_file ? ", a new file" : ""}; Trackway follows the file at once.</p>
            <div><Segments label="What to show" value={shown} onChange={setShown} options={[{ value: "rule", label: "The rule" }, { value: "whole", label: "The whole file" }]} /></div>
            <CodeBlock code={shown === "rule" ? found.rule : found.whole} label={<code>{found.file}</code>} onDownload={() => download(found.file.split("/").at(-1)!, found.whole, "text/yaml")} />
          </div>
        )}
      </Fetched>
    </Dialog>
  );
}

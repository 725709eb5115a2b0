import type { Workspace } from "../api/workspace";
import { helloCurl } from "../curl";
import { CopyButton } from "../ui/CopyButton";
import "./first-event.css";

/** What a new workspace shows: how to make its first event. */
export function FirstEvent({ workspace }: { workspace: Workspace }) {
  return (
    <div class="first-event">
      <div class="pulse" aria-hidden="true"><i /><i /><i /></div>
      <h2>Waiting for your first event</h2>
      <p>Paste one of these lines into a terminal. The event shows up here at once, and in the warehouse a second later.</p>
      {workspace.sources.map((source) => {
        const line = helloCurl(workspace.ingest_url, source);
        return (
          <section key={source.key} class="snippet" aria-label={`First event of ${source.name}`}>
            <header>
              <h3>{source.name}</h3>
              <span class="key">Write key <code>{source.write_keys[0]}</code></span>
              <CopyButton text={line} label="Copy" />
            </header>
            <pre tabIndex={0}><code>{line}</code></pre>
          </section>
        );
      })}
      <p class="aside">Or let <code>trackway demo</code> play a small shop.</p>
    </div>
  );
}

/**
 * The workspace: sources, destinations, addresses, and how trackway.yaml stands. Kept fresh, so that an edit of the file
 * is seen within seconds.
 *
 *     const workspace = useWorkspace();    // null until the first answer
 */
import { Emitter, useChanges } from "../ui/emitter";
import { get } from "./client";

export interface WorkspaceSource {
  key: string;
  name: string;
  write_keys: string[];
  enabled: boolean;
}

export interface WorkspaceDestination {
  key: string;
  name: string;
  type: string;
  enabled: boolean;
}

export interface Workspace {
  version: string;
  ingest_url: string;
  sources: WorkspaceSource[];
  destinations: WorkspaceDestination[];
  sql: boolean;
  settings: {
    /** Why the file as it is now is not in force. */
    mistake: string | null;
    /** Keys whose change waits for a restart. */
    waiting: string[];
  };
}

const EVERY_MS = 5000;

class WorkspaceStore extends Emitter {
  workspace: Workspace | null = null;
  private text = "";
  private started = false;

  start(): void {
    if (this.started) return;
    this.started = true;
    void this.refresh();
    setInterval(() => { if (!document.hidden) void this.refresh(); }, EVERY_MS);
  }

  async refresh(): Promise<void> {
    const workspace = await get<Workspace>("/api/workspace").catch(() => null);
    const text = JSON.stringify(workspace);
    if (!workspace || text === this.text) return;
    this.text = text;
    this.workspace = workspace;
    this.emit();
  }
}

const store = new WorkspaceStore();

export function useWorkspace(): Workspace | null {
  useChanges(store);
  store.start();
  return store.workspace;
}

/** Return the name of a source, or its key while that has none. */
export function sourceName(workspace: Workspace | null, key: string): string {
  return workspace?.sources.find((source) => source.key === key)?.name ?? key;
}

export function destinationName(workspace: Workspace | null, key: string): string {
  return workspace?.destinations.find((destination) => destination.key === key)?.name ?? key;
}

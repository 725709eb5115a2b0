import { useEffect, useReducer } from "preact/hooks";

/** Something that changes and tells so. */
export class Emitter {
  private readonly listeners = new Set<() => void>();

  /** Call `listener` after every change, until the returned function is called. */
  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  protected emit(): void {
    for (const listener of this.listeners) listener();
  }
}

/** Render the calling component anew after every change of `emitter`. */
export function useChanges(emitter: Emitter): void {
  const [, render] = useReducer((count: number) => count + 1, 0);
  useEffect(() => emitter.subscribe(() => render(undefined as never)), [emitter]);
}

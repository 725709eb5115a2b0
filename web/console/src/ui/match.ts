/** Patterns of addresses. */

/** Match `/sources/:key` and return what stands at the names, decoded; null when the path is another. */
export function match(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split("/");
  const given = path.replace(/(.)\/$/, "$1").split("/");
  if (wanted.length !== given.length) return null;
  const found: Record<string, string> = {};
  for (let i = 0; i < wanted.length; i++) {
    const part = wanted[i]!;
    if (!part.startsWith(":")) {
      if (part !== given[i]) return null;
    } else {
      const value = decoded(given[i]!);
      if (!value) return null;
      found[part.slice(1)] = value;
    }
  }
  return found;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** What violations of a tracking plan are called. */
const WORDS: Record<string, string> = {
  plan_unplanned: "unplanned event", plan_unplanned_property: "unplanned property", plan_required: "missing", plan_invalid_type: "wrong type", plan_invalid_value: "value not permitted",
};

export function violationOf(code: string): string {
  return WORDS[code] ?? code.replace("plan_", "").replaceAll("_", " ");
}

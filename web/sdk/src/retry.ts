/** What to do after an answer, and when: the rules of Segment's browser client. */

const LONGEST_WAIT_S = 300;

/** Returns whether what was sent may be taken when it is sent again; no status is no answer at all. */
export const isPassing = (status?: number): boolean => /^(u|4(08|10|29|60)|5(?!01|05|11))/.test(status as never);

/** Returns milliseconds to wait: as long as `Retry-After` (whole seconds) says, else at once, then 1–2 s, doubling to 60 s. */
export const waitAfter = (failures: number, retryAfter: string | null | undefined): number =>
  1000 *
  (+retryAfter! > 0
    ? Math.min(+retryAfter!, LONGEST_WAIT_S)
    : failures > 1
      ? Math.min(60, ((1 + Math.random()) * 2 ** failures) / 4)
      : 0);

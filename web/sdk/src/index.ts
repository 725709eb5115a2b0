/** The module build. */

import { createAnalytics } from "./analytics";
import type { Analytics, Options } from "./types.js";

export type * from "./types.js";

/** Returns the client at once; `host` is where the collector is, such as `https://events.shop.example`. */
export const load = (writeKey: string, options: Options & { host: string }): Analytics =>
  createAnalytics(writeKey, options.host, options);

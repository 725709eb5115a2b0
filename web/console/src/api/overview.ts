/** The counts of this moment, as `GET /api/overview` and the live stream give them. */
import { get } from "./client";

export interface SourceCounts {
  source: string;
  events: number;
  quarantine: Record<string, number>;
  dropped: Record<string, number>;
  per_second: number[];
}

export interface DestinationCounts {
  destination: string;
  accepted: number;
  delivered: number;
  discarded: Record<string, number>;
  failed: Record<string, number>;
  retrying: number;
  pending: number;
}

export interface Overview {
  sources: SourceCounts[];
  destinations: DestinationCounts[];
  consumers: { consumer: string; topic: string; lag: number }[];
}

export function getOverview(): Promise<Overview> {
  return get("/api/overview");
}

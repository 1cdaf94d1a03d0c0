/** Who is connected, and what became of what they said. After web/src/dto. */

import type { Instant, Title } from "./common";

export interface Client {
  client_id: string;
  address: string;
  identity: string;
  protocol: string;
  since: Instant;
  connected: boolean;
  rate_msgs_s: number;
  rate_bytes_s: number;
  messages: number;
  bytes: number;
  subscriptions: number;
  last_topic?: string | null;
  last_error?: string | null;
  denials: number;
  last_denial?: { topic: string; why: string } | null;
  throttled: number;
}

export interface Connections {
  clients: Client[];
  totals: { connected: number; rate_msgs_s: number; rate_bytes_s: number; messages: number; bytes: number };
  refused: Record<string, number>;
}

export interface QuarantineEntry {
  id: number;
  t: Instant;
  source: string;
  topic: string;
  size: number;
  head: string;
  /** `utf-8`, or `hex` where the payload is not text. */
  head_encoding: string;
  code: string;
  reason: string;
  /** Whether its whole payload is kept, so that it can be read again. */
  complete: boolean;
  /** Who did not need it, and why. */
  discarded: string | null;
}

export interface QuarantinePayload extends QuarantineEntry {
  payload: string;
  encoding: string;
  /** How many bytes of it are shown. */
  shown: number;
}

export interface QuarantineTopic {
  topic: string;
  waiting: number;
  complete: number;
  first: Instant;
  last: Instant;
}

export interface QuarantineStats {
  waiting: number;
  complete: number;
  discarded: number;
  bytes: number;
  cut: number;
  dropped: number;
}

export interface Replay {
  running: boolean;
  selected: number;
  done: number;
  committed: number;
  duplicates: number;
  failed: number;
  incomplete: number;
  problem: string | null;
}

export interface NewPoint {
  /** `null`: the machine spoke as a whole. */
  name: string | null;
  kind: "scalar" | "waveform";
  unit: string | null;
  unit_known: boolean;
  value: number | boolean | string | null;
  quality: string;
  t: Instant;
  count: number;
  source: string;
  first: Instant;
  last: Instant;
}

export interface NewMachine {
  machine: string;
  known: boolean;
  /** Which state of the machine this is; sent back with its adoption. */
  edition: number;
  described: boolean;
  title: Title;
  points: NewPoint[];
}

export interface Discovery {
  machines: NewMachine[];
  left_out: number;
  ignored: string[];
}

export interface Adopted {
  machines: number;
  points: number;
  replay: Replay;
}

export interface LedgerLine extends LedgerTotal {
  t_ms: number;
  width_s: number;
  source: string;
  released: number;
  gaps: number;
}

export interface QuarantineGroup {
  code: string;
  count: number;
  discarded: number;
  first: Instant;
  last: Instant;
  /** The last one, without its number. */
  example: Omit<QuarantineEntry, "id" | "complete" | "discarded">;
}

export interface LedgerTotal {
  received: number;
  committed: number;
  duplicates: number;
  quarantined: number;
  refused: number;
}

export interface Ledger {
  sources: (LedgerTotal & { source: string })[];
  total: LedgerTotal;
}

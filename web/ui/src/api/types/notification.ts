/** Who was told of alarms, and by which way. After web/src/dto. */

import type { Instant } from "./common";

export interface NotificationChannel {
  name: string;
  kind: "email" | "webhook" | "wecom" | "dingtalk" | "feishu";
  state: "unused" | "working" | "failing" | "dead";
  dead_since: Instant | null;
  waiting: number;
  accepted: number;
  failed: number;
  given_up: number;
  last_accepted: Instant | null;
  error_code: string | null;
  error: string | null;
  error_at: Instant | null;
}

export interface NotificationAttempt {
  id: number;
  t: Instant;
  outcome: string;
  channel: string | null;
  person: string | null;
  key: string | null;
  attempt: number;
  alarms: number;
  alarm: string | null;
  level: number;
  code: string | null;
  why: string | null;
}

export interface Notifications {
  configured: boolean;
  channels: NotificationChannel[];
  escalating: number;
  log: NotificationAttempt[];
  next: number | null;
}

export interface NotificationTested {
  results: { channel: string; person: string | null; accepted: boolean; code: string | null; why: string | null }[];
}

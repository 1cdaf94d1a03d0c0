/** Accounts, sessions, tokens and the audit log. After web/src/dto/access.rs. */

import type { Instant } from "./common";

export type Right = "view" | "operate" | "configure" | "devices" | "administer";
export type UserRole = "viewer" | "operator" | "engineer" | "administrator";

export interface Me {
  how: "session" | "token" | "local" | "open" | "nobody";
  /** Whether there is no administrator yet, so that nobody has to log in. */
  open: boolean;
  name: string | null;
  role: UserRole | null;
  rights: Right[];
  areas: string[];
  language: "en" | "zh-CN" | null;
  session: string | null;
  /** Whether the account logs in with a password of its own. */
  password: boolean;
  /** What the provider is called where people may log in as well. */
  provider: string | null;
}

export interface User {
  name: string;
  role: UserRole;
  areas: string[];
  language: string | null;
  created: Instant;
  disabled: Instant | null;
  sessions: number;
  last_seen: Instant | null;
  /** Whether it logs in at the provider, which says its role and areas. */
  provider: boolean;
}

export interface Users {
  users: User[];
  roles: { name: UserRole; rights: Right[] }[];
}

export interface UserCredentials {
  user: User;
  password: string | null;
}

export interface UserSession {
  id: string;
  user: string;
  created: Instant;
  seen: Instant;
  expires: Instant;
  address: string;
  agent: string;
  current: boolean;
}

export interface Token {
  name: string;
  role: UserRole;
  areas: string[];
  author: string;
  created: Instant;
  expires: Instant | null;
  used: Instant | null;
}

export interface TokenSecret {
  token: Token;
  secret: string;
}

export interface AuditEntry {
  id: string;
  t: Instant;
  who: string;
  origin: string;
  action: string;
  subject: string;
  was: string;
  now: string;
  outcome: string;
}

export interface AuditLog {
  entries: AuditEntry[];
  next_cursor: string | null;
}

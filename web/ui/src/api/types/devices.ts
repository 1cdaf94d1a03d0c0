/** Devices, their rights and how far they have come. After web/src/dto. */

import type { Instant } from "./common";
import type { QuarantineEntry } from "./intake";

export interface DeviceCertificate {
  serial: string;
  fingerprint: string;
  issued: Instant;
  expires: Instant;
  revoked: Instant | null;
  days_left: number;
}

/** What one device has beside its role, with the placeholders of a role. */
export interface OwnPatterns {
  publish: string[];
  subscribe: string[];
}

/** What is wrong with one field of what was sent. */
export interface FieldFault {
  field: string;
  code: string;
  found: string;
}

export interface Device {
  name: string;
  role: string;
  site: string;
  group: string | null;
  note: string;
  created: Instant;
  revoked: Instant | null;
  password: boolean;
  certificates: DeviceCertificate[];
  publish: string[];
  except: string[];
  subscribe: string[];
  monitor: boolean;
  own: OwnPatterns;
  connected: boolean | null;
  last_seen: Instant | null;
}

export interface Role {
  name: string;
  about: string;
  publish: string[];
  except: string[];
  subscribe: string[];
  monitor: boolean;
}

export interface Devices {
  devices: Device[];
  roles: Role[];
}

export interface DeviceCredentials {
  device: Device;
  password: string | null;
}

export interface IssuedCertificate {
  device: string;
  serial: string;
  expires: Instant;
  certificate: string;
  key: string;
  authority: string;
}

export interface ChecklistStep {
  step: string;
  state: string;
  at: Instant | null;
  seen: string | null;
  code: string | null;
  error: string | null;
  message: Omit<QuarantineEntry, "id"> | null;
}

export interface Checklist {
  device: string;
  now: Instant;
  steps: ChecklistStep[];
}

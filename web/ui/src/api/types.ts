// The wire types of /api/v1, after web/src/dto/*.rs, a file for each room.

export type * from "./types/access";
export type * from "./types/alarm";
export type * from "./types/assessment";
export type * from "./types/common";
export type * from "./types/devices";
export type * from "./types/diagnosis";
export type * from "./types/intake";
export type * from "./types/live";
export type * from "./types/machine";
export type * from "./types/notification";
export type * from "./types/platform";
export type * from "./types/rules";
export type * from "./types/study";
export type * from "./types/train";
export type * from "./types/waveform";
export type * from "./types/work";

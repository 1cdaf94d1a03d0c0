/** What a machine is made of: bearings, shafts, teeth. After web/src/dto. */

export interface BearingOrders {
  bpfo: number;
  bpfi: number;
  bsf: number;
  ftf: number;
}

export interface BearingInfo {
  name: string;
  designation?: string | null;
  /** The shaft of the train on which it sits. */
  shaft?: string | null;
  orders?: BearingOrders | null;
  geometry_error?: string | null;
  /** By how much of itself each order may be wrong, where the geometry was estimated. */
  tolerance?: BearingOrders | null;
  source?: string | null;
}

export interface TrainStage {
  kind: "gears" | "planetary" | "ratio";
  /** Neighbours mesh; of a planetary stage sun, planet and ring. */
  gears: { shaft?: string | null; teeth: number }[];
  carrier?: string | null;
  planets?: number | null;
  fixed?: string | null;
  shafts: string[];
  ratio?: number | null;
}

export interface TrainUnit {
  name: string;
  kind: string;
  shafts: string[];
  poles?: number | null;
  line_hz?: number | null;
  rotor_bars?: number | null;
  stages: TrainStage[];
  pulleys_mm?: [number, number] | null;
  belt_mm?: number | null;
  toothed?: boolean | null;
  passing?: string | null;
  passing_count?: number | null;
}

export interface TrainTone {
  label: string;
  of: string;
  stage: number;
  hz: number;
  sidebands_hz: number[];
}

export interface Train {
  /** The shaft whose speed is measured. */
  measured: string;
  units: TrainUnit[];
  /** `ratio`: speed over that of the measured shaft, negative against it. Empty if the train is impossible. */
  shafts: { name: string; ratio: number; tolerance: number }[];
  error?: string | null;
  tones_rpm?: number | null;
  tones: TrainTone[];
}

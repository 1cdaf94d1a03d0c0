import { Average, Cepstrum, Orders } from "./curves";
import { KurtogramView } from "./kurtogram";
import { OrbitView } from "./orbit";
import { PeakHoldView } from "./peak-hold";
import type { Subject } from "./record";
import { RunUpView } from "./run-up";
import { Spectrogram } from "./spectrogram";
import { SpectraView } from "./spectra";
import { WaterfallView } from "./waterfall";
import { WaveformPanel } from "./waveform";

export function View({ subject }: { subject: Subject }) {
  switch (subject.b.view) {
    case "spectra":
      return <SpectraView subject={subject} />;
    case "waveform":
      return <WaveformPanel subject={subject} height={360} />;
    case "waterfall":
      return <WaterfallView subject={subject} />;
    case "spectrogram":
      return <Spectrogram subject={subject} />;
    case "kurtogram":
      return <KurtogramView subject={subject} />;
    case "peak_hold":
      return <PeakHoldView subject={subject} />;
    case "cepstrum":
      return <Cepstrum subject={subject} />;
    case "orders":
      return <Orders subject={subject} />;
    case "average":
      return <Average subject={subject} />;
    case "run_up":
      return <RunUpView subject={subject} />;
    case "orbit":
      return <OrbitView subject={subject} />;
  }
}

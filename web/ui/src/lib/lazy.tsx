import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Loading } from "../parts/states";

/** A component whose code comes when it is first shown: charts are not part of the first page. */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  let ready: ComponentType<P> | undefined;
  return function Lazy(props: P) {
    const [, loaded] = useState(ready !== undefined);
    useEffect(() => {
      // It may have come between this component's first drawing and now, asked for by another.
      if (ready) loaded(true);
      else void load().then((c) => ((ready = c), loaded(true)));
    }, []);
    const Ready = ready;
    return Ready ? <Ready {...props} /> : <Loading />;
  };
}

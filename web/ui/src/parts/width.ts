import { useEffect, useState } from "preact/hooks";

/** Least width that something is drawn for, px. */
const LEAST = 200;

/** The width of `box`, px, as it changes; 0 until it is known. */
export function useWidth(box: { current: HTMLElement | null }): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const el = box.current;
    if (!el) return;
    const observer = new ResizeObserver(() => setWidth(Math.max(LEAST, el.clientWidth)));
    observer.observe(el);
    return () => observer.disconnect();
  }, []);
  return width;
}
